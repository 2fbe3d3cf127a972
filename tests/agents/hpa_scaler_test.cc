#include "agents/rules/hpa_scaler.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

SimTime S(int64_t seconds) {
  return SimTime::Seconds(seconds);
}

TEST(HpaScaler, UpIsHeldToTheLeastRecommendationOfItsWindow) {
  HpaOptions options;
  options.scale_up.stabilization_window = S(60);
  HpaScaler scaler(options);
  scaler.Begin(S(0), 4);
  EXPECT_EQ(scaler.Stabilize(options, S(15), 4, 10), 4);
  EXPECT_EQ(scaler.Stabilize(options, S(30), 4, 8), 4);
  EXPECT_EQ(scaler.Stabilize(options, S(45), 4, 12), 4);
  EXPECT_EQ(scaler.Stabilize(options, S(59), 4, 9), 4);
  // The 4 of second 0 is 60 s old: 8 is the least of 10, 8, 12, 9 and 20.
  EXPECT_EQ(scaler.Stabilize(options, S(60), 4, 20), 8);
}

TEST(HpaScaler, DownIsHeldToTheLargestRecommendationOfItsWindow) {
  const HpaOptions options;
  HpaScaler scaler(options);
  scaler.Begin(S(0), 10);
  for (int t = 15; t < 300; t += 15) {
    EXPECT_EQ(scaler.Stabilize(options, S(t), 10, t == 150 ? 6 : 3), 10) << t;
  }
  EXPECT_EQ(scaler.Stabilize(options, S(300), 10, 3), 6);
  EXPECT_EQ(scaler.Stabilize(options, S(435), 6, 3), 6);
  EXPECT_EQ(scaler.Stabilize(options, S(450), 6, 3), 3);
}

TEST(HpaScaler, BetweenTheTwoTheReplicasStay) {
  HpaOptions options;
  options.scale_up.stabilization_window = S(300);
  HpaScaler scaler(options);
  scaler.Begin(S(0), 2);
  scaler.Stabilize(options, S(15), 5, 8);
  EXPECT_EQ(scaler.Stabilize(options, S(30), 5, 3), 5);  // least 2, largest 8
  EXPECT_EQ(scaler.Stabilize(options, S(45), 9, 3), 8);
  EXPECT_EQ(scaler.Stabilize(options, S(60), 1, 3), 2);
}

TEST(HpaScaler, ScaleRecordsWhatItDid) {
  HpaOptions options;
  options.scale_up.policies = {{HpaPolicyType::kPods, 5, S(60)}};
  HpaScaler scaler(options);
  EXPECT_EQ(scaler.Scale(options, S(0), 10, 100), (HpaScale{15, HpaReason::kScaleUpLimit}));
  EXPECT_EQ(scaler.Scale(options, S(15), 15, 100), (HpaScale{15, HpaReason::kScaleUpLimit}));
  EXPECT_EQ(scaler.Scale(options, S(59), 15, 100), (HpaScale{15, HpaReason::kScaleUpLimit}));
  EXPECT_EQ(scaler.Scale(options, S(60), 15, 100), (HpaScale{20, HpaReason::kScaleUpLimit}));
}

TEST(HpaScaler, WithoutAMaximum) {
  HpaOptions options;
  EXPECT_EQ(HpaScaler(options).Limit(options, S(0), 4000, 7000),
            (HpaScale{7000, HpaReason::kDesiredWithinRange}));
}

// More events within the period than one per sync: none may be forgotten.
TEST(HpaScaler, RemembersWhatComesFasterThanTheSyncPeriod) {
  HpaOptions options;
  options.scale_up.policies = {{HpaPolicyType::kPods, 1000, S(100)}};
  HpaScaler scaler(options);
  for (int i = 0; i < 500; ++i) scaler.RecordScale(SimTime::Millis(200 * i), 1);
  // At 100 s: those after second 0, 499 of 500. 600 - 499 + 1000.
  EXPECT_EQ(scaler.Limit(options, S(100), 600, 5000).replicas, 1101);
  for (int i = 0; i < 500; ++i) scaler.RecordScale(S(200) + SimTime::Millis(200 * i), -1);
  EXPECT_EQ(scaler.Limit(options, S(300), 600, 5000).replicas, 600 + 499 + 1000);
}

}  // namespace
}  // namespace reeve
