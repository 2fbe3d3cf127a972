// Scenarios of kubernetes/autoscaler vertical-pod-autoscaler pkg/recommender/util
// (histogram_options_test.go, decaying_histogram_test.go), and by hand.
#include "agents/rules/decaying_histogram.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

constexpr SimTime kHalf = SimTime::Hours(1);
SimTime H(int64_t hours) {
  return SimTime::Hours(hours);
}

TEST(ExponentialBuckets, UpstreamExample) {
  const ExponentialBuckets buckets(500, 40, 1.5);
  ASSERT_EQ(buckets.size(), 6u);
  const double starts[] = {0, 40, 100, 190, 325, 527.5};
  for (size_t i = 0; i < 6; ++i) EXPECT_DOUBLE_EQ(buckets.Start(i), starts[i]);
  EXPECT_EQ(buckets.Find(0), 0u);
  EXPECT_EQ(buckets.Find(39.99), 0u);
  EXPECT_EQ(buckets.Find(40), 1u);
  EXPECT_EQ(buckets.Find(100), 2u);
  EXPECT_EQ(buckets.Find(527.4), 4u);
  EXPECT_EQ(buckets.Find(900), 5u);
}

class DecayingHistogramTest : public testing::Test {
 protected:
  const ExponentialBuckets buckets_{10, 1, 1.5};  // 0, 1, 2.5, 4.75, 8.125, 13.1875
  DecayingHistogram histogram_{buckets_, kHalf};
};

TEST_F(DecayingHistogramTest, PercentilesAreUpperEnds) {
  EXPECT_TRUE(histogram_.empty());
  EXPECT_EQ(histogram_.Percentile(0.5), 0);
  histogram_.Add(0.5, 1, H(0));
  histogram_.Add(3, 2, H(0));
  histogram_.Add(100, 1, H(0));
  EXPECT_DOUBLE_EQ(histogram_.Percentile(0), 1);
  EXPECT_DOUBLE_EQ(histogram_.Percentile(0.25), 1);
  EXPECT_DOUBLE_EQ(histogram_.Percentile(0.26), 4.75);
  EXPECT_DOUBLE_EQ(histogram_.Percentile(0.75), 4.75);
  EXPECT_DOUBLE_EQ(histogram_.Percentile(0.76), 13.1875);  // the last bucket has no end
}

TEST_F(DecayingHistogramTest, WeightHalves) {
  histogram_.Add(3, 1000, H(0));
  histogram_.Add(1.5, 1, H(0));
  EXPECT_DOUBLE_EQ(histogram_.Percentile(0.999), 4.75);
  // 20 half-lives on, the 1000 weigh 0.00095 against another 1.
  histogram_.Add(1.5, 1, H(20));
  EXPECT_DOUBLE_EQ(histogram_.Percentile(0.999), 2.5);
  EXPECT_DOUBLE_EQ(histogram_.Percentile(0.9995), 4.75);
}

TEST_F(DecayingHistogramTest, OneHalfLifeIsWorthHalf) {
  histogram_.Add(0.5, 2, H(0));
  histogram_.Add(3, 1, H(1));  // as much as the first, now
  EXPECT_DOUBLE_EQ(histogram_.Percentile(0.4999), 1);
  EXPECT_DOUBLE_EQ(histogram_.Percentile(0.5001), 4.75);
}

TEST_F(DecayingHistogramTest, VeryOldSamplesAreForgotten) {
  histogram_.Add(3, 1000, H(0));
  histogram_.Add(1.5, 1, H(101));
  EXPECT_DOUBLE_EQ(histogram_.Percentile(1), 2.5);
  // Late ones count as old as they are: 2^-1 of the weight, then 2^-60.
  histogram_.Add(0.5, 1, H(100));
  EXPECT_DOUBLE_EQ(histogram_.Percentile(0.33), 1);
  EXPECT_DOUBLE_EQ(histogram_.Percentile(0.34), 2.5);
  for (int i = 1; i <= 30; ++i) histogram_.Add(0.5, 1, H(101 + 101 * i));
  EXPECT_DOUBLE_EQ(histogram_.Percentile(1), 1);
}

TEST_F(DecayingHistogramTest, SubtractTakesBack) {
  histogram_.Add(3, 1, H(3));
  histogram_.Add(0.5, 1, H(3));
  histogram_.Subtract(3, 1, H(3));
  EXPECT_DOUBLE_EQ(histogram_.Percentile(1), 1);
  histogram_.Subtract(0.5, 1, H(3));
  EXPECT_TRUE(histogram_.empty());
}

}  // namespace
}  // namespace reeve
