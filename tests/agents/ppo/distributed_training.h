// The training that tests/agents/ppo/distributed_test.cc does in one process and in two.
#pragma once

#include <vector>

#include "agents/ppo/trainer.h"
#include "core/status.h"
#include "tests/agents/ppo/small_games.h"

namespace reeve {

constexpr int32_t kTrainingEnvs = 8;  // over all ranks
constexpr int kTrainingIterations = 5;

// The parameters of actors and critics after a few iterations.
inline absl::StatusOr<std::vector<float>> TrainedParameters(Collective& collective) {
  const int32_t envs = kTrainingEnvs / collective.world();
  CommonPayoff env(envs, collective.rank() * envs);
  PpoSpec spec;
  spec.actor = {.width = 16};
  spec.critic = {.width = 16};
  spec.horizon = CommonPayoff::kSteps;
  spec.learning_rate = 3e-3;
  Trainer trainer(env, spec, 1, 1, collective);
  for (int i = 0; i < kTrainingIterations; ++i) {
    const auto stats = trainer.RunIteration();
    if (!stats.ok()) return stats.status();
  }
  std::vector<float> parameters = trainer.model().actor_parameters;
  const std::vector<float>& critic = trainer.model().critic_parameters;
  parameters.insert(parameters.end(), critic.begin(), critic.end());
  return parameters;
}

}  // namespace reeve
