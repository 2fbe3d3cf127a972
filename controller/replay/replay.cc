#include "controller/replay/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "controller/replay/open_loop.h"
#include "controller/replay/replay_recorder.h"
#include "core/status.h"

namespace reeve {
namespace {

// Functions up to which intervals are kept of each by itself, as in a simulation.
constexpr size_t kFunctionIntervals = 1000;

// The trace's invocations by when they are due.
class PlannedArrivals {
 public:
  // `source` stands at `spec.from`.
  PlannedArrivals(std::unique_ptr<ArrivalSource> source, const LiveReplaySpec& spec)
      : source_(std::move(source)),
        speed_(spec.speed),
        end_us_(spec.duration.micros()),
        left_(spec.limit == 0 ? UINT64_MAX : spec.limit) {}

  bool Next(PlannedRequest& next) {
    if (left_ == 0) return false;
    while (at_ == batch_.arrivals.size()) {
      if (!source_->Next(batch_)) return false;
      at_ = 0;
    }
    const Arrival& arrival = batch_.arrivals[at_++];
    const int64_t us = batch_.start.micros() + arrival.offset_us;
    next.due_us = std::llround(static_cast<double>(us) / speed_);
    next.work_us = arrival.work_us;
    next.function = arrival.function;
    --left_;
    return next.due_us < end_us_;
  }

 private:
  const std::unique_ptr<ArrivalSource> source_;
  const double speed_;
  const int64_t end_us_;
  uint64_t left_;
  ArrivalBatch batch_;
  size_t at_ = 0;
};

class Sink : public OpenLoopSink {
 public:
  Sink(ReplayRecorder& recorder, const ReplayHooks& hooks, double total_s)
      : recorder_(recorder), hooks_(hooks), total_s_(total_s) {}

  void OnDue(const PlannedRequest& plan) override { recorder_.OnDue(plan); }
  void OnSent(const PlannedRequest& plan, int64_t sent_us, bool held_back) override {
    recorder_.OnSent(plan, sent_us, held_back);
  }
  void OnFinished(const FinishedRequest& finished) override { recorder_.OnFinished(finished); }
  bool OnTick(int64_t now_us) override {
    now_us_ = std::max<int64_t>(0, now_us);
    if (stopped_ || !hooks_.on_tick) return !stopped_;
    stopped_ = !hooks_.on_tick({.now_s = static_cast<double>(now_us_) / 1e6,
                                .total_s = total_s_,
                                .due = recorder_.due(),
                                .completions = recorder_.completions(),
                                .failures = recorder_.failures(),
                                .in_flight = recorder_.in_flight(),
                                .timing_error_p99_ms = recorder_.timing_error_p99_ms()});
    return !stopped_;
  }

  bool stopped() const { return stopped_; }
  int64_t now_us() const { return now_us_; }

 private:
  ReplayRecorder& recorder_;
  const ReplayHooks& hooks_;
  const double total_s_;
  bool stopped_ = false;
  int64_t now_us_ = 0;
};

}  // namespace

absl::StatusOr<RunData> RunReplay(const Trace& trace, const LiveReplaySpec& spec,
                                  const ReplayHooks& hooks) {
  RETURN_IF_ERROR(spec.Validate());
  if (trace.functions().empty()) return absl::InvalidArgumentError("the trace has no functions");
  if (spec.from >= trace.duration()) {
    return absl::InvalidArgumentError(
        fmt::format("from: the trace is only {} s long", trace.duration().seconds()));
  }
  ASSIGN_OR_RETURN(const TargetRequests requests, TargetRequests::Make(spec.target, trace));
  const ArrivalOptions options{spec.seed, spec.within_minute};
  std::unique_ptr<ArrivalSource> source = Prefetched(MakeArrivalSource(trace, options));
  const auto from_minute = static_cast<int>(spec.from / SimTime::Minutes(1));
  if (from_minute > 0) source->Restart(options, from_minute);
  PlannedArrivals arrivals(std::move(source), spec);

  ASSIGN_OR_RETURN(const std::unique_ptr<OpenLoop> loop,
                   OpenLoop::Connect(requests, {.kind = spec.target.kind,
                                                .max_in_flight = spec.max_in_flight,
                                                .timeout = spec.request_timeout}));
  const double total_s =
      std::min(spec.duration.seconds(), (trace.duration() - spec.from).seconds() / spec.speed);
  ReplayRecorder recorder(trace, spec, trace.functions().size() <= kFunctionIntervals);
  Sink sink(recorder, hooks, total_s);
  loop->Run([&](PlannedRequest& next) { return arrivals.Next(next); }, sink);

  RunData data = recorder.Finish(sink.now_us());
  RunSummary& summary = data.summary;
  summary.complete = !sink.stopped();
  summary.policy = "live";
  summary.trace = spec.trace;
  summary.cluster = spec.target.url;
  summary.seed = spec.seed;
  summary.replay->speed = spec.speed;
  summary.replay->connections = loop->connections();
  summary.replay->most_in_flight = loop->most_in_flight();
  data.config_yaml = WriteConfig(spec);
  return data;
}

}  // namespace reeve
