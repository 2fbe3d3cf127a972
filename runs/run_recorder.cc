#include "runs/run_recorder.h"

#include <algorithm>
#include <cmath>

namespace reeve {
namespace {

constexpr double kMicros = 1e6;

// GB-seconds are billed in GiB.
double GibSeconds(int64_t mib_us) {
  return static_cast<double>(mib_us) / 1024 / kMicros;
}

template <class Histogram>
void SetQuantiles(const Histogram& h, std::optional<double>& p50, std::optional<double>& p95,
                  std::optional<double>& p99, double unit) {
  if (h.count() == 0) return;
  const auto [a, b, c] = h.Quantiles(std::array{0.50, 0.95, 0.99});
  p50 = a / unit;
  p95 = b / unit;
  p99 = c / unit;
}

}  // namespace

RunRecorder::RunRecorder(const Trace& trace, SimulatedCluster& cluster, SimTime interval,
                         bool each_function, const SafeguardedPolicy* safeguard)
    : trace_(trace),
      cluster_(cluster),
      interval_(interval),
      each_function_(each_function),
      safeguard_(safeguard) {
  if (each_function_) {
    functions_.resize(trace.functions().size());
    histograms_.resize(trace.functions().size());
  }
}

void RunRecorder::AddWindow(const Snapshot& snapshot, size_t f, Sums& sums) const {
  const FunctionWindows& w = snapshot.functions;
  const double seconds = snapshot.window.seconds();
  IntervalRow& row = sums.row;
  row.arrivals += w.arrivals[f];
  row.completions += w.completions[f];
  row.failures += w.failures[f];
  row.timeouts += w.timeouts[f];
  row.rejections += w.rejections[f];
  row.cold_starts += w.cold_starts[f];
  row.containers_started += w.containers_started[f];
  row.slo_violations += w.slo_violations[f];
  row.mean_in_flight += w.mean_in_flight[f] * seconds;
  row.mean_queued += w.mean_queued[f] * seconds;
  row.containers_ready += w.containers_ready[f] * seconds;
  row.containers_starting += w.containers_starting[f] * seconds;
  row.replicas_asked += w.replicas_asked[f] * seconds;
  row.cpu_used_cores += w.cpu_used_millicores[f] / 1000 * seconds;
  row.memory_held_gib += w.memory_used_mebibytes[f] / 1024 * seconds;
  sums.slots += static_cast<double>(w.containers_ready[f]) * w.concurrency_limit[f] * seconds;
  sums.unlimited |= w.concurrency_limit[f] == 0;
}

void RunRecorder::Record(const Snapshot& snapshot) {
  const double seconds = snapshot.window.seconds();
  for (size_t f = 0; f < snapshot.functions.size(); ++f) {
    AddWindow(snapshot, f, total_);
    if (!each_function_) continue;
    AddWindow(snapshot, f, functions_[f]);
    if (snapshot.functions.completions[f] > 0) {
      snapshot.functions.histograms->MergeInto(static_cast<uint32_t>(f), histograms_[f]);
    }
  }
  total_.row.cpu_capacity_cores += snapshot.cluster.cpu_capacity.cores() * seconds;
  total_.row.memory_capacity_gib += snapshot.cluster.memory_capacity.gib() * seconds;
  if (safeguard_ != nullptr) AddSafeguard(seconds);
  span_s_ += seconds;
  last_time_ = snapshot.time;
  if (snapshot.time - interval_start_ >= interval_) CloseInterval();
}

// Who drove the window that ended: it is the last Decide that says so.
void RunRecorder::AddSafeguard(double seconds) {
  const std::span<const uint8_t> engaged = safeguard_->engaged();
  // A safeguard that has not believed any snapshot yet holds everything.
  const double nobody = safeguard_->any_engaged() ? 1 : 0;
  double sum = 0;
  for (const uint8_t own : engaged) sum += own;
  total_.engaged +=
      seconds * (engaged.empty() ? nobody : sum / static_cast<double>(engaged.size()));
  for (size_t f = 0; f < functions_.size(); ++f) {
    functions_[f].engaged += seconds * (engaged.empty() ? nobody : engaged[f]);
  }
}

void RunRecorder::CloseInterval() {
  if (span_s_ == 0) return;
  const auto finish = [this](Sums& sums) {
    IntervalRow& row = sums.row;
    row.time_s = interval_start_.seconds();
    for (double* mean : {&row.mean_in_flight, &row.mean_queued, &row.containers_ready,
                         &row.containers_starting, &row.replicas_asked, &row.cpu_used_cores,
                         &row.cpu_capacity_cores, &row.memory_held_gib, &row.memory_capacity_gib}) {
      *mean /= span_s_;
    }
    if (!sums.unlimited) row.slots_ready = sums.slots / span_s_;
    if (safeguard_ != nullptr) row.safeguard_engaged = sums.engaged / span_s_;
  };
  finish(total_);
  const CompletionHistograms& done = cluster_.completions();
  SetQuantiles(done.latency_us, total_.row.latency_p50_ms, total_.row.latency_p95_ms,
               total_.row.latency_p99_ms, 1000);
  if (done.slowdown_per_mille.count() > 0) {
    total_.row.slowdown_p99 = done.slowdown_per_mille.Quantile(0.99) / 1000;
  }
  run_.Merge(done);
  cluster_.ClearCompletions();
  rows_.push_back(total_.row);
  const double cpu_capacity = total_.row.cpu_capacity_cores;
  const double memory_capacity = total_.row.memory_capacity_gib;
  total_ = {};
  for (uint32_t f = 0; f < functions_.size(); ++f) {
    finish(functions_[f]);
    IntervalRow& row = functions_[f].row;
    row.function = FunctionId(f);
    row.cpu_capacity_cores = cpu_capacity;
    row.memory_capacity_gib = memory_capacity;
    SetQuantiles(histograms_[f], row.latency_p50_ms, row.latency_p95_ms, row.latency_p99_ms, 1000);
    // A function without requests and containers has nothing to tell.
    if (row.arrivals + row.completions > 0 || row.containers_ready + row.containers_starting > 0 ||
        row.mean_queued > 0) {
      rows_.push_back(row);
    }
    functions_[f] = {};
    histograms_[f].Clear();
  }
  interval_start_ = last_time_;
  span_s_ = 0;
}

FunctionRow RunRecorder::MakeFunctionRow(size_t f) const {
  const FunctionId id(static_cast<uint32_t>(f));
  const FunctionProfile& profile = trace_.functions()[f];
  const FunctionTotals& t = cluster_.totals(id);
  FunctionRow row;
  row.name = profile.name;
  row.tenant = trace_.tenants()[profile.tenant.index()];
  row.app = trace_.apps()[profile.app.index()];
  row.trigger = TriggerName(profile.trigger);
  row.memory_mib = static_cast<double>(cluster_.memory_limit(id).value());
  row.arrivals = t.arrivals;
  row.completions = t.completions;
  row.failures = t.failures;
  row.timeouts = t.timeouts;
  row.rejections = t.rejections;
  row.unfinished = cluster_.unfinished(id);
  row.cold_starts = t.cold_starts;
  row.containers_started = t.containers_started;
  if (cluster_.slo_latency(id) != SimTime::Max()) row.slo_ms = cluster_.slo_latency(id).millis();
  row.slo_violations = t.slo_violations;
  if (t.completions > 0) {
    row.latency_mean_ms =
        static_cast<double>(t.latency_sum_us) / static_cast<double>(t.completions) / 1000;
    SetQuantiles(t.histogram, row.latency_p50_ms, row.latency_p95_ms, row.latency_p99_ms, 1000);
    row.execution_p50_ms = t.histogram.Quantile(0.5, kExecutionLane) / 1000;
    row.execution_p99_ms = t.histogram.Quantile(0.99, kExecutionLane) / 1000;
    row.slowdown_p50 = t.histogram.Quantile(0.5, kSlowdownLane) / 1000;
    row.slowdown_p99 = t.histogram.Quantile(0.99, kSlowdownLane) / 1000;
  }
  row.container_seconds = static_cast<double>(t.container_us) / kMicros;
  row.gb_seconds = GibSeconds(t.memory_mib_us);
  row.busy_share = t.container_us > 0 ? static_cast<double>(t.busy_container_us) /
                                            static_cast<double>(t.container_us)
                                      : 0;
  row.replica_changes = t.containers_started + t.containers_stopped;
  return row;
}

void RunRecorder::FillSummary(RunData& data) const {
  RunSummary& s = data.summary;
  int64_t latency_us = 0, container_us = 0, busy_us = 0, memory_mib_us = 0;
  double cpu_us = 0, law_error = 0, law_scale = 0;
  uint64_t changes = 0;
  const std::vector<int64_t> ages = cluster_.UnfinishedAges();
  for (uint32_t f = 0; f < data.functions.size(); ++f) {
    const FunctionId id(f);
    const FunctionTotals& t = cluster_.totals(id);
    s.arrivals += t.arrivals;
    s.completions += t.completions;
    s.failures += t.failures;
    s.timeouts += t.timeouts;
    s.rejections += t.rejections;
    s.unfinished += cluster_.unfinished(id);
    s.cold_starts += t.cold_starts;
    s.containers_started += t.containers_started;
    s.slo_violations += t.slo_violations;
    latency_us += t.latency_sum_us;
    container_us += t.container_us;
    busy_us += t.busy_container_us;
    memory_mib_us += t.memory_mib_us;
    cpu_us += t.cpu_used_mc_us;
    changes += t.containers_started + t.containers_stopped;
    law_error +=
        std::abs(static_cast<double>(t.time_in_system_us + ages[f] - t.in_system_integral_us));
    law_scale += static_cast<double>(t.in_system_integral_us);
  }
  s.simulated_seconds = last_time_.seconds();
  s.interval_s = interval_.seconds();
  s.functions = data.functions.size();
  if (s.completions > 0) {
    s.latency_mean_ms = static_cast<double>(latency_us) / static_cast<double>(s.completions) / 1000;
    SetQuantiles(run_.latency_us, s.latency_p50_ms, s.latency_p95_ms, s.latency_p99_ms, 1000);
    SetQuantiles(run_.slowdown_per_mille, s.slowdown_p50, s.slowdown_p95, s.slowdown_p99, 1000);
    s.wait_p99_ms = run_.wait_us.Quantile(0.99) / 1000;
  }
  s.slowdown_p99_geomean = GeometricMeanSlowdown(data.functions);
  const auto share = [](double part, double whole) { return whole > 0 ? part / whole : 0; };
  const double arrivals = static_cast<double>(s.arrivals);
  s.cold_start_share = share(static_cast<double>(s.cold_starts), arrivals);
  s.slo_violation_share = share(static_cast<double>(s.slo_violations), arrivals);
  s.container_seconds = static_cast<double>(container_us) / kMicros;
  s.gb_seconds = GibSeconds(memory_mib_us);
  s.container_utilisation = share(static_cast<double>(busy_us), static_cast<double>(container_us));
  s.cpu_utilisation = share(cpu_us, static_cast<double>(cluster_.cpu_capacity().value()) *
                                        static_cast<double>(last_time_.micros()));
  s.replica_changes_per_hour = share(static_cast<double>(changes), s.simulated_seconds / 3600);
  s.littles_law_error = share(law_error, law_scale);
}

SafeguardSummary SafeguardSummaryOf(const SafeguardedPolicy& safeguard) {
  const SafeguardCounts& counts = safeguard.counts();
  const auto by = [&](SafeguardReason reason) {
    return counts.engagements_by_reason[static_cast<size_t>(reason)];
  };
  SafeguardSummary s{.steps = counts.periods,
                     .engaged_steps = counts.engaged_periods,
                     .engaged_share = counts.engaged_share(),
                     .engagements = counts.engagements,
                     .engagements_impossible_metrics = by(SafeguardReason::kImpossibleMetrics),
                     .engagements_learner_failed = by(SafeguardReason::kLearnerFailed),
                     .engagements_budget = by(SafeguardReason::kBudget),
                     .engagements_queue = by(SafeguardReason::kQueue),
                     .engagements_slo_violations = by(SafeguardReason::kSloViolations),
                     .engagements_latency = by(SafeguardReason::kLatency),
                     .engagements_rejections = by(SafeguardReason::kRejections),
                     .engagements_value = by(SafeguardReason::kValue),
                     .budget_granted = {},
                     .budget_charged = {}};
  if (safeguard.has_budget()) {
    s.budget_granted = safeguard.budget().granted();
    s.budget_charged = safeguard.budget().charged();
  }
  return s;
}

RunData RunRecorder::Finish() {
  CloseInterval();
  RunData data;
  data.intervals = std::move(rows_);
  for (size_t f = 0; f < trace_.functions().size(); ++f) {
    data.functions.push_back(MakeFunctionRow(f));
  }
  FillSummary(data);
  if (safeguard_ != nullptr) data.summary.safeguard = SafeguardSummaryOf(*safeguard_);
  data.quantiles =
      MakeQuantileRows(run_.latency_us, run_.execution_us, run_.wait_us, run_.slowdown_per_mille);
  return data;
}

}  // namespace reeve
