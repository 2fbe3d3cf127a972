// Experts that really learn, on worlds where the best is known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "agents/adapt/online_experts.h"
#include "agents/adapt/ppo_expert_trainer.h"
#include "tests/agents/adapt/online_rig.h"

namespace reeve {
namespace {

OnlineSpec Learning(OnlineMethod method) {
  OnlineSpec spec;
  spec.method = method;
  spec.learner.form = Form::kSRl;
  spec.learner.gamma = 0;
  spec.learner.learning_rate = 0.01;
  spec.learner.actor.width = spec.learner.critic.width = 8;
  spec.stretch = 16;
  spec.stretches = 4;
  spec.exploration = {.entropy = 0.01, .final_entropy = 0.001, .steps = 500};
  return spec;
}

TEST(PpoExpertTest, ExpertsComeBackWithWhatTheyKnew) {
  const VectorEnvSpec shape = OnlineShape(2, 1, 3);
  const OnlineSpec spec = Learning(OnlineMethod::kExperts);
  OnlineExperts learner(shape, spec, PpoExperts(spec), 1);
  const double unlearned = PlayOnline(learner, shape, 0, 64);
  EXPECT_LT(unlearned, 0.6);  // chance is 1/3
  PlayOnline(learner, shape, 0, 1500);
  EXPECT_GT(PlayOnline(learner, shape, 0, 64), 0.95);
  PlayOnline(learner, shape, 1, 1500);
  EXPECT_GT(PlayOnline(learner, shape, 1, 64), 0.95);
  EXPECT_GT(PlayOnline(learner, shape, 0, 64), 0.95);  // at once
  EXPECT_FALSE(learner.exploring());
}

TEST(PpoExpertTest, OnePolicyHasForgotten) {
  const VectorEnvSpec shape = OnlineShape(2, 1, 3);
  OnlineSpec spec = Learning(OnlineMethod::kSingle);
  spec.exploration.entropy = spec.exploration.final_entropy =
      0.3;  // else it is too sure of itself to try anything new
  OnlineExperts learner(shape, spec, PpoExperts(spec), 1);
  PlayOnline(learner, shape, 0, 1500);
  EXPECT_GT(PlayOnline(learner, shape, 0, 64), 0.7);
  PlayOnline(learner, shape, 1, 4000);
  EXPECT_GT(PlayOnline(learner, shape, 1, 64), 0.7);
  EXPECT_LT(PlayOnline(learner, shape, 0, 64), 0.3);
}

// Two environments one after the other, which observations tell apart. What the policy is worth in
// the second at its end, and then back in the first.
std::pair<double, double> TwoInTurn(OnlineMethod method) {
  const VectorEnvSpec shape = OnlineShape(1, 1, 3);
  OnlineSpec spec = Learning(method);
  spec.learner.normalise_observations = false;
  spec.lcpo.weight = 2;
  spec.ewc.elasticity = 20;
  spec.exploration.entropy = spec.exploration.final_entropy = 0.3;
  OnlineExperts learner(shape, spec, PpoExperts(spec), 1);
  PlayShown(learner, shape, 0, 1500);
  PlayShown(learner, shape, 1, 6000);
  const double second = PlayShown(learner, shape, 1, 64);
  return {second, PlayShown(learner, shape, 0, 64)};
}

TEST(PpoExpertTest, AnchorsAndElasticWeightsKeepWhatPlainLearningForgets) {
  const auto [plain_second, plain_first] = TwoInTurn(OnlineMethod::kSingle);
  EXPECT_GT(plain_second, 0.9);
  EXPECT_LT(plain_first, 0.4);
  for (const OnlineMethod method : {OnlineMethod::kLcpo, OnlineMethod::kEwc}) {
    const auto [second, first] = TwoInTurn(method);
    EXPECT_GT(second, 0.8) << static_cast<int>(method);
    EXPECT_GT(first, 0.8) << static_cast<int>(method);
  }
}

// The fallback drives all the time: actors stay, to the bit; critics learn.
TEST(PpoExpertTest, StepsOfTheFallbackMoveTheCriticOnly) {
  const VectorEnvSpec shape = OnlineShape(1, 1, 3);
  OnlineSpec spec = Learning(OnlineMethod::kExperts);
  OnlineExperts learner(shape, spec, PpoExperts(spec), 1);
  learner.Switch(0, std::nullopt);
  const PolicyModel before = learner.StateOf(0)->trainer.model;
  PlayOnline(learner, shape, 0, 500, /*own=*/0);
  const PolicyModel after = learner.StateOf(0)->trainer.model;
  EXPECT_GT(learner.counts().updates, 2);
  EXPECT_EQ(before.actor_parameters, after.actor_parameters);
  EXPECT_NE(before.critic_parameters, after.critic_parameters);

  spec.mask_safeguarded = false;
  OnlineExperts unmasked(shape, spec, PpoExperts(spec), 1);
  PlayOnline(unmasked, shape, 0, 500, /*own=*/0);
  EXPECT_NE(before.actor_parameters, unmasked.StateOf(0)->trainer.model.actor_parameters);
}

TEST(PpoExpertTest, AFrozenExpertStaysAsItIs) {
  const VectorEnvSpec shape = OnlineShape(1, 1, 3);
  OnlineSpec spec = Learning(OnlineMethod::kExperts);
  spec.freeze = true;
  OnlineExperts learner(shape, spec, PpoExperts(spec), 1);
  PlayOnline(learner, shape, 0, 600);
  const PolicyModel explored = learner.StateOf(0)->trainer.model;
  PlayOnline(learner, shape, 0, 600);
  EXPECT_EQ(explored.actor_parameters, learner.StateOf(0)->trainer.model.actor_parameters);
}

TEST(PpoExpertTest, TheSameSeedTheSameRun) {
  const VectorEnvSpec shape = OnlineShape(2, 1, 3);
  const OnlineSpec spec = Learning(OnlineMethod::kExperts);
  const auto run = [&] {
    OnlineExperts learner(shape, spec, PpoExperts(spec), 5);
    for (int visit = 0; visit < 6; ++visit) PlayOnline(learner, shape, visit % 2, 150);
    return learner.StateOf(1)->trainer.model.actor_parameters;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace reeve
