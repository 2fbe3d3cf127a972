// Experts that learn in another process, reached over ZeroMQ: what a control loop is given in place
// of PpoExperts (controller/learner/remote_trainer.h).
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "agents/adapt/expert_trainer.h"
#include "agents/adapt/online_spec.h"
#include "controller/learner/learner_spec.h"

namespace reeve {

// Whether who acts may wait for who learns (OnlineSpec::swap_after). A simulation's clock can be
// stopped, that of a live platform cannot.
enum class LearnerWaits : uint8_t { kNever, kAllowed };

// Learn as `online` says, at the learner that `spec` names; the same bits as PpoExperts there. One
// connection for all experts. InvalidArgument: what ConnectToLearner says, or an `online` that
// waits where nobody may.
absl::StatusOr<ExpertTrainerFactory> RemoteExperts(const RemoteLearnerSpec& spec,
                                                   const OnlineSpec& online,
                                                   LearnerWaits waits = LearnerWaits::kNever);

}  // namespace reeve
