#include "agents/ppo/running_moments.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace reeve {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();

MomentSums Batch(const RunningMoments& moments, std::initializer_list<double> samples) {
  MomentSums sums = moments.ZeroSums();
  for (const double x : samples) moments.Accumulate(0, 0, x, sums);
  return sums;
}

// 1, 2, 3, 4, 10 at once or in batches: mean 4, variance 10.
TEST(RunningMoments, BatchesAreAsAllAtOnce) {
  RunningMoments moments = RunningMoments::Identity(1, 1);
  moments.Merge(Batch(moments, {1, 2}), kForever);
  EXPECT_DOUBLE_EQ(moments.mean[0], 1.5);
  EXPECT_DOUBLE_EQ(moments.variance[0], 0.25);
  moments.Merge(Batch(moments, {}), kForever);
  moments.Merge(Batch(moments, {3, 4, 10}), kForever);
  EXPECT_DOUBLE_EQ(moments.mean[0], 4);
  EXPECT_NEAR(moments.variance[0], 10, 1e-12);
  EXPECT_EQ(moments.count[0], 5);
}

// With a memory of one batch, after many batches around 0 one around 8 counts half.
TEST(RunningMoments, OldBatchesAreForgotten) {
  RunningMoments moments = RunningMoments::Identity(1, 1);
  for (int i = 0; i < 100; ++i) moments.Merge(Batch(moments, {-1, 1}), 1);
  moments.Merge(Batch(moments, {7, 9}), 1);
  EXPECT_NEAR(moments.mean[0], 4, 1e-12);
  EXPECT_NEAR(moments.variance[0], 17, 1e-12);  // mean of squares (1 + 65) / 2, less 16
}

TEST(Normaliser, ScalesAndLimits) {
  RunningMoments moments = RunningMoments::Identity(2, 2);
  moments.mean = {0, 0, 3, 1};
  moments.variance = {1, 1, 4, 0};
  const Normaliser normaliser(moments, 1);
  const float x[] = {7, 2};
  float out[2];
  normaliser.Apply(x, out);
  EXPECT_FLOAT_EQ(out[0], 2);
  EXPECT_FLOAT_EQ(out[1], 10);  // a constant feature that moves is held at the limit
}

}  // namespace
}  // namespace reeve
