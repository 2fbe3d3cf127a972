// How many replicas one metric asks for: the replica calculator of Kubernetes' horizontal pod
// autoscaler, without state. Semantics of kubernetes/kubernetes
// pkg/controller/podautoscaler/replica_calculator.go (GetResourceReplicas, calcPlainMetricReplicas,
// GetExternalPerPodMetricReplicas) and metrics/utilization.go. Like there, amounts are whole
// thousandths of their unit, and a utilisation is cut to whole percents.
#pragma once

#include <cstdint>
#include <optional>

namespace reeve {

// One metric over the pods of one function.
struct HpaUsage {
  double total = 0;      // of the ready pods that have metrics
  int32_t measured = 0;  // ready pods that have metrics
  int32_t missing = 0;   // pods that should have metrics and have none
  int32_t unready = 0;   // pods that are not ready (yet)
  // What one pod was given, when the target is a percentage of it; 0 when the target is an amount.
  double request = 0;
};

// Nothing changes while metric / target is in [1 - down, 1 + up].
struct HpaTolerance {
  double up = 0.1, down = 0.1;
};

// With ratio = average of the measured pods / target:
//   Neither pods missing nor, when ratio > 1, unready: `current` within the tolerance, else
//   ceil(ratio * measured).
//   Otherwise missing pods count as full (at the target; of a percentage, at the larger of 100 %
//   and the target) when ratio < 1, and as 0 when it is above (of an amount, also at 1); unready
//   ones count as 0 when it is above. Then ceil(ratio' * pods counted), but `current` within the
//   tolerance, or when the new ratio or the result points the other way.
// Unset when no pod is measured, or of a percentage nothing was given. target > 0.
std::optional<int32_t> HpaReplicas(const HpaUsage& usage, double target, HpaTolerance tolerance,
                                   int32_t current);

// The same for a total that is measured beside the pods: `current` when total / (target * current)
// is within the tolerance, else ceil(total / target). target > 0, current > 0.
int32_t HpaExternalReplicas(double total, double target, HpaTolerance tolerance, int32_t current);

}  // namespace reeve
