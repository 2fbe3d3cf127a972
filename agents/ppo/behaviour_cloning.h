// Bootstrapping (AWARE, ATC'23): a rule drives first, actors learn to do as it does and critics
// what that returns, and reinforcement learning goes on from there. Trainer::RunDemonstration does
// it.
#pragma once

#include <cstdint>

#include "core/config.h"

namespace reeve {

struct BehaviourCloningSpec {
  int32_t iterations = 10;
  int32_t epochs = 5;
  double learning_rate = 1e-3;

  template <class V>
  static void Fields(V& v) {
    v.Field("iterations", &BehaviourCloningSpec::iterations,
            "Iterations with the rule at the wheel, before those of learning by trial", {0, 1e6});
    v.Field("epochs", &BehaviourCloningSpec::epochs, "Passes over the steps of an iteration",
            {1, 1000});
    v.Field("learning_rate", &BehaviourCloningSpec::learning_rate, "Of Adam, constant", {0, 1});
  }
};

}  // namespace reeve
