// Statistics are compared with their expectation at 5 standard deviations: a Poisson count of mean
// m has deviation sqrt(m). Seeds are fixed.
#include "traces/function_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/check.h"
#include "core/config.h"
#include "tests/agents/allocation_counter.h"
#include "trace_testing.h"

namespace reeve {
namespace {

constexpr double kMinute = 60e6;

struct Played {
  int64_t time_us;
  uint32_t function;
  int64_t work_us;
  bool operator==(const Played&) const = default;
};

std::vector<Played> Play(ArrivalSource& source) {
  std::vector<Played> all;
  for (ArrivalBatch batch; source.Next(batch);) {
    for (const Arrival& a : batch.arrivals) {
      all.push_back({batch.start.micros() + a.offset_us, a.function, a.work_us});
    }
  }
  return all;
}

Trace Functions(int count, SimTime length) {
  TraceBuilder builder;
  for (int i = 0; i < count; ++i) AddTestFunction(builder, "f" + std::to_string(i));
  builder.set_minimum_duration(length);
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

std::vector<Played> Of(const LoadSpec& load, SimTime length, uint64_t seed = 1) {
  const Trace trace = Functions(1, length);
  return Play(*MakeLoadSource(trace, {{.load = load}}, {.seed = seed}));
}

// Arrivals with (time mod period) in [from, to).
double CountIn(const std::vector<Played>& played, const LoadSpec& load, double from, double to) {
  double count = 0;
  for (const Played& p : played) {
    const double at = std::fmod(static_cast<double>(p.time_us + load.phase.micros()),
                                static_cast<double>(load.period.micros()));
    count += at >= from && at < to;
  }
  return count;
}

void ExpectPoisson(double count, double mean) {
  EXPECT_NEAR(count, mean, 5 * std::sqrt(mean));
}

TEST(FunctionLoadTest, ConstantIsAPoissonProcess) {
  const auto played = Of({.rate_rps = 20}, SimTime::Hours(1));
  const double n = static_cast<double>(played.size());
  ExpectPoisson(n, 72'000);
  // Gaps are exponential: mean 50 ms, and their standard deviation is their mean. The sample
  // deviation of n exponentials has a deviation of sqrt(2 / n) of it.
  double sum = 0, squares = 0;
  for (size_t i = 1; i < played.size(); ++i) {
    const double gap = static_cast<double>(played[i].time_us - played[i - 1].time_us) / 1000;
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / n, deviation = std::sqrt(squares / n - mean * mean);
  EXPECT_NEAR(deviation / mean, 1, 5 * std::sqrt(2 / n));
}

TEST(FunctionLoadTest, PatternsHaveTheirIntegral) {
  const SimTime length = SimTime::Hours(10);  // 60 periods of 10 minutes
  const double half = 5 * kMinute, all = 10 * kMinute;
  LoadSpec load{.rate_rps = 4, .period = SimTime::Minutes(10), .length = SimTime::Minutes(2)};
  load.phase = SimTime::Seconds(77);
  // Requests of one minute at factor 1, over all periods.
  const double minute = 4 * 60.0 * 60;

  load.pattern = LoadPattern::kBursts;
  load.factor = 5;
  auto played = Of(load, length);
  ExpectPoisson(CountIn(played, load, 0, 2 * kMinute), 2 * 5 * minute);
  ExpectPoisson(CountIn(played, load, 2 * kMinute, all), 8 * minute);

  load.pattern = LoadPattern::kOnOff;
  played = Of(load, length);
  ExpectPoisson(CountIn(played, load, 0, 2 * kMinute), 2 * minute);
  EXPECT_EQ(CountIn(played, load, 2 * kMinute, all), 0);

  // The integral of 1 + a sin over the first half period is (1/2 + a / pi) periods.
  load.pattern = LoadPattern::kSinusoid;
  load.amplitude = 0.8;
  played = Of(load, length);
  ExpectPoisson(CountIn(played, load, 0, half), 10 * minute * (0.5 + 0.8 / M_PI));
  ExpectPoisson(CountIn(played, load, half, all), 10 * minute * (0.5 - 0.8 / M_PI));
  ExpectPoisson(CountIn(played, load, 2.25 * kMinute, 2.75 * kMinute), 0.5 * minute * 1.7987);

  // Half-way up the ramp the factor is 1 + 4 / 2 = 3: mean 2 before, 4 after.
  load.pattern = LoadPattern::kRamp;
  load.length = SimTime::Minutes(6);
  played = Of(load, length);
  ExpectPoisson(CountIn(played, load, 0, 3 * kMinute), 3 * 2 * minute);
  ExpectPoisson(CountIn(played, load, 3 * kMinute, 6 * kMinute), 3 * 4 * minute);
  ExpectPoisson(CountIn(played, load, 6 * kMinute, all), 4 * minute);
}

TEST(FunctionLoadTest, RateAtIsTheFactorTimesTheRate) {
  LoadSpec load{.rate_rps = 2, .pattern = LoadPattern::kRamp, .period = SimTime::Minutes(10)};
  load.length = SimTime::Minutes(4);
  load.factor = 3;
  EXPECT_DOUBLE_EQ(load.RateAt(SimTime::Minutes(12)), 4);
  EXPECT_DOUBLE_EQ(load.RateAt(SimTime::Minutes(15)), 2);
  EXPECT_DOUBLE_EQ(load.PeakRate(), 6);
}

TEST(FunctionLoadTest, EvenLoadsComeLikeTimers) {
  LoadSpec load{.rate_rps = 0.5, .pattern = LoadPattern::kOnOff, .period = SimTime::Minutes(2)};
  load.length = SimTime::Seconds(20);
  load.even = true;
  const auto played = Of(load, SimTime::Hours(1));
  EXPECT_EQ(played.size(), 300u);  // 10 of each of 30 periods
  for (size_t i = 1; i < played.size(); ++i) {
    const int64_t gap = played[i].time_us - played[i - 1].time_us;
    EXPECT_NEAR(static_cast<double>(gap), i % 10 == 0 ? 102e6 : 2e6, 1);
  }
}

TEST(FunctionLoadTest, PresenceBoundsArrivalsAndOthersDoNotMatter) {
  const SimTime length = SimTime::Minutes(30);
  const Trace three = Functions(3, length), one = Functions(1, length);
  const FunctionLoad always{.load = {.rate_rps = 3}};
  const FunctionLoad heavy{.load = {.rate_rps = 2000}};  // its batches are shorter than a minute
  FunctionLoad passing{.load = {.rate_rps = 50}};
  passing.from = SimTime::Seconds(100);
  passing.to = SimTime::Seconds(401);
  const auto alone = Play(*MakeLoadSource(one, {always}, {.seed = 5}));
  std::vector<Played> together, passed;
  for (const Played& p : Play(*MakeLoadSource(three, {always, passing, heavy}, {.seed = 5}))) {
    if (p.function == 0) together.push_back(p);
    if (p.function == 1) passed.push_back(p);
  }
  EXPECT_EQ(alone, together);
  ExpectPoisson(static_cast<double>(passed.size()), 301 * 50);
  EXPECT_GE(passed.front().time_us, 100'000'000);
  EXPECT_LT(passed.back().time_us, 401'000'000);
}

TEST(FunctionLoadTest, StartsAgainAtAMinuteOfThePattern) {
  const Trace trace = Functions(1, SimTime::Minutes(30));
  LoadSpec load{.rate_rps = 40, .pattern = LoadPattern::kOnOff, .period = SimTime::Minutes(10)};
  load.length = SimTime::Minutes(3);
  const auto source = MakeLoadSource(trace, {{.load = load}}, {.seed = 1});
  ArrivalBatch batch;
  for (int i = 0; i < 5; ++i) source->Next(batch);
  source->Restart({.seed = 9}, 8);
  const auto rest = Play(*source);
  EXPECT_GE(rest.front().time_us, 2 * 60'000'000);  // on again at minute 10
  EXPECT_LT(rest.back().time_us, 15 * 60'000'000);  // off at minute 23
  // The works and the arrivals of another seed are others; of the same seed the same.
  source->Restart({.seed = 9}, 8);
  EXPECT_EQ(Play(*source), rest);
  source->Restart({.seed = 10}, 8);
  EXPECT_NE(Play(*source), rest);
}

TEST(FunctionLoadTest, NeedsNoMemoryOnceItHasRun) {
  const Trace trace = Functions(2, SimTime::Hours(1));
  LoadSpec load{.rate_rps = 5, .pattern = LoadPattern::kSinusoid};
  load.random_phase = true;
  const auto source = MakeLoadSource(trace, {{.load = load}, {.load = {.rate_rps = 2}}}, {});
  size_t before = 0, arrivals = 0;
  ArrivalBatch batch;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    if (seed == 10) before = AllocationCount();
    source->Restart({.seed = seed % 4}, 0);
    while (source->Next(batch)) arrivals += batch.arrivals.size();
  }
  EXPECT_EQ(AllocationCount(), before);
  EXPECT_GT(arrivals, 200'000u);
}

TEST(FunctionLoadTest, CanBeRecordedAsATrace) {
  const Trace trace = Functions(2, SimTime::Minutes(10));
  const std::vector<FunctionLoad> loads = {{.load = {.rate_rps = 3}}, {.load = {.rate_rps = 1}}};
  const auto source = MakeLoadSource(trace, loads, {.seed = 2});
  const auto expected = Play(*source);
  source->Restart({.seed = 2}, 0);
  const auto recorded = RecordArrivals(trace, *source, trace.duration());
  ASSERT_TRUE(recorded.ok());
  EXPECT_EQ(Play(*MakeArrivalSource(*recorded, {.seed = 77})), expected);
}

TEST(FunctionLoadTest, RefusesWhatCannotBe) {
  const auto read = [](const std::string& text) {
    LoadSpec load;
    return ReadConfig(*ConfigNode::Parse(text, "x.yaml"), load);
  };
  EXPECT_TRUE(read("{rate_rps: 2, pattern: bursts, period: 60s, length: 5s}").ok());
  EXPECT_FALSE(read("{rate_rps: 2, pattern: bursts, period: 60s, length: 60s}").ok());
  EXPECT_FALSE(read("{rate_rps: -1}").ok());
  EXPECT_FALSE(read("{pattern: sinusoid, even: true}").ok());
}

}  // namespace
}  // namespace reeve
