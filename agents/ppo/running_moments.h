// Running mean and variance of features, for the normalisation of observations and values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace reeve {

// Sums of one batch around a centre, additive over parts and ranks. Flat, so that one collective
// call adds it: [G, F, 3] = count, sum of (x - centre), sum of (x - centre)^2.
using MomentSums = std::vector<double>;

// Shapes: G groups of agents, F features. Plain data: what a checkpoint stores.
struct RunningMoments {
  int32_t groups = 0, features = 0;
  std::vector<double> mean, variance, count;  // [G, F] each; mean 0, variance 1, count 0 at first

  static RunningMoments Identity(int32_t groups, int32_t features);

  MomentSums ZeroSums() const { return MomentSums(mean.size() * 3); }
  // Adds one sample to `sums`, with the present mean as centre.
  void Accumulate(int32_t group, int32_t feature, double x, MomentSums& sums) const {
    const size_t i = Index(group, feature);
    const double d = x - mean[i];
    sums[3 * i] += 1;
    sums[3 * i + 1] += d;
    sums[3 * i + 2] += d * d;
  }
  // Takes a batch in (Chan, Golub, LeVeque 1979). What was seen before counts as at most `memory`
  // batches of this size, so that old policies are forgotten. Exact: with unlimited memory, the
  // moments are those of all samples.
  void Merge(const MomentSums& sums, double memory);

  double deviation(int32_t group, int32_t feature) const;  // at least 1e-4 (constants stay finite)
  size_t Index(int32_t group, int32_t feature) const {
    return static_cast<size_t>(group) * static_cast<size_t>(features) +
           static_cast<size_t>(feature);
  }
};

// (x - mean) / deviation within +-limit, for one group, as what acts needs it: two arrays of [F].
struct Normaliser {
  std::vector<float> mean, scale;  // [F]; scale = 1 / deviation
  float limit = 10;

  Normaliser(const RunningMoments& moments, int32_t group);
  void Apply(const float* x, float* out) const;  // [F] each
};

}  // namespace reeve
