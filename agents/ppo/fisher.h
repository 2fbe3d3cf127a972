// How much each parameter matters to what a network does: the diagonal of its Fisher information,
// for elastic weight consolidation (agents/ppo/elastic_memory.h). With torch.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/rollout.h"

namespace reeve {

struct FisherOptions {
  int32_t samples = 64;  // steps of each group; K forward and backward passes each (critic: one)
  uint64_t seed = 0;     // with `draw`: which steps
  uint32_t draw = 0;
};

// [A, P] of the actor: mean over steps drawn from those that the actor learns from
// (rollout.actor_weights), and over what it could choose there with its probability, of the squared
// gradient of the log-probability of the choice, with the past in the rollout's sequence before the
// step. (Not only of what it did choose: a policy that is nearly decided hardly ever makes the
// choices that matter.) Exact, for the rollout, where there are at most `samples` such steps.
// Groups without any get zeros. Internal: what torch threw (no memory).
absl::StatusOr<std::vector<float>> ActorFisher(const PolicyModel& model, const Rollout& rollout,
                                               const FisherOptions& options);

// The same of the critic, over all steps that count: squared gradients of the value, in normalised
// units (a Gaussian of deviation 1 around it). Only of use where values are not normalised: PopArt
// moves the last layer of critics from one iteration to the next.
absl::StatusOr<std::vector<float>> CriticFisher(const PolicyModel& model, const Rollout& rollout,
                                                const FisherOptions& options);

}  // namespace reeve
