// What elastic weight consolidation remembers of the environments so far: where the parameters of
// networks were, and how much each mattered there. The online form, which keeps one memory however
// many environments there were: J. Schwarz et al., "Progress & Compress", ICML'18; the penalty is
// that of J. Kirkpatrick et al., PNAS'17. Without torch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace reeve {

// Plain data: part of TrainerState. Shapes: A groups, P parameters of a network.
struct ElasticMemory {
  std::vector<float> importance, centre;  // [A, P] each; empty: nothing to remember yet

  bool empty() const { return centre.empty(); }

  // At the end of an environment: importance = decay * importance + fisher, and the centre moves to
  // `parameters`. fisher, parameters [A, P]; decay in [0, 1], 1: nothing is ever forgotten.
  void Consolidate(std::span<const float> fisher, std::span<const float> parameters, double decay);

  // Adds elasticity * importance * (parameters - centre) of one group [P] to `gradient` [P].
  // REQUIRES: not empty.
  void AddGradient(double elasticity, int64_t group, std::span<const float> parameters,
                   std::span<float> gradient) const;

  // sum over the group's parameters of importance * (parameters - centre)^2 / 2. [P]
  double Penalty(int64_t group, std::span<const float> parameters) const;
};

}  // namespace reeve
