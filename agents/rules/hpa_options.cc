#include "agents/rules/hpa_options.h"

#include <fmt/format.h>

#include <limits>

#include "core/status.h"

namespace reeve {

absl::Status HpaMetricSpec::Validate() const {
  if (external && IsUtilization(metric)) {
    return absl::InvalidArgumentError(
        "external: cpu and memory are measured at the pods; use concurrency or rps, or leave "
        "external out");
  }
  return absl::OkStatus();
}

double HpaMetricSpec::TargetFor(int32_t concurrency_limit) const {
  if (target) return *target;
  switch (metric) {
    case HpaMetric::kCpu:
    case HpaMetric::kMemory:
      return 80;
    case HpaMetric::kConcurrency:
      return 0.7 * (concurrency_limit > 0 ? concurrency_limit : 100);
    case HpaMetric::kRps:
      return 200;
  }
  return 80;
}

absl::Status HpaScalingRules::Validate() const {
  if (policies.empty() && select_policy != HpaSelect::kDisabled) {
    return absl::InvalidArgumentError(
        "policies: there is none; give one, or say 'select_policy: Disabled' for no change in this "
        "direction");
  }
  return absl::OkStatus();
}

HpaScalingRules DefaultHpaScaleUp() {
  HpaScalingRules rules;
  rules.policies = {{HpaPolicyType::kPods, 4, SimTime::Seconds(15)},
                    {HpaPolicyType::kPercent, 100, SimTime::Seconds(15)}};
  return rules;
}

HpaScalingRules DefaultHpaScaleDown() {
  HpaScalingRules rules;
  rules.stabilization_window = SimTime::Seconds(300);
  rules.policies = {{HpaPolicyType::kPercent, 100, SimTime::Seconds(15)}};
  return rules;
}

absl::Status HpaOptions::Validate() const {
  if (metrics.empty()) {
    return absl::InvalidArgumentError("metrics: there is none; give at least one");
  }
  for (size_t i = 0; i < metrics.size(); ++i) {
    if (absl::Status status = metrics[i].Validate(); !status.ok()) {
      return absl::InvalidArgumentError(fmt::format("metrics[{}].{}", i, MessageOf(status)));
    }
  }
  for (const auto& [name, rules] :
       {std::pair("scale_up", &scale_up), {"scale_down", &scale_down}}) {
    if (absl::Status status = rules->Validate(); !status.ok()) {
      return absl::InvalidArgumentError(fmt::format("{}.{}", name, MessageOf(status)));
    }
  }
  if (max_replicas > 0 && min_replicas > max_replicas) {
    return absl::InvalidArgumentError(fmt::format(
        "min_replicas: {} is more than max_replicas, which is {}; raise max_replicas or "
        "set it to 0 for no bound",
        min_replicas, max_replicas));
  }
  return absl::OkStatus();
}

int32_t HpaOptions::MaxReplicas() const {
  return max_replicas > 0 ? max_replicas : std::numeric_limits<int32_t>::max();
}

}  // namespace reeve
