#include "agents/rules/kpa_windows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "core/random.h"

namespace reeve {
namespace {

SimTime S(double seconds) {
  return SimTime::FromSeconds(seconds);
}

BucketWindow Linear(double window_s, double granularity_s = 1) {
  return BucketWindow(WindowAggregation::kLinear, S(window_s), S(granularity_s));
}

TEST(BucketWindow, AveragesOverTheTimeSinceTheFirstRecord) {
  BucketWindow window = Linear(60);
  EXPECT_TRUE(window.IsEmpty(S(0)));
  EXPECT_EQ(window.Average(S(0)), 0);
  window.Record(S(100), 6);
  EXPECT_DOUBLE_EQ(window.Average(S(100)), 6);
  window.Record(S(102), 3);  // the second between counts as 0
  EXPECT_DOUBLE_EQ(window.Average(S(102)), 3);
}

TEST(BucketWindow, MissingNewestRecordsDoNotLowerALinearAverage) {
  BucketWindow window = Linear(60);
  for (int t = 1; t <= 60; ++t) window.Record(S(t), 2);
  EXPECT_DOUBLE_EQ(window.Average(S(60)), 2);
  EXPECT_DOUBLE_EQ(window.Average(S(80)), 2);  // over the 40 seconds left
  EXPECT_DOUBLE_EQ(window.Average(S(119)), 2);
  EXPECT_EQ(window.Average(S(120)), 0);
  EXPECT_FALSE(window.IsEmpty(S(120)));
  EXPECT_TRUE(window.IsEmpty(S(121)));
}

TEST(BucketWindow, IgnoresWhatIsAWindowOldAndTakesWhatIsYounger) {
  BucketWindow window = Linear(5);
  window.Record(S(10), 1);
  window.Record(S(5), 100);
  EXPECT_DOUBLE_EQ(window.Average(S(10)), 1);
  window.Record(S(6), 9);  // moves the first record back: 10 over 5 seconds
  EXPECT_DOUBLE_EQ(window.Average(S(10)), 2);
}

TEST(BucketWindow, RoundsDownToSixDecimals) {
  BucketWindow window = Linear(60);
  window.Record(S(1), 1);
  window.Record(S(3), 1);
  EXPECT_EQ(window.Average(S(3)), 0.666666);
  BucketWindow dust = Linear(60);
  dust.Record(S(1), 3.6e-17);
  EXPECT_EQ(dust.Average(S(1)), 0);
}

TEST(BucketWindow, TimesBeforeZeroWorkAlike) {
  BucketWindow window = Linear(4);
  window.Record(S(-7.5), 8);
  window.Record(S(-6.5), 4);
  EXPECT_DOUBLE_EQ(window.Average(S(-6.5)), 6);
  EXPECT_DOUBLE_EQ(window.Average(S(-4.5)), 6);
}

TEST(BucketWindow, ResizeKeepsTheNewestBuckets) {
  BucketWindow window = Linear(5);
  for (int t = 0; t <= 5; ++t) window.Record(S(t), t + 1);
  window.Resize(S(5), S(10));
  EXPECT_EQ(window.buckets(), 10);
  EXPECT_DOUBLE_EQ(window.Average(S(5)), 4);  // 2 + 3 + 4 + 5 + 6 over 5
  window.Record(S(6), 7);
  EXPECT_DOUBLE_EQ(window.Average(S(6)), 4.5);
  window.Resize(S(6), S(4));
  EXPECT_DOUBLE_EQ(window.Average(S(6)), 5.5);  // 4 + 5 + 6 + 7 over 4
}

TEST(BucketWindow, ResizeOfAStaleWindowForgets) {
  BucketWindow window = Linear(5);
  window.Record(S(0), 19.82);
  window.Resize(S(60), S(100));
  EXPECT_EQ(window.Sum(S(60)), 0);
  window.Record(S(60), 3);
  EXPECT_DOUBLE_EQ(window.Average(S(60)), 3);
}

TEST(BucketWindow, SmoothingCoefficientLeavesOneTenThousandth) {
  // m = 1 - 0.0001^(1/nb): 0.9 at 4 buckets; the floor of 0.2 from 42 buckets on.
  EXPECT_NEAR(BucketWindow::SmoothingCoefficient(1), 0.9999, 1e-12);
  EXPECT_NEAR(BucketWindow::SmoothingCoefficient(4), 0.9, 1e-12);
  EXPECT_NEAR(BucketWindow::SmoothingCoefficient(40), 0.20567, 1e-5);
  EXPECT_EQ(BucketWindow::SmoothingCoefficient(60), 0.2);
}

TEST(BucketWindow, WeightedAverageFavoursTheNewest) {
  BucketWindow window(WindowAggregation::kWeightedExponential, S(4), S(1));  // m = 0.9
  for (int t = 1; t <= 4; ++t) window.Record(S(t), t);
  EXPECT_NEAR(window.Average(S(4)), 4 * 0.9 + 3 * 0.09 + 2 * 0.009 + 1 * 0.0009, 1e-12);
  EXPECT_NEAR(window.Average(S(6)), 4 * 0.009 + 3 * 0.0009, 1e-12);
  EXPECT_EQ(window.Average(S(8)), 0);
  window.Resize(S(4), S(2));  // m = 0.99
  EXPECT_NEAR(window.Average(S(4)), 4 * 0.99 + 3 * 0.0099, 1e-12);
}

TEST(SlidingMaximum, AgreesWithLookingAtEveryBucket) {
  SlidingMaximum maximum(S(20), S(2));
  std::deque<std::pair<int64_t, int32_t>> all;
  RandomCursor random(RandomStream(7, StreamPurpose::kPolicy, 0));
  int64_t now_ms = 0;
  for (int i = 0; i < 2000; ++i) {
    now_ms += static_cast<int64_t>(random.Below(6000));
    const int32_t value = static_cast<int32_t>(random.Below(50));
    maximum.Record(SimTime::Millis(now_ms), value);
    const int64_t bucket = now_ms / 2000;
    all.emplace_back(bucket, value);
    while (all.front().first <= bucket - 10) all.pop_front();
    const auto largest = std::max_element(
        all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    ASSERT_EQ(maximum.Current(), largest->second) << "record " << i;
  }
}

TEST(SlidingMaximum, SurvivesTimeGoingBackwards) {
  SlidingMaximum maximum(S(4), S(2));
  for (int i = 100; i > 0; --i) maximum.Record(S(2 * i), i);
  EXPECT_GE(maximum.Current(), 1);
  maximum.Record(S(400), 7);
  EXPECT_EQ(maximum.Current(), 7);
}

TEST(PodsToSample, FollowsTheSampleSizeOfAMean) {
  // n = ceil(N X / (N + X - 1)), X = 15.3664: N = 10 gives ceil(153.664 / 24.3664) = 7.
  EXPECT_EQ(PodsToSample(-1), 0);
  EXPECT_EQ(PodsToSample(3), 3);
  EXPECT_EQ(PodsToSample(4), 4);
  EXPECT_EQ(PodsToSample(10), 7);
  EXPECT_EQ(PodsToSample(1000), 16);
}

}  // namespace
}  // namespace reeve
