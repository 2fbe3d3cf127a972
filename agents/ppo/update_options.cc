#include "agents/ppo/update_options.h"

namespace reeve {

UpdateOptions UpdateOptionsOf(const PpoSpec& spec, int64_t steps_done) {
  return {.imitate = false,
          .epochs = spec.epochs,
          .mini_batches = spec.mini_batches,
          .learning_rate = spec.LearningRate(steps_done),
          .entropy = static_cast<float>(spec.Entropy(steps_done)),
          .clip = static_cast<float>(spec.clip),
          .value_clip = static_cast<float>(spec.value_clip),
          .value_weight = static_cast<float>(spec.value_weight),
          .max_gradient_norm = spec.max_gradient_norm,
          .target_kl = spec.target_kl};
}

}  // namespace reeve
