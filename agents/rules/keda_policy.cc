#include "agents/rules/keda_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/status.h"

namespace reeve {

absl::Status KedaOptions::Validate() const {
  if (min_replica_count == 0 &&
      std::all_of(triggers.begin(), triggers.end(),
                  [](const KedaTrigger& trigger) { return IsUtilization(trigger.metric); })) {
    return absl::InvalidArgumentError(
        "triggers: cpu and memory cannot wake a function from zero; add a trigger on concurrency "
        "or rps, or set min_replica_count to 1");
  }
  if (max_replica_count > 0 && min_replica_count > max_replica_count) {
    return absl::InvalidArgumentError(
        fmt::format("min_replica_count: {} is more than max_replica_count, which is {}; raise "
                    "max_replica_count or set it to 0 for no bound",
                    min_replica_count, max_replica_count));
  }
  return Hpa().Validate();
}

HpaOptions KedaOptions::Hpa() const {
  HpaOptions hpa;
  hpa.metrics.clear();
  for (const KedaTrigger& trigger : triggers) {
    hpa.metrics.push_back({.metric = trigger.metric,
                           .target = trigger.target,
                           .external = !IsUtilization(trigger.metric)});
  }
  hpa.min_replicas = std::max(1, min_replica_count);
  hpa.max_replicas = max_replica_count;
  hpa.sync_period = sync_period;
  hpa.scale_up = scale_up;
  hpa.scale_down = scale_down;
  return hpa;
}

KedaPolicy::KedaPolicy(const KedaOptions& options)
    : options_(options),
      hpa_(options.Hpa(), HpaPolicy::AtZero::kLeave),
      clock_("keda", options.polling_interval) {}

absl::Status KedaPolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  ASSIGN_OR_RETURN(const bool poll, clock_.Advance(snapshot, decisions.size(), functions_.size()));
  RETURN_IF_ERROR(hpa_.Decide(snapshot, decisions));
  const FunctionWindows& windows = snapshot.functions;
  functions_.resize(windows.size());
  const double seconds = snapshot.window.seconds();
  for (size_t f = 0; f < windows.size(); ++f) {
    Function& function = functions_[f];
    const int32_t current = static_cast<int32_t>(windows.replicas_asked[f]);
    for (const KedaTrigger& trigger : options_.triggers) {
      if (IsUtilization(trigger.metric)) continue;
      const double total = trigger.metric == HpaMetric::kConcurrency
                               ? windows.mean_in_flight[f] + windows.mean_queued[f]
                           : seconds > 0 ? windows.arrivals[f] / seconds
                                         : 0;
      function.active |= total > trigger.activation_target;
    }
    if (poll) {
      if (function.active) {
        function.last_active = snapshot.time;
        if (current == 0) decisions[f].replicas = Awake();
      } else if (current < options_.min_replica_count) {
        decisions[f].replicas = options_.min_replica_count;
      } else if (current > 0 && options_.min_replica_count == 0 &&
                 (!function.last_active ||
                  *function.last_active + options_.cooldown_period < snapshot.time)) {
        decisions[f].replicas = 0;
      }
      function.active = false;
    }
    function.replicas = decisions[f].replicas.value_or(current);
  }
  return absl::OkStatus();
}

void KedaPolicy::Wake(FunctionId id, SimTime now, Decision& decision) {
  if (id.index() >= functions_.size()) return;
  Function& function = functions_[id.index()];
  function.last_active = now;
  if (function.replicas > 0) return;
  function.replicas = Awake();
  decision.replicas = function.replicas;
}

}  // namespace reeve
