#include "agents/rules/oracle_prewarm.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "sim/container_levels.h"
#include "sim/trade_off.h"
#include "sim/uncontended.h"

namespace reeve {
namespace {

// Plans one function while the trace streams by.
class Planner {
 public:
  Planner(const UncontendedFunction& f, SimTime ahead, SimTime period, SimTime end,
          double start_price)
      : f_(f),
        ahead_us_(ahead.micros()),
        period_us_(period.micros()),
        end_us_(end.micros()),
        worth_us_(start_price * PriceGrid::kMibMicrosPerGbSecond /
                  static_cast<double>(f.memory.value())),
        levels_(f.concurrency, f.initial_replicas) {
    if (f.initial_replicas > 0) changes_.push_back({0, static_cast<int32_t>(f.initial_replicas)});
  }

  void Arrive(int64_t at_us, int64_t work_us) {
    const int64_t in_flight_us =
        std::min(f_.Execution(work_us).micros(), std::max<int64_t>(1, end_us_ - at_us));
    levels_.Arrive(at_us, at_us + in_flight_us, [&](std::optional<int64_t> released) {
      // The last decision after which a start is ready in time.
      const int64_t start = std::max<int64_t>(0, at_us - ahead_us_) / period_us_;
      if (released) {
        const int64_t stop = StopPeriod(*released);
        // Gone between the two decisions, at the price of a start: worth it?
        if (static_cast<double>((start - stop) * period_us_) <= worth_us_) return;
        changes_.push_back({static_cast<int32_t>(stop), -1});
      }
      changes_.push_back({static_cast<int32_t>(start), +1});
    });
  }

  std::vector<PrewarmPlan::Step> Finish() {
    levels_.AdvanceTo(end_us_);
    for (const int64_t released : levels_.idle_since()) {
      changes_.push_back({static_cast<int32_t>(StopPeriod(released)), -1});
    }
    std::sort(changes_.begin(), changes_.end(),
              [](const auto& a, const auto& b) { return a.period < b.period; });
    std::vector<PrewarmPlan::Step> steps;
    int32_t replicas = 0;
    for (size_t i = 0; i < changes_.size();) {
      const int32_t period = changes_[i].period;
      const int32_t before = replicas;
      for (; i < changes_.size() && changes_[i].period == period; ++i) {
        replicas += changes_[i].replicas;
      }
      if (replicas != before) steps.push_back({period, replicas});
    }
    return steps;
  }

 private:
  // The first decision at or after the release.
  int64_t StopPeriod(int64_t released_us) const {
    return (released_us + period_us_ - 1) / period_us_;
  }

  UncontendedFunction f_;
  int64_t ahead_us_, period_us_, end_us_;
  double worth_us_;  // container time that a start is worth
  ContainerLevels levels_;
  std::vector<PrewarmPlan::Step> changes_;  // `replicas` more from `period` on; in no order
};

}  // namespace

PrewarmPlan::PrewarmPlan(const OraclePrewarmOptions& options, const Trace& trace,
                         const ClusterSpec& cluster, const ArrivalOptions& arrivals) {
  std::vector<Planner> planners;
  planners.reserve(trace.functions().size());
  for (const FunctionProfile& profile : trace.functions()) {
    planners.emplace_back(Uncontended(cluster, profile),
                          StartQuantile(cluster, profile, options.start_quantile),
                          cluster.control_period, trace.duration(), options.start_price);
  }
  const std::unique_ptr<ArrivalSource> source = MakeArrivalSource(trace, arrivals);
  for (ArrivalBatch batch; source->Next(batch);) {
    for (const Arrival& arrival : batch.arrivals) {
      planners[arrival.function].Arrive(batch.start.micros() + arrival.offset_us, arrival.work_us);
    }
  }
  steps_.reserve(planners.size());
  for (Planner& planner : planners) steps_.push_back(planner.Finish());
}

OraclePrewarmPolicy::OraclePrewarmPolicy(const OraclePrewarmOptions& options, const Trace& trace,
                                         const ClusterSpec& cluster, const ArrivalOptions& arrivals)
    : period_(cluster.control_period),
      plan_(options, trace, cluster, arrivals),
      next_(plan_.function_count()),
      replicas_(plan_.function_count()) {}

absl::Status OraclePrewarmPolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  if (decisions.size() != plan_.function_count()) {
    return absl::InvalidArgumentError(
        fmt::format("oracle_prewarm: it knows a trace of {} functions, but the platform has {}",
                    plan_.function_count(), decisions.size()));
  }
  const int64_t period = snapshot.time / period_;
  for (size_t f = 0; f < decisions.size(); ++f) {
    const std::span<const PrewarmPlan::Step> steps = plan_.steps(f);
    for (; next_[f] < steps.size() && steps[next_[f]].period <= period; ++next_[f]) {
      replicas_[f] = steps[next_[f]].replicas;
    }
    decisions[f].replicas = replicas_[f];
    const bool late = snapshot.functions.cold_starts[f] > 0;
    decisions[f].keep_alive = late ? std::max(period_, SimTime::Seconds(1)) : SimTime();
  }
  return absl::OkStatus();
}

}  // namespace reeve
