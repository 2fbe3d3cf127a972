// Generalised advantage estimation: J. Schulman et al., ICLR'16.
#pragma once

#include <cstdint>
#include <span>

namespace reeve {

// One agent's steps in one environment, T of each:
//   delta[t]     = reward[t] + gamma * next[t] - value[t]
//   advantage[t] = delta[t] + gamma * lambda * advantage[t + 1]
//   return[t]    = advantage[t] + value[t]
// Where cut[t] is set the agent's episode ends with this step, and nothing of the step after it
// counts: next[t] is bootstrap[t], 0 where there is no future (terminated, or the agent left), and
// the value of the last state where the time limit or the rollout ended it. Elsewhere next[t] is
// value[t + 1]. The last step must be cut.
struct GaeSequence {
  std::span<const float> rewards, values, bootstraps;
  std::span<const uint8_t> cuts;
  // 0: the agent was absent, the step gets advantage and return 0 (the step before it must be cut).
  std::span<const float> weights;
};

void EstimateAdvantages(const GaeSequence& sequence, double gamma, double lambda,
                        std::span<float> advantages, std::span<float> returns);

}  // namespace reeve
