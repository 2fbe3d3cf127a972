#include "agents/adapt/mahalanobis_rule.h"

#include <gtest/gtest.h>

#include <array>

namespace reeve {
namespace {

using X = std::array<double, 2>;

constexpr SpreadPrior kPrior = {
    .prior_sd = 0, .prior_weight = 0, .floor_sd = 0.5, .diagonal = true};

ContextMoments At(double a, double b, double variance) {
  ContextMoments m(2);
  m.count = 1000;
  m.mean = {a, b};
  m.covariance = {variance, 0, 0, variance};
  return m;
}

class MahalanobisRuleTest : public testing::Test {
 protected:
  MahalanobisRuleTest()
      : book(2, 4, kPrior), rule({.threshold = -5, .batches = 2, .batch = 2}, kPrior, 2) {
    book.Open(At(0, 0, 0.75), SimTime());  // variance 1 with the floor
    book.Open(At(20, 0, 0.75), SimTime());
  }
  Verdict Judge(X x) { return rule.Judge(SimTime(), x, book, 0); }
  void Absorb(X x) { rule.Absorb(SimTime(), x, 1000, false, book, 0); }

  EnvironmentBook book;
  MahalanobisRule rule;
};

TEST_F(MahalanobisRuleTest, ByHandAgainstTheEnvironmentItself) {
  // s = -1/2 (9 + 0.5^2) / 2 = -2.3125
  Verdict v = Judge({3, 0.5});
  EXPECT_EQ(v.judgement, Judgement::kKnown);
  EXPECT_EQ(v.place, 0u);
  EXPECT_DOUBLE_EQ(v.confidence, 1 - 2.3125 / 5);
  EXPECT_EQ(Judge({4, 1}).judgement, Judgement::kUncertain);  // -17 / 4
  v = Judge({0, 5});                                          // -25 / 4
  EXPECT_EQ(v.judgement, Judgement::kNew);
  EXPECT_DOUBLE_EQ(v.confidence, 1 - 5 / 6.25);
  v = Judge({19, 3});  // of environment 1: -(1 + 9) / 4
  EXPECT_EQ(v.judgement, Judgement::kKnown);
  EXPECT_EQ(v.place, 1u);
  EXPECT_DOUBLE_EQ(v.confidence, 1 - 2.5 / 5);
}

TEST_F(MahalanobisRuleTest, ByHandAgainstTheLastBatches) {
  Absorb({90, 90});  // pushed out by the fifth
  for (X x : {X{10, 4}, X{12, 4}, X{10, 4}, X{12, 4}}) Absorb(x);
  // Mean (11, 4), variance (1 + 0.25, 0.25): s = -1/4 (4 / 1.25 + 1 / 0.25)
  const Verdict v = Judge({13, 5});
  EXPECT_EQ(v.judgement, Judgement::kKnown);
  EXPECT_DOUBLE_EQ(v.confidence, 1 - 0.25 * (3.2 + 4) / 5);
}

TEST_F(MahalanobisRuleTest, BeginsWithTheEnvironmentsOwnStatistics) {
  for (int i = 0; i < 4; ++i) Absorb({0, 0});
  rule.Begin(book, 1, ContextMoments(2));
  EXPECT_EQ(rule.Judge(SimTime(), X{20, 0}, book, 1).confidence, 1);
}

}  // namespace
}  // namespace reeve
