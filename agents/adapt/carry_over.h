// What of an expert still counts when its functions have changed.
#pragma once

#include "absl/status/statusor.h"
#include "agents/ppo/policy_model.h"

namespace reeve {

// `fresh`, a training that has not begun, with what `known` has learned about as many of its agents
// as can be: each group of agents goes on from the group of `known` that has the most agents (by
// name) in common with it, the first of several; where there is just one group on both sides (all
// functions share their networks), from that one. A group of new functions only begins anew.
// Networks, their optimiser's moments and their normalisers are taken over where they
// are shown the same whoever the others are; a critic that is shown all agents side by side, or
// which agent it is, begins anew. The same agents in the same groups: `known` as it is.
// InvalidArgument when what agents see or may do, or their networks, differ.
absl::StatusOr<TrainerState> CarryOver(const TrainerState& known, TrainerState fresh);

}  // namespace reeve
