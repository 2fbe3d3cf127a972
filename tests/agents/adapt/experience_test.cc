#include "agents/adapt/experience.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/ppo/gae.h"
#include "tests/agents/adapt/online_rig.h"

namespace reeve {
namespace {

using testing::Each;
using testing::ElementsAre;

// One agent, stretches of 3 steps, batches of 2 stretches of the agent's own steps, at most 4.
class ExperienceTest : public testing::Test {
 protected:
  ExperienceTest()
      : shape_(OnlineShape(1, 1, 2)),
        model_(MakeModel(shape_, {}, 1)),
        runner_(model_, 1, ModelRunner::Use::kActorAndCritic),
        experience_(model_, shape_, {.steps = 3, .stretches = 2, .patience = 2}) {}

  void Step(float reward, uint8_t own = 1, uint8_t present = 1) {
    const float observation = 0.5F;
    const uint8_t legal[] = {1, 0}, start = 0;
    const int32_t action = 0;
    const float log_prob = 0;
    runner_.Step(&observation, &present, &action);
    experience_.Add(runner_, model_,
                    {.observations = {&observation, 1},
                     .legal = legal,
                     .present = {&present, 1},
                     .starts = {&start, 1},
                     .actions = {&action, 1},
                     .log_probs = {&log_prob, 1},
                     .environment = 7});
    experience_.Complete({.rewards = {&reward, 1}, .own = {&own, 1}});
  }
  void Cut(float value) {
    const uint8_t present = 1;
    experience_.Cut({&value, 1}, {&present, 1});
  }

  VectorEnvSpec shape_;
  PolicyModel model_;
  ModelRunner runner_;
  Experience experience_;
};

TEST_F(ExperienceTest, StepsGoWhereARolloutHasThem) {
  Step(1);
  Step(2);
  Step(3);
  EXPECT_TRUE(experience_.stretch_full());
  Cut(10);
  Step(4);
  Cut(20);
  const Rollout& r = experience_.rollout();
  EXPECT_THAT(r.rewards, ElementsAre(1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(r.weights, ElementsAre(1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(r.starts, ElementsAre(1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1));
  EXPECT_THAT(r.cuts, ElementsAre(0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1));
  EXPECT_THAT(r.bootstraps, ElementsAre(0, 0, 10, 20, 0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(experience_.environments(), ElementsAre(7, 7));
  EXPECT_FALSE(experience_.full());  // four of six
}

// Returns of steps 1, 2, 3 with a value of 10 behind them, discounted by 0.5; lambda 1. The second
// step was the fallback's: the return goes through it, and the actor's weight is 0.
TEST_F(ExperienceTest, ReturnsGoThroughStepsOfTheFallback) {
  Step(1);
  Step(2, /*own=*/0);
  Step(3);
  Cut(10);
  const Rollout& r = experience_.rollout();
  std::vector<float> advantages(3), returns(3);
  EstimateAdvantages({.rewards = std::span(r.rewards).first(3),
                      .values = std::span(r.values).first(3),
                      .bootstraps = std::span(r.bootstraps).first(3),
                      .cuts = std::span(r.cuts).first(3),
                      .weights = std::span(r.weights).first(3)},
                     0.5, 1, advantages, returns);
  EXPECT_NEAR(returns[2], 3 + 0.5 * 10, 1e-5);
  EXPECT_NEAR(returns[1], 2 + 0.5 * 8, 1e-5);
  EXPECT_NEAR(returns[0], 1 + 0.5 * 6, 1e-5);
  EXPECT_THAT(std::vector<float>(r.actor_weights.begin(), r.actor_weights.begin() + 3),
              ElementsAre(1, 0, 1));
  EXPECT_THAT(std::vector<float>(r.weights.begin(), r.weights.begin() + 3), Each(1));
}

TEST_F(ExperienceTest, ABatchWaitsForThePolicysOwnStepsButNotForEver) {
  const auto stretch = [&](uint8_t own) {
    for (int i = 0; i < 3; ++i) Step(0, own);
    Cut(0);
  };
  stretch(1);
  stretch(0);
  EXPECT_FALSE(experience_.full());  // 3 of 6
  stretch(1);
  EXPECT_TRUE(experience_.full());
  EXPECT_EQ(experience_.own_steps(), 6);
  EXPECT_EQ(experience_.steps(), 9);

  experience_.Clear();
  EXPECT_EQ(experience_.steps(), 0);
  for (int i = 0; i < 3; ++i) stretch(0);
  EXPECT_FALSE(experience_.full());
  stretch(0);
  EXPECT_TRUE(experience_.full());  // no room for more
}

TEST_F(ExperienceTest, WhatFollowsAnAbsenceDoesNotCountForWhatWasBefore) {
  Step(1);
  Step(5, 1, /*present=*/0);
  Step(3);
  Cut(0);
  const Rollout& r = experience_.rollout();
  EXPECT_THAT(std::vector<uint8_t>(r.cuts.begin(), r.cuts.begin() + 3), ElementsAre(1, 1, 1));
  EXPECT_THAT(std::vector<float>(r.rewards.begin(), r.rewards.begin() + 3), ElementsAre(1, 0, 3));
  EXPECT_THAT(std::vector<float>(r.weights.begin(), r.weights.begin() + 3), ElementsAre(1, 0, 1));
}

}  // namespace
}  // namespace reeve
