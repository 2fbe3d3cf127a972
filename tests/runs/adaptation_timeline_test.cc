#include "runs/adaptation_timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace reeve {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

constexpr SimTime kMinute = SimTime::Minutes(1);

AdaptationPeriod Minute(int64_t number, int64_t truth, double reward = 0, double engaged = 0,
                        int64_t detected = -1) {
  return {.start = kMinute * number,
          .end = kMinute * (number + 1),
          .truth = truth,
          .detected = detected,
          .expert = detected,
          .exploring = 0,
          .engaged = engaged,
          .reward = reward,
          .cost = 2};
}

// Ten minutes of A, ten of B, ten of A; settling takes two.
AdaptationRecord ThreeVisits() {
  AdaptationTimeline timeline(SimTime::Minutes(5), SimTime::Minutes(2));
  for (int64_t m = 0; m < 30; ++m) {
    const int64_t truth = m < 10 || m >= 20 ? 0 : 1;
    const bool settling = m % 10 < 2;
    const double reward = settling ? (m < 20 ? -5 : -1) : -1;  // the return settles at once
    timeline.AddRequest({1000 * (m + 1), 29'500, m == 3});
    timeline.EndPeriod(Minute(m, truth, reward, m < 3 ? 0.5 : 0, m < 11 ? 7 : m < 21 ? 9 : 7));
  }
  AdaptationRecord record = timeline.Finish(SimTime::Minutes(3));
  record.labels = {"A", "B"};
  return record;
}

TEST(AdaptationTimelineTest, VisitsAreFirstOrReturns) {
  const AdaptationRecord record = ThreeVisits();
  ASSERT_EQ(record.visits.size(), 3u);
  EXPECT_TRUE(record.visits[0].first && record.visits[1].first);
  EXPECT_FALSE(record.visits[2].first);
  EXPECT_EQ(record.visits[1].from, SimTime::Minutes(10));
  EXPECT_EQ(record.visits[1].to, SimTime::Minutes(20));
  EXPECT_EQ(record.first_visits.requests, 20u);
  EXPECT_EQ(record.returns.requests, 10u);
  EXPECT_EQ(record.whole.requests, 30u);
  EXPECT_EQ(record.whole.violations, 2u);  // one failed, one took 30 ms
  EXPECT_DOUBLE_EQ(record.whole.violation_share, 2.0 / 30);
}

TEST(AdaptationTimelineTest, FiguresAreSumsAndMeans) {
  const AdaptationRecord record = ThreeVisits();
  EXPECT_DOUBLE_EQ(record.whole.cost, 60);
  EXPECT_DOUBLE_EQ(record.cost_per_hour(), 120);  // 60 in half an hour
  // Four minutes at -5, 26 at -1.
  EXPECT_DOUBLE_EQ(record.whole.reward, -46.0 / 30);
  EXPECT_DOUBLE_EQ(record.whole.engaged_share, 1.5 / 30);
  EXPECT_DOUBLE_EQ(record.returns.engaged_share, 0);
  // Latencies 1..30 ms: of 28.5 requests the last is that of 29; buckets are at most 0.8 % wide.
  EXPECT_NEAR(record.whole.latency_p95_ms, 29, 0.25);
  EXPECT_NEAR(record.whole.latency_mean_ms, 15.5, 1e-9);
  EXPECT_NEAR(record.whole.over_slo_p99, 30 / 29.5, 0.01);
}

TEST(AdaptationTimelineTest, SettlingIsComparedWithTheRestOfAVisit) {
  const AdaptationRecord record = ThreeVisits();
  EXPECT_DOUBLE_EQ(record.first_settling_gap(), -4);
  EXPECT_DOUBLE_EQ(record.return_settling_gap(), 0);
}

TEST(AdaptationTimelineTest, RowsAreIntervals) {
  const AdaptationRecord record = ThreeVisits();
  ASSERT_EQ(record.rows.size(), 6u);
  EXPECT_EQ(record.rows[1].from, SimTime::Minutes(5));
  EXPECT_EQ(record.rows[1].figures.requests, 5u);
  EXPECT_EQ(record.rows[2].truth, 1);
  EXPECT_EQ(record.rows[2].detected, 9);
}

// Shifts at 10 and 20 min; changes seen a minute later each: delay 60 s, nothing false.
TEST(AdaptationTimelineTest, TheDetectorIsScored) {
  const AdaptationRecord record = ThreeVisits();
  ASSERT_TRUE(record.detects);
  EXPECT_EQ(record.detection.shifts.size(), 2u);
  EXPECT_DOUBLE_EQ(record.detection.f1(), 1);
  EXPECT_THAT(record.detection.mean_delay_s(), DoubleNear(60, 1e-9));
  EXPECT_EQ(record.detection.recognised(), 1);
}

TEST(AdaptationTimelineTest, PeriodsLongerThanAnIntervalAndRunsWithoutRequests) {
  AdaptationTimeline timeline(SimTime::Seconds(10), kMinute);
  timeline.EndPeriod(Minute(0, 0));
  timeline.EndPeriod(Minute(1, 0));
  const AdaptationRecord record = timeline.Finish(kMinute);
  EXPECT_EQ(record.rows.size(), 2u);
  EXPECT_TRUE(std::isnan(record.whole.latency_p99_ms));
  EXPECT_FALSE(record.detects);
  EXPECT_TRUE(std::isnan(record.return_settling_gap()));
  EXPECT_TRUE(AdaptationToJson(record, false)["whole"]["latency_p99_ms"].is_null());
}

TEST(AdaptationTimelineTest, AsJsonAndTables) {
  const AdaptationRecord record = ThreeVisits();
  const nlohmann::ordered_json json = AdaptationToJson(record, true);
  EXPECT_EQ(json["format"], "reeve-adaptation");
  EXPECT_EQ(json["rows"]["truth"], (std::vector<int>{0, 0, 1, 1, 0, 0}));
  EXPECT_EQ(json["visits"].size(), 3u);
  EXPECT_FALSE(AdaptationToJson(record, false).contains("rows"));
  EXPECT_EQ(TimelineTable(record).rows().size(), 6u);
  const Table visits = VisitsTable(record);
  EXPECT_EQ(visits.rows()[2][0].shown, "0:20");
  EXPECT_EQ(visits.rows()[2][2].shown, "A");
  EXPECT_EQ(visits.rows()[2][3].shown, "return");
}

}  // namespace
}  // namespace reeve
