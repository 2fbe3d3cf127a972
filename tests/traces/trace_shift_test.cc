#include "traces/trace_shift.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "core/status.h"
#include "tests/traces/trace_testing.h"

namespace reeve {
namespace {

using testing::HasSubstr;

// `functions` with 1000 + f invocations a minute each.
Trace Counts(uint32_t functions = 4, int minutes = 60) {
  TraceBuilder builder;
  for (uint32_t f = 0; f < functions; ++f) AddTestFunction(builder, fmt::format("f{}", f));
  for (int m = 0; m < minutes; ++m) {
    for (uint32_t f = 0; f < functions; ++f) builder.AddCount(m, FunctionId(f), 1000 + f);
  }
  builder.set_first_minute(480);
  return *builder.Build();
}

// Two functions that alternate, one invocation each second.
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

FlashCrowd Crowd() {
  return {.at = SimTime::Minutes(10),
          .ramp = SimTime::Minutes(2),
          .length = SimTime::Minutes(6),
          .factor = 5,
          .share = 1,
          .functions = {}};
}

TEST(ChangeWorkload, NothingAskedChangesNothing) {
  EXPECT_TRUE(SameTrace(*ChangeWorkload(Counts(), {}, 1), Counts()));
  EXPECT_TRUE(SameTrace(*ChangeWorkload(Timed(100), {}, 1), Timed(100)));
  // Factors of 1 and changes after the end neither.
  WorkloadChanges idle;
  idle.flash_crowds.push_back(Crowd());
  idle.flash_crowds[0].at = SimTime::Hours(2);
  idle.shifts.push_back({SimTime::Minutes(7), 1, 0});
  idle.shifts.push_back({SimTime::Hours(2), 3, 1});
  EXPECT_TRUE(SameTrace(*ChangeWorkload(Counts(), idle, 1), Counts()));
  EXPECT_TRUE(SameTrace(*ChangeWorkload(Timed(100), idle, 1), Timed(100)));
}

TEST(FlashCrowd, IsATrapezium) {
  const FlashCrowd crowd = Crowd();
  const auto at = [&](double minutes) {
    return crowd.FactorAt(SimTime::FromSeconds(60 * minutes));
  };
  EXPECT_EQ(at(9.99), 1);
  EXPECT_EQ(at(10), 1);
  EXPECT_NEAR(at(10.5), 2, 1e-12);
  EXPECT_NEAR(at(11), 3, 1e-12);
  EXPECT_EQ(at(12), 5);
  EXPECT_EQ(at(17.9), 5);
  EXPECT_NEAR(at(19), 3, 1e-12);
  EXPECT_EQ(at(20), 1);

  const auto mean = [&](double from, double to) {
    return crowd.MeanFactor(SimTime::FromSeconds(60 * from), SimTime::FromSeconds(60 * to));
  };
  EXPECT_EQ(mean(9, 10), 1);
  EXPECT_NEAR(mean(10, 11), 2, 1e-12);  // from 1 to 3
  EXPECT_NEAR(mean(11, 12), 4, 1e-12);  // from 3 to 5
  EXPECT_NEAR(mean(14, 15), 5, 1e-12);
  EXPECT_NEAR(mean(18, 19), 4, 1e-12);
  EXPECT_NEAR(mean(19, 20), 2, 1e-12);
  EXPECT_NEAR(mean(9.5, 10.5), 1.25, 1e-12);  // half a minute of 1, half a minute from 1 to 2
  EXPECT_NEAR(mean(0, 60), 1 + 4 * (1 + 6 + 1) / 60.0, 1e-12);

  const FlashCrowd sudden = {.at = SimTime::Seconds(90),
                             .ramp = {},
                             .length = SimTime::Minutes(1),
                             .factor = 3,
                             .share = 1,
                             .functions = {}};
  EXPECT_EQ(sudden.FactorAt(SimTime::Seconds(90)), 3);
  EXPECT_EQ(sudden.FactorAt(SimTime::Seconds(150)), 1);
  EXPECT_NEAR(sudden.MeanFactor(SimTime::Minutes(1), SimTime::Minutes(2)), 2, 1e-12);
}

TEST(FlashCrowd, MultipliesCounts) {
  WorkloadChanges changes;
  changes.flash_crowds.push_back(Crowd());
  const Trace changed = *ChangeWorkload(Counts(), changes, 1);
  EXPECT_EQ(changed.duration(), Counts().duration());
  EXPECT_EQ(changed.first_minute(), 480);
  for (int m = 0; m < 60; ++m) {
    double factor = 1;
    if (m == 10 || m == 19) factor = 2;
    if (m == 11 || m == 18) factor = 4;
    if (m >= 12 && m < 18) factor = 5;
    // The factors are whole up to rounding errors: nothing is left to chance but the last one.
    for (uint32_t f = 0; f < 4; ++f) EXPECT_NEAR(CountAt(changed, m, f), factor * (1000 + f), 1);
  }
}

TEST(FlashCrowd, RoundsWithTheExpectationExact) {
  // Counts of 1, times 2.3: over 50,000 the mean has a standard error of sqrt(0.3 0.7 / 50,000).
  TraceBuilder builder;
  for (int f = 0; f < 1000; ++f) {
    const FunctionId id = AddTestFunction(builder, fmt::format("f{}", f));
    for (int m = 0; m < 50; ++m) builder.AddCount(m, id, 1);
  }
  WorkloadChanges changes;
  changes.shifts.push_back({.at = {}, .rate = 2.3, .exchange = 0});
  const Trace changed = *ChangeWorkload(*builder.Build(), changes, 1);
  EXPECT_NEAR(static_cast<double>(changed.total_invocations()) / 50'000, 2.3, 5 * 0.00205);
}

TEST(FlashCrowd, ConcernsTheFunctionsAskedFor) {
  WorkloadChanges changes;
  changes.flash_crowds.push_back(Crowd());
  changes.flash_crowds[0].functions = {"f2"};
  const std::vector<uint64_t> named = TotalsOf(*ChangeWorkload(Counts(), changes, 1));
  EXPECT_EQ(named[0], 60u * 1000);
  EXPECT_EQ(named[1], 60u * 1001);
  // 32 extra minutes' worth; rounding adds less than one in each of ten minutes.
  EXPECT_NEAR(static_cast<double>(named[2]), (60 + 32) * 1002.0, 10);

  const auto concerned = [](double share, uint32_t functions) {
    WorkloadChanges crowd;
    crowd.flash_crowds.push_back(Crowd());
    crowd.flash_crowds[0].share = share;
    const std::vector<uint64_t> totals = TotalsOf(*ChangeWorkload(Counts(functions), crowd, 3));
    std::set<uint32_t> grown;
    for (uint32_t f = 0; f < functions; ++f) {
      if (totals[f] != 60u * (1000 + f)) grown.insert(f);
    }
    return grown;
  };
  const std::set<uint32_t> tenth = concerned(0.1, 50), half = concerned(0.5, 50);
  EXPECT_EQ(tenth.size(), 5u);
  EXPECT_EQ(half.size(), 25u);
  EXPECT_TRUE(std::includes(half.begin(), half.end(), tenth.begin(), tenth.end()));
  EXPECT_EQ(concerned(0.001, 50).size(), 1u);
}

TEST(WorkloadShift, ChangesTheRateFromItsTimeOn) {
  WorkloadChanges changes;
  changes.shifts.push_back({.at = SimTime::Seconds(20 * 60 + 30), .rate = 3, .exchange = 0});
  changes.shifts.push_back({.at = SimTime::Minutes(40), .rate = 0.5, .exchange = 0});
  const Trace changed = *ChangeWorkload(Counts(), changes, 1);
  EXPECT_EQ(CountAt(changed, 19, 1), 1001u);
  EXPECT_NEAR(CountAt(changed, 20, 1), 2 * 1001, 1);  // half a minute of each
  EXPECT_NEAR(CountAt(changed, 21, 1), 3 * 1001, 1);
  EXPECT_NEAR(CountAt(changed, 41, 1), 1.5 * 1001, 1);
}

TEST(WorkloadShift, ExchangesLoads) {
  WorkloadChanges changes;
  changes.shifts.push_back({.at = SimTime::Minutes(30), .rate = 1, .exchange = 1});
  const Trace before = Counts(20), after = *ChangeWorkload(before, changes, 1);
  EXPECT_EQ(after.total_invocations(), before.total_invocations());
  std::multiset<uint32_t> loads;
  for (uint32_t f = 0; f < 20; ++f) {
    EXPECT_EQ(CountAt(after, 29, f), 1000 + f);
    EXPECT_NE(CountAt(after, 30, f), 1000 + f);  // everyone's changes
    EXPECT_EQ(CountAt(after, 59, f), CountAt(after, 30, f));
    loads.insert(CountAt(after, 30, f));
    EXPECT_TRUE(after.functions()[f].duration_ms == before.functions()[f].duration_ms);
  }
  EXPECT_EQ(std::set<uint32_t>(loads.begin(), loads.end()).size(), 20u);
  EXPECT_EQ(*loads.begin(), 1000u);
  EXPECT_EQ(*loads.rbegin(), 1019u);
  // Once more round by the same permutation is another matter, but still one.
  changes.shifts.push_back({.at = SimTime::Minutes(45), .rate = 1, .exchange = 0.3});
  const Trace twice = *ChangeWorkload(before, changes, 1);
  EXPECT_EQ(twice.total_invocations(), before.total_invocations());
  int moved = 0;
  std::set<uint32_t> later;
  for (uint32_t f = 0; f < 20; ++f) {
    EXPECT_EQ(CountAt(twice, 44, f), CountAt(after, 44, f));
    moved += CountAt(twice, 45, f) != CountAt(after, 45, f);
    later.insert(CountAt(twice, 45, f));
  }
  EXPECT_EQ(moved, 6);  // 0.3 of 20
  EXPECT_EQ(later.size(), 20u);
}

TEST(ChangeWorkload, TimedInvocationsAreThinnedAndMultiplied) {
  constexpr int kSeconds = 20'000;
  WorkloadChanges changes;
  changes.shifts.push_back({.at = {}, .rate = 0.4, .exchange = 0});
  const Trace thinned = *ChangeWorkload(Timed(kSeconds), changes, 1);
  // Standard deviation sqrt(0.4 0.6 20,000) = 69.
  EXPECT_NEAR(static_cast<double>(thinned.total_invocations()), 0.4 * kSeconds, 5 * 69);
  EXPECT_TRUE(thinned.timed());
  for (const TimedInvocation& i : thinned.invocations()) {
    EXPECT_EQ(i.start_us % 1'000'000, 0);
    EXPECT_EQ(i.duration_us, 5000 + i.start_us / 1'000'000);
  }

  changes.shifts[0].rate = 2.5;
  const Trace multiplied = *ChangeWorkload(Timed(kSeconds), changes, 1);
  EXPECT_NEAR(static_cast<double>(multiplied.total_invocations()), 2.5 * kSeconds, 5 * 71);
  EXPECT_EQ(multiplied.duration(), SimTime::Seconds(kSeconds));
  // The originals are all there; a copy is in its original's minute and lasts as long.
  std::set<std::pair<int64_t, uint32_t>> present;
  double offsets = 0;
  int copies = 0;
  for (const TimedInvocation& i : multiplied.invocations()) {
    present.insert({i.start_us, i.function});
    const int64_t original = i.duration_us - 5000;
    EXPECT_EQ(i.start_us / 60'000'000, original / 60);
    EXPECT_EQ(i.function, original % 2);
    if (i.start_us == original * 1'000'000) continue;
    ++copies;
    offsets += static_cast<double>(i.start_us % 60'000'000) / 6e7;
  }
  const Trace originals = Timed(kSeconds);
  for (const TimedInvocation& i : originals.invocations()) {
    EXPECT_TRUE(present.contains({i.start_us, i.function}));
  }
  // Uniform in the minute (the last one of 20 s aside): sd sqrt(1/12), over 30,000 copies 0.0017.
  EXPECT_NEAR(offsets / copies, 0.5, 5 * 0.0017);
}

TEST(ChangeWorkload, TimedFlashCrowdHasItsArea) {
  constexpr int kSeconds = 3600;
  WorkloadChanges changes;
  changes.flash_crowds.push_back(Crowd());
  const Trace changed = *ChangeWorkload(Timed(kSeconds), changes, 1);
  // 3600 s of 1 and a trapezium of height 4 over (2 + 6 + 6 + 2) / 2 = 8 minutes; only on the ramps
  // (240 invocations) is rounding left to chance, with a variance of at most 1/4 each.
  EXPECT_NEAR(static_cast<double>(changed.total_invocations()), 3600 + 4 * 8 * 60,
              5 * std::sqrt(240 / 4.0) + 1);
}

TEST(ChangeWorkload, TimedExchangeDrawsExecutionTimesAnew) {
  WorkloadChanges changes;
  changes.shifts.push_back({.at = SimTime::Millis(50'500), .rate = 1, .exchange = 1});
  const Trace changed = *ChangeWorkload(Timed(100), changes, 1);
  ASSERT_EQ(changed.invocations().size(), 100u);
  for (int i = 0; i < 100; ++i) {
    const TimedInvocation& t = changed.invocations()[static_cast<size_t>(i)];
    EXPECT_EQ(t.start_us, i * 1'000'000);
    EXPECT_EQ(t.function, static_cast<uint32_t>(i <= 50 ? i % 2 : 1 - i % 2));
    EXPECT_EQ(t.duration_us, i <= 50 ? 5000 + i : TimedInvocation::kDrawDuration);
  }
}

TEST(ChangeWorkload, OtherFunctionsChangeNothing) {
  WorkloadChanges changes;
  changes.shifts.push_back({.at = SimTime::Minutes(3), .rate = 1.37, .exchange = 0});
  const Trace few = *ChangeWorkload(Counts(3), changes, 9),
              many = *ChangeWorkload(Counts(9), changes, 9);
  bool differs = false;
  const Trace other = *ChangeWorkload(Counts(3), changes, 10);
  for (int m = 0; m < 60; ++m) {
    for (uint32_t f = 0; f < 3; ++f) {
      EXPECT_EQ(CountAt(few, m, f), CountAt(many, m, f));
      differs |= CountAt(few, m, f) != CountAt(other, m, f);
    }
  }
  EXPECT_TRUE(differs);
}

TEST(ChangeWorkload, RefusesWhatCannotBe) {
  const auto error = [](const WorkloadChanges& changes) {
    return MessageOf(ChangeWorkload(Counts(), changes, 1).status());
  };
  WorkloadChanges unknown;
  unknown.flash_crowds.push_back(Crowd());
  unknown.flash_crowds[0].functions = {"f22"};
  EXPECT_THAT(error(unknown), HasSubstr("no function 'f22' (did you mean 'f2'?)"));
  WorkloadChanges within;
  within.shifts.push_back({.at = SimTime::Seconds(90), .rate = 1, .exchange = 1});
  EXPECT_THAT(error(within), HasSubstr("whole minutes only, not at 90 s"));
  WorkloadChanges nothing;
  nothing.shifts.push_back({.at = {}, .rate = 0, .exchange = 0});
  EXPECT_THAT(error(nothing), HasSubstr("no invocation"));

  TraceBuilder builder;
  builder.AddCount(0, AddTestFunction(builder, "f"), 4'000'000'000u);
  WorkloadChanges twice;
  twice.shifts.push_back({.at = {}, .rate = 2, .exchange = 0});
  EXPECT_THAT(MessageOf(ChangeWorkload(*builder.Build(), twice, 1).status()),
              HasSubstr("'f' would have 8000000000 invocations in minute 0"));
}

}  // namespace
}  // namespace reeve
