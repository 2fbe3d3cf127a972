#include "agents/ppo/gae.h"

#include "core/check.h"

namespace reeve {

void EstimateAdvantages(const GaeSequence& s, double gamma, double lambda,
                        std::span<float> advantages, std::span<float> returns) {
  REEVE_CHECK(s.cuts.empty() || s.cuts.back() != 0);
  double following = 0;  // advantage of the step after
  for (size_t t = s.rewards.size(); t-- > 0;) {
    if (s.weights[t] == 0) {
      advantages[t] = returns[t] = 0;
      following = 0;
      continue;
    }
    const bool cut = s.cuts[t] != 0;
    const double next = cut ? s.bootstraps[t] : s.values[t + 1];
    const double delta = s.rewards[t] + gamma * next - s.values[t];
    following = delta + (cut ? 0 : gamma * lambda * following);
    advantages[t] = static_cast<float>(following);
    returns[t] = static_cast<float>(following + s.values[t]);
  }
}

}  // namespace reeve
