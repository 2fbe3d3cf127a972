#include "agents/adapt/cusum_rule.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "core/random.h"

namespace reeve {
namespace {

using X = std::array<double, 1>;

// Variances are exactly those given.
constexpr SpreadPrior kExact = {
    .prior_sd = 0, .prior_weight = 0, .floor_sd = 1e-9, .diagonal = true};

void Open(double mean, EnvironmentBook& book) {
  ContextMoments m(1);
  m.count = 1;
  m.mean = {mean};
  m.covariance = {1};
  book.Open(m, SimTime());
}

TEST(CusumRule, ByHand) {
  EnvironmentBook book(1, 3, kExact);
  for (double mean : {0.0, 1.0, -2.0}) Open(mean, book);
  CusumRule rule({.threshold = 2, .spread = 3}, 1, 3);
  const auto judge = [&](double x) { return rule.Judge(SimTime(), X{x}, book, 0); };
  // For N(1,1): x - 1/2. For N(-2,1): -2x - 2. For none, in one dimension, both parts are the same:
  // l = -log 3 + 4/9 x^2.
  EXPECT_EQ(judge(1.25).place, 0u);
  EXPECT_NEAR(rule.sums()[1], 0.75, 1e-12);
  EXPECT_EQ(rule.sums()[2], 0);
  EXPECT_EQ(rule.sums()[3], 0);
  EXPECT_EQ(judge(0.25).judgement, Judgement::kKnown);
  EXPECT_NEAR(rule.sums()[1], 0.5, 1e-12);
  EXPECT_EQ(judge(1.5).judgement, Judgement::kUncertain);  // 1.5 of 2
  EXPECT_EQ(judge(-0.5).place, 0u);                        // 0.5
  const Verdict v = judge(2.25);
  EXPECT_NEAR(rule.sums()[1], 2.25, 1e-12);
  EXPECT_EQ(v.judgement, Judgement::kKnown);
  EXPECT_EQ(v.place, 1u);
  EXPECT_NEAR(v.confidence, 1 - 2 / 4.5, 1e-12);
  EXPECT_NEAR(rule.sums()[3], -std::log(3.0) + 4.0 / 9 * 2.25 * 2.25, 1e-12);
  // Far from all: none of them. At 1.5 thresholds, all are lowered alike.
  const Verdict none = judge(6);
  EXPECT_EQ(none.judgement, Judgement::kNew);
  EXPECT_DOUBLE_EQ(rule.sums()[3], 3);
  const double none_sum = 2 * (-std::log(3.0)) + 4.0 / 9 * (2.25 * 2.25 + 36);
  EXPECT_NEAR(rule.sums()[1], std::max(0.0, 2.25 + 5.5 - (none_sum - 3)), 1e-12);
  // A context that speaks for the present: the sum is still above the threshold, the verdict waits.
  EXPECT_EQ(judge(0).judgement, Judgement::kUncertain);
  EXPECT_NEAR(rule.sums()[1], std::max(0.0, 7.75 - (none_sum - 3) - 0.5), 1e-12);
  rule.Begin(book, 0, ContextMoments(1));
  for (double sum : rule.sums()) EXPECT_EQ(sum, 0);
}

TEST(CusumRule, NoneIntegratesToOne) {
  // The mean of e^l under standard normals, by the midpoint rule in two dimensions.
  const double step = 0.05;
  double total = 0;
  for (double a = -15; a < 15; a += step) {
    for (double b = -15; b < 15; b += step) {
      const std::array<double, 2> z = {a + step / 2, b + step / 2};
      total += std::exp(NoneLogRatio(z, 2) - (z[0] * z[0] + z[1] * z[1]) / 2) * step * step;
    }
  }
  EXPECT_NEAR(total / (2 * std::acos(-1.0)), 1, 1e-6);
}

// Control periods to the first alarm, from N(0,1) to N(1,1), for observations around `mean`; the
// mean over runs.
double AverageRunLength(double threshold, double mean, int runs) {
  EnvironmentBook book(1, 2, kExact);
  Open(0, book);
  Open(1, book);
  double total = 0;
  for (int run = 0; run < runs; ++run) {
    CusumRule rule({.threshold = threshold, .spread = 3}, 1, 2);
    RandomCursor random(RandomStream(9, StreamPurpose::kBootstrap, static_cast<uint32_t>(run)));
    for (;; ++total) {
      rule.Judge(SimTime(), X{mean + random.Normal()}, book, 0);
      if (rule.sums()[1] > threshold) break;
    }
    ++total;
  }
  return total / runs;
}

// The log ratio of N(1,1) to N(0,1) is x - 1/2: the one-sided CUSUM with reference value k = 1/2.
// Siegmund (1985): ARL = (exp(-2 D b) + 2 D b - 1) / (2 D^2), D = mean - k, b = h + 1.166.
double Siegmund(double h, double mean) {
  const double drift = mean - 0.5, b = h + 1.166;
  return (std::exp(-2 * drift * b) + 2 * drift * b - 1) / (2 * drift * drift);
}

TEST(CusumRule, RunLengthsAreThePublishedOnes) {
  // Montgomery, Introduction to Statistical Quality Control, table 9.3 (k = 1/2; two-sided 168 and
  // 8.38 for h = 4, 465 and 10.4 for h = 5; one-sided alarms without a shift are half as frequent).
  // Run lengths without a shift are nearly exponential: the mean of 2000 is within 3 x 2.2 %.
  EXPECT_NEAR(AverageRunLength(4, 0, 2000), 2 * 168, 0.067 * 336);
  EXPECT_NEAR(AverageRunLength(4, 1, 2000), 8.38, 0.25);
  EXPECT_NEAR(AverageRunLength(5, 1, 2000), 10.4, 0.3);
  EXPECT_NEAR(AverageRunLength(5, 0, 2000), Siegmund(5, 0), 0.067 * Siegmund(5, 0));
  EXPECT_NEAR(AverageRunLength(5, 1, 2000), Siegmund(5, 1), 0.3);
}

}  // namespace
}  // namespace reeve
