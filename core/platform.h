// A serverless platform under control: the simulator, Knative or OpenWhisk.
#pragma once

#include <span>

#include "absl/status/status.h"
#include "core/decision.h"
#include "core/snapshot.h"

namespace reeve {

class Platform {
 public:
  virtual ~Platform() = default;

  // Fills `snapshot` with the control period since the last call and starts the next one.
  // The snapshot's vectors are reused: no allocation once they have their size.
  virtual absl::Status Observe(Snapshot& snapshot) = 0;

  // Carries out the decisions, one per function in the snapshot's order. A decision that cannot be
  // carried out (no room, refused by the platform) is not an error: the next snapshot shows it.
  // InvalidArgument when the number of decisions is not the number of functions.
  virtual absl::Status Apply(std::span<const Decision> decisions) = 0;
};

}  // namespace reeve
