#include "agents/ppo/exploration.h"

#include <algorithm>

#include "core/check.h"

namespace reeve {

Exploration::Exploration(const ExplorationSpec& spec, int64_t steps_done) : spec_(spec) {
  Advance(steps_done);
}

double Exploration::entropy() const {
  const double progress = static_cast<double>(done_) / static_cast<double>(spec_.steps);
  return spec_.entropy + (spec_.final_entropy - spec_.entropy) * progress;
}

void Exploration::Advance(int64_t steps) {
  REEVE_CHECK(steps >= 0);
  done_ += std::min(steps, spec_.steps - done_);
}

}  // namespace reeve
