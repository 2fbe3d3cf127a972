#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/traces/trace_testing.h"
#include "traces/published.h"
#include "traces/trace_stats.h"

namespace reeve {
namespace {

double ValueOf(const std::vector<StatRow>& rows, const std::string& key) {
  const auto row =
      std::find_if(rows.begin(), rows.end(), [&](const StatRow& r) { return r.key == key; });
  EXPECT_NE(row, rows.end()) << key;
  return row == rows.end() ? NAN : row->value;
}

// Type 7 of R and numpy: numpy.quantile([1, 2, 4, 8], .4) = 2.4.
TEST(QuantileOfSorted, InterpolatesBetweenOrderStatistics) {
  const std::vector<double> values = {1, 2, 4, 8};
  EXPECT_DOUBLE_EQ(QuantileOfSorted(values, 0), 1);
  EXPECT_DOUBLE_EQ(QuantileOfSorted(values, 0.5), 3);
  EXPECT_DOUBLE_EQ(QuantileOfSorted(values, 0.4), 2.4);
  EXPECT_DOUBLE_EQ(QuantileOfSorted(values, 1), 8);
  EXPECT_DOUBLE_EQ(QuantileOfSorted({5}, 0.3), 5);
}

// Two days; application a has functions a1, a2 with 10 + 20 invocations, b has 60, c has none.
Trace TwoDays() {
  TraceBuilder builder;
  const FunctionId a1 = AddTestFunction(builder, "a1", "a", "x", Trigger::kHttp);
  const FunctionId a2 = AddTestFunction(builder, "a2", "a", "x", Trigger::kTimer);
  const FunctionId b = AddTestFunction(builder, "b", "b", "y", Trigger::kQueue);
  const FunctionId c = AddTestFunction(builder, "c", "c", "y", Trigger::kQueue);
  builder.function(a1).duration_ms = Distribution::Constant(500);
  builder.function(a2).duration_ms = Distribution::Constant(2000);
  builder.function(b).duration_ms = Distribution::Constant(90000);
  builder.function(c).duration_known = false;
  builder.function(a2).memory = Mebibytes(300);
  builder.function(b).memory = Mebibytes(0);
  builder.AddCount(0, a1, 10);
  builder.AddCount(0, a2, 20);
  builder.AddCount(2, b, 60);
  builder.set_minimum_duration(SimTime::Hours(48));
  return *builder.Build();
}

TEST(TraceStats, CountsOfASmallTraceWorkedByHand) {
  const TraceStats s = ComputeTraceStats(TwoDays());
  EXPECT_EQ(s.functions, 4u);
  EXPECT_EQ(s.functions_invoked, 3u);
  EXPECT_EQ(s.apps, 3u);
  EXPECT_EQ(s.apps_invoked, 2u);
  EXPECT_EQ(s.tenants, 2u);
  EXPECT_EQ(s.minutes, 2880);
  EXPECT_EQ(s.invocations, 90u);
  EXPECT_EQ(s.peak_minute, 60u);
  // Per day: a 15, b 30; a1 5, a2 10, b 30.
  EXPECT_DOUBLE_EQ(s.app_per_day[0], 15);
  EXPECT_DOUBLE_EQ(s.app_per_day[2], 22.5);
  EXPECT_DOUBLE_EQ(s.app_per_day[7], 30);
  EXPECT_DOUBLE_EQ(s.function_per_day[2], 10);
  EXPECT_DOUBLE_EQ(s.share_of_top_1, 30. / 45);  // at least one application
  EXPECT_DOUBLE_EQ(s.apps_at_most_one_per_hour, 0.5);
  EXPECT_DOUBLE_EQ(s.apps_at_most_one_per_minute, 1);
  EXPECT_DOUBLE_EQ(s.apps_with_one_function, 2. / 3);
  EXPECT_DOUBLE_EQ(s.trigger_of_functions[static_cast<int>(Trigger::kQueue)], 0.5);
  EXPECT_DOUBLE_EQ(s.trigger_of_invocations[static_cast<int>(Trigger::kTimer)], 20. / 90);
  EXPECT_EQ(s.functions_with_duration, 3u);
  EXPECT_DOUBLE_EQ(s.execution_mean_s[2], 2);
  EXPECT_DOUBLE_EQ(s.execution_below_1s, 1. / 3);
  EXPECT_DOUBLE_EQ(s.execution_below_60s, 2. / 3);
  EXPECT_DOUBLE_EQ(s.memory_mib[7], 300);  // of a, its larger function's
  EXPECT_DOUBLE_EQ(s.memory_mib[0], 128);  // of c; b's is unknown
}

// A timer has CV 0. Ten invocations in one minute and ten an hour later: gaps are 18 of 6 s and one
// of about an hour, so the CV is far above 1.
TEST(TraceStats, VariationOfInterArrivalTimes) {
  TraceBuilder builder;
  const FunctionId timer = AddTestFunction(builder, "timer", "a");
  const FunctionId burst = AddTestFunction(builder, "burst", "b");
  const FunctionId rare = AddTestFunction(builder, "rare", "c");
  for (int m = 0; m < 120; m += 5) builder.AddCount(m, timer, 1);
  builder.AddCount(0, burst, 10);
  builder.AddCount(60, burst, 10);
  builder.AddCount(0, rare, 2);
  const TraceStats s = ComputeTraceStats(*builder.Build());
  EXPECT_EQ(s.apps_with_cv, 2u);
  EXPECT_DOUBLE_EQ(s.apps_with_cv_above_1, 0.5);
}

// Gaps of the timed form, in seconds: nine of 1 and one of x have mean (9 + x) / 10 and second
// moment (9 + x^2) / 10. The CV is above 1 when the second moment is above twice the squared mean:
// 8 x^2 - 36 x - 72 > 0, that is x > 6.
TEST(TraceStats, VariationOfTimedInvocationsTurnsWhereItShould) {
  for (const auto& [x, above] : {std::pair{5.9, 0.0}, std::pair{6.1, 1.0}}) {
    TraceBuilder builder;
    AddTestFunction(builder, "f");
    for (int i = 0; i < 10; ++i) builder.AddInvocation({i * 1'000'000, 1, 0, 0});
    builder.AddInvocation({9'000'000 + static_cast<int64_t>(x * 1e6), 1, 0, 0});
    EXPECT_EQ(ComputeTraceStats(*builder.Build()).apps_with_cv_above_1, above) << x;
  }
}

TEST(TraceStats, BothFormsOfOneWorkloadAgree) {
  TraceBuilder counts, timed;
  AddTestFunction(counts, "f");
  AddTestFunction(timed, "f");
  for (int m = 0; m < 30; ++m) {
    counts.AddCount(m, FunctionId(0), 2);
    // Where evenly spaced arrivals of a minute lie: at a quarter and at three quarters.
    timed.AddInvocation({m * 60'000'000ll + 15'000'000, 1, 0, 0});
    timed.AddInvocation({m * 60'000'000ll + 45'000'000, 1, 0, 0});
  }
  timed.set_minimum_duration(SimTime::Minutes(30));
  const TraceStats a = ComputeTraceStats(*counts.Build()), b = ComputeTraceStats(*timed.Build());
  EXPECT_EQ(a.invocations, b.invocations);
  EXPECT_EQ(a.peak_minute, b.peak_minute);
  EXPECT_DOUBLE_EQ(a.app_per_day[2], 2 * 1440);
  EXPECT_DOUBLE_EQ(b.app_per_day[2], 2 * 1440);
  EXPECT_EQ(a.apps_with_cv_above_1, b.apps_with_cv_above_1);
}

TEST(TraceStats, AnEmptyTraceHasNumbersToo) {
  const std::vector<StatRow> rows = DescribeStats(ComputeTraceStats(Trace()));
  for (const StatRow& row : rows) EXPECT_TRUE(std::isfinite(row.value)) << row.key;
  EXPECT_EQ(ValueOf(rows, "invocations"), 0);
}

TEST(TraceStats, RowsHaveUniqueKeysAndThePublishedNumbers) {
  const std::vector<StatRow> rows = DescribeStats(ComputeTraceStats(TwoDays()));
  std::vector<std::string> keys;
  for (const StatRow& row : rows) keys.push_back(row.key);
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
  for (const StatRow& row : rows) {
    if (row.key == "app_per_day_p99") {
      EXPECT_EQ(row.published, 493984);
    }
    if (row.key == "functions_timer") {
      EXPECT_EQ(row.published, 0.156);
    }
    // The median of lognormal(-0.38, 2.36) is exp(-0.38).
    if (row.key == "execution_mean_s_p50") {
      EXPECT_NEAR(*row.published, 0.68386, 1e-5);
    }
  }
}

// The published constants against the day they describe: 17,577 applications and their invocations.
TEST(Published, NumbersOfTheAzureDayFollowFromItsData) {
  const char* shared = std::getenv("REEVE_SHARED");
  const std::string path = std::string(shared != nullptr ? shared : REEVE_SHARED_DEFAULT) +
                           "/traces/azure2019-100apps-day-knative/all_apps_invocations_per_day.csv";
  std::ifstream file(path);
  if (!file) GTEST_SKIP() << path << " is not there";
  TraceBuilder builder;
  std::string line;
  std::getline(file, line);
  // Each day's count in a few minutes, so that it fits; the per-day statistics do not mind.
  while (std::getline(file, line)) {
    const size_t comma = line.find(',');
    const FunctionId f = AddTestFunction(builder, line.substr(0, comma), line.substr(0, comma));
    builder.AddCount(0, f, static_cast<uint32_t>(std::stoul(line.substr(comma + 1))));
  }
  builder.set_minimum_duration(SimTime::Hours(24));
  const TraceStats s = ComputeTraceStats(*builder.Build());
  using namespace published::azure2019_day;
  EXPECT_EQ(static_cast<double>(s.apps), kApps);
  EXPECT_EQ(static_cast<double>(s.invocations), kInvocations);
  for (const auto& [p, value] : kAppPerDay) {
    const auto at = std::find(kStatsProbabilities.begin(), kStatsProbabilities.end(), p);
    EXPECT_NEAR(s.app_per_day[at - kStatsProbabilities.begin()], value, 0.5) << p;
  }
  EXPECT_NEAR(s.share_of_top_1, kShareOfTop1Percent, 0.0005);
  EXPECT_NEAR(s.share_of_top_18_6, kShareOfTop18Point6Percent, 0.0005);
  EXPECT_NEAR(s.apps_at_most_one_per_minute, kAppsAtMostOnePerMinute, 0.001);
  EXPECT_NEAR(s.apps_at_most_one_per_hour, kAppsAtMostOnePerHour, 0.001);
}

}  // namespace
}  // namespace reeve
