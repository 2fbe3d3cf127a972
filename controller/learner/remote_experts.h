// Experts that learn in another process, reached over ZeroMQ: what a control loop is given in place
// of PpoExperts (controller/learner/remote_trainer.h).
#pragma once

#include "absl/status/statusor.h"
#include "agents/adapt/expert_trainer.h"
#include "agents/adapt/online_spec.h"
#include "controller/learner/learner_spec.h"

namespace reeve {

// Learn as `online` says, at the learner that `spec` names; the same bits as PpoExperts there. One
// connection for all experts. InvalidArgument: what ConnectToLearner says, or an `online` that
// makes the loop wait (swap_after is not 0).
absl::StatusOr<ExpertTrainerFactory> RemoteExperts(const RemoteLearnerSpec& spec,
                                                   const OnlineSpec& online);

}  // namespace reeve
