// What can be set about Knative's pod autoscaler, under the names and with the defaults of its
// ConfigMap config-autoscaler and its annotations autoscaling.knative.dev/…, and what follows from
// it for one function.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "agents/rules/kpa_windows.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

enum class KpaMetric : uint8_t { kConcurrency, kRps };

constexpr auto EnumNames(KpaMetric) {
  return std::array<std::pair<KpaMetric, std::string_view>, 2>{
      {{KpaMetric::kConcurrency, "concurrency"}, {KpaMetric::kRps, "rps"}}};
}

struct KpaOptions {
  KpaMetric metric = KpaMetric::kConcurrency;
  WindowAggregation metric_aggregation_algorithm = WindowAggregation::kLinear;
  std::optional<double> target;
  double target_utilization_percentage = 70;
  double container_concurrency_target_default = 100;
  double requests_per_second_target_default = 200;
  double target_burst_capacity = 211;
  double activator_capacity = 100;
  SimTime stable_window = SimTime::Seconds(60);
  double panic_window_percentage = 10;
  double panic_threshold_percentage = 200;
  double max_scale_up_rate = 1000;
  double max_scale_down_rate = 2;
  bool enable_scale_to_zero = true;
  SimTime scale_to_zero_grace_period = SimTime::Seconds(30);
  SimTime scale_to_zero_pod_retention_period;
  int32_t initial_scale = 1;
  int32_t min_scale = 0;
  int32_t max_scale = 0;
  int32_t activation_scale = 1;
  SimTime scale_down_delay;
  SimTime progress_deadline = SimTime::Seconds(600);
  SimTime tick = SimTime::Seconds(2);

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = KpaOptions;
    v.Field("metric", &O::metric, "what load is measured by");
    v.Field("metric_aggregation_algorithm", &O::metric_aggregation_algorithm,
            "how a window is averaged");
    v.Field("target", &O::target,
            "load at which a replica is full, in place of its concurrency limit or the default",
            AtLeast(0.01));
    v.Field("target_utilization_percentage", &O::target_utilization_percentage,
            "share of a full replica's load to aim for; lower it to keep room for bursts",
            Between(1, 100));
    v.Field("container_concurrency_target_default", &O::container_concurrency_target_default,
            "load of a full replica when its concurrency is unlimited", AtLeast(0.01));
    v.Field("requests_per_second_target_default", &O::requests_per_second_target_default,
            "load of a full replica under the metric rps", AtLeast(0.01));
    v.Field("target_burst_capacity", &O::target_burst_capacity,
            "burst, in requests, that replicas must be able to take without the activator; 0: the "
            "activator stands in the path only at zero, -1: always",
            AtLeast(-1));
    v.Field("activator_capacity", &O::activator_capacity, "requests one activator buffers",
            AtLeast(1));
    v.Field("stable_window", &O::stable_window, "time over which load is averaged outside of panic",
            Between(6, 3600));
    v.Field("panic_window_percentage", &O::panic_window_percentage,
            "length of the panic window, of the stable window's", Between(1, 100));
    v.Field("panic_threshold_percentage", &O::panic_threshold_percentage,
            "replicas wanted by the panic window, of those ready, at which panic begins",
            Between(110, 1000));
    v.Field("max_scale_up_rate", &O::max_scale_up_rate,
            "most that ready replicas may be multiplied by in one tick", AtLeast(1.000001));
    v.Field("max_scale_down_rate", &O::max_scale_down_rate,
            "most that ready replicas may be divided by in one tick", AtLeast(1.000001));
    v.Field("enable_scale_to_zero", &O::enable_scale_to_zero,
            "false keeps one replica of every function");
    v.Field("scale_to_zero_grace_period", &O::scale_to_zero_grace_period,
            "time the activator must have been in the path before the last replica goes",
            AtLeast(6));
    v.Field("scale_to_zero_pod_retention_period", &O::scale_to_zero_pod_retention_period,
            "least time the last replica stays after the function became inactive",
            Between(0, 3600));
    v.Field("initial_scale", &O::initial_scale,
            "replicas a new function starts with; 0: as if it had been scaled to zero before",
            AtLeast(0));
    v.Field("min_scale", &O::min_scale, "fewest replicas", AtLeast(0));
    v.Field("max_scale", &O::max_scale, "most replicas; 0: no bound", AtLeast(0));
    v.Field("activation_scale", &O::activation_scale, "fewest replicas while there is load",
            AtLeast(1));
    v.Field("scale_down_delay", &O::scale_down_delay,
            "time for which the largest number of replicas wanted is kept", Between(0, 3600));
    v.Field("progress_deadline", &O::progress_deadline,
            "time after which a function that does not become ready is given up", AtLeast(1));
    v.Field("tick", &O::tick, "time between two decisions about a function", AtLeast(0.001));
  }

  // Conditions between fields.
  absl::Status Validate() const;
};

// The rule for one function (upstream's DeciderSpec), in the unit of the metric: requests at once,
// or requests per second.
struct KpaSpec {
  double target = 70;                  // load to aim for in each replica, > 0
  double total = 100;                  // load of a full replica
  double target_burst_capacity = 211;  // requests; -1 = activator always in the path
  double activator_capacity = 100;     // requests
  double panic_threshold = 2;          // replicas wanted / ready
  double max_scale_up_rate = 1000;
  double max_scale_down_rate = 2;
  SimTime stable_window = SimTime::Seconds(60);
  SimTime panic_window = SimTime::Seconds(6);
  SimTime scale_down_delay;  // zero: none. Read when a scaler is made, as upstream.
  int32_t activation_scale = 1;
  bool reachable = true;  // false: nothing routes to it any more, it may go down at any rate
};

// What `options` mean for a function whose containers take `concurrency_limit` requests at once (0
// = unlimited). Formulas: reconciler/autoscaling/resources/target.go and kpa/resources/metric.go:
// target = max(0.01, total * utilization), total = concurrency limit, or the smaller of it and
// `target` when that is set, or the default of the metric; panic window at least 1 s.
KpaSpec ResolveKpaSpec(const KpaOptions& options, int32_t concurrency_limit);

}  // namespace reeve
