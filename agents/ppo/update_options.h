// How an update moves actors and critics (agents/ppo/learner.h). Without torch's headers.
#pragma once

#include <cstdint>

#include "agents/ppo/ppo_spec.h"

namespace reeve {

struct AnchorSet;

struct UpdateOptions {
  bool imitate = false;  // cross-entropy with the actions, in place of the clipped loss
  int32_t epochs = 5, mini_batches = 1;
  double learning_rate = 3e-4;
  float entropy = 0.01F, clip = 0.2F, value_clip = 0.2F, value_weight = 0.5F;
  double max_gradient_norm = 0.5;  // 0: never clipped
  double target_kl = 0.02;         // 0: no limit

  // LCPO in the form for PPO (Hamadanian et al., ICLR'25): past situations in which the policy is
  // to stay what it is at the beginning of the update. The loss grows by anchor_weight times the
  // mean over them of the cross-entropy of that policy and the moving one. Null: none. With several
  // ranks, all give anchors or none does. Its authors: weight 10, 30 epochs, target_kl 0.015.
  const AnchorSet* anchors = nullptr;
  float anchor_weight = 10;

  // Elastic weight consolidation (Kirkpatrick et al., PNAS'17): the loss of a network grows by
  // elasticity / 2 * sum of importance * (parameter - centre)^2 with TrainerState::actor_memory and
  // critic_memory, where they hold anything. 0: they are not looked at.
  double elasticity = 0;
};

// The options that a training has after `steps_done` steps.
UpdateOptions UpdateOptionsOf(const PpoSpec& spec, int64_t steps_done);

}  // namespace reeve
