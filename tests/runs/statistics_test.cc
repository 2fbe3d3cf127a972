#include "runs/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

namespace reeve {
namespace {

// For many values the percentile bootstrap of a mean is the normal interval, mean ± 1.96 sd / sqrt
// n (sd of the sample itself, divisor n).
TEST(StatisticsTest, MeanIntervalIsTheNormalOneForManyValues) {
  std::vector<double> values(100);
  std::iota(values.begin(), values.end(), 1.0);  // mean 50.5, variance (100^2 - 1) / 12
  const double half = 1.96 * std::sqrt((100.0 * 100 - 1) / 12 / 100);
  const auto interval = MeanInterval(values, {.resamples = 20'000});
  ASSERT_TRUE(interval);
  EXPECT_DOUBLE_EQ(interval->value, 50.5);
  // A percentile of 20,000 draws at 2.5 % is sure to about 0.02 sd / density(1.96): 2 % of `half`.
  EXPECT_NEAR(interval->low, 50.5 - half, 0.04 * half);
  EXPECT_NEAR(interval->high, 50.5 + half, 0.04 * half);
  const auto wider = MeanInterval(values, {.level = 0.99});
  EXPECT_LT(wider->low, interval->low);
  EXPECT_GT(wider->high, interval->high);
}

// What the pairs have in common cancels: however much the runs vary, twice the baseline is twice.
TEST(StatisticsTest, PairsCancelWhatTheyShare) {
  const std::vector<double> baseline = {1, 10, 100, 1000, 10};
  std::vector<double> twice;
  for (double v : baseline) twice.push_back(2 * v);
  const auto ratio = RatioInterval(twice, baseline);
  ASSERT_TRUE(ratio);
  EXPECT_DOUBLE_EQ(ratio->value, 2);
  EXPECT_DOUBLE_EQ(ratio->low, 2);
  EXPECT_DOUBLE_EQ(ratio->high, 2);
  EXPECT_LT(MeanInterval(twice)->low, MeanInterval(twice)->value / 2);
}

// Two values have three means: the smallest and the largest are drawn a quarter of the time each.
TEST(StatisticsTest, FewValuesSpanTheirRange) {
  const auto interval = MeanInterval(std::vector<double>{3, 5});
  ASSERT_TRUE(interval);
  EXPECT_DOUBLE_EQ(interval->value, 4);
  EXPECT_DOUBLE_EQ(interval->low, 3);
  EXPECT_DOUBLE_EQ(interval->high, 5);
}

TEST(StatisticsTest, OneValueAndNone) {
  EXPECT_DOUBLE_EQ(MeanInterval(std::vector<double>{7})->low, 7);
  EXPECT_FALSE(MeanInterval({}));
  EXPECT_FALSE(RatioInterval(std::vector<double>{1}, std::vector<double>{0}));
}

}  // namespace
}  // namespace reeve
