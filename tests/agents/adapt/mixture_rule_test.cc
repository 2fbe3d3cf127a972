#include "agents/adapt/mixture_rule.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "core/random.h"

namespace reeve {
namespace {

using X = std::array<double, 1>;

constexpr SpreadPrior kExact = {
    .prior_sd = 0, .prior_weight = 0, .floor_sd = 1e-6, .diagonal = true};

ContextMoments At(double mean, double variance, double count) {
  ContextMoments m(1);
  m.count = count;
  m.mean = {mean};
  m.covariance = {variance};
  return m;
}

TEST(MixtureRule, ResponsibilitiesByHand) {
  EnvironmentBook book(1, 4, kExact);
  book.Open(At(0, 1, 300), SimTime());
  book.Open(At(3, 4, 100), SimTime());
  MixtureRule rule({.new_cluster = 1e-4}, 1, 4);
  const Verdict v = rule.Judge(SimTime(), X{1}, book, 0);
  const double a = 3 * std::exp(-0.5), b = 0.5 * std::exp(-0.5);
  EXPECT_EQ(v.place, 0u);
  EXPECT_NEAR(v.confidence, a / (a + b), 1e-9);
  EXPECT_NEAR(rule.responsibilities()[1], b / (a + b), 1e-9);
  // 4.4 deviations from both: beyond the 1e-4 quantile of one dimension (3.9; here 3.97).
  const Verdict far = rule.Judge(SimTime(), X{11.8}, book, 0);
  EXPECT_EQ(far.judgement, Judgement::kNew);
  EXPECT_GT(far.confidence, 0);
  EXPECT_EQ(rule.Judge(SimTime(), X{-3.5}, book, 1).place, 0u);  // known, though not in force
}

// With components far apart, what it learns is what batch statistics of each cluster are.
TEST(MixtureRule, LearnsTheBatchStatisticsOfSeparateClusters) {
  SpreadPrior prior = kExact;
  prior.floor_sd = 0.5;
  EnvironmentBook book(1, 4, prior);
  MixtureRule rule({.new_cluster = 1e-6}, 1, 4);
  RandomCursor random(RandomStream(3, StreamPurpose::kBootstrap, 0));
  std::array<std::vector<double>, 2> seen;
  for (int i = 0; i < 2000; ++i) {
    const size_t k = random.Uniform() < 0.3;
    const X x = {(k == 0 ? 0.0 : 40.0) + random.Normal()};
    seen[k].push_back(x[0]);
    if (seen[k].size() == 1) {
      ContextMoments first(1);
      first.Add(x);
      book.Open(first, SimTime());
      continue;
    }
    rule.Judge(SimTime(), x, book, 0);
    rule.Absorb(SimTime(), x, 1e9, false, book, 0);
  }
  for (size_t e = 0; e < 2; ++e) {
    const ContextMoments& m = book.stats(e).contexts;
    const std::vector<double>& xs = seen[m.mean[0] > 20];
    double mean = 0, variance = 0;
    for (double x : xs) mean += x / static_cast<double>(xs.size());
    for (double x : xs) variance += (x - mean) * (x - mean) / static_cast<double>(xs.size());
    EXPECT_EQ(m.count, static_cast<double>(xs.size()));
    EXPECT_NEAR(m.mean[0], mean, 1e-9);
    EXPECT_NEAR(m.covariance[0], variance, 1e-8);
  }
}

// Overlapping clusters against EM over the whole batch (the same data, started at the same place).
TEST(MixtureRule, LearnsAboutWhatBatchEmDoes) {
  RandomCursor random(RandomStream(4, StreamPurpose::kBootstrap, 0));
  std::vector<double> xs;
  for (int i = 0; i < 20'000; ++i) {
    xs.push_back((random.Uniform() < 0.4 ? 4.0 : 0.0) + random.Normal());
  }
  std::array<double, 2> weight = {0.5, 0.5}, mean = {-0.5, 4.5}, variance = {1, 1};
  for (int iteration = 0; iteration < 50; ++iteration) {
    std::array<double, 2> n{}, s{}, q{};
    for (double x : xs) {
      std::array<double, 2> p{};
      for (size_t k = 0; k < 2; ++k) {
        p[k] = weight[k] / std::sqrt(variance[k]) *
               std::exp(-0.5 * (x - mean[k]) * (x - mean[k]) / variance[k]);
      }
      for (size_t k = 0; k < 2; ++k) {
        const double r = p[k] / (p[0] + p[1]);
        n[k] += r;
        s[k] += r * x;
        q[k] += r * x * x;
      }
    }
    for (size_t k = 0; k < 2; ++k) {
      weight[k] = n[k] / static_cast<double>(xs.size());
      mean[k] = s[k] / n[k];
      variance[k] = q[k] / n[k] - mean[k] * mean[k];
    }
  }
  EnvironmentBook book(1, 2, kExact);
  book.Open(At(-0.5, 1, 50), SimTime());
  book.Open(At(4.5, 1, 50), SimTime());
  MixtureRule rule({.new_cluster = 1e-12}, 1, 2);
  for (double x : xs) {
    rule.Judge(SimTime(), X{x}, book, 0);
    rule.Absorb(SimTime(), X{x}, 1e9, false, book, 0);
  }
  // One pass forgets its first guesses only slowly; the means' own error is about 0.02.
  for (size_t k = 0; k < 2; ++k) {
    const ContextMoments& m = book.stats(k).contexts;
    EXPECT_NEAR(m.mean[0], mean[k], 0.06) << k;
    EXPECT_NEAR(m.covariance[0], variance[k], 0.1) << k;
    EXPECT_NEAR(m.count / 20'100, weight[k], 0.02) << k;
  }
}

}  // namespace
}  // namespace reeve
