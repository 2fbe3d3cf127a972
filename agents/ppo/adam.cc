#include "agents/ppo/adam.h"

#include <cmath>

namespace reeve {

void AdamUpdate(const AdamOptions& options, int64_t update, float gradient_scale,
                std::span<const float> gradients, std::span<float> parameters,
                std::span<float> first_moments, std::span<float> second_moments) {
  const auto beta1 = static_cast<float>(options.beta1);
  const auto beta2 = static_cast<float>(options.beta2);
  const auto rest1 = static_cast<float>(1 - options.beta1);
  const auto rest2 = static_cast<float>(1 - options.beta2);
  const double correction1 = 1 - std::pow(options.beta1, static_cast<double>(update));
  const double correction2 = 1 - std::pow(options.beta2, static_cast<double>(update));
  const auto step = static_cast<float>(options.learning_rate / correction1);
  const auto root = static_cast<float>(1 / std::sqrt(correction2));
  const auto epsilon = static_cast<float>(options.epsilon);

  const float* const g = gradients.data();
  float* const p = parameters.data();
  float* const m = first_moments.data();
  float* const v = second_moments.data();
  const size_t size = parameters.size();
  for (size_t i = 0; i < size; ++i) {
    const float gradient = g[i] * gradient_scale;
    m[i] = beta1 * m[i] + rest1 * gradient;
    v[i] = beta2 * v[i] + rest2 * gradient * gradient;
    p[i] -= step * m[i] / (std::sqrt(v[i]) * root + epsilon);
  }
}

double Norm(std::span<const float> x) {
  double sums[4] = {};  // independent chains
  size_t i = 0;
  for (; i + 4 <= x.size(); i += 4) {
    for (size_t j = 0; j < 4; ++j) sums[j] += static_cast<double>(x[i + j]) * x[i + j];
  }
  for (; i < x.size(); ++i) sums[0] += static_cast<double>(x[i]) * x[i];
  return std::sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

}  // namespace reeve
