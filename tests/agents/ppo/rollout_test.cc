#include "agents/ppo/rollout.h"

#include <vector>

#include "agents/ppo/ppo_spec.h"
#include "gtest/gtest.h"
#include "tests/agents/ppo/small_games.h"

namespace reeve {
namespace {

// 25 steps of ComeAndGo: two whole episodes of ten and half of a third.
class ComeAndGoRollout : public ::testing::Test {
 protected:
  ComeAndGoRollout() : env_(2), model_(MakeModel(env_.spec(), Spec(), 1)) {
    model_.values.mean.assign(4, 50.0);  // what critics of no weight would say
    std::fill(model_.critic_parameters.begin(), model_.critic_parameters.end(), 0.0F);
    RolloutWorker worker(model_, env_, 0, 2);
    std::vector<int32_t> actions(2 * 4 * 2);
    EXPECT_TRUE(worker.Collect({.seed = 1}, {}, actions, rollout_).ok());
  }
  static PpoSpec Spec() {
    PpoSpec spec;
    spec.form = Form::kMaPpo;
    return spec;
  }
  size_t Cell(int agent, int env, int step) const {
    return static_cast<size_t>(rollout_.Sequence(agent, env) * 25 + step);
  }

  ComeAndGo env_;
  PolicyModel model_;
  Rollout rollout_{model_, env_.spec(), 25};
};

TEST_F(ComeAndGoRollout, AbsentStepsAreMasked) {
  for (int agent = 0; agent < 4; ++agent) {
    for (int step = 0; step < 25; ++step) {
      const bool there = ComeAndGo::There(agent, step % 10);
      EXPECT_EQ(rollout_.weights[Cell(agent, 1, step)], there ? 1 : 0);
      EXPECT_EQ(rollout_.rewards[Cell(agent, 1, step)], there ? agent + 1 : 0);
    }
  }
}

TEST_F(ComeAndGoRollout, EpisodesAreCutWhereTheyEnd) {
  for (int step = 0; step < 25; ++step) {
    const bool ends = step == 9 || step == 19 || step == 24;
    EXPECT_EQ(rollout_.cuts[Cell(0, 0, step)], ends ? 1 : 0) << step;
    // Time limits and the horizon are bootstrapped.
    EXPECT_EQ(rollout_.bootstraps[Cell(0, 0, step)], ends ? 50 : 0) << step;
    // Agent 3 leaves after step 4 of an episode, and that is the end without a future: also in step
    // 24, where the rollout ends at the same time.
    if (!ComeAndGo::There(3, step % 10)) continue;
    EXPECT_EQ(rollout_.cuts[Cell(3, 0, step)], step % 10 == 4 ? 1 : 0) << step;
    EXPECT_EQ(rollout_.bootstraps[Cell(3, 0, step)], 0) << step;
  }
}

TEST_F(ComeAndGoRollout, PastsBeginWithEpisodesAndArrivals) {
  for (int step = 0; step < 25; ++step) {
    EXPECT_EQ(rollout_.starts[Cell(0, 0, step)], step % 10 == 0 ? 1 : 0) << step;
    if (ComeAndGo::There(2, step % 10)) {
      EXPECT_EQ(rollout_.starts[Cell(2, 0, step)], step % 10 == 3 ? 1 : 0) << step;
    }
  }
}

TEST_F(ComeAndGoRollout, IllegalChoicesAreNeverTaken) {
  int counts[3] = {};
  for (int env = 0; env < 2; ++env) {
    for (int step = 0; step < 25; ++step) ++counts[rollout_.actions[2 * Cell(0, env, step)]];
  }
  EXPECT_EQ(counts[1], 0);
  EXPECT_GT(counts[0], 10);
  EXPECT_GT(counts[2], 10);
}

TEST_F(ComeAndGoRollout, EpisodesAreSummed) {
  const Rollout::Episodes& first = rollout_.episodes[0];
  EXPECT_EQ(first.count, 2);
  EXPECT_EQ(first.returns, 20);
  const Rollout::Episodes& never = rollout_.episodes[1];
  EXPECT_EQ(never.count, 0);
  EXPECT_EQ(never.steps, 0);
  const Rollout::Episodes& third = rollout_.episodes[2];
  EXPECT_EQ(third.returns, 2 * 3 * 3);  // three steps of each episode at 3
  EXPECT_EQ(third.steps, 3 + 3 + 2);
}

// The critic of agent 0 sees what agent 3 did in the step before: one-hot, after its observation
// and presence, which stand last.
TEST_F(ComeAndGoRollout, CriticsSeeTheOthersLastActions) {
  const auto size = static_cast<size_t>(rollout_.critic_size);
  ASSERT_EQ(size, 1U + 3 * (1 + 1 + 5));
  for (int step = 0; step < 6; ++step) {
    const float* other = rollout_.critic_inputs.data() + Cell(0, 0, step) * size + size - 7;
    const bool there = step < 5;
    EXPECT_EQ(other[0], there ? step : 0);
    EXPECT_EQ(other[1], there ? 1 : 0);
    std::vector<float> expected(5, 0.0F);
    if (there && step > 0) {
      const int32_t* actions = rollout_.actions.data() + 2 * Cell(3, 0, step - 1);
      expected[static_cast<size_t>(actions[0])] = 1;
      expected[static_cast<size_t>(3 + actions[1])] = 1;
    }
    EXPECT_EQ(std::vector<float>(other + 2, other + 7), expected) << step;
  }
}

}  // namespace
}  // namespace reeve
