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
TargetOptions TargetOptionsOf(const PpoSpec& spec);

// Fills rollout.advantages, returns, old_values and targets, and explained_variance of each group.
// Advantages are normalised by the mean and deviation of those steps that the actor learns from
// (rollout.actor_weights); everything else counts all steps.
// Takes the returns into model.values, and moves the last layer of critics so that what they say,
// in rewards, stays what it was (PopArt: van Hasselt et al., NIPS'16) — but for the first time,
// when they know nothing yet. Statistics are those of all ranks. Errors: the collective's.
absl::Status MakeTargets(const TargetOptions& options, Collective& collective, PolicyModel& model,
                         Rollout& rollout, std::span<GroupStats> stats);

// Takes the rollout's observations, over all ranks, into the model's normaliser. After the update:
// its inputs were normalised with the moments so far. Errors: the collective's.
absl::Status MergeObservations(Collective& collective, const Rollout& rollout, PolicyModel& model);

}  // namespace reeve
