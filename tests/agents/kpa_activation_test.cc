#include "agents/rules/kpa_activation.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace reeve {
namespace {

constexpr int32_t kUnknown = KpaActivation::kUnknown;

SimTime S(int64_t seconds) {
  return SimTime::Seconds(seconds);
}

// Burst capacity to spare (serve mode) and short of it (proxy mode).
constexpr int32_t kSpare = 5;
constexpr int32_t kShort = -5;

class KpaActivationTest : public testing::Test {
 protected:
  KpaTarget Reconcile(int64_t t, int32_t desired, int32_t ebc, int32_t ready) {
    return activation_.Reconcile(options_, true, S(t), desired, ebc, ready);
  }
  // Brings the function to active at second 0.
  void Activate(int32_t ebc) {
    const int32_t ready = std::max({1, options_.min_scale, options_.initial_scale});
    EXPECT_EQ(Reconcile(0, ready, ebc, ready).want, ready);
    EXPECT_EQ(activation_.phase(), KpaPhase::kActive);
  }

  KpaOptions options_;
  KpaActivation activation_{S(0)};
};

constexpr KpaTarget Apply(int32_t want, KpaMode mode) {
  return {.want = want, .apply = true, .mode = mode};
}
constexpr KpaTarget Hold(int32_t want, KpaMode mode) {
  return {.want = want, .apply = false, .mode = mode};
}

TEST_F(KpaActivationTest, ToZeroAfterStableWindowAndGrace) {
  Activate(kSpare);
  EXPECT_EQ(Reconcile(10, 0, kSpare, 1), Apply(1, KpaMode::kServe));
  EXPECT_EQ(Reconcile(59, 0, kSpare, 1), Apply(1, KpaMode::kServe));
  EXPECT_EQ(Reconcile(60, 0, kSpare, 1), Hold(0, KpaMode::kProxy));
  EXPECT_EQ(activation_.phase(), KpaPhase::kInactive);
  EXPECT_EQ(Reconcile(89, 0, kSpare, 1), Hold(0, KpaMode::kProxy));
  EXPECT_EQ(Reconcile(90, 0, kSpare, 1), Apply(0, KpaMode::kProxy));
}

TEST_F(KpaActivationTest, TheGracePeriodCountsFromProxyMode) {
  Activate(kShort);  // the activator is in the path from the start
  EXPECT_EQ(Reconcile(60, 0, kShort, 1), Hold(0, KpaMode::kProxy));
  EXPECT_EQ(Reconcile(62, 0, kShort, 1), Apply(0, KpaMode::kProxy));
}

TEST_F(KpaActivationTest, TheGracePeriodDoesNotCountFromAnEarlierProxyMode) {
  options_.initial_scale = 0;  // nothing to reach: inactive at once, though replicas are wanted
  EXPECT_EQ(Reconcile(100, 1, kSpare, 1), Apply(1, KpaMode::kServe));
  EXPECT_EQ(activation_.phase(), KpaPhase::kInactive);
  EXPECT_EQ(Reconcile(110, 0, kSpare, 1), Hold(0, KpaMode::kProxy));
  EXPECT_EQ(Reconcile(130, 0, kSpare, 1), Apply(0, KpaMode::kProxy));
}

TEST_F(KpaActivationTest, RetentionHoldsTheLastReplicaWhateverTheMode) {
  options_.scale_to_zero_pod_retention_period = S(45);
  Activate(kShort);
  EXPECT_EQ(Reconcile(60, 0, kShort, 1), Hold(0, KpaMode::kProxy));
  EXPECT_EQ(Reconcile(104, 0, kShort, 1), Hold(0, KpaMode::kProxy));
  EXPECT_EQ(Reconcile(105, 0, kShort, 1), Apply(0, KpaMode::kProxy));
}

TEST_F(KpaActivationTest, LoadInTheGracePeriodKeepsTheReplica) {
  Activate(kSpare);
  EXPECT_EQ(Reconcile(60, 0, kSpare, 1), Hold(0, KpaMode::kProxy));
  EXPECT_EQ(Reconcile(70, 1, kSpare, 1), Apply(1, KpaMode::kServe));
  EXPECT_EQ(activation_.phase(), KpaPhase::kActive);
  // Active since 70: the stable window counts from there.
  EXPECT_EQ(Reconcile(129, 0, kSpare, 1), Apply(1, KpaMode::kServe));
  EXPECT_EQ(Reconcile(130, 0, kSpare, 1), Hold(0, KpaMode::kProxy));
}

TEST_F(KpaActivationTest, MinMaxAndNoScaleToZero) {
  options_.min_scale = 2;
  options_.max_scale = 4;
  Activate(kSpare);
  EXPECT_EQ(Reconcile(1000, 0, kSpare, 2), Apply(2, KpaMode::kServe));
  EXPECT_EQ(Reconcile(1002, 9, kSpare, 2), Apply(4, KpaMode::kServe));
  EXPECT_EQ(activation_.Reconcile(options_, false, S(1004), 1, kSpare, 2).want, 1);
  options_.min_scale = 0;
  options_.enable_scale_to_zero = false;
  EXPECT_EQ(Reconcile(2000, 0, kSpare, 2), Apply(1, KpaMode::kServe));
}

TEST_F(KpaActivationTest, InitialScaleHoldsUntilReachedOnce) {
  options_.initial_scale = 3;
  EXPECT_EQ(Reconcile(2, kUnknown, kSpare, 0), Apply(3, KpaMode::kServe));
  EXPECT_EQ(Reconcile(4, 1, kSpare, 2), Apply(3, KpaMode::kServe));
  EXPECT_EQ(activation_.phase(), KpaPhase::kActivating);
  EXPECT_EQ(Reconcile(6, 1, kSpare, 3), Apply(3, KpaMode::kServe));
  EXPECT_TRUE(activation_.initialized());
  EXPECT_EQ(Reconcile(8, 1, kSpare, 3), Apply(1, KpaMode::kServe));
}

TEST_F(KpaActivationTest, AnActivationThatDoesNotSucceedIsGivenUp) {
  EXPECT_EQ(Reconcile(2, 1, kSpare, 0), Apply(1, KpaMode::kServe));
  EXPECT_EQ(Reconcile(70, 0, kSpare, 0), Hold(kUnknown, KpaMode::kServe));
  EXPECT_EQ(Reconcile(610, 0, kSpare, 0), Hold(kUnknown, KpaMode::kServe));
  EXPECT_EQ(Reconcile(611, 0, kSpare, 0), Apply(0, KpaMode::kProxy));
  EXPECT_EQ(activation_.phase(), KpaPhase::kInactive);
}

TEST_F(KpaActivationTest, WithoutMetricsNothingChanges) {
  Activate(kSpare);
  EXPECT_EQ(Reconcile(100, kUnknown, kSpare, 1), Hold(kUnknown, KpaMode::kServe));
  EXPECT_EQ(activation_.phase(), KpaPhase::kActive);
  activation_ = KpaActivation::AtZero(S(0));
  EXPECT_EQ(Reconcile(100, kUnknown, kSpare, 0), Hold(kUnknown, KpaMode::kProxy));
  EXPECT_EQ(activation_.phase(), KpaPhase::kInactive);
}

TEST_F(KpaActivationTest, FromZero) {
  activation_ = KpaActivation::AtZero(S(0));
  EXPECT_EQ(Reconcile(10, 2, kSpare, 0), Apply(2, KpaMode::kServe));
  EXPECT_EQ(activation_.phase(), KpaPhase::kActivating);
  EXPECT_EQ(Reconcile(12, 2, kSpare, 1), Apply(2, KpaMode::kServe));
  EXPECT_EQ(activation_.phase(), KpaPhase::kActive);
  EXPECT_EQ(activation_.phase_since(), S(12));
}

}  // namespace
}  // namespace reeve
