// Tests of traces/arrival_stream.h. Bounds on statistics are quantiles of the distribution that the
// statistic has when the claim is true; the seeds are fixed, so none of them can fail by chance.
#include "traces/arrival_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "core/check.h"
#include "trace_testing.h"

namespace reeve {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;
constexpr size_t kLargestBatch = 32768;

struct Played {
  int64_t time_us;
  uint32_t function;
  int64_t work_us;
  bool operator==(const Played&) const = default;
};

// Everything a source gives, with what holds of every source checked on the way.
std::vector<Played> Play(ArrivalSource& source) {
  std::vector<Played> all;
  ArrivalBatch batch;
  int64_t last_start = 0;
  while (source.Next(batch)) {
    const int64_t start = batch.start.micros();
    EXPECT_GE(start, last_start);
    EXPECT_LE(batch.arrivals.size(), kLargestBatch);
    if (!all.empty()) {
      EXPECT_LE(all.back().time_us, start);
    }
    last_start = start;
    std::pair<uint32_t, uint32_t> last{0, 0};
    bool sorted = true, positive = true;
    for (const Arrival& a : batch.arrivals) {
      const std::pair<uint32_t, uint32_t> key{a.offset_us, a.function};
      sorted &= last <= key;
      positive &= a.work_us >= 1;
      last = key;
      all.push_back({start + a.offset_us, a.function, a.work_us});
    }
    EXPECT_TRUE(sorted);
    EXPECT_TRUE(positive);
  }
  EXPECT_FALSE(source.Next(batch));  // the end stays the end
  return all;
}

std::vector<Played> Play(const Trace& trace, const ArrivalOptions& options) {
  return Play(*MakeArrivalSource(trace, options));
}

Trace Built(TraceBuilder& builder) {
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

// One function with `count` invocations in each of `minutes` minutes.
Trace SteadyTrace(uint32_t count, int minutes, Trigger trigger = Trigger::kHttp) {
  TraceBuilder builder;
  const FunctionId f = AddTestFunction(builder, "f", "app", "t", trigger);
  for (int m = 0; m < minutes; ++m) builder.AddCount(m, f, count);
  return Built(builder);
}

// Small functions, timers, and one whose minutes are several batches long.
Trace MixedTrace() {
  TraceBuilder builder;
  const FunctionId small = AddTestFunction(builder, "small");
  const FunctionId timer = AddTestFunction(builder, "timer", "app", "t", Trigger::kTimer);
  const FunctionId heavy = AddTestFunction(builder, "heavy");
  const FunctionId busy_timer = AddTestFunction(builder, "busy", "app", "t", Trigger::kTimer);
  const FunctionId medium = AddTestFunction(builder, "medium");
  for (int m = 0; m < 5; ++m) {
    if (m != 2) builder.AddCount(m, small, 1 + static_cast<uint32_t>(m));
    builder.AddCount(m, timer, 2);
    if (m != 1) builder.AddCount(m, heavy, 100'000 + static_cast<uint32_t>(m));
    builder.AddCount(m, busy_timer, 40'001);
    builder.AddCount(m, medium, 777);
  }
  return Built(builder);
}

class EverySpacing : public ::testing::TestWithParam<WithinMinute> {};

TEST_P(EverySpacing, KeepsTheCountOfEveryMinuteAndFunction) {
  const Trace trace = MixedTrace();
  std::map<std::pair<int, uint32_t>, uint32_t> played;
  for (const Played& p : Play(trace, {3, GetParam()})) {
    ++played[{static_cast<int>(p.time_us / kMinuteUs), p.function}];
  }
  std::map<std::pair<int, uint32_t>, uint32_t> expected;
  for (int m = 0; m < trace.minutes(); ++m) {
    for (const MinuteCount& c : trace.minute(m)) expected[{m, c.function}] = c.count;
  }
  EXPECT_EQ(played, expected);
}

TEST_P(EverySpacing, PrefetchedIsTheSame) {
  const Trace trace = MixedTrace();
  const ArrivalOptions options{4, GetParam()};
  const auto ahead = Prefetched(MakeArrivalSource(trace, options));
  EXPECT_EQ(Play(*ahead), Play(trace, options));
}

INSTANTIATE_TEST_SUITE_P(ArrivalStream, EverySpacing,
                         ::testing::Values(WithinMinute::kUniform, WithinMinute::kEven,
                                           WithinMinute::kByTrigger, WithinMinute::kCentred));

// Chi-square with 59 degrees of freedom lies within [20, 126] but for 1e-6 on each side
// (Wilson-Hilferty: 59 (1 - 2/531 -+ 4.75 sqrt(2/531))^3); too even would be as wrong as too rough.
void ExpectUniformOverMinute(const std::vector<Played>& played) {
  std::array<double, 60> seconds{};
  for (const Played& p : played) ++seconds[static_cast<size_t>(p.time_us % kMinuteUs / 1'000'000)];
  const double expected = static_cast<double>(played.size()) / 60;
  ASSERT_GE(expected, 50);
  double chi_square = 0;
  for (double n : seconds) chi_square += (n - expected) * (n - expected) / expected;
  EXPECT_GT(chi_square, 20);
  EXPECT_LT(chi_square, 126);
}

TEST(ArrivalStreamTest, UniformWithinTheMinute) {
  ExpectUniformOverMinute(Play(SteadyTrace(1, 6000), {1, WithinMinute::kUniform}));
  ExpectUniformOverMinute(Play(SteadyTrace(65, 100), {1, WithinMinute::kUniform}));
  ExpectUniformOverMinute(Play(SteadyTrace(5000, 3), {1, WithinMinute::kUniform}));
}

TEST(ArrivalStreamTest, UniformWithinMinutesOfManyBatches) {
  ExpectUniformOverMinute(Play(SteadyTrace(600'000, 1), {1, WithinMinute::kUniform}));
}

// Gaps of a Poisson process are exponential whatever the scale: their coefficient of variation is
// 1. That of n exponentials has a standard error near 1 / sqrt(n).
TEST(ArrivalStreamTest, GapsAreThoseOfAPoissonProcess) {
  for (const uint32_t per_minute : {500u, 200'000u}) {
    const auto played = Play(SteadyTrace(per_minute, per_minute < 1000 ? 400 : 1), {2, {}});
    double sum = 0, squares = 0;
    for (size_t i = 1; i < played.size(); ++i) {
      const double gap = static_cast<double>(played[i].time_us - played[i - 1].time_us);
      sum += gap;
      squares += gap * gap;
    }
    const double n = static_cast<double>(played.size() - 1), mean = sum / n;
    const double cv = std::sqrt(squares / n - mean * mean) / mean;
    EXPECT_NEAR(cv, 1, 4 / std::sqrt(n)) << per_minute;
  }
}

TEST(ArrivalStreamTest, WorkFollowsTheFunctionAndNotTheTime) {
  const auto played = Play(SteadyTrace(10'000, 10), {5, {}});
  // Exponential with mean 100 ms; the deviation of an exponential is its mean.
  const double n = static_cast<double>(played.size());
  double mean = 0, covariance = 0;
  for (const Played& p : played) mean += static_cast<double>(p.work_us) / n;
  EXPECT_NEAR(mean, 100'000, 4 * 100'000 / std::sqrt(n));
  // A uniform position has deviation 1 / sqrt(12) of the minute.
  for (const Played& p : played) {
    const double position = static_cast<double>(p.time_us % kMinuteUs) / kMinuteUs;
    covariance += (position - 0.5) * (static_cast<double>(p.work_us) - mean) / n;
  }
  EXPECT_NEAR(covariance / (100'000 / std::sqrt(12)), 0, 4 / std::sqrt(n));
}

TEST(ArrivalStreamTest, EvenSpacingHasEqualGapsAndANewPhaseEachMinute) {
  for (const uint32_t n : {1u, 3u, 7u, 50'000u}) {
    const auto played = Play(SteadyTrace(n, 2), {6, WithinMinute::kEven});
    ASSERT_EQ(played.size(), 2 * n);
    const double gap = static_cast<double>(kMinuteUs) / n;
    for (size_t i = 1; i < played.size(); ++i) {
      if (i == n) continue;
      ASSERT_NEAR(static_cast<double>(played[i].time_us - played[i - 1].time_us), gap, 1);
    }
    EXPECT_LT(static_cast<double>(played[0].time_us), gap);
    EXPECT_NE(played[0].time_us, played[n].time_us - kMinuteUs);
  }
}

TEST(ArrivalStreamTest, CentredIsHalfAGapFromTheMinutesEnds) {
  // The k-th of n at (k + 1/2) / n of the minute.
  const auto played = Play(SteadyTrace(3, 2), {6, WithinMinute::kCentred});
  ASSERT_EQ(played.size(), 6u);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(played[static_cast<size_t>(i)].time_us, 10'000'000 + i * 20'000'000);
  }
  const auto many = Play(SteadyTrace(60'000, 1), {7, WithinMinute::kCentred});
  ASSERT_EQ(many.size(), 60'000u);
  for (size_t i = 0; i < many.size(); ++i) {
    ASSERT_EQ(many[i].time_us, 500 + static_cast<int64_t>(i) * 1000);
  }
}

TEST(ArrivalStreamTest, TimersKeepTheirPhase) {
  TraceBuilder builder;
  const FunctionId f = AddTestFunction(builder, "f", "app", "t", Trigger::kTimer);
  builder.AddCount(0, f, 1);
  builder.AddCount(1, f, 1);
  builder.AddCount(7, f, 1);
  builder.AddCount(8, f, 4);
  const auto played = Play(Built(builder), {7, WithinMinute::kByTrigger});
  ASSERT_EQ(played.size(), 7u);
  const int64_t phase = played[0].time_us;
  EXPECT_EQ(played[1].time_us, phase + kMinuteUs);
  EXPECT_EQ(played[2].time_us, phase + 7 * kMinuteUs);
  // Four a minute: the k-th at (k + phase) / 4 of it.
  for (int k = 0; k < 4; ++k) {
    EXPECT_EQ(played[static_cast<size_t>(3 + k)].time_us,
              8 * kMinuteUs + (k * kMinuteUs + phase) / 4);
  }
}

TEST(ArrivalStreamTest, OnlyTimersAreEvenByTrigger) {
  const auto http = Play(SteadyTrace(10, 1), {8, WithinMinute::kByTrigger});
  int uneven = 0;
  for (size_t i = 1; i < http.size(); ++i) {
    uneven += std::abs(http[i].time_us - http[i - 1].time_us - kMinuteUs / 10) > 1;
  }
  EXPECT_EQ(uneven, 9);
}

// What `functions` first functions do, in the order of a source.
std::vector<Played> Of(std::vector<Played> played, uint32_t functions) {
  std::erase_if(played, [functions](const Played& p) { return p.function >= functions; });
  return played;
}

TEST(ArrivalStreamTest, AnotherFunctionChangesNobodysArrivalsOrWorks) {
  for (const WithinMinute spacing : {WithinMinute::kUniform, WithinMinute::kEven,
                                     WithinMinute::kByTrigger, WithinMinute::kCentred}) {
    const auto build = [](uint32_t extra) {
      TraceBuilder builder;
      for (int i = 0; i < 4; ++i) {
        AddTestFunction(builder, "f" + std::to_string(i), "app", "t",
                        i == 3 ? Trigger::kTimer : Trigger::kHttp);
      }
      const FunctionId loud = AddTestFunction(builder, "loud");
      for (int m = 0; m < 3; ++m) {
        builder.AddCount(m, FunctionId(0), 2);
        builder.AddCount(m, FunctionId(1), 900);
        builder.AddCount(m, FunctionId(2), 20'000);
        builder.AddCount(m, FunctionId(3), 6);
        builder.AddCount(m, loud, extra);
      }
      return Built(builder);
    };
    const auto alone = Of(Play(build(0), {9, spacing}), 4);
    ASSERT_EQ(alone.size(), 3u * (2 + 900 + 20'000 + 6));
    // Beside loads that cut the minute into 2 batches, and into about 32.
    EXPECT_EQ(Of(Play(build(15'000), {9, spacing}), 4), alone);
    EXPECT_EQ(Of(Play(build(500'000), {9, spacing}), 4), alone);
  }
}

TEST(ArrivalStreamTest, SeedsDifferAndRepeat) {
  const Trace trace = SteadyTrace(100, 2);
  EXPECT_EQ(Play(trace, {1, {}}), Play(trace, {1, {}}));
  EXPECT_NE(Play(trace, {1, {}}), Play(trace, {2, {}}));
}

TEST(ArrivalStreamTest, TimedTraceKeepsTimesAndGivenDurations) {
  TraceBuilder builder;
  const FunctionId a = AddTestFunction(builder, "a");
  const FunctionId b = AddTestFunction(builder, "b");
  builder.AddInvocation({5, 1234, b.index(), 0});
  builder.AddInvocation({5, 0, a.index(), 0});
  builder.AddInvocation({7 * kMinuteUs, TimedInvocation::kDrawDuration, a.index(), 0});
  builder.AddInvocation({7 * kMinuteUs + 1, 99, a.index(), 0});
  const auto played = Play(Built(builder), {1, {}});
  ASSERT_EQ(played.size(), 4u);
  EXPECT_EQ(played[0], (Played{5, 0, 1}));  // no work is less than a microsecond
  EXPECT_EQ(played[1], (Played{5, 1, 1234}));
  EXPECT_EQ(std::tie(played[2].time_us, played[2].function),
            std::make_tuple(7 * kMinuteUs, uint32_t{0}));
  EXPECT_EQ(played[3], (Played{7 * kMinuteUs + 1, 0, 99}));
}

TEST(ArrivalStreamTest, TimedWorksDoNotDependOnTheOthers) {
  const auto build = [](int others) {
    TraceBuilder builder;
    const FunctionId a = AddTestFunction(builder, "a");
    const FunctionId b = AddTestFunction(builder, "b");
    for (int64_t i = 0; i < 100; ++i) {
      builder.AddInvocation({i * 1000, TimedInvocation::kDrawDuration, a.index(), 0});
      for (int k = 0; k < others; ++k) {
        builder.AddInvocation({i * 1000 + k, TimedInvocation::kDrawDuration, b.index(), 0});
      }
    }
    return Built(builder);
  };
  EXPECT_EQ(Of(Play(build(3), {1, {}}), 1), Of(Play(build(0), {1, {}}), 1));
}

TEST(ArrivalStreamTest, TimedTraceOfManyAtOnceIsCutIntoBatches) {
  TraceBuilder builder;
  const FunctionId f = AddTestFunction(builder, "f");
  for (int i = 0; i < 70'000; ++i) builder.AddInvocation({1000, i, f.index(), 0});
  const auto played = Play(Built(builder), {1, {}});
  ASSERT_EQ(played.size(), 70'000u);
  EXPECT_EQ(played.back().time_us, 1000);
}

TEST(ArrivalStreamTest, NothingToPlay) {
  TraceBuilder builder;
  AddTestFunction(builder, "f");
  builder.set_minimum_duration(SimTime::Minutes(3));
  EXPECT_TRUE(Play(Built(builder), {1, {}}).empty());
}

TEST(ArrivalStreamTest, PrefetchedCanEndEarly) {
  const Trace trace = SteadyTrace(100'000, 3);
  for (int batches = 0; batches < 8; ++batches) {
    const auto source = Prefetched(MakeArrivalSource(trace, {1, {}}));
    ArrivalBatch batch;
    for (int i = 0; i < batches; ++i) ASSERT_TRUE(source->Next(batch));
  }  // joins its thread here; a hang would be the test's time-out
}

TEST(ArrivalStreamTest, PrefetchedBatchStaysWhileTheNextIsMade) {
  const Trace trace = SteadyTrace(100'000, 1);
  const auto plain = MakeArrivalSource(trace, {1, {}});
  const auto ahead = Prefetched(MakeArrivalSource(trace, {1, {}}));
  ArrivalBatch expected, batch;
  while (plain->Next(expected)) {
    ASSERT_TRUE(ahead->Next(batch));
    // The thread works on what follows meanwhile.
    ASSERT_EQ(batch.start, expected.start);
    ASSERT_EQ(batch.arrivals.size(), expected.arrivals.size());
    for (size_t i = 0; i < batch.arrivals.size(); ++i) {
      ASSERT_EQ(batch.arrivals[i].offset_us, expected.arrivals[i].offset_us);
      ASSERT_EQ(batch.arrivals[i].work_us, expected.arrivals[i].work_us);
    }
  }
  EXPECT_FALSE(ahead->Next(batch));
}

}  // namespace
}  // namespace reeve
