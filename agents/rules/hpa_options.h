// What can be set about Kubernetes' horizontal pod autoscaler, under the names and with the
// defaults of autoscaling/v2 (HorizontalPodAutoscalerSpec, pkg/apis/autoscaling/v2/defaults.go) and
// of kube-controller-manager (horizontal-pod-autoscaler-sync-period, -tolerance).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

enum class HpaMetric : uint8_t {
  kCpu,          // percent of the pods' CPU limits
  kMemory,       // percent of the pods' memory limits
  kConcurrency,  // requests in the system (executed or queued) per pod
  kRps,          // requests per second and pod
};
constexpr auto EnumNames(HpaMetric) {
  return std::array<std::pair<HpaMetric, std::string_view>, 4>{
      {{HpaMetric::kCpu, "cpu"},
       {HpaMetric::kMemory, "memory"},
       {HpaMetric::kConcurrency, "concurrency"},
       {HpaMetric::kRps, "rps"}}};
}
// A share of what the pods were given, in percent, and not an amount.
constexpr bool IsUtilization(HpaMetric metric) {
  return metric == HpaMetric::kCpu || metric == HpaMetric::kMemory;
}

struct HpaMetricSpec {
  HpaMetric metric = HpaMetric::kCpu;
  std::optional<double> target = std::nullopt;
  bool external = false;

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = HpaMetricSpec;
    v.Field("metric", &O::metric, "what load is measured by");
    v.Field("target", &O::target,
            "value of one pod to aim for: percent for cpu and memory. Unset: 80 % for those, as "
            "upstream; 70 % of the concurrency limit, of 100 requests where it is unlimited; 200 "
            "requests per second",
            AtLeast(0.001));
    v.Field("external", &O::external,
            "concurrency and rps only: the total over the target, whether pods are ready or not, "
            "as for an External metric of type AverageValue");
  }
  absl::Status Validate() const;
  // The target for a function whose pods take `concurrency_limit` requests at once (0 = unlimited).
  double TargetFor(int32_t concurrency_limit) const;
};

enum class HpaPolicyType : uint8_t { kPods, kPercent };
constexpr auto EnumNames(HpaPolicyType) {
  return std::array<std::pair<HpaPolicyType, std::string_view>, 2>{
      {{HpaPolicyType::kPods, "pods"}, {HpaPolicyType::kPercent, "percent"}}};
}

// At most `value` pods, or percent of the pods there were, within `period`.
struct HpaScalingPolicy {
  HpaPolicyType type = HpaPolicyType::kPercent;
  int32_t value = 100;
  SimTime period = SimTime::Seconds(15);

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = HpaScalingPolicy;
    v.Field("type", &O::type, "what value counts");
    v.Field("value", &O::value,
            "pods, or percent of the pods at the period's start, that may come "
            "or go within a period",
            AtLeast(1));
    v.Field("period", &O::period, "time over which changes are added up", Between(1, 1800));
  }
};

enum class HpaSelect : uint8_t { kMax, kMin, kDisabled };
constexpr auto EnumNames(HpaSelect) {
  return std::array<std::pair<HpaSelect, std::string_view>, 3>{
      {{HpaSelect::kMax, "Max"}, {HpaSelect::kMin, "Min"}, {HpaSelect::kDisabled, "Disabled"}}};
}

// Behaviour in one direction.
struct HpaScalingRules {
  SimTime stabilization_window;
  HpaSelect select_policy = HpaSelect::kMax;
  std::vector<HpaScalingPolicy> policies;
  double tolerance = 0.1;

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = HpaScalingRules;
    v.Field("stabilization_window", &O::stabilization_window,
            "time over which the most careful recommendation counts", Between(0, 3600));
    v.Field("select_policy", &O::select_policy,
            "which policy counts: the one that allows most, least, or no change in this direction");
    v.Field("policies", &O::policies, "limits of the rate of change");
    v.Field("tolerance", &O::tolerance,
            "distance of metric / target from 1 within which nothing changes", Between(0, 1));
  }
  absl::Status Validate() const;
};

// 4 pods or 100 % in 15 s, at once.
HpaScalingRules DefaultHpaScaleUp();
// 100 % in 15 s, after 300 s without a higher recommendation.
HpaScalingRules DefaultHpaScaleDown();

struct HpaOptions {
  std::vector<HpaMetricSpec> metrics = {HpaMetricSpec{}};
  int32_t min_replicas = 1;
  int32_t max_replicas = 0;
  SimTime sync_period = SimTime::Seconds(15);
  HpaScalingRules scale_up = DefaultHpaScaleUp();
  HpaScalingRules scale_down = DefaultHpaScaleDown();

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = HpaOptions;
    v.Field("metrics", &O::metrics, "of several, the one that wants most replicas counts");
    v.Field("min_replicas", &O::min_replicas, "fewest replicas", AtLeast(1));
    v.Field("max_replicas", &O::max_replicas,
            "most replicas; 0: no bound (upstream has to be told)", AtLeast(0));
    v.Field("sync_period", &O::sync_period, "time between two decisions", AtLeast(1));
    v.Field("scale_up", &O::scale_up, "behaviour on the way up");
    v.Field("scale_down", &O::scale_down, "behaviour on the way down");
  }
  // Conditions between fields.
  absl::Status Validate() const;
  // max_replicas, or the largest number there is.
  int32_t MaxReplicas() const;
};

}  // namespace reeve
