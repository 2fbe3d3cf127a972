#include "traces/trace_edit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/status.h"
#include "tests/traces/trace_testing.h"

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> NamesOf(const Trace& trace) {
  std::vector<std::string> names;
  for (const FunctionProfile& f : trace.functions()) names.push_back(f.name);
  return names;
}

// Four functions of two tenants for ten minutes: f is invoked 10 + minute times a minute.
Trace Counts() {
  TraceBuilder builder;
  AddTestFunction(builder, "a", "app1", "x", Trigger::kHttp);
  AddTestFunction(builder, "b", "app1", "x", Trigger::kTimer);
  AddTestFunction(builder, "c", "app2", "y", Trigger::kHttp);
  AddTestFunction(builder, "d", "app3", "y", Trigger::kQueue);
  for (int m = 0; m < 10; ++m) {
    for (uint32_t f = 0; f < 4; ++f) builder.AddCount(m, FunctionId(f), 10 + m);
  }
  builder.set_first_minute(480);
  return *builder.Build();
}

Trace Timed(int n) {
  TraceBuilder builder;
  AddTestFunction(builder, "a", "app1");
  AddTestFunction(builder, "b", "app2");
  for (int i = 0; i < n; ++i) {
    builder.AddInvocation({i * 1'000'000ll, 5000 + i, static_cast<uint32_t>(i % 2), 0});
  }
  builder.set_minimum_duration(SimTime::Seconds(n));
  return *builder.Build();
}

TEST(Slice, NothingAskedChangesNothing) {
  EXPECT_TRUE(SameTrace(*SliceTrace(Counts(), {}), Counts()));
  EXPECT_TRUE(SameTrace(*SliceTrace(Timed(20), {}), Timed(20)));
}

