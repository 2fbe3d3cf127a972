// A learned policy as plain data: what a checkpoint stores and what acts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agents/nn/network_spec.h"
#include "agents/ppo/elastic_memory.h"
#include "agents/ppo/ppo_spec.h"
#include "agents/ppo/running_moments.h"
#include "agents/ppo/views.h"
#include "envs/vector_env.h"

namespace reeve {

// Shape letters as in envs/vector_env.h; A groups of agents with parameters in common, P
// parameters.
struct PolicyModel {
  std::vector<std::string> feature_names;  // [O]
  std::vector<std::string> agent_names;    // [N]
  std::vector<int32_t> group_of;           // [N] 0 .. A - 1
  int32_t groups = 1;                      // A
  ViewShape actor_view, critic_view;
  NetworkLayout actor, critic;
  std::vector<float> actor_parameters;   // [A, P of the actor]: view to logits [K]
  std::vector<float> critic_parameters;  // [A, P of the critic]: view to a value, normalised
  RunningMoments observations;           // [A, O]; applied to an agent's own part of every view
  RunningMoments values;                 // [A, 1]

  int32_t agents() const { return actor_view.agents; }
  int32_t features() const { return actor_view.features; }
  const std::vector<int32_t>& heads() const { return actor_view.heads; }
  int32_t choices() const { return actor_view.choices(); }
};

// A policy that has learned nothing yet: initial parameters from draws keyed by `seed` and the
// group, the normalisers the identity.
PolicyModel MakeModel(const VectorEnvSpec& env, const PpoSpec& spec, uint64_t seed);

// Everything a training goes on from. Iterations begin with new episodes, so no environment has to
// be stored.
struct TrainerState {
  PolicyModel model;
  uint64_t seed = 0;
  int64_t iteration = 0;   // finished
  int64_t steps_done = 0;  // steps of environments, over all ranks
  // Adam: [A, P] like the parameters; updates done [A].
  std::vector<float> actor_first_moments, actor_second_moments;
  std::vector<float> critic_first_moments, critic_second_moments;
  std::vector<int64_t> actor_updates, critic_updates;
  // What the networks are held to by elastic weight consolidation; empty in ordinary training.
  ElasticMemory actor_memory, critic_memory;
  // Mean return of the episodes of the last iterations, over agents, oldest first: at most
  // kReturnsKept. What agents/ppo/retraining_monitor.h watches.
  std::vector<double> recent_returns;
  static constexpr size_t kReturnsKept = 64;
};

// A training that has not begun, on MakeModel's model.
TrainerState MakeTrainerState(const VectorEnvSpec& env, const PpoSpec& spec, uint64_t seed);

}  // namespace reeve
