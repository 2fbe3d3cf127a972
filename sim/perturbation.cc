#include "sim/perturbation.h"

#include <fmt/format.h>

namespace reeve {

absl::Status ActiveTime::Validate() const {
  if (from < to) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("from {} s to {} s there is no time; `to` must come after `from`", from.seconds(),
                  to.seconds()));
}

bool PerturbationSpec::perturbs_metrics() const {
  return metric_records.at_end || metric_lag.lag > SimTime() || metric_noise.cv > 0 ||
         metric_loss.probability > 0;
}

bool PerturbationSpec::perturbs_actuation() const {
  return !(actuation_delay.time_ms == Distribution()) || actuation_failure.probability > 0;
}

}  // namespace reeve
