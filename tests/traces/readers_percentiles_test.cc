#include "traces/readers/percentiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reeve {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

PercentileSummary Summary(double count, double mean, std::array<double, 7> values) {
  return {.count = count, .mean = mean, .values = values};
}

TEST(FitDistribution, BendsTheIntervalWithMostToGive) {
  // Straight lines have mean 10 + 0.01 * 500 = 15. The last interval can move it by 0.01 * 1000 / 2
  // = 5; for 12 it gives 3 of them, so a = (1 - 0.6) / 2 = 0.2: a corner at 0.99 + 0.8 * 0.01 and
  // 10 + 0.2 * 1000.
  const auto fitted = FitDistribution(Summary(100, 12, {10, 10, 10, 10, 10, 10, 1010}), 0);
  EXPECT_TRUE(fitted.mean_kept);
  EXPECT_NEAR(fitted.distribution.Mean(), 12, 1e-9);
  const auto p = fitted.distribution.parameters();
  ASSERT_EQ(p.size(), 16u);
  EXPECT_NEAR(p[12], 0.998, 1e-12);
  EXPECT_NEAR(p[13], 210, 1e-9);
  EXPECT_EQ(p[14], 1);
  EXPECT_EQ(p[15], 1010);
}

TEST(FitDistribution, BendsTwoIntervalsWhereOneIsNotEnough) {
  // Straight lines: 0.75*10 + 0.24*60 + 0.01*610 = 28. The two last intervals can move that by 12
  // and 5; for 14.4 both give 0.8 of it: corners at 0.75 + 0.9*0.24, 10 + 0.1*100 and
  // 0.99 + 0.9*0.01, 110 + 0.1*1000.
  const auto fitted = FitDistribution(Summary(100, 14.4, {10, 10, 10, 10, 10, 110, 1110}), 0);
  EXPECT_TRUE(fitted.mean_kept);
  EXPECT_NEAR(fitted.distribution.Mean(), 14.4, 1e-9);
  EXPECT_NEAR(fitted.distribution.Sample(0.966), 20, 1e-9);
  EXPECT_NEAR(fitted.distribution.Sample(0.999), 210, 1e-9);
  EXPECT_NEAR(fitted.distribution.Sample(0.99), 110, 1e-9);
}

TEST(FitDistribution, TakesTheNearestMeanAndSaysSo) {
  // All the mass below 1000 but a mean of 900: no distribution with these percentiles has it.
  const auto fitted = FitDistribution(Summary(100, 900, {0, 0, 0, 0, 0, 0, 1000}), 0);
  EXPECT_FALSE(fitted.mean_kept);
  EXPECT_LT(fitted.distribution.Mean(), 10.1);
}

TEST(FitDistribution, KeepsWhatNeedsNoBend) {
  const auto fitted = FitDistribution(Summary(9, 50, {0, 1, 25, 50, 75, 99, 100}), 0);
  EXPECT_EQ(fitted.distribution.parameters().size(), 14u);
  EXPECT_NEAR(fitted.distribution.Mean(), 50, 1e-12);
}

TEST(FitDistribution, RaisesToTheFloorAndTurnsEqualsIntoAConstant) {
  const auto zero = FitDistribution(Summary(5, 0, {0, 0, 0, 0, 0, 0, 0}), kClockTickMs);
  EXPECT_EQ(zero.distribution, Distribution::Constant(1));
  const auto some = FitDistribution(Summary(5, 2, {0, 0, 0, 0, 4, 10, 20}), kClockTickMs);
  EXPECT_EQ(some.distribution.Sample(1e-9), 1);
  EXPECT_NEAR(some.distribution.Mean(), 2, 1e-9);
}

TEST(Combine, MixesByCount) {
  // Three quarters 10, one quarter 20.
  const PercentileSummary parts[] = {Summary(3, 10, {10, 10, 10, 10, 10, 10, 10}),
                                     Summary(1, 20, {20, 20, 20, 20, 20, 20, 20})};
  const PercentileSummary all = Combine(parts);
  EXPECT_EQ(all.count, 4);
  EXPECT_DOUBLE_EQ(all.mean, 12.5);
  EXPECT_THAT(all.values, ElementsAre(10, 10, 10, 10, 10, 20, 20));
}

TEST(Combine, OfTwoUniformsIsUniform) {
  const PercentileSummary parts[] = {Summary(7, 50, {0, 1, 25, 50, 75, 99, 100}),
                                     Summary(7, 150, {100, 101, 125, 150, 175, 199, 200})};
  EXPECT_THAT(Combine(parts).values,
              Pointwise(DoubleNear(1e-9), {0.0, 2.0, 50.0, 100.0, 150.0, 198.0, 200.0}));
  EXPECT_DOUBLE_EQ(Combine(parts).mean, 100);
}

TEST(Combine, OfOneIsItself) {
  const PercentileSummary part = Summary(7, 50, {3, 3, 25, 50, 75, 99, 100});
  EXPECT_EQ(Combine(std::span(&part, 1)).values, part.values);
}

TEST(Summarize, InterpolatesBetweenSamples) {
  // Definition 7: the p-quantile of 0, 10, …, 100 is 100 p.
  std::vector<double> samples;
  for (int i = 10; i >= 0; --i) samples.push_back(10 * i);
  const PercentileSummary summary = Summarize(samples);
  EXPECT_EQ(summary.count, 11);
  EXPECT_NEAR(summary.mean, 50, 1e-9);
  EXPECT_THAT(summary.values,
              Pointwise(DoubleNear(1e-9), {0.0, 1.0, 25.0, 50.0, 75.0, 99.0, 100.0}));
}

TEST(Summarize, OfOneSampleIsThatSample) {
  std::vector<double> samples = {42};
  EXPECT_THAT(Summarize(samples).values, ElementsAre(42, 42, 42, 42, 42, 42, 42));
}

// exp(-0.38) seconds.
TEST(StandIn, IsTheMedianFunction) {
  EXPECT_NEAR(StandInDurationMs().Mean(), 683.861, 0.001);
}

}  // namespace
}  // namespace reeve
