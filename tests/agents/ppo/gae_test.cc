#include "agents/ppo/gae.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

struct Case {
  std::vector<float> rewards, values, bootstraps;
  std::vector<uint8_t> cuts;
  std::vector<float> weights;
};

std::pair<std::vector<float>, std::vector<float>> Estimate(const Case& c, double gamma,
                                                           double lambda) {
  std::vector<float> advantages(c.rewards.size()), returns(c.rewards.size());
  EstimateAdvantages({.rewards = c.rewards,
                      .values = c.values,
                      .bootstraps = c.bootstraps,
                      .cuts = c.cuts,
                      .weights = c.weights},
                     gamma, lambda, advantages, returns);
  return {advantages, returns};
}

// gamma = lambda = 1/2. Two steps and an end without future:
//   delta1 = 4 - 2 = 2;  delta0 = 1 + 0.5 * 2 - 3 = -1;  A0 = -1 + 0.25 * 2 = -0.5
TEST(Gae, TerminationHasNoFuture) {
  const auto [advantages, returns] = Estimate({.rewards = {1, 4},
                                               .values = {3, 2},
                                               .bootstraps = {99, 0},
                                               .cuts = {0, 1},
                                               .weights = {1, 1}},
                                              0.5, 0.5);
  EXPECT_THAT(advantages, ElementsAre(FloatEq(-0.5F), FloatEq(2)));
  EXPECT_THAT(returns, ElementsAre(FloatEq(2.5F), FloatEq(4)));
}

// The same, but a time limit after the second step, in a state worth 6: delta1 = 4 + 3 - 2 = 5,
// A0 = -1 + 0.25 * 5 = 0.25. The episode that follows changes nothing.
TEST(Gae, TimeLimitIsBootstrappedAndSeparates) {
  const auto [advantages, returns] = Estimate({.rewards = {1, 4, 100},
                                               .values = {3, 2, 50},
                                               .bootstraps = {99, 6, 0},
                                               .cuts = {0, 1, 1},
                                               .weights = {1, 1, 1}},
                                              0.5, 0.5);
  EXPECT_THAT(advantages, ElementsAre(FloatEq(0.25F), FloatEq(5), FloatEq(50)));
  EXPECT_THAT(returns, ElementsAre(FloatEq(3.25F), FloatEq(7), FloatEq(100)));
}

// Present, absent for two steps, present again.
TEST(Gae, AbsenceIsMaskedAndHasNoFuture) {
  const auto [advantages, returns] = Estimate({.rewards = {1, 7, 7, 4},
                                               .values = {3, 8, 9, 2},
                                               .bootstraps = {0, 5, 5, 6},
                                               .cuts = {1, 1, 1, 1},
                                               .weights = {1, 0, 0, 1}},
                                              0.5, 0.5);
  EXPECT_THAT(advantages, ElementsAre(FloatEq(-2), FloatEq(0), FloatEq(0), FloatEq(5)));
  EXPECT_THAT(returns, ElementsAre(FloatEq(1), FloatEq(0), FloatEq(0), FloatEq(7)));
}

// lambda 1: the discounted sum of rewards and the bootstrap, whatever the values between.
TEST(Gae, LambdaOneIsTheDiscountedReturn) {
  const auto [advantages, returns] = Estimate({.rewards = {1, 2, 3},
                                               .values = {10, -20, 30},
                                               .bootstraps = {0, 0, 8},
                                               .cuts = {0, 0, 1},
                                               .weights = {1, 1, 1}},
                                              0.5, 1);
  EXPECT_FLOAT_EQ(returns[0], 1 + 0.5F * 2 + 0.25F * 3 + 0.125F * 8);
  EXPECT_FLOAT_EQ(returns[2], 3 + 0.5F * 8);
}

}  // namespace
}  // namespace reeve
