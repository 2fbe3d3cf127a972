#include "agents/ppo/categorical.h"

#include <algorithm>
#include <limits>

#include "core/check.h"
#include "core/portable_math.h"

namespace reeve {

float MaskedSoftmax(const float* logits, const uint8_t* legal, int32_t n, float* probabilities) {
  float largest = -std::numeric_limits<float>::infinity();
  for (int32_t k = 0; k < n; ++k) {
    if (legal[k] != 0) largest = std::max(largest, logits[k]);
  }
  REEVE_DCHECK(largest > -std::numeric_limits<float>::infinity());
  double sum = 0;
  for (int32_t k = 0; k < n; ++k) {
    const double weight = legal[k] != 0 ? PortableExp(logits[k] - largest) : 0;
    probabilities[k] = static_cast<float>(weight);
    sum += weight;
  }
  const auto scale = static_cast<float>(1 / sum);
  for (int32_t k = 0; k < n; ++k) probabilities[k] *= scale;
  return largest + static_cast<float>(PortableLog(sum));
}

int32_t Sample(const float* probabilities, int32_t n, double uniform) {
  double sum = 0;
  int32_t last = 0;
  for (int32_t k = 0; k < n; ++k) {
    if (probabilities[k] <= 0) continue;
    sum += probabilities[k];
    last = k;
    if (uniform < sum) return k;
  }
  return last;  // rounding left the sum a little below 1
}

int32_t MostProbable(const float* probabilities, int32_t n) {
  return static_cast<int32_t>(std::max_element(probabilities, probabilities + n) - probabilities);
}

}  // namespace reeve
