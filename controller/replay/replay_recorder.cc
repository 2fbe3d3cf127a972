#include "controller/replay/replay_recorder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sim/function_settings.h"

namespace reeve {
namespace {

constexpr int64_t kLateUs = 1000;

template <class Histogram>
void SetQuantiles(const Histogram& h, std::optional<double>& p50, std::optional<double>& p95,
                  std::optional<double>& p99) {
  if (h.count() == 0) return;
  const auto [a, b, c] = h.Quantiles(std::array{0.50, 0.95, 0.99});
  p50 = a / 1000;
  p95 = b / 1000;
  p99 = c / 1000;
}

double Share(uint64_t part, uint64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

void ReplayRecorder::Counts::Advance(int64_t now_us) {
  queued_us += queued * (now_us - changed_us);
  in_flight_us += in_flight * (now_us - changed_us);
  changed_us = now_us;
}

ReplayRecorder::ReplayRecorder(const Trace& trace, const LiveReplaySpec& spec, bool each_function)
    : trace_(trace),
      interval_us_(spec.report_interval.micros()),
      each_function_(each_function),
      functions_(trace.functions().size()),
      histograms_(trace.functions().size()) {
  ClusterSpec cluster;
  cluster.slo = spec.slo;
  for (const FunctionProfile& profile : trace.functions()) {
    const FunctionSettings settings = SettingsFor(cluster, profile);
    slo_us_.push_back(settings.slo_latency.micros());
    memory_mib_.push_back(static_cast<double>(settings.memory.value()));
  }
}

int64_t ReplayRecorder::MoveTo(int64_t now_us) {
  now_us_ = std::max(now_us_, now_us);
  while (now_us_ - interval_start_us_ >= interval_us_) {
    CloseInterval(interval_start_us_ + interval_us_);
  }
  return now_us_;
}

template <class Change>
void ReplayRecorder::Change2(uint32_t function, int64_t now_us, Change change) {
  for (Counts* const counts : {&all_, &functions_[function]}) {
    counts->Advance(now_us);
    change(*counts);
  }
}

void ReplayRecorder::OnDue(const PlannedRequest& plan) {
  Change2(plan.function, MoveTo(plan.due_us), [](Counts& counts) {
    ++counts.arrivals;
    ++counts.row.arrivals;
    ++counts.queued;
  });
}

void ReplayRecorder::OnSent(const PlannedRequest& plan, int64_t sent_us, bool held_back) {
  const int64_t error_us = std::max<int64_t>(0, sent_us - plan.due_us);
  timing_error_us_.Record(error_us);
  worst_timing_error_us_ = std::max(worst_timing_error_us_, error_us);
  ++replay_.sent;
  if (error_us > kLateUs) ++replay_.late;
  if (held_back) ++replay_.held_back;
  Change2(plan.function, MoveTo(sent_us), [](Counts& counts) {
    --counts.queued;
    ++counts.in_flight;
  });
}

void ReplayRecorder::OnFinished(const FinishedRequest& finished) {
  const uint32_t f = finished.plan.function;
  const int64_t now_us = MoveTo(finished.end_us);
  const bool completed = finished.facts.outcome == ReplayOutcome::kCompleted;
  const int64_t latency_us = std::max<int64_t>(0, finished.end_us - finished.plan.due_us);
  const bool violated = !completed || latency_us > slo_us_[f];
  Change2(f, now_us, [&](Counts& counts) {
    --(finished.sent_us < 0 ? counts.queued : counts.in_flight);
    const auto count = [&](uint64_t Counts::*total, uint64_t IntervalRow::*now) {
      ++(counts.*total);
      ++(counts.row.*now);
    };
    switch (finished.facts.outcome) {
      case ReplayOutcome::kCompleted:
        count(&Counts::completions, &IntervalRow::completions);
        counts.latency_sum_us += latency_us;
        break;
      case ReplayOutcome::kRejected:
        count(&Counts::rejections, &IntervalRow::rejections);
        break;
      case ReplayOutcome::kTimedOut:
        count(&Counts::timeouts, &IntervalRow::timeouts);
        break;
      case ReplayOutcome::kFailed:
        count(&Counts::failures, &IntervalRow::failures);
        break;
    }
    if (finished.facts.cold) count(&Counts::cold_starts, &IntervalRow::cold_starts);
    if (violated) count(&Counts::slo_violations, &IntervalRow::slo_violations);
  });
  if (finished.sent_us < 0) ++replay_.never_sent;
  replay_.told += finished.facts.cold || finished.facts.execution_us.has_value();
  replay_.failed_connections += finished.failure == ReplayFailure::kConnection;
  replay_.failed_answers += finished.failure == ReplayFailure::kAnswer;
  replay_.failed_statuses += finished.failure == ReplayFailure::kStatus;
  if (!completed) return;

  FunctionHistograms& own = histograms_[f];
  const int64_t slowdown = latency_us * 1000 / std::max<int64_t>(1, finished.plan.work_us);
  own.latency_us.Record(latency_us);
  own.slowdown_permille.Record(slowdown);
  if (each_function_) own.interval_latency_us.Record(latency_us);
  interval_.latency_us.Record(latency_us);
  interval_.slowdown_per_mille.Record(slowdown);
  if (!finished.facts.execution_us) return;
  const int64_t execution_us = std::min(*finished.facts.execution_us, latency_us);
  own.execution_us.Record(execution_us);
  own.wait_us.Record(latency_us - execution_us);
  interval_.execution_us.Record(execution_us);
  interval_.wait_us.Record(latency_us - execution_us);
}

void ReplayRecorder::CloseRow(Counts& counts, int64_t begin_us, int64_t end_us) const {
  counts.Advance(end_us);
  const double span = static_cast<double>(end_us - begin_us);
  counts.row.time_s = static_cast<double>(begin_us) / 1e6;
  counts.row.mean_queued = static_cast<double>(counts.queued_us) / span;
  counts.row.mean_in_flight = static_cast<double>(counts.in_flight_us) / span;
  counts.queued_us = counts.in_flight_us = 0;
}

void ReplayRecorder::CloseInterval(int64_t end_us) {
  if (end_us == interval_start_us_) return;
  CloseRow(all_, interval_start_us_, end_us);
  SetQuantiles(interval_.latency_us, all_.row.latency_p50_ms, all_.row.latency_p95_ms,
               all_.row.latency_p99_ms);
  if (interval_.slowdown_per_mille.count() > 0) {
    all_.row.slowdown_p99 = interval_.slowdown_per_mille.Quantile(0.99) / 1000;
  }
  run_.Merge(interval_);
  interval_.Clear();
  rows_.push_back(std::exchange(all_.row, {}));
  for (uint32_t f = 0; f < functions_.size(); ++f) {
    Counts& counts = functions_[f];
    CloseRow(counts, interval_start_us_, end_us);
    IntervalRow row = std::exchange(counts.row, {});
    if (!each_function_) continue;
    row.function = FunctionId(f);
    FunctionHistogram& latency = histograms_[f].interval_latency_us;
    SetQuantiles(latency, row.latency_p50_ms, row.latency_p95_ms, row.latency_p99_ms);
    latency.Clear();
    // A function without requests has nothing to tell.
    const bool silent = row.mean_queued == 0 && row.mean_in_flight == 0;
    if (row.arrivals + row.completions + row.failures + row.timeouts > 0 || !silent) {
      rows_.push_back(row);
    }
  }
  interval_start_us_ = end_us;
}

FunctionRow ReplayRecorder::MakeFunctionRow(size_t f) const {
  const FunctionProfile& profile = trace_.functions()[f];
  const Counts& counts = functions_[f];
  const FunctionHistograms& h = histograms_[f];
  FunctionRow row;
  row.name = profile.name;
  row.tenant = trace_.tenants()[profile.tenant.index()];
  row.app = trace_.apps()[profile.app.index()];
  row.trigger = TriggerName(profile.trigger);
  row.memory_mib = memory_mib_[f];
  row.arrivals = counts.arrivals;
  row.completions = counts.completions;
  row.failures = counts.failures;
  row.timeouts = counts.timeouts;
  row.rejections = counts.rejections;
  row.unfinished = counts.queued + counts.in_flight;
  row.cold_starts = counts.cold_starts;
  row.slo_ms = static_cast<double>(slo_us_[f]) / 1000;
  row.slo_violations = counts.slo_violations;
  if (counts.completions > 0) {
    row.latency_mean_ms =
        static_cast<double>(counts.latency_sum_us) / static_cast<double>(counts.completions) / 1000;
    SetQuantiles(h.latency_us, row.latency_p50_ms, row.latency_p95_ms, row.latency_p99_ms);
    row.slowdown_p50 = h.slowdown_permille.Quantile(0.5) / 1000;
    row.slowdown_p99 = h.slowdown_permille.Quantile(0.99) / 1000;
  }
  if (h.execution_us.count() > 0) {
    row.execution_p50_ms = h.execution_us.Quantile(0.5) / 1000;
    row.execution_p99_ms = h.execution_us.Quantile(0.99) / 1000;
    row.wait_p99_ms = h.wait_us.Quantile(0.99) / 1000;
  }
  return row;
}

void ReplayRecorder::FillSummary(RunData& data, int64_t end_us) const {
  RunSummary& s = data.summary;
  s.simulated_seconds = static_cast<double>(end_us) / 1e6;
  s.interval_s = static_cast<double>(interval_us_) / 1e6;
  s.functions = data.functions.size();
  s.arrivals = all_.arrivals;
  s.completions = all_.completions;
  s.failures = all_.failures;
  s.timeouts = all_.timeouts;
  s.rejections = all_.rejections;
  s.unfinished = all_.queued + all_.in_flight;
  s.cold_starts = all_.cold_starts;
  s.slo_violations = all_.slo_violations;
  s.cold_start_share = Share(s.cold_starts, s.arrivals);
  s.slo_violation_share = Share(s.slo_violations, s.arrivals);
  if (s.completions > 0) {
    s.latency_mean_ms =
        static_cast<double>(all_.latency_sum_us) / static_cast<double>(s.completions) / 1000;
    SetQuantiles(run_.latency_us, s.latency_p50_ms, s.latency_p95_ms, s.latency_p99_ms);
    SetQuantiles(run_.slowdown_per_mille, s.slowdown_p50, s.slowdown_p95, s.slowdown_p99);
  }
  if (run_.wait_us.count() > 0) s.wait_p99_ms = run_.wait_us.Quantile(0.99) / 1000;
  s.slowdown_p99_geomean = GeometricMeanSlowdown(data.functions);
  s.replay = replay_;
  s.replay->timing_error_p50_ms = timing_error_us_.Quantile(0.5) / 1000;
  s.replay->timing_error_p99_ms = timing_error_us_.Quantile(0.99) / 1000;
  s.replay->timing_error_max_ms = static_cast<double>(worst_timing_error_us_) / 1000;
}

RunData ReplayRecorder::Finish(int64_t end_us) {
  const int64_t end = std::max<int64_t>(1, MoveTo(end_us));
  CloseInterval(end);
  RunData data;
  data.intervals = std::move(rows_);
  for (size_t f = 0; f < functions_.size(); ++f) data.functions.push_back(MakeFunctionRow(f));
  FillSummary(data, end);
  data.quantiles =
      MakeQuantileRows(run_.latency_us, run_.execution_us, run_.wait_us, run_.slowdown_per_mille);
  return data;
}

}  // namespace reeve
