// A world for learners that never stops, small enough to know what is best: N agents, one head of
// K choices; the choice that pays depends on the environment, which nobody shows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agents/adapt/online_experts.h"

namespace reeve {

inline VectorEnvSpec OnlineShape(int32_t agents, int32_t features, int32_t choices) {
  VectorEnvSpec shape;
  shape.agents = agents;
  shape.features = features;
  shape.heads = {choices};
  for (int32_t f = 0; f < features; ++f) shape.feature_names.push_back("f" + std::to_string(f));
  for (int32_t a = 0; a < agents; ++a) {
    shape.agent_names.push_back("a" + std::to_string(a));
    shape.tenants.push_back(a);
  }
  return shape;
}

// Learns nothing, but writes every parameter as an update does, without torch.
class FakeTrainer final : public ExpertTrainer {
 public:
  explicit FakeTrainer(TrainerState state) : state_(std::move(state)) {}

  absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch& batch) override {
    OnlineUpdate update;
    for (float& p : state_.model.actor_parameters) p += 1e-3F;
    for (float& p : state_.model.critic_parameters) p += 1e-3F;
    for (const float r : batch.rollout.rewards) update.mean_reward += r;
    ++state_.iteration;
    return update;
  }
  const TrainerState& state() const override { return state_; }

 private:
  TrainerState state_;
};

inline ExpertTrainerFactory FakeTrainers() {
  return [](TrainerState state, int32_t, int32_t) -> std::unique_ptr<ExpertTrainer> {
    return std::make_unique<FakeTrainer>(std::move(state));
  };
}

// Plays `steps` control periods in `environment`; the mean reward of an agent and step. `own` 0:
// a fallback drives all the time, whatever the agents choose.
inline double PlayOnline(OnlineExperts& learner, const VectorEnvSpec& shape, int64_t environment,
                         int steps, uint8_t own = 1, float shown = 0.5F) {
  const auto agents = static_cast<size_t>(shape.agents);
  const std::vector<float> observations(agents * static_cast<size_t>(shape.features), shown);
  const std::vector<uint8_t> legal(agents * static_cast<size_t>(shape.choices()), 1);
  const std::vector<uint8_t> present(agents, 1), owns(agents, own);
  std::vector<int32_t> actions(agents);
  std::vector<float> rewards(agents);
  learner.Switch(environment, std::nullopt);
  double total = 0;
  for (int step = 0; step < steps; ++step) {
    if (!learner.Act({observations, legal, present}, actions).ok()) return -1e9;
    for (size_t a = 0; a < agents; ++a) {
      rewards[a] = actions[a] == environment % shape.choices() ? 1.0F : 0.0F;
      total += rewards[a];
    }
    learner.Reward(rewards, owns);
  }
  return total / steps / shape.agents;
}

// The same, where agents see which environment it is.
inline double PlayShown(OnlineExperts& learner, const VectorEnvSpec& shape, int64_t environment,
                        int steps) {
  return PlayOnline(learner, shape, environment, steps, 1, environment == 0 ? -0.2F : 0.6F);
}

}  // namespace reeve
