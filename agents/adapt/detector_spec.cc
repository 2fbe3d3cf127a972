#include "agents/adapt/detector_spec.h"

#include <fmt/format.h>

namespace reeve {

std::string_view DetectorKindName(DetectorKind kind) {
  for (const auto& [candidate, name] : EnumNames(kind)) {
    if (candidate == kind) return name;
  }
  return "";
}

absl::Status LabelledTime::Validate() const {
  if (label.empty()) return absl::InvalidArgumentError("a time without a label");
  return absl::OkStatus();
}

absl::Status DetectorSpec::Validate() const {
  for (size_t i = 0; i < oracle.size(); ++i) {
    if (i == 0 ? oracle[i].at != SimTime() : oracle[i].at <= oracle[i - 1].at) {
      return absl::InvalidArgumentError(fmt::format(
          "oracle: '{}' at {} s: the first must be at 0, each later than the one before",
          oracle[i].label, oracle[i].at.seconds()));
    }
  }
  return absl::OkStatus();
}

}  // namespace reeve
