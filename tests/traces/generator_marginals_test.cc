// The default population against the published marginals, each with the tolerance that its sample
// size justifies: four standard errors, as if draws were independent (they are spread more evenly,
// which only makes them closer).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "tests/traces/trace_testing.h"
#include "traces/generator.h"
#include "traces/published.h"
#include "traces/trace_stats.h"

namespace reeve {
namespace {

// Four standard errors of a share p among n.
double Tolerance(double p, double n) {
  return 4 * std::sqrt(p * (1 - p) / n);
}

class Marginals : public testing::Test {
 protected:
  static constexpr int kFunctions = 20000;
  static void SetUpTestSuite() {
    GeneratorConfig config;
    config.functions = kFunctions;
    trace_ = new Trace(*GenerateTrace(config));
    stats_ = new TraceStats(ComputeTraceStats(*trace_));
    apps_ = new std::vector<double>(trace_->apps().size());
    const std::vector<uint64_t> totals = TotalsOf(*trace_);
    for (size_t i = 0; i < totals.size(); ++i) {
      (*apps_)[trace_->functions()[i].app.index()] += static_cast<double>(totals[i]);
    }
  }
  static void TearDownTestSuite() {
    delete trace_;
    delete stats_;
    delete apps_;
  }
  static Trace* trace_;
  static TraceStats* stats_;
  static std::vector<double>* apps_;  // invocations
};
Trace* Marginals::trace_ = nullptr;
TraceStats* Marginals::stats_ = nullptr;
std::vector<double>* Marginals::apps_ = nullptr;

// Some 6,300 applications. A published quantile is met when the share of applications below it and
// the share at or below it enclose its probability; atoms (timers) make the two differ.
TEST_F(Marginals, QuantilesOfInvocationsPerApplication) {
  const auto n = static_cast<double>(apps_->size());
  ASSERT_GT(n, 6000);
  for (const auto& [p, value] : published::azure2019_day::kAppPerDay) {
    if (p == 1) continue;
    const auto below =
        std::count_if(apps_->begin(), apps_->end(), [v = value](double x) { return x < v; });
    const auto upto =
        std::count_if(apps_->begin(), apps_->end(), [v = value](double x) { return x <= v; });
    EXPECT_LE(static_cast<double>(below) / n, p + Tolerance(p, n)) << p;
    EXPECT_GE(static_cast<double>(upto) / n, p - Tolerance(p, n)) << p;
  }
  EXPECT_LE(stats_->app_per_day.back(), 127471685 * 1.01);
  EXPECT_NEAR(stats_->apps_at_most_one_per_minute, 0.78, Tolerance(0.78, n));
  EXPECT_NEAR(stats_->apps_at_most_one_per_hour, 0.30, Tolerance(0.30, n));
}

// The sums are dominated by the largest applications, so they are held against the quantile
// function itself at 17,577 even steps: no sampling error, but that of the fit (0.76 to 0.78 fit
// equally).
TEST(RateConfig, SumAndConcentrationOfTheDay) {
  const RateConfig rate;
  constexpr int kApps = 17577;
  std::vector<double> per_day;
  for (int i = 0; i < kApps; ++i) per_day.push_back(rate.Quantile((i + 0.5) / kApps));
  ASSERT_TRUE(std::is_sorted(per_day.begin(), per_day.end()));
  double sum = 0, top1 = 0, top18 = 0;
  for (int i = 0; i < kApps; ++i) {
    sum += per_day[i];
    if (i >= kApps - 175) top1 += per_day[i];
    if (i >= kApps - 3269) top18 += per_day[i];
  }
  EXPECT_NEAR(sum, published::azure2019_day::kInvocations, 0.05 * sum);
  EXPECT_NEAR(top1 / sum, published::azure2019_day::kShareOfTop1Percent, 0.01);
  EXPECT_NEAR(top18 / sum, published::azure2019_day::kShareOfTop18Point6Percent, 0.002);
  EXPECT_LT(per_day.back(), 127471685);
  for (const RatePoint& point : rate.quantiles) {
    if (point.at > 0) {
      EXPECT_NEAR(rate.Quantile(point.at), point.per_day, 1e-9 * point.per_day);
    }
  }
}

// In a sample of 6,300 the top 1 % is 63 applications of a bounded Pareto with exponent 0.77 over a
// ratio of 257: the standard error of their share is about 0.04.
TEST_F(Marginals, FewApplicationsMakeMostInvocations) {
  EXPECT_NEAR(stats_->share_of_top_1, published::azure2019_day::kShareOfTop1Percent, 4 * 0.04);
  EXPECT_NEAR(stats_->share_of_top_18_6, published::azure2019_day::kShareOfTop18Point6Percent,
              0.01);
}

TEST_F(Marginals, FunctionsPerApplication) {
  const auto n = static_cast<double>(trace_->apps().size());
  EXPECT_NEAR(stats_->apps_with_one_function, published::atc20::kAppsWithOneFunction,
              Tolerance(published::atc20::kAppsWithOneFunction, n));
  std::vector<int> sizes(trace_->apps().size());
  for (const FunctionProfile& f : trace_->functions()) ++sizes[f.app.index()];
  const auto upto10 = std::count_if(sizes.begin(), sizes.end(), [](int s) { return s <= 10; });
  EXPECT_NEAR(static_cast<double>(upto10) / n, 0.95, Tolerance(0.95, n));  // ATC'20, figure 1
}

TEST_F(Marginals, TriggersOfFunctions) {
  for (int t = 0; t < kTriggers; ++t) {
    const double p = published::atc20::kTriggerOfFunctions[t];
    EXPECT_NEAR(stats_->trigger_of_functions[t], p, Tolerance(p, kFunctions)) << t;
  }
}

// The trigger of each busy function is an independent draw, so the shares of invocations are those
// of the mix in expectation; a day's own shares hang on a handful of giants. What can be tested
// sharply: the mix among busy functions that no timer can serve (above 1.4 a second).
TEST_F(Marginals, TriggersOfInvocations) {
  const std::vector<uint64_t> totals = TotalsOf(*trace_);
  std::array<double, kTriggers> busy{};
  double n = 0, timers = 0;
  for (size_t i = 0; i < totals.size(); ++i) {
    const Trigger trigger = trace_->functions()[i].trigger;
    if (trigger == Trigger::kTimer) timers += static_cast<double>(totals[i]);
    if (totals[i] < 1.5 * 86400) continue;
    ++busy[static_cast<size_t>(trigger)];
    ++n;
  }
  ASSERT_GT(n, 100);
  for (int t = 0; t < kTriggers; ++t) {
    if (static_cast<Trigger>(t) == Trigger::kTimer) {
      EXPECT_EQ(busy[t], 0);
      continue;
    }
    const double p = published::atc20::kTriggerOfInvocations[t] / (1 - 0.02);
    EXPECT_NEAR(busy[t] / n, p, Tolerance(p, n) + 1 / n) << t;
  }
  // Timers make 2 % of 910 M invocations by 17,577 applications: 1,035 each. One application in a
  // hundred has a timer of one a second, so the standard error over 6,300 is about a tenth.
  const double per_app = published::atc20::kTriggerOfInvocations[1] *
                         published::azure2019_day::kInvocations / published::azure2019_day::kApps;
  EXPECT_NEAR(timers / static_cast<double>(apps_->size()), per_app, 4 * 0.1 * per_app);
}

// Lognormal(-0.38, 2.36) in ln seconds: quantiles from those of the normal distribution.
TEST_F(Marginals, ExecutionTimes) {
  for (const auto& [p, z] :
       {std::pair{0.25, -0.674490}, std::pair{0.5, 0.0}, std::pair{0.75, 0.674490},
        std::pair{0.9, 1.281552}, std::pair{0.95, 1.644854}}) {
    const double bound_ms = 1000 * std::exp(-0.38 + 2.36 * z);
    const auto below =
        std::count_if(trace_->functions().begin(), trace_->functions().end(),
                      [&](const FunctionProfile& f) { return f.duration_ms.Mean() <= bound_ms; });
    EXPECT_NEAR(static_cast<double>(below) / kFunctions, p, Tolerance(p, kFunctions)) << p;
  }
  // As counted in the paper; its fit gives 97.1 %.
  EXPECT_NEAR(stats_->execution_below_60s, published::atc20::kExecutionBelow60s, 0.015);
}

// Burr(11.652, 0.221, 107.083): F(x) = 1 - (1 + (x / 107.083)^11.652)^-0.221, at half a MiB beyond
// whole ones because of rounding.
TEST_F(Marginals, MemoryOfApplications) {
  std::vector<int64_t> memory(trace_->apps().size());
  for (const FunctionProfile& f : trace_->functions()) memory[f.app.index()] = f.memory.value();
  const auto n = static_cast<double>(memory.size());
  for (int64_t mib : {100, 120, 140, 200, 300, 600}) {
    const double p =
        1 - std::pow(1 + std::pow((static_cast<double>(mib) + 0.5) / 107.083, 11.652), -0.221);
    const auto upto =
        std::count_if(memory.begin(), memory.end(), [&](int64_t m) { return m <= mib; });
    EXPECT_NEAR(static_cast<double>(upto) / n, p, Tolerance(p, n)) << mib;
  }
}

TEST_F(Marginals, VariationOfInterArrivalTimes) {
  EXPECT_NEAR(
      stats_->apps_with_cv_above_1, published::atc20::kAppsWithCvAbove1,
      Tolerance(published::atc20::kAppsWithCvAbove1, static_cast<double>(stats_->apps_with_cv)));
}

// All functions but timers: half of the invocations do not follow the day. With peaks spread by
// 1.5 h the swing of the sum is 0.5 * exp(-(2 pi 1.5 / 24)^2 / 2) = 0.463 of its mean, so the first
// harmonic of the day, functions weighted equally, is 0.463. Bursts scatter it: by about the
// standard error of a mean over functions of numbers of order one.
TEST_F(Marginals, TheFlatBaseIsAboutHalf) {
  std::vector<double> cosine(trace_->functions().size());
  for (int m = 0; m < trace_->minutes(); ++m) {
    const double c = std::cos(2 * 3.14159265358979 * (m + 0.5 - 14 * 60) / 1440);
    for (const MinuteCount& count : trace_->minute(m)) cosine[count.function] += c * count.count;
  }
  const std::vector<uint64_t> totals = TotalsOf(*trace_);
  double swing = 0, n = 0;
  for (size_t i = 0; i < totals.size(); ++i) {
    if (trace_->functions()[i].trigger == Trigger::kTimer || totals[i] == 0) continue;
    swing += 2 * cosine[i] / static_cast<double>(totals[i]);
    ++n;
  }
  EXPECT_NEAR(swing / n, 0.463, 4 * std::sqrt(2.0) / std::sqrt(n));
}

// Fewer applications, same quantiles: what the even spread is for. 100 of one function each.
TEST(GeneratorStratified, SmallPopulationsLookAlike) {
  GeneratorConfig config;
  config.functions = 100;
  config.apps.sizes = {{1, 1}};
  config.triggers.usual = config.triggers.busy = {.http = 1};
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    config.seed = seed;
    std::vector<uint64_t> totals = TotalsOf(*GenerateTrace(config));
    std::sort(totals.begin(), totals.end());
    // A golden-ratio sequence of 100 has at most 4 points more or fewer than it should below any
    // bound (discrepancy below 0.04), where independent draws would have a spread of 5.
    EXPECT_GE(totals[54], 288u) << seed;
    EXPECT_LE(totals[45], 288u) << seed;
    EXPECT_GE(totals[94], 8573u) << seed;
    EXPECT_LE(totals[85], 8573u) << seed;
  }
}

}  // namespace
}  // namespace reeve