TEST(Slice, CutsTime) {
  const auto slice = SliceTrace(Counts(), {.from = SimTime::Minutes(3), .to = SimTime::Minutes(5)});
  ASSERT_TRUE(slice.ok()) << slice.status();
  EXPECT_EQ(slice->minutes(), 2);
  EXPECT_EQ(slice->first_minute(), 483);
  EXPECT_EQ(CountAt(*slice, 0, 0), 13u);
  EXPECT_EQ(slice->total_invocations(), 4u * (13 + 14));
  EXPECT_EQ(SliceTrace(Counts(), {.from = SimTime::Minutes(8)})->minutes(), 2);

  const auto timed =
      SliceTrace(Timed(20), {.from = SimTime::Millis(2500), .to = SimTime::Seconds(6)});
  ASSERT_EQ(timed->invocations().size(), 3u);  // of 3, 4 and 5 s
  EXPECT_EQ(timed->invocations()[0].start_us, 500'000);
  EXPECT_EQ(timed->invocations()[0].duration_us, 5003);
  EXPECT_EQ(timed->duration(), SimTime::Millis(3500));
}

TEST(Slice, ChoosesFunctionsAndDropsWhatIsNotUsed) {
  const auto http = SliceTrace(Counts(), {.triggers = {Trigger::kHttp}});
  EXPECT_THAT(NamesOf(*http), ElementsAre("a", "c"));
  const auto y = SliceTrace(Counts(), {.tenants = {"y"}});
  EXPECT_THAT(NamesOf(*y), ElementsAre("c", "d"));
  EXPECT_THAT(y->tenants(), ElementsAre("y"));
  EXPECT_THAT(y->apps(), ElementsAre("app2", "app3"));
  EXPECT_EQ(y->functions()[1].app, AppId(1));
  EXPECT_EQ(CountAt(*y, 9, 1), 19u);
  EXPECT_THAT(NamesOf(*SliceTrace(Counts(), {.functions = {"d", "a"}})), ElementsAre("a", "d"));
  EXPECT_THAT(NamesOf(*SliceTrace(Counts(), {.apps = {"app1"}})), ElementsAre("a", "b"));
  EXPECT_THAT(NamesOf(*SliceTrace(Counts(), {.triggers = {Trigger::kHttp}, .first = 1})),
              ElementsAre("a"));
  EXPECT_THAT(NamesOf(*SliceTrace(Counts(), {.tenants = {"y"}, .triggers = {Trigger::kHttp}})),
              ElementsAre("c"));
}

TEST(Slice, RandomSamplesNest) {
  TraceBuilder builder;
  for (int i = 0; i < 200; ++i) AddTestFunction(builder, fmt::format("f{}", i));
  const Trace trace = *builder.Build();
  const auto ten = NamesOf(*SliceTrace(trace, {.random = 10, .seed = 4}));
  const auto fifty = NamesOf(*SliceTrace(trace, {.random = 50, .seed = 4}));
  const auto other = NamesOf(*SliceTrace(trace, {.random = 10, .seed = 5}));
  EXPECT_EQ(ten.size(), 10u);
  EXPECT_EQ(fifty.size(), 50u);
  EXPECT_NE(ten, other);
  for (const std::string& name : ten) EXPECT_THAT(fifty, testing::Contains(name));
  EXPECT_EQ(NamesOf(*SliceTrace(trace, {.random = 500})).size(), 200u);
}

TEST(Slice, RefusesWhatCannotBe) {
  const auto error = [](const SliceOptions& options) {
    return MessageOf(SliceTrace(Counts(), options).status());
  };
  EXPECT_THAT(error({.from = SimTime::Minutes(10)}), HasSubstr("nothing lies between"));
  EXPECT_THAT(error({.from = SimTime::Minutes(4), .to = SimTime::Minutes(4)}),
              HasSubstr("nothing lies between"));
  EXPECT_THAT(error({.from = SimTime::Seconds(30)}), HasSubstr("whole minutes"));
  EXPECT_THAT(error({.apps = {"app7"}}), HasSubstr("no application 'app7' (did you mean 'app"));
  EXPECT_THAT(error({.triggers = {Trigger::kStorage}}), HasSubstr("no function"));
  EXPECT_THAT(error({.first = 0}), HasSubstr("no function"));
}

TEST(Scale, OneIsTheSame) {
  EXPECT_TRUE(SameTrace(*ScaleTrace(Counts(), {}), Counts()));
  EXPECT_TRUE(SameTrace(*ScaleTrace(Timed(20), {}), Timed(20)));
}

TEST(Scale, WholeFactorsAreExact) {
  const auto scaled = ScaleTrace(Counts(), {.rate = 178});
  for (int m = 0; m < 10; ++m) EXPECT_EQ(CountAt(*scaled, m, 2), 178u * (10 + m));
}

// 4,000 counts of 3, by 0.35: each becomes 1 or 2 with mean 1.05, variance 0.0475. The sum has mean
// 4200 and standard deviation sqrt(4000 * 0.0475) = 13.8.
TEST(Scale, RoundingIsUnbiased) {
  TraceBuilder builder;
  for (int f = 0; f < 4; ++f) AddTestFunction(builder, fmt::format("f{}", f));
  for (int m = 0; m < 1000; ++m) {
    for (uint32_t f = 0; f < 4; ++f) builder.AddCount(m, FunctionId(f), 3);
  }
  const Trace trace = *builder.Build();
  for (uint64_t seed : {1, 2, 3}) {
    const auto scaled = ScaleTrace(trace, {.rate = 0.35, .seed = seed});
    EXPECT_NEAR(static_cast<double>(scaled->total_invocations()), 4200, 4 * 13.8);
    EXPECT_EQ(scaled->minutes(), 1000);
    for (int m = 0; m < 1000; ++m) {
      EXPECT_GE(CountAt(*scaled, m, 1), 1u);
      EXPECT_LE(CountAt(*scaled, m, 1), 2u);
    }
  }
  EXPECT_FALSE(SameTrace(*ScaleTrace(trace, {.rate = 0.35, .seed = 1}),
                         *ScaleTrace(trace, {.rate = 0.35, .seed = 2})));
}

TEST(Scale, ScalingAndChoosingFunctionsMayBeExchanged) {
  const SliceOptions slice = {.functions = {"b", "d"}};
  const ScaleOptions scale = {.rate = 0.37, .seed = 9};
  EXPECT_TRUE(SameTrace(*ScaleTrace(*SliceTrace(Counts(), slice), scale),
                        *SliceTrace(*ScaleTrace(Counts(), scale), slice)));
}

TEST(Scale, ToATotal) {
  const auto scaled = ScaleTrace(Counts(), {.total_invocations = 100'000'000});
  // Forty counts, each rounded with a standard deviation of at most a half.
  EXPECT_NEAR(static_cast<double>(scaled->total_invocations()), 1e8, 4 * 0.5 * std::sqrt(40));
}

// 20,000 invocations kept with probability 0.3: 6,000 with standard deviation 64.8.
TEST(Scale, ThinsTimedInvocations) {
  const Trace trace = Timed(20000);
  const auto thinned = ScaleTrace(trace, {.rate = 0.3});
  EXPECT_NEAR(static_cast<double>(thinned->total_invocations()), 6000, 4 * 64.8);
  EXPECT_EQ(thinned->duration(), trace.duration());
  for (const TimedInvocation& i : thinned->invocations()) {
    EXPECT_EQ(i.duration_us, 5000 + i.start_us / 1'000'000);  // whole ones, unchanged
  }
}

// A hundred invocations at one instant are a hundred draws: half of them stay, give or take
// 4 * sqrt(100 / 4).
TEST(Scale, InvocationsAtOneInstantAreThinnedOneByOne) {
  TraceBuilder builder;
  AddTestFunction(builder, "f");
  for (int i = 0; i < 100; ++i) builder.AddInvocation({7, 1, 0, 0});
  const auto thinned = ScaleTrace(*builder.Build(), {.rate = 0.5});
  EXPECT_NEAR(static_cast<double>(thinned->total_invocations()), 50, 20);
}

TEST(Scale, RunsFaster) {
  const auto timed = ScaleTrace(Timed(20), {.speed = 4});
  EXPECT_EQ(timed->duration(), SimTime::Seconds(5));
  EXPECT_EQ(timed->invocations()[6].start_us, 1'500'000);
  EXPECT_EQ(timed->invocations()[6].duration_us, 5006);
  const auto counts = ScaleTrace(Counts(), {.speed = 4});
  EXPECT_EQ(counts->minutes(), 3);
  EXPECT_EQ(CountAt(*counts, 0, 0), 10u + 11 + 12 + 13);
  EXPECT_EQ(CountAt(*counts, 2, 0), 18u + 19);
}

TEST(Scale, RefusesWhatCannotBe) {
  const auto error = [](const Trace& trace, const ScaleOptions& options) {
    return MessageOf(ScaleTrace(trace, options).status());
  };
  EXPECT_THAT(error(Counts(), {.rate = 0}), HasSubstr("above 0"));
  EXPECT_THAT(error(Counts(), {.rate = -1}), HasSubstr("above 0"));
  EXPECT_THAT(error(Counts(), {.rate = NAN}), HasSubstr("above 0"));
  EXPECT_THAT(error(Counts(), {.rate = 1e9}), HasSubstr("more than a trace can hold"));
  EXPECT_THAT(error(Counts(), {.speed = 1.5}), HasSubstr("whole number of minutes"));
  EXPECT_THAT(error(Timed(5), {.rate = 2}), HasSubstr("thinned"));
  EXPECT_THAT(error(Trace(), {.total_invocations = 5}), HasSubstr("no invocations"));
}

TEST(ScaleDurations, ScalesExecutionTimesAndNothingElse) {
  const auto timed = ScaleDurations(Timed(20), 0.5);
  ASSERT_TRUE(timed.ok()) << timed.status();
  EXPECT_EQ(timed->invocations()[0].duration_us, 2500);
  EXPECT_EQ(timed->invocations()[1].duration_us, 2501);  // 2500.5, away from zero
  EXPECT_EQ(timed->invocations()[7].start_us, 7'000'000);
  EXPECT_EQ(timed->duration(), Timed(20).duration());
  const Trace before = Counts();
  const auto counts = ScaleDurations(before, 3);
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(CountAt(*counts, 3, 1), CountAt(before, 3, 1));
  EXPECT_EQ(counts->first_minute(), 480);
  EXPECT_NEAR(counts->functions()[2].duration_ms.Mean(),
              3 * before.functions()[2].duration_ms.Mean(), 1e-9);
  EXPECT_TRUE(SameTrace(*ScaleDurations(before, 1), before));
  for (const double factor : {0.0, -1.0, std::nan(""), 1e6}) {
    EXPECT_FALSE(ScaleDurations(before, factor).ok());
  }
}

}  // namespace
}  // namespace reeve
