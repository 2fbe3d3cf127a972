#include "agents/ppo/running_moments.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace reeve {

RunningMoments RunningMoments::Identity(int32_t groups, int32_t features) {
  RunningMoments moments;
  moments.groups = groups;
  moments.features = features;
  const size_t size = static_cast<size_t>(groups) * static_cast<size_t>(features);
  moments.mean.assign(size, 0.0);
  moments.variance.assign(size, 1.0);
  moments.count.assign(size, 0.0);
  return moments;
}

void RunningMoments::Merge(const MomentSums& sums, double memory) {
  REEVE_CHECK(sums.size() == mean.size() * 3);
  for (size_t i = 0; i < mean.size(); ++i) {
    const double n = sums[3 * i];
    if (n == 0) continue;
    const double shift = sums[3 * i + 1] / n;  // mean of the batch less the mean so far
    const double batch_squares = std::max(0.0, sums[3 * i + 2] - shift * sums[3 * i + 1]);
    const double before = std::min(count[i], memory * n);
    const double total = before + n;
    const double squares =
        variance[i] * before + batch_squares + shift * shift * before * n / total;
    mean[i] += shift * n / total;
    variance[i] = squares / total;
    count[i] = total;
  }
}

double RunningMoments::deviation(int32_t group, int32_t feature) const {
  return std::max(1e-4, std::sqrt(variance[Index(group, feature)]));
}

Normaliser::Normaliser(const RunningMoments& moments, int32_t group) {
  for (int32_t f = 0; f < moments.features; ++f) {
    mean.push_back(static_cast<float>(moments.mean[moments.Index(group, f)]));
    scale.push_back(static_cast<float>(1 / moments.deviation(group, f)));
  }
}

void Normaliser::Apply(const float* x, float* out) const {
  for (size_t f = 0; f < mean.size(); ++f) {
    out[f] = std::clamp((x[f] - mean[f]) * scale[f], -limit, limit);
  }
}

}  // namespace reeve
