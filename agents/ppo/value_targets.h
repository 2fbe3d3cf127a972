// From an iteration's steps to what its update learns from: advantages, and values as targets.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "agents/ppo/collective.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/rollout.h"
#include "agents/ppo/training_stats.h"

namespace reeve {

struct TargetOptions {
  double gamma = 0.99, lambda = 0.95;
  bool normalise_values = true, normalise_advantages = true;
};

// Fills rollout.advantages, returns, old_values and targets, and explained_variance of each group.
// Takes the returns into model.values, and moves the last layer of critics so that what they say,
// in rewards, stays what it was (PopArt: van Hasselt et al., NIPS'16) — but for the first time,
// when they know nothing yet. Statistics are those of all ranks. Errors: the collective's.
absl::Status MakeTargets(const TargetOptions& options, Collective& collective, PolicyModel& model,
                         Rollout& rollout, std::span<GroupStats> stats);

}  // namespace reeve
