#include "agents/rules/kpa_options.h"

#include <fmt/format.h>

#include <algorithm>

namespace reeve {

absl::Status KpaOptions::Validate() const {
  if (target_burst_capacity < 0 && target_burst_capacity != -1) {
    return absl::InvalidArgumentError(
        fmt::format("target_burst_capacity: {} is out of range, allowed is -1 or 0 and more",
                    target_burst_capacity));
  }
  if (max_scale > 0 && min_scale > max_scale) {
    return absl::InvalidArgumentError(fmt::format(
        "min_scale: {} is more than max_scale, which is {}; raise max_scale or set it to 0 for no "
        "bound",
        min_scale, max_scale));
  }
  return absl::OkStatus();
}

KpaSpec ResolveKpaSpec(const KpaOptions& options, int32_t concurrency_limit) {
  KpaSpec spec;
  if (options.metric == KpaMetric::kRps) {
    spec.total = options.target.value_or(options.requests_per_second_target_default);
  } else if (concurrency_limit > 0) {
    const double limit = concurrency_limit;
    spec.total = std::min(options.target.value_or(limit), limit);
  } else {
    spec.total = options.target.value_or(options.container_concurrency_target_default);
  }
  spec.target = std::max(0.01, spec.total * (options.target_utilization_percentage / 100));
  spec.target_burst_capacity = options.target_burst_capacity;
  spec.activator_capacity = options.activator_capacity;
  spec.panic_threshold = options.panic_threshold_percentage / 100;
  spec.max_scale_up_rate = options.max_scale_up_rate;
  spec.max_scale_down_rate = options.max_scale_down_rate;
  spec.stable_window = options.stable_window;
  spec.panic_window =
      std::max(SimTime::Seconds(1), SimTime::FromSeconds(options.stable_window.seconds() *
                                                         options.panic_window_percentage / 100));
  spec.scale_down_delay = options.scale_down_delay;
  spec.activation_scale = options.activation_scale;
  return spec;
}

}  // namespace reeve
