#include "agents/rules/simple_policies.h"

namespace reeve {

absl::Status StaticPolicy::Decide(const Snapshot&, std::span<Decision> decisions) {
  for (Decision& decision : decisions) decision.replicas = options_.replicas;
  return absl::OkStatus();
}

absl::Status KeepAlivePolicy::Decide(const Snapshot&, std::span<Decision> decisions) {
  for (Decision& decision : decisions) {
    decision.keep_alive = options_.keep_alive;
    decision.replicas = options_.warm_floor;
  }
  return absl::OkStatus();
}

}  // namespace reeve
