// Adam (D. Kingma, J. Ba, ICLR'15) over flat parameters, in one pass.
#pragma once

#include <cstdint>
#include <span>

namespace reeve {

struct AdamOptions {
  double learning_rate = 3e-4;
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
};

// The `update`-th update (1, 2, …) of one network: parameters, gradients and moments [P], the
// gradients times `gradient_scale`. Numbers as torch::optim::Adam to rounding.
void AdamUpdate(const AdamOptions& options, int64_t update, float gradient_scale,
                std::span<const float> gradients, std::span<float> parameters,
                std::span<float> first_moments, std::span<float> second_moments);

// Euclidean norm, summed in a fixed order.
double Norm(std::span<const float> x);

}  // namespace reeve
