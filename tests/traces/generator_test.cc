// How the generator behaves; whether its populations look like Azure's is in
// generator_marginals_test.cc.
#include "traces/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "core/status.h"
#include "tests/traces/trace_testing.h"
#include "traces/generator_arrivals.h"

namespace reeve {
namespace {

using generator_internal::PoissonQuantile;
using testing::HasSubstr;

Trace Generate(const GeneratorConfig& config) {
  auto trace = GenerateTrace(config);
  EXPECT_TRUE(trace.ok()) << trace.status();
  return *std::move(trace);
}

// Every application has one function and `per_day` invocations a day; no timers.
GeneratorConfig Uniform(int functions, double per_day) {
  GeneratorConfig config;
  config.functions = functions;
  config.rate.quantiles = {{0, per_day}};
  config.rate.max_per_day = per_day;
  config.apps.sizes = {{1, 1}};
  config.triggers.usual = config.triggers.busy = {.http = 1};
  return config;
}

GeneratorConfig Timers(int functions, double per_day) {
  GeneratorConfig config = Uniform(functions, per_day);
  config.triggers.usual = config.triggers.busy = {.http = 1e-9, .timer = 1};
  return config;
}

// P(N <= k) of a Poisson variate, summed in long double.
long double PoissonCdf(long double mean, int64_t k) {
  long double sum = 0;
  for (int64_t i = 0; i <= k; ++i) {
    sum += std::exp(-mean + static_cast<long double>(i) * std::log(mean) -
                    std::lgamma(static_cast<long double>(i) + 1));
  }
  return sum;
}

TEST(PoissonQuantile, IsTheInverseOfTheDistributionFunction) {
  for (double mean : {0.01, 0.7, 5.0, 31.9}) {
    for (double u = 0.0005; u < 1; u += 0.0101) {
      const auto k = static_cast<int64_t>(PoissonQuantile(mean, u));
      EXPECT_GE(PoissonCdf(mean, k), u - 1e-12) << mean << " " << u;
      if (k > 0) {
        EXPECT_LT(PoissonCdf(mean, k - 1), u + 1e-12) << mean << " " << u;
      }
    }
  }
}

// Where the expansion is used a quantile may be off by one, when u is next to a step: by less than
// 0.05 of an invocation, so at most in one case of twenty.
TEST(PoissonQuantile, ExpansionIsWithinOne) {
  for (double mean : {32.0, 100.0, 1500.0}) {
    int cases = 0, off = 0;
    for (double u = 0.0005; u < 1; u += 0.0101, ++cases) {
      const auto k = static_cast<int64_t>(PoissonQuantile(mean, u));
      EXPECT_GE(PoissonCdf(mean, k + 1), u) << mean << " " << u;
      EXPECT_LT(PoissonCdf(mean, k - 2), u) << mean << " " << u;
      off += PoissonCdf(mean, k) < u || PoissonCdf(mean, k - 1) >= u;
    }
    EXPECT_LE(off, cases / 20) << mean;
  }
}

TEST(Generator, TheSameSeedGivesTheSameTrace) {
  GeneratorConfig config;
  config.functions = 200;
  EXPECT_TRUE(SameTrace(Generate(config), Generate(config)));
  GeneratorConfig other = config;
  other.seed = 2;
  EXPECT_FALSE(SameTrace(Generate(config), Generate(other)));
}

TEST(Generator, AddingAFunctionChangesNobodyElse) {
  GeneratorConfig config;
  config.length = SimTime::Hours(6);
  for (int n : {99, 100, 101}) {
    config.functions = n;
    const Trace fewer = Generate(config);
    config.functions = n + 1;
    const Trace more = Generate(config);
    ASSERT_EQ(more.functions().size(), fewer.functions().size() + 1);
    for (size_t i = 0; i < fewer.functions().size(); ++i) {
      EXPECT_EQ(fewer.functions()[i].name, more.functions()[i].name);
      EXPECT_EQ(fewer.functions()[i].app, more.functions()[i].app);
      EXPECT_EQ(fewer.functions()[i].tenant, more.functions()[i].tenant);
      EXPECT_EQ(fewer.functions()[i].memory, more.functions()[i].memory);
      EXPECT_EQ(fewer.functions()[i].duration_ms, more.functions()[i].duration_ms);
    }
    for (int m = 0; m < fewer.minutes(); ++m) {
      for (uint32_t i = 0; i < fewer.functions().size(); ++i) {
        ASSERT_EQ(CountAt(fewer, m, i), CountAt(more, m, i)) << "minute " << m << " of " << i;
      }
    }
  }
}

// Up to one invocation a minute a day's total is what the rate says, whatever the process.
TEST(Generator, LowRatesGiveExactTotals) {
  for (double regular : {0.0, 1.0}) {
    for (double bursty : {0.0, 1 - regular}) {
      for (double per_day : {1.0, 15.0, 1440.0}) {
        GeneratorConfig config = Uniform(40, per_day);
        config.arrivals.regular = regular;
        config.arrivals.bursty = bursty;
        for (uint64_t total : TotalsOf(Generate(config))) EXPECT_EQ(total, per_day);
      }
    }
  }
}

// 100 functions of 144,000 a day: each total has a standard deviation of sqrt(144000) = 379.5 when
// Poisson, the mean of 100 of 38; four of those.
TEST(Generator, HighRatesGiveTotalsInExpectation) {
  for (double bursty : {0.0, 1.0}) {
    GeneratorConfig config = Uniform(100, 144000);
    config.arrivals.regular = 0;
    config.arrivals.bursty = bursty;
    const Trace trace = Generate(config);
    EXPECT_NEAR(static_cast<double>(trace.total_invocations()) / 100, 144000, 4 * 38);
    for (uint64_t total : TotalsOf(trace)) {
      EXPECT_NEAR(static_cast<double>(total), 144000, 5 * 379.5);
    }
  }
}

TEST(Generator, TimersFireAtTheirPeriod) {
  GeneratorConfig config = Timers(50, 288);  // each five minutes
  config.timers.aligned = 1;
  config.length = SimTime::Hours(3);
  config.first_minute = 62;
  const Trace trace = Generate(config);
  for (int m = 0; m < 180; ++m) {
    for (uint32_t f = 0; f < 50; ++f) {
      EXPECT_EQ(CountAt(trace, m, f), (62 + m) % 5 == 0 ? 1u : 0u) << m;
    }
  }
  config.timers.aligned = 0;
  const Trace spread = Generate(config);
  EXPECT_EQ(spread.total_invocations(), 50u * 36u);
  // Phases in five minutes: not all 50 in one (chance 5^-49).
  for (int m = 0; m < 5; ++m) EXPECT_LT(spread.minute(m).size(), 50u);
}

TEST(Generator, TimersTakeTheNearestPeriodAndLeaveTooHighRatesToOthers) {
  // 100,000 a day is nearest to one a second: 86,400.
  for (uint64_t total : TotalsOf(Generate(Timers(5, 100000)))) EXPECT_EQ(total, 86400u);
  // 600 a day lies between each 3 min (480) and each 2 min (720): 600/480 = 1.25, 720/600 = 1.2.
  for (uint64_t total : TotalsOf(Generate(Timers(5, 600)))) EXPECT_EQ(total, 720u);
  const Trace fast = Generate(Timers(5, 1e6));
  for (const FunctionProfile& f : fast.functions()) EXPECT_EQ(f.trigger, Trigger::kHttp);
}

// With all peaks at 14:00 and half of the invocations flat, the rate of the hour [h, h + 1) is
// 1 + 0.5 * 12 / pi * (sin(2 pi (h - 13) / 24) - sin(2 pi (h - 14) / 24)) of the mean.
// 100 functions of 144,000: an hour has 600,000, standard deviation 775; five of those.
TEST(Generator, TheDayIsARaisedCosineOverAFlatBase) {
  GeneratorConfig config = Uniform(100, 144000);
  config.arrivals.regular = config.arrivals.bursty = 0;
  config.diurnal.spread = SimTime();
  const Trace trace = Generate(config);
  for (int h = 0; h < 24; ++h) {
    double total = 0;
    for (int m = 60 * h; m < 60 * (h + 1); ++m) {
      for (const MinuteCount& c : trace.minute(m)) total += c.count;
    }
    const auto turn = [](double hours) { return std::sin(2 * std::numbers::pi * hours / 24); };
    const double expected =
        600000 * (1 + 0.5 * 12 / std::numbers::pi * (turn(h - 13) - turn(h - 14)));
    // A minute's rate is that of its start: half a minute early, at most 2 pi / 2880 of the swing.
    EXPECT_NEAR(total, expected, 5 * 775 + 600000 * 0.5 * 0.0022) << "hour " << h;
  }
}

TEST(Generator, WeekendsAndStartAreThoseOfTheWeek) {
  GeneratorConfig config = Uniform(20, 14400);
  config.diurnal.weekend = 0.25;
  config.length = SimTime::Hours(48);
  config.first_minute = 4 * 1440;  // Friday
  const Trace trace = Generate(config);
  EXPECT_EQ(trace.first_minute(), 4 * 1440);
  double friday = 0, saturday = 0;
  for (int m = 0; m < 2880; ++m) {
    for (const MinuteCount& c : trace.minute(m)) (m < 1440 ? friday : saturday) += c.count;
  }
  // Bursts move invocations between days within a function; the sum is fixed: 1.25 days of rate.
  EXPECT_NEAR(friday + saturday, 20 * 14400 * 1.25, 4 * std::sqrt(20 * 14400 * 1.25));
  EXPECT_LT(saturday, 0.5 * friday);
}

// On for a tenth of the time in bursts of ten minutes: 14.4 bursts a day and function, whose share
// of time has a relative spread of sqrt(2 / 14.4); over 200 functions the standard error is 0.0026.
TEST(Generator, BurstsTakeTheirShareOfTime) {
  GeneratorConfig config = Uniform(200, 144000);
  config.arrivals.regular = 0;
  config.arrivals.bursty = 1;
  config.arrivals.background = 0;
  config.arrivals.duty_min = config.arrivals.duty_max = 0.1;
  config.arrivals.burst_min = config.arrivals.burst_max = SimTime::Minutes(10);
  const Trace trace = Generate(config);
  double minutes = 0;
  for (int m = 0; m < 1440; ++m) minutes += static_cast<double>(trace.minute(m).size());
  EXPECT_NEAR(minutes / (200 * 1440), 0.1, 4 * 0.0026);
}

TEST(Generator, TotalAndCapHoldTogether) {
  GeneratorConfig config;
  config.functions = 60;
  config.length = SimTime::Hours(2);
  config.total_invocations = 200000;
  config.max_rate_rps = 8;
  const Trace trace = Generate(config);
  // Poisson at most: sqrt(200000) = 447; and half an invocation of rounding for each function.
  EXPECT_NEAR(static_cast<double>(trace.total_invocations()), 200000, 4 * 447 + 30);
  for (size_t i = 0; i < trace.functions().size(); ++i) {
    if (trace.functions()[i].trigger == Trigger::kTimer) continue;
    // Twice the rate at the peak of the day at most, over the mean of the day.
    EXPECT_LE(TotalsOf(trace)[i], 8 * 7200 * 1.5 + 4 * std::sqrt(8 * 7200 * 1.5)) << i;
  }
}

TEST(Generator, TotalsThatCannotBeAreRefused) {
  GeneratorConfig config;
  config.functions = 60;
  config.max_rate_rps = 1;
  config.total_invocations = 1'000'000'000;
  EXPECT_THAT(MessageOf(GenerateTrace(config).status()), HasSubstr("with max_rate_rps 1 at most"));
  config = Timers(10, 288);
  config.total_invocations = 100;
  EXPECT_THAT(MessageOf(GenerateTrace(config).status()), HasSubstr("the timers alone make 2880"));
}

TEST(Generator, ProfilesKeepTheirBounds) {
  GeneratorConfig config;
  config.functions = 3000;
  config.length = SimTime::Minutes(5);
  config.execution.max_mean = SimTime::Seconds(2);
  config.execution.min_mean = SimTime::Millis(20);
  config.memory.min = Mebibytes(100);
  config.memory.max = Mebibytes(200);
  config.cold_start_ms = Distribution::Constant(250);
  const Trace trace = Generate(config);
  EXPECT_EQ(trace.minutes(), 5);
  for (const FunctionProfile& f : trace.functions()) {
    EXPECT_GE(f.duration_ms.Mean(), 20 * (1 - 1e-12));
    EXPECT_LE(f.duration_ms.Mean(), 2000 * (1 + 1e-12));
    EXPECT_GE(f.memory.value(), 100);
    EXPECT_LE(f.memory.value(), 200);
    EXPECT_EQ(*f.cold_start_ms, Distribution::Constant(250));
    EXPECT_TRUE(f.duration_known);
  }
}

TEST(GeneratorConfig, ConditionsBetweenFields) {
  const auto error = [](auto change) {
    GeneratorConfig config;
    change(config);
    return MessageOf(GenerateTrace(config).status());
  };
  EXPECT_THAT(error([](auto& c) { c.length = SimTime::Seconds(90); }), HasSubstr("whole minutes"));
  EXPECT_THAT(error([](auto& c) {
                c.rate.quantiles = {{0, 5}, {0.5, 4}};
              }),
              HasSubstr("must rise"));
  EXPECT_THAT(error([](auto& c) { c.rate.quantiles = {{0.1, 5}}; }), HasSubstr("at 0"));
  EXPECT_THAT(error([](auto& c) { c.rate.quantiles.clear(); }), HasSubstr("at 0"));
  EXPECT_THAT(error([](auto& c) { c.rate.max_per_day = 10; }), HasSubstr("below the last"));
  EXPECT_THAT(error([](auto& c) { c.apps.sizes.clear(); }), HasSubstr("apps.sizes"));
  EXPECT_THAT(error([](auto& c) { c.apps.sizes = {{3, 1}, {3, 1}}; }), HasSubstr("rising"));
  EXPECT_THAT(error([](auto& c) { c.triggers.usual = {}; }), HasSubstr("triggers.usual"));
  EXPECT_THAT(error([](auto& c) { c.triggers.busy = {.timer = 1}; }), HasSubstr("beside timer"));
  EXPECT_THAT(error([](auto& c) { c.timers.periods.clear(); }), HasSubstr("is empty"));
  EXPECT_THAT(error([](auto& c) { std::swap(c.timers.periods[0], c.timers.periods[1]); }),
              HasSubstr("must rise"));
  EXPECT_THAT(error([](auto& c) { c.arrivals.regular = 0.9; }), HasSubstr("more than 1 together"));
  EXPECT_THAT(error([](auto& c) { c.arrivals.duty_min = 0.9; }), HasSubstr("duty_min"));
  EXPECT_THAT(error([](auto& c) { c.execution.min_mean = SimTime::Hours(9); }),
              HasSubstr("execution.min_mean"));
  EXPECT_THAT(error([](auto& c) { c.memory.min = Mebibytes(9000); }), HasSubstr("memory.min"));
}

TEST(GeneratorConfig, WhatIsWrittenReadsBackTheSame) {
  GeneratorConfig config, again;
  config.functions = 17;
  config.max_rate_rps = 2.5;
  config.cold_start_ms = Distribution::Constant(250);
  const std::string text = WriteConfig(config);
  const auto node = ConfigNode::Parse(text, "written.yaml");
  ASSERT_TRUE(node.ok()) << node.status();
  const absl::Status read = ReadConfig(*node, again);
  ASSERT_TRUE(read.ok()) << read << text;
  EXPECT_EQ(WriteConfig(again), text);
}

TEST(GeneratorConfig, PresetsAreValid) {
  for (const char* name : {"azure_day", "small", "demo"}) {
    const auto node =
        ConfigNode::Load(std::string(REEVE_SOURCE) + "/configs/traces/" + name + ".yaml");
    ASSERT_TRUE(node.ok()) << node.status();
    GeneratorConfig config;
    const absl::Status read = ReadConfig(*node, config);
    ASSERT_TRUE(read.ok()) << read;
    if (std::string_view(name) != "demo") continue;
    const Trace demo = Generate(config);
    EXPECT_EQ(demo.functions().size(), 60u);
    EXPECT_EQ(demo.minutes(), 120);
    EXPECT_NEAR(static_cast<double>(demo.total_invocations()), 200000, 4 * 447 + 30);
  }
}

}  // namespace
}  // namespace reeve
