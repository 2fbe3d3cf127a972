#include "agents/rules/simple_policies.h"

namespace reeve {

absl::Status StaticPolicy::Decide(const Snapshot&, std::span<Decision> decisions) {
  for (Decision& decision : decisions) decision.replicas = options_.replicas;
  return absl::OkStatus();
}

SimTime KeepAliveOptions::KeepAlive() const {
  switch (preset) {
    case KeepAlivePreset::kNone:
      return keep_alive;
    case KeepAlivePreset::kAws:
      return SimTime::Minutes(10);
    case KeepAlivePreset::kAzure:
      return SimTime::Minutes(20);
  }
  return keep_alive;
}

absl::Status KeepAlivePolicy::Decide(const Snapshot&, std::span<Decision> decisions) {
  for (Decision& decision : decisions) {
    decision.keep_alive = options_.KeepAlive();
    decision.replicas = options_.warm_floor;
  }
  return absl::OkStatus();
}

}  // namespace reeve
