// What an iteration of training reports.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace reeve {

// Over all environments of all ranks.
struct AgentStats {
  double episodes = 0;          // that ended in this iteration with the agent in them
  double mean_return = 0;       // undiscounted; 0 without episodes, as the next two
  double return_deviation = 0;  // between episodes
  std::vector<double> figures;  // [M] means over those episodes
  double mean_reward = 0;       // of a step
};

// One group of agents with parameters in common. Losses are means over the updates.
struct GroupStats {
  double policy_loss = 0, value_loss = 0;  // the latter in squared deviations of returns
  double entropy = 0;                      // nats, summed over heads
  double clip_fraction = 0;                // of probability ratios
  double kl = 0;                           // of the policy before the iteration and after, nearly
  double explained_variance = 0;           // of the returns, by the values before the iteration
  double actor_gradient_norm = 0, critic_gradient_norm = 0;  // before clipping
  // From the policy before the update, over the anchors (UpdateOptions::anchors).
  double anchor_divergence = 0;
  int32_t actor_updates = 0;  // fewer than the critic's where the KL stop came first
  int32_t critic_updates = 0;
};

// From sums over the updates, as a Learner leaves them, to means.
void AverageOverUpdates(std::span<GroupStats> stats);

// Seconds; of threads that work at once, the mean.
struct IterationTimes {
  double environment = 0;  // Reset and Step
  double inference = 0;    // views and networks in rollouts
  double network = 0;      // forward and backward passes of the update
  double rest = 0;
  double total = 0;
};

struct IterationStats {
  int64_t iteration = 0;           // 1, 2, …
  int64_t steps_done = 0;          // of environments, since training began
  std::vector<AgentStats> agents;  // [N]
  std::vector<GroupStats> groups;  // [A]
  double learning_rate = 0, entropy_coefficient = 0;
  IterationTimes times;
};

}  // namespace reeve
