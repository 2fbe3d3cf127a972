// The one exploration that a new environment opens: the entropy coefficient goes from a high value
// to a low one over so many steps, and stays there. It is never opened again for the same
// environment: who comes back goes on from steps_done().
#pragma once

#include <cstdint>

#include "core/config.h"

namespace reeve {

struct ExplorationSpec {
  double entropy = 0.1, final_entropy = 0.001;
  int64_t steps = 20000;

  template <class V>
  static void Fields(V& v) {
    v.Field("entropy", &ExplorationSpec::entropy,
            "Reward for being undecided in an environment that is new, at the beginning", {0, 10});
    v.Field("final_entropy", &ExplorationSpec::final_entropy,
            "At the end of the exploration, and in every environment that is known", {0, 10});
    v.Field("steps", &ExplorationSpec::steps,
            "Control periods in one environment, over all its visits, after which its exploration "
            "is over",
            {1, 1e12});
  }
};

// Not thread-safe.
class Exploration {
 public:
  // `steps_done`: of this environment, before; 0 for one that is new.
  explicit Exploration(const ExplorationSpec& spec, int64_t steps_done = 0);

  // What an update is to reward being undecided with now: linear in the steps done.
  double entropy() const;
  void Advance(int64_t steps);  // steps >= 0
  bool finished() const { return done_ == spec_.steps; }
  int64_t steps_done() const { return done_; }  // counted up to the spec's steps

 private:
  ExplorationSpec spec_;
  int64_t done_ = 0;
};

}  // namespace reeve
