#include "traces/environments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/status.h"
#include "tests/traces/trace_testing.h"

namespace reeve {
namespace {

using testing::HasSubstr;

SimTime M(int64_t minutes) {
  return SimTime::Minutes(minutes);
}

EnvironmentScheduleSpec Spec() {
  EnvironmentScheduleSpec spec;
  spec.environments = {{.label = "usual"},
                       {.label = "busy", .rate = 2.5},
                       {.label = "mix", .exchange = 1},
                       {.label = "slow", .duration = 3}};
  spec.min_stay = M(2);
  spec.max_stay = M(5);
  return spec;
}

// Functions with 10 (f + 1) invocations a second, 20 ms each by the trace, 1000 (f + 1) ms by
// their distribution.
Trace Timed(uint32_t functions, int seconds) {
  TraceBuilder builder;
  for (uint32_t f = 0; f < functions; ++f) {
    const FunctionId id = AddTestFunction(builder, "f" + std::to_string(f));
    builder.function(id).duration_ms = Distribution::Constant(1000.0 * (f + 1));
    for (int i = 0; i < seconds * 10 * static_cast<int>(f + 1); ++i) {
      builder.AddInvocation({i * 100'000ll / (f + 1), 20'000, f, 0});
    }
  }
  builder.set_minimum_duration(SimTime::Seconds(seconds));
  return *builder.Build();
}

TEST(DrawVisits, ComesHomeBetweenAnyTwo) {
  const EnvironmentScheduleSpec spec = Spec();
  const std::vector<EnvironmentVisit> visits = DrawVisits(spec, M(600), 7);
  std::map<size_t, int> count;
  for (size_t i = 0; i < visits.size(); ++i) {
    ++count[visits[i].environment];
    EXPECT_EQ(visits[i].environment == 0, i % 2 == 0) << i;
    EXPECT_EQ(visits[i].from % M(1), SimTime());
    if (i > 0) {
      EXPECT_GE(visits[i].from - visits[i - 1].from, M(2));
      EXPECT_LE(visits[i].from - visits[i - 1].from, M(5));
    }
  }
  EXPECT_GE(M(600) - visits.back().from, M(2));
  // Dealt like cards: equally often, but for the last round.
  EXPECT_LE(std::abs(count[1] - count[2]), 1);
  EXPECT_LE(std::abs(count[1] - count[3]), 1);
  EXPECT_GT(count[1], 20);
}

TEST(DrawVisits, WithoutAHomeNoneFollowsItself) {
  EnvironmentScheduleSpec spec = Spec();
  spec.home = false;
  const std::vector<EnvironmentVisit> visits = DrawVisits(spec, M(2000), 1);
  for (size_t i = 1; i < visits.size(); ++i) {
    EXPECT_NE(visits[i].environment, visits[i - 1].environment) << i;
  }
}

TEST(DrawVisits, FollowsFromTheSeedAndALongerRunBeginsAlike) {
  const EnvironmentScheduleSpec spec = Spec();
  const std::vector<EnvironmentVisit> longer = DrawVisits(spec, M(300), 7);
  std::vector<EnvironmentVisit> shorter = DrawVisits(spec, M(100), 7);
  EXPECT_LT(shorter.size(), longer.size());
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
  EXPECT_NE(longer, DrawVisits(spec, M(300), 8));
}

TEST(ApplyEnvironments, TheUsualIsTheTraceItself) {
  const Trace trace = Timed(3, 120);
  EXPECT_TRUE(SameTrace(*ApplyEnvironments(trace, Spec(), {{SimTime(), 0}}, 1), trace));
}

// Invocations and total milliseconds of each function in [from, to) minutes.
std::pair<std::vector<double>, std::vector<double>> CountsIn(const Trace& trace, int from, int to) {
  std::vector<double> counts(trace.functions().size()), ms(trace.functions().size());
  for (const TimedInvocation& i : trace.invocations()) {
    if (i.start_us < M(from).micros() || i.start_us >= M(to).micros()) continue;
    ++counts[i.function];
    ms[i.function] += static_cast<double>(i.duration_us) / 1000;
  }
  return {counts, ms};
}

TEST(ApplyEnvironments, EachVisitIsItsEnvironment) {
  const Trace trace = Timed(3, 600);
  const Trace changed = *ApplyEnvironments(
      trace, Spec(), {{SimTime(), 0}, {M(2), 1}, {M(4), 3}, {M(6), 2}, {M(8), 2}}, 1);
  EXPECT_EQ(changed.duration(), trace.duration());
  const auto [busy, busy_ms] = CountsIn(changed, 2, 4);
  for (size_t f = 0; f < 3; ++f) {
    const double usual = 1200.0 * static_cast<double>(f + 1);
    // Each invocation twice or three times, half and half: five deviations of sqrt(n) / 2.
    EXPECT_NEAR(busy[f], 2.5 * usual, 2.5 * std::sqrt(usual));
    EXPECT_NEAR(busy_ms[f] / busy[f], 20, 1e-9);
  }
  const auto [slow, slow_ms] = CountsIn(changed, 4, 6);
  EXPECT_EQ(slow, (std::vector<double>{1200, 2400, 3600}));
  EXPECT_NEAR(slow_ms[1] / slow[1], 60, 1e-9);
  // All three exchange: nobody keeps what it had, the sum stays, and a function that has another's
  // load takes as long as it does by its own distribution.
  const auto [mix, mix_ms] = CountsIn(changed, 6, 8);
  EXPECT_EQ(mix[0] + mix[1] + mix[2], 7200);
  for (size_t f = 0; f < 3; ++f) {
    EXPECT_NE(mix[f], 1200.0 * static_cast<double>(f + 1));
    EXPECT_NEAR(mix_ms[f] / mix[f], 1000.0 * static_cast<double>(f + 1), 1e-6);
  }
  EXPECT_EQ(CountsIn(changed, 8, 10).first, mix);  // a return is the same
}

TEST(ApplyEnvironments, CountsPerMinuteAreRefused) {
  TraceBuilder builder;
  AddTestFunction(builder, "f");
  builder.AddCount(0, FunctionId(0), 5);
  EXPECT_THAT(MessageOf(ApplyEnvironments(*builder.Build(), Spec(), {{SimTime(), 0}}, 1).status()),
              HasSubstr("time of each request"));
}

TEST(EnvironmentScheduleSpec, IsChecked) {
  EnvironmentScheduleSpec spec = Spec();
  EXPECT_TRUE(spec.Validate().ok());
  spec.max_stay = SimTime::Seconds(90);
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("whole minutes"));
  spec = Spec();
  spec.environments[2].label = "busy";
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("two are labelled 'busy'"));
  spec.environments.resize(1);
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("at least two"));
}

}  // namespace
}  // namespace reeve
