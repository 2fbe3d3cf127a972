#include "runs/adaptation_config.h"

#include <fmt/format.h>

#include "core/status.h"

namespace reeve {

absl::Status AdaptationConfig::Validate() const {
  if (scenario.empty()) {
    return absl::InvalidArgumentError("scenario: name the scenario's file");
  }
  if (absl::Status status = rule.Validate(); !status.ok()) {
    return absl::InvalidArgumentError(fmt::format("rule.{}", MessageOf(status)));
  }
  if (interval > length) {
    return absl::InvalidArgumentError("interval: longer than the run itself");
  }
  if (driver == AdaptationDriver::kRule && before.length > SimTime()) {
    return absl::InvalidArgumentError("before: a rule learns nothing; leave it out");
  }
  return absl::OkStatus();
}

}  // namespace reeve
