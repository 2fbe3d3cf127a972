#include "controller/openwhisk_server/faults.h"

#include <utility>

#include "core/random.h"

namespace reeve::openwhisk_server {

void Faults::Set(std::vector<FaultSpec> faults, SimTime now) {
  origin_ = now;
  faults_.clear();
  for (FaultSpec& spec : faults) faults_.push_back({std::move(spec)});
}

std::optional<FaultSpec> Faults::Meet(std::string_view method, std::string_view path, SimTime now) {
  const SimTime at = now - origin_;
  for (uint32_t i = 0; i < faults_.size(); ++i) {
    Fault& fault = faults_[i];
    const FaultSpec& spec = fault.spec;
    if (at < spec.from || at - spec.from >= spec.length || fault.met >= spec.count) continue;
    if (!spec.method.empty() && method != spec.method) continue;
    if (path.find(spec.path) == std::string_view::npos) continue;
    if (spec.share < 1) {
      const RandomStream draws(seed_, StreamPurpose::kPerturbation, i);
      if (draws.Uniform(fault.drawn++) >= spec.share) continue;
    }
    ++fault.met;
    ++met_;
    return spec;
  }
  return std::nullopt;
}

}  // namespace reeve::openwhisk_server
