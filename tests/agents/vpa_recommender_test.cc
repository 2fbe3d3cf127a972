// By hand: a CPU bucket k ends at 0.02 (1.05^(k+1) - 1) cores, a memory bucket at
// 2e8 (1.05^(k+1) - 1) bytes. So 0.1 cores (k = 36) count as 0.101 cores, 0.5 (k = 66) as 0.505;
// 100 MiB (k = 8) as 110,265,643 bytes, 400 MiB (k = 23) as 445,019,988. Each and 15 %, cut:
// 116 and 580 millicores, 126,805,489 and 511,772,986 bytes.
#include "agents/rules/vpa_recommender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/status.h"

namespace reeve {
namespace {

using testing::HasSubstr;

constexpr double kMib = 1024.0 * 1024.0;

class VpaRecommenderTest : public testing::Test {
 protected:
  // A sample a minute for `minutes` after the first.
  void Steady(double cores, int minutes) {
    for (int m = 0; m <= minutes; ++m) recommender_.AddCpu(SimTime::Minutes(m), cores, 1, 1);
  }
  VpaRange<int64_t> Cpu() const { return recommender_.Recommend(options_).cpu_millicores; }
  VpaRange<int64_t> Memory() const { return recommender_.Recommend(options_).memory_bytes; }

  VpaOptions options_;
  const VpaBuckets buckets_{};
  VpaRecommender recommender_{options_, buckets_};
};

TEST_F(VpaRecommenderTest, ADayOfSteadyUse) {
  Steady(0.5, 24 * 60);
  EXPECT_DOUBLE_EQ(recommender_.Confidence(options_), 1);
  EXPECT_EQ(Cpu().target, 580);
  EXPECT_EQ(Cpu().lower, 578);   // 580 / 1.001^2 = 578.8
  EXPECT_EQ(Cpu().upper, 1160);  // 580 * 2
}

// The table in recommender.go: upper bound * 3 after 12 h, * 1.14 after a week; lower * 0.6 after
// 5 min, * 0.9 after 30 min, * 0.95 after an hour.
TEST_F(VpaRecommenderTest, BoundsCloseInWithHistory) {
  const auto after = [](int minutes) {
    const VpaOptions options;
    const VpaBuckets buckets;
    VpaRecommender recommender(options, buckets);
    for (int m = 0; m <= minutes; ++m) recommender.AddCpu(SimTime::Minutes(m), 0.5, 1, 1);
    return recommender.Recommend(options).cpu_millicores;
  };
  EXPECT_EQ(after(0).lower, 25);  // no confidence: any limit will do
  EXPECT_EQ(after(0).upper, 1'000'000);
  EXPECT_EQ(after(5).lower, 349);   // 580 / 1.288^2 = 349.6
  EXPECT_EQ(after(30).lower, 528);  // 580 / 1.048^2 = 528.1
  EXPECT_EQ(after(60).lower, 553);  // 580 / 1.024^2 = 553.1
  EXPECT_EQ(after(720).upper, 1740);
  EXPECT_EQ(after(7 * 1440).upper, 662);  // 580 * 8 / 7 = 662.9
}

TEST_F(VpaRecommenderTest, FewSamplesGiveLittleConfidence) {
  recommender_.AddCpu(SimTime::Minutes(0), 0.5, 1, 2);
  recommender_.AddCpu(SimTime::Hours(24), 0.5, 1, 1);
  EXPECT_DOUBLE_EQ(recommender_.Confidence(options_), 3.0 / 1440);
  options_.confidence_interval = SimTime::Hours(1);
  EXPECT_DOUBLE_EQ(recommender_.Confidence(options_), 3.0 / 60);
}

TEST_F(VpaRecommenderTest, PercentilesOfTwoLevels) {
  for (int i = 0; i < 100; ++i) {
    recommender_.AddCpu(SimTime::Seconds(i), i < 89 ? 0.1 : 0.5, 1, 1);
  }
  EXPECT_EQ(Cpu().target, 580);
  options_.target_cpu_percentile = 0.85;
  EXPECT_EQ(Cpu().target, 116);
}

TEST_F(VpaRecommenderTest, SamplesWeighWhatWasRequested) {
  for (int i = 0; i < 100; ++i) {
    // 89 of weight 0.1 (the least there is) against 11 of weight 2.
    recommender_.AddCpu(SimTime::Seconds(i), i < 89 ? 0.1 : 0.5, i < 89 ? 0.01 : 2, 1);
  }
  options_.target_cpu_percentile = 0.3;  // the first ones are 8.9 of 30.9, 28.8 %
  EXPECT_EQ(Cpu().target, 580);
  options_.target_cpu_percentile = 0.28;
  EXPECT_EQ(Cpu().target, 116);
}

TEST_F(VpaRecommenderTest, LeastAndMost) {
  Steady(0.001, 1440);
  EXPECT_EQ(Cpu().target, 25);
  options_.min_cpu = Millicores(40);
  options_.max_cpu = Millicores(60);
  EXPECT_EQ(Cpu().target, 40);
  Steady(0.5, 1440);
  EXPECT_EQ(Cpu().target, 60);
  EXPECT_EQ(Cpu().upper, 60);
}

TEST_F(VpaRecommenderTest, MemoryPeaksOfEachInterval) {
  options_.min_memory = Mebibytes(1);
  EXPECT_EQ(Memory().target, 0);
  recommender_.AddMemory(options_, SimTime::Hours(0), 300 * kMib);
  recommender_.AddMemory(options_, SimTime::Hours(1), 400 * kMib);
  recommender_.AddMemory(options_, SimTime::Hours(2), 100 * kMib);
  EXPECT_EQ(Memory().target, 511'772'986);  // the 300 were replaced, the 100 are no peak
  options_.target_memory_percentile = 0;
  EXPECT_EQ(Memory().target, 511'772'986);
  // A second day, twice the weight of the first: 2 of 3.
  recommender_.AddMemory(options_, SimTime::Hours(24), 100 * kMib);
  options_.target_memory_percentile = 0.66;
  EXPECT_EQ(Memory().target, 126'805'489);
  options_.target_memory_percentile = 0.67;
  EXPECT_EQ(Memory().target, 511'772'986);
  // Three more: 30 of 31.
  for (int day = 2; day <= 4; ++day) {
    recommender_.AddMemory(options_, SimTime::Hours(24 * day), 100 * kMib);
  }
  options_.target_memory_percentile = 0.9;
  EXPECT_EQ(Memory().target, 126'805'489);
  options_.target_memory_percentile = 0.97;
  EXPECT_EQ(Memory().target, 511'772'986);
}

TEST(VpaOptions, Validate) {
  VpaOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.lower_bound_memory_percentile = 0.99;
  EXPECT_THAT(MessageOf(options.Validate()), HasSubstr("lower_bound_memory_percentile: 0.99"));
  options.min_cpu = Millicores(2'000'000);
  EXPECT_THAT(MessageOf(options.Validate()), HasSubstr("min_cpu: 2000000 is more"));
}

}  // namespace
}  // namespace reeve
