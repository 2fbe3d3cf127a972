#include "agents/adapt/detection_score.h"

#include <gtest/gtest.h>

#include <cmath>

namespace reeve {
namespace {

SimTime S(int64_t s) {
  return SimTime::Seconds(s);
}

// 0        1000     2000     3000     4000      5000
// |  10    |   20   |   10   |   30   |   20    |
//      ^500 id 1, ^600 id 0: a false alarm and its end
//            ^1060 id 2     the shift, after 60 s
//               ^1400 id 3, ^1410 id 2: two more false alarms
//                     ^2100 id 0: after 100 s, recognised
//                              ^3900 id 4: too late: a false alarm, the shift is missed
//                                         ^4200 id 5: after 200 s, not recognised
const std::vector<EnvironmentSpan> kTruth = {
    {S(0), 10}, {S(1000), 20}, {S(2000), 10}, {S(3000), 30}, {S(4000), 20}};
const std::vector<EnvironmentSpan> kDetected = {{S(0), 0},    {S(500), 1},  {S(600), 0},
                                                {S(1060), 2}, {S(1400), 3}, {S(1410), 2},
                                                {S(2100), 0}, {S(3900), 4}, {S(4200), 5}};

TEST(DetectionScore, ATimelineByHand) {
  const DetectionScore score = ScoreDetections(kTruth, kDetected, S(5000), S(300));
  ASSERT_EQ(score.shifts.size(), 4u);
  EXPECT_TRUE(score.shifts[0].detected);
  EXPECT_EQ(score.shifts[0].delay_s, 60);
  EXPECT_FALSE(score.shifts[0].returned);
  EXPECT_EQ(score.shifts[1].delay_s, 100);
  EXPECT_TRUE(score.shifts[1].recognised);
  EXPECT_FALSE(score.shifts[2].detected);
  EXPECT_EQ(score.shifts[3].delay_s, 200);
  EXPECT_TRUE(score.shifts[3].returned);
  EXPECT_FALSE(score.shifts[3].recognised);
  EXPECT_EQ(score.shifts[3].before, 30);
  EXPECT_EQ(score.shifts[3].after, 20);
  EXPECT_EQ(score.changes, 8);
  EXPECT_EQ(score.false_alarms, 5);
  EXPECT_DOUBLE_EQ(score.precision(), 3.0 / 8);
  EXPECT_DOUBLE_EQ(score.recall(), 3.0 / 4);
  EXPECT_DOUBLE_EQ(score.f1(), 6.0 / 12);
  EXPECT_DOUBLE_EQ(score.mean_delay_s(), 120);
  EXPECT_DOUBLE_EQ(score.recognised_share(), 0.5);
  EXPECT_DOUBLE_EQ(score.false_alarms_per_day(), 5 / (5000 / 86'400.0));
  EXPECT_EQ(score.environments, 3);
  EXPECT_EQ(score.opened, 6);
  // id 0 stands for 10: 0-500, 600-1000, 2100-3000 (not 1000-1060, 3000-3900); 1 for 10: 100 s;
  // 2 for 20: 340 + 590 (not 2000-2100); 3 for 20: 10; 4 for 20: 4000-4200 (not 3900-4000);
  // 5 for 20: 800.
  EXPECT_DOUBLE_EQ(score.agreement, (1800 + 100 + 930 + 10 + 200 + 800) / 5000.0);
}

TEST(DetectionScore, OneWhoNeverChangesHasMissedAllAndRaisedNothing) {
  const DetectionScore score =
      ScoreDetections(kTruth, std::vector<EnvironmentSpan>{{S(0), 0}}, S(5000), S(300));
  EXPECT_TRUE(std::isnan(score.precision()));
  EXPECT_EQ(score.recall(), 0);
  EXPECT_EQ(score.f1(), 0);
  EXPECT_EQ(score.false_alarms, 0);
  EXPECT_EQ(score.recognised_share(), 0);  // the same id, but no shift was seen
  EXPECT_TRUE(std::isnan(score.mean_delay_s()));
  EXPECT_DOUBLE_EQ(score.agreement, 0.4);
}

TEST(DetectionScore, WithoutShiftsEveryChangeIsAFalseAlarm) {
  const DetectionScore score =
      ScoreDetections(std::vector<EnvironmentSpan>{{S(0), 1}}, kDetected, S(43'200), S(300));
  EXPECT_EQ(score.false_alarms, 8);
  EXPECT_DOUBLE_EQ(score.false_alarms_per_day(), 16);
  EXPECT_TRUE(std::isnan(score.recall()));
  EXPECT_EQ(score.f1(), 0);
}

TEST(DetectionScore, TheTruthItselfIsPerfectAtItsFirstChance) {
  std::vector<EnvironmentSpan> late = kTruth;
  for (size_t i = 1; i < late.size(); ++i) late[i].from += SimTime::Seconds(5);
  const DetectionScore score = ScoreDetections(kTruth, late, S(5000), S(300));
  EXPECT_EQ(score.f1(), 1);
  EXPECT_EQ(score.mean_delay_s(), 5);
  EXPECT_EQ(score.recognised_share(), 1);
  EXPECT_EQ(score.opened, 3);
}

TEST(DetectionScore, AChangeAtTheMomentItselfOrPastTheNextShiftIsNotItsDetection) {
  const std::vector<EnvironmentSpan> truth = {{S(0), 1}, {S(100), 2}, {S(200), 3}};
  const DetectionScore score = ScoreDetections(
      truth, std::vector<EnvironmentSpan>{{S(0), 0}, {S(100), 1}, {S(200), 2}}, S(400), S(300));
  EXPECT_EQ(score.detected(), 0);
  EXPECT_EQ(score.false_alarms, 2);
}

}  // namespace
}  // namespace reeve
