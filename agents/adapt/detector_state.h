// What a saved state of a ShiftDetector says, and forgetting in it, without the specification of
// the detector that wrote it: for whoever works on what is stored while nothing runs.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/adapt/environment_book.h"
#include "agents/adapt/state_vectors.h"

namespace reeve {

// Plain data.
struct DetectorOverview {
  std::vector<EnvironmentStats> environments;  // all that it knows, by rising id
  int64_t in_force = kNoEnvironment;

  const EnvironmentStats* Find(int64_t id) const;  // null: not known
};

// Nothing is believed of `state` (ShiftDetector::Save, which may stand among other vectors).
// NotFound when no detector was saved in it, InvalidArgument for what no detector saves.
absl::StatusOr<DetectorOverview> ReadDetectorState(const StateVectors& state);

// Makes of `state` what the detector would save after ShiftDetector::Forget(id), whatever its kind;
// other vectors stay as they are. NotFound when it does not know the environment,
// FailedPrecondition when that one is in force; `state` is then as it was.
absl::Status ForgetInDetectorState(int64_t id, StateVectors& state);

}  // namespace reeve
