#include "agents/rules/hpa_policy.h"

#include <algorithm>
#include <cmath>

#include "agents/rules/hpa_replicas.h"
#include "core/status.h"

namespace reeve {
namespace {

// A number that cannot be would stay in the sums.
double Possible(double value) {
  return std::isfinite(value) && value > 0 ? value : 0;
}

}  // namespace

HpaPolicy::HpaPolicy(const HpaOptions& options, AtZero at_zero)
    : options_(options), at_zero_(at_zero), clock_("hpa", options.sync_period) {}

void HpaPolicy::Record(const Snapshot& snapshot) {
  const FunctionWindows& windows = snapshot.functions;
  const double seconds = snapshot.window.seconds();
  if (!(seconds > 0)) return;
  for (size_t f = 0; f < windows.size(); ++f) {
    Load& load = functions_[f].load;
    load.seconds += seconds;
    load.ready += windows.containers_ready[f] * seconds;
    load.cpu += Possible(windows.cpu_used_millicores[f]) * seconds;
    load.memory += Possible(windows.memory_used_mebibytes[f]) * seconds;
    load.requests += Possible(windows.mean_in_flight[f] + windows.mean_queued[f]) * seconds;
    load.arrivals += windows.arrivals[f];
  }
}

std::optional<int32_t> HpaPolicy::Ask(const HpaMetricSpec& metric, const FunctionWindows& windows,
                                      size_t f, int32_t current) const {
  const Load& load = functions_[f].load;
  if (!(load.seconds > 0)) return std::nullopt;
  const double target = metric.TargetFor(windows.concurrency_limit[f]);
  const HpaTolerance tolerance{options_.scale_up.tolerance, options_.scale_down.tolerance};
  HpaUsage usage;
  usage.measured = static_cast<int32_t>(windows.containers_ready[f]);
  usage.unready = std::max(0, current - usage.measured);
  switch (metric.metric) {
    case HpaMetric::kConcurrency:
    case HpaMetric::kRps:
      usage.total =
          (metric.metric == HpaMetric::kRps ? load.arrivals : load.requests) / load.seconds;
      if (metric.external) return HpaExternalReplicas(usage.total, target, tolerance, current);
      return HpaReplicas(usage, target, tolerance, current);
    case HpaMetric::kCpu:
    case HpaMetric::kMemory:
      break;
  }
  if (!(load.ready > 0)) return std::nullopt;
  const bool cpu = metric.metric == HpaMetric::kCpu;
  usage.total = (cpu ? load.cpu : load.memory) / load.ready * usage.measured;
  usage.request =
      static_cast<double>(cpu ? windows.cpu_limit[f].value() : windows.memory_limit[f].value());
  if (!(usage.request > 0)) return std::nullopt;
  return HpaReplicas(usage, target, tolerance, current);
}

int32_t HpaPolicy::Sync(const FunctionWindows& windows, size_t f, SimTime now, int32_t current) {
  Function& function = functions_[f];
  if (current == 0) return at_zero_ == AtZero::kStart ? options_.min_replicas : 0;
  if (!function.begun) {
    function.scaler.Begin(now, current);
    function.begun = true;
  }
  int32_t replicas = 0;
  if (current > options_.MaxReplicas()) {
    replicas = options_.MaxReplicas();
    function.reason = HpaReason::kTooManyReplicas;
  } else if (current < options_.min_replicas) {
    replicas = options_.min_replicas;
    function.reason = HpaReason::kTooFewReplicas;
  } else {
    bool computed = false;
    bool all = true;
    for (const HpaMetricSpec& metric : options_.metrics) {
      const std::optional<int32_t> asked = Ask(metric, windows, f, current);
      if (asked) replicas = std::max(replicas, *asked);
      computed |= asked.has_value();
      all &= asked.has_value();
    }
    if (!computed || (!all && replicas < current)) return current;
    const HpaScale scale = function.scaler.Scale(options_, now, current, replicas);
    function.reason = scale.reason;
    return scale.replicas;
  }
  function.scaler.RecordScale(now, replicas - current);
  return replicas;
}

absl::Status HpaPolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  ASSIGN_OR_RETURN(const bool due, clock_.Advance(snapshot, decisions.size(), functions_.size()));
  const FunctionWindows& windows = snapshot.functions;
  while (functions_.size() < windows.size()) functions_.emplace_back(options_);
  Record(snapshot);
  if (!due) return absl::OkStatus();
  for (size_t f = 0; f < windows.size(); ++f) {
    const int32_t current = static_cast<int32_t>(windows.replicas_asked[f]);
    const int32_t replicas = Sync(windows, f, snapshot.time, current);
    if (replicas != current) decisions[f].replicas = replicas;
    functions_[f].load = {};
  }
  return absl::OkStatus();
}

}  // namespace reeve
