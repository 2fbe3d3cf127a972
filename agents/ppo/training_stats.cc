#include "agents/ppo/training_stats.h"

namespace reeve {

void AverageOverUpdates(std::span<GroupStats> stats) {
  for (GroupStats& stat : stats) {
    if (stat.actor_updates > 0) {
      for (double* sum : {&stat.policy_loss, &stat.entropy, &stat.clip_fraction,
                          &stat.actor_gradient_norm, &stat.anchor_divergence}) {
        *sum /= stat.actor_updates;
      }
    }
    if (stat.critic_updates > 0) {
      stat.value_loss /= stat.critic_updates;
      stat.critic_gradient_norm /= stat.critic_updates;
    }
  }
}

}  // namespace reeve
