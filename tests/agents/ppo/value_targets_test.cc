// Steps that something else drove: in the trajectory, and not in what the actor learns from.
#include "agents/ppo/value_targets.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/agents/ppo/small_games.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;

// One agent, one environment, four steps; gamma 1/2, lambda 1, values 0, an end after the last.
// Rewards 8, 4, 2, 6: returns, and advantages, are 12.75, 9.5, 5 (= 2 + 6/2), 6 … from behind:
//   6; 2 + 3 = 5; 4 + 2.5 = 6.5; 8 + 3.25 = 11.25.
class MaskedTargets : public ::testing::Test {
 protected:
  MaskedTargets() : env_(1), model_(MakeModel(env_.spec(), {}, 1)), rollout_(model_, Spec(), 4) {
    rollout_.rewards = {8, 4, 2, 6};
    rollout_.weights = rollout_.actor_weights = {1, 1, 1, 1};
    rollout_.cuts = {0, 0, 0, 1};
  }
  VectorEnvSpec Spec() const {
    VectorEnvSpec spec = env_.spec();
    spec.agents = 1;
    return spec;
  }
  GroupStats Make(bool normalise) {
    std::vector<GroupStats> stats(2);
    Collective alone;
    model_.group_of = {0};
    model_.groups = 1;
    EXPECT_TRUE(MakeTargets({.gamma = 0.5,
                             .lambda = 1,
                             .normalise_values = false,
                             .normalise_advantages = normalise},
                            alone, model_, rollout_, stats)
                    .ok());
    return stats[0];
  }

  CommonPayoff env_;
  PolicyModel model_;
  Rollout rollout_;
};

TEST_F(MaskedTargets, AdvantagesRunThroughMaskedSteps) {
  rollout_.actor_weights = {1, 0, 0, 1};
  Make(false);
  EXPECT_THAT(rollout_.advantages, ElementsAre(11.25F, 6.5F, 5.0F, 6.0F));
  EXPECT_THAT(rollout_.returns, ElementsAre(11.25F, 6.5F, 5.0F, 6.0F));
}

TEST_F(MaskedTargets, OnlyTheActorsOwnStepsAreNormalisedBy) {
  // Own advantages 11.25 and 6: mean 8.625, deviation 2.625. Values of 0 explain nothing of the
  // returns, masked or not.
  rollout_.actor_weights = {1, 0, 0, 1};
  const GroupStats stats = Make(true);
  EXPECT_FLOAT_EQ(rollout_.advantages[0], 1);
  EXPECT_FLOAT_EQ(rollout_.advantages[3], -1);
  EXPECT_NEAR(stats.explained_variance, 0, 1e-12);
  EXPECT_THAT(rollout_.targets, ElementsAre(11.25F, 6.5F, 5.0F, 6.0F));
}

TEST_F(MaskedTargets, WithoutStepsOfItsOwnNothingIsNormalised) {
  rollout_.actor_weights = {0, 0, 0, 0};
  Make(true);
  EXPECT_THAT(rollout_.advantages, ElementsAre(11.25F, 6.5F, 5.0F, 6.0F));
}

}  // namespace
}  // namespace reeve
