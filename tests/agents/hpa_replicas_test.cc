// Numbers of kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator_test.go where
// the test says so, else worked by hand.
#include "agents/rules/hpa_replicas.h"

#include <gtest/gtest.h>

#include <limits>

namespace reeve {
namespace {

constexpr HpaTolerance kTenth{};

// Percent of a core.
std::optional<int32_t> Cpu(double total_cores, int32_t measured, double target, int32_t current,
                           int32_t missing = 0, int32_t unready = 0) {
  return HpaReplicas({.total = total_cores,
                      .measured = measured,
                      .missing = missing,
                      .unready = unready,
                      .request = 1},
                     target, kTenth, current);
}
// An amount.
std::optional<int32_t> Plain(double total, int32_t measured, double target, int32_t current,
                             int32_t missing = 0, int32_t unready = 0) {
  return HpaReplicas({.total = total, .measured = measured, .missing = missing, .unready = unready},
                     target, kTenth, current);
}

TEST(HpaReplicas, UpstreamUtilization) {
  EXPECT_EQ(Cpu(0.3 + 0.5 + 0.7, 3, 30, 3), 5);                // ScaleUp
  EXPECT_EQ(Cpu(0.5 + 0.7, 2, 30, 3, 0, 1), 4);                // ScaleUpUnreadyLessScale
  EXPECT_EQ(Cpu(0.4, 1, 30, 3, 0, 2), 3);                      // ScaleUpUnreadyNoScale
  EXPECT_EQ(Cpu(0.1 + 0.3 + 0.5 + 0.25 + 0.25, 5, 50, 5), 3);  // ScaleDown
  EXPECT_EQ(Cpu(1, 1, 100, 2, 1), 2);                          // MissingMetricsNoChangeEq
  EXPECT_EQ(Cpu(1.9, 1, 100, 2, 1), 2);                        // MissingMetricsNoChangeGt
  EXPECT_EQ(Cpu(0.6, 1, 100, 2, 1), 2);                        // MissingMetricsNoChangeLt
  EXPECT_EQ(Cpu(0.45, 1, 50, 3, 1, 1), 3);                     // MissingMetricsUnreadyNoChange
  EXPECT_EQ(Cpu(2, 1, 50, 3, 1, 1), 4);                        // MissingMetricsUnreadyScaleUp
  EXPECT_EQ(Cpu(0.1 + 0.1, 2, 50, 4, 1, 1), 3);                // MissingMetricsUnreadyScaleDown
}

TEST(HpaReplicas, UpstreamAmounts) {
  EXPECT_EQ(Plain(20 + 10 + 30, 3, 15, 3), 4);            // ScaleUpCM
  EXPECT_EQ(Plain(12 + 12 + 12 + 12 + 12, 5, 20, 5), 3);  // ScaleDownCM
  EXPECT_EQ(Plain(20 + 21 + 21, 3, 20.666, 3), 3);        // ToleranceCM
}

TEST(HpaReplicas, UtilizationIsCutToWholePercents) {
  // 109.9 % counts as 109, not above 110.
  EXPECT_EQ(Cpu(1.099 * 2, 2, 99, 2), 3);  // 109 / 99 = 1.101
  EXPECT_EQ(Cpu(1.089 * 2, 2, 99, 2), 2);  // 108 / 99 = 1.091
}

TEST(HpaReplicas, TheToleranceHasTwoSides) {
  EXPECT_EQ(HpaReplicas({.total = 12, .measured = 10}, 1, {.up = 0.2, .down = 0.1}, 10), 10);
  EXPECT_EQ(HpaReplicas({.total = 12.5, .measured = 10}, 1, {.up = 0.2, .down = 0.1}, 10), 13);
  EXPECT_EQ(HpaReplicas({.total = 8.5, .measured = 10}, 1, {.up = 0.1, .down = 0.2}, 10), 10);
  EXPECT_EQ(HpaReplicas({.total = 8.5, .measured = 10}, 1, {.up = 0.2, .down = 0.1}, 10), 9);
}

TEST(HpaReplicas, MissingPodsAtAHighTargetCountAsTheTarget) {
  // 4 pods at 100 %, two missing ones at 150 %: 700 / 6 = 116 %; 6 * 116 / 150 = 4.64.
  EXPECT_EQ(Cpu(4, 4, 150, 7, 2), 5);
}

TEST(HpaReplicas, UnreadyPodsDoNotMatterOnTheWayDown) {
  EXPECT_EQ(Plain(4, 4, 2, 8, 0, 4), 2);
}

TEST(HpaReplicas, MissingPodsOfAnAmountCountAtTheTarget) {
  EXPECT_EQ(Plain(3, 3, 1, 4, 1), 3);  // 3 / 4 = 0.75; of utilisation they would be left out
  EXPECT_EQ(Cpu(3, 3, 100, 4, 1), 4);
}

TEST(HpaReplicas, NothingMeasured) {
  EXPECT_EQ(Plain(5, 0, 1, 3), std::nullopt);
  EXPECT_EQ(HpaReplicas({.total = 1, .measured = 1, .request = 1e-9}, 80, kTenth, 1), std::nullopt);
}

TEST(HpaReplicas, HugeLoadsDoNotOverflow) {
  EXPECT_EQ(Plain(1e30, 1, 0.001, 1), std::numeric_limits<int32_t>::max());
}

TEST(HpaReplicas, UpstreamExternalPerPod) {
  EXPECT_EQ(HpaExternalReplicas(8.6, 2.15, kTenth, 3), 4);   // ScaleUpPerPodCMExternal
  EXPECT_EQ(HpaExternalReplicas(8.6, 2.867, kTenth, 5), 3);  // ScaleDownPerPodCMExternal
  EXPECT_EQ(HpaExternalReplicas(8.6, 2.8, kTenth, 3), 3);    // 1.02
  EXPECT_EQ(HpaExternalReplicas(0, 2.8, kTenth, 3), 0);
}

}  // namespace
}  // namespace reeve
