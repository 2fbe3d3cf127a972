#include "agents/adapt/online_experts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "core/status.h"
#include "tests/agents/adapt/online_rig.h"

namespace reeve {
namespace {

using testing::ElementsAre;

OnlineSpec Small() {
  OnlineSpec spec;
  spec.learner.form = Form::kSRl;
  spec.stretch = 8;
  spec.stretches = 2;
  return spec;
}

TEST(BackgroundTrainerTest, TheOwnerGoesOnMeanwhile) {
  BackgroundTrainer trainer;
  EXPECT_FALSE(trainer.busy());
  EXPECT_FALSE(trainer.Poll().has_value());
  std::atomic<bool> go = false;
  trainer.Start([&] {
    while (!go) std::this_thread::yield();
    return absl::InternalError("as asked");
  });
  EXPECT_TRUE(trainer.busy());
  EXPECT_FALSE(trainer.Poll().has_value());  // it waits for us, so we did not wait for it
  go = true;
  EXPECT_EQ(MessageOf(trainer.Wait()), "as asked");
  EXPECT_FALSE(trainer.busy());
}

TEST(BackgroundTrainerTest, AJobThatHasBegunIsFinished) {
  std::atomic<bool> done = false;
  {
    BackgroundTrainer trainer;
    trainer.Start([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      done = true;
      return absl::OkStatus();
    });
  }
  EXPECT_TRUE(done);
}

// 16 own steps are a batch; what was learned from it comes into force a step later.
TEST(OnlineExpertsTest, BatchesAreLearnedFromInTurn) {
  const VectorEnvSpec shape = OnlineShape(2, 1, 3);
  OnlineExperts learner(shape, Small(), FakeTrainers(), 1);
  PlayOnline(learner, shape, 0, 17);
  EXPECT_EQ(learner.counts().updates, 0);
  PlayOnline(learner, shape, 0, 1);
  EXPECT_EQ(learner.counts().updates, 1);
  PlayOnline(learner, shape, 0, 160);
  EXPECT_EQ(learner.counts().updates, 11);
  EXPECT_EQ(learner.counts().steps, 178);
  EXPECT_EQ(learner.counts().batches_dropped, 0);
  const auto state = learner.StateOf(0);
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->trainer.iteration, 11);
  EXPECT_EQ(state->steps, 178);  // of its exploration
}

TEST(OnlineExpertsTest, EveryEnvironmentHasAnExpertAndOneExploration) {
  const VectorEnvSpec shape = OnlineShape(1, 1, 2);
  OnlineSpec spec = Small();
  spec.exploration.steps = 40;
  OnlineExperts learner(shape, spec, FakeTrainers(), 1);
  PlayOnline(learner, shape, 3, 30);
  EXPECT_TRUE(learner.exploring());
  PlayOnline(learner, shape, 5, 41);
  EXPECT_FALSE(learner.exploring());
  PlayOnline(learner, shape, 3, 5);
  EXPECT_TRUE(learner.exploring());  // it goes on where it was
  PlayOnline(learner, shape, 3, 6);
  EXPECT_FALSE(learner.exploring());
  PlayOnline(learner, shape, 5, 1);
  EXPECT_FALSE(learner.exploring());  // nothing begins anew
  EXPECT_EQ(learner.counts().experts_begun, 2);
  EXPECT_EQ(learner.counts().switches, 3);
  EXPECT_THAT(learner.environments(), ElementsAre(3, 5));
}

TEST(OnlineExpertsTest, OtherMethodsHaveOnePolicy) {
  const VectorEnvSpec shape = OnlineShape(1, 1, 2);
  OnlineSpec spec = Small();
  spec.method = OnlineMethod::kSingle;
  OnlineExperts learner(shape, spec, FakeTrainers(), 1);
  PlayOnline(learner, shape, 3, 30);
  PlayOnline(learner, shape, 5, 30);
  EXPECT_EQ(learner.counts().experts_begun, 1);
  EXPECT_EQ(learner.counts().switches, 0);
}

TEST(OnlineExpertsTest, ANewExpertMayBeginAsTheClosest) {
  const VectorEnvSpec shape = OnlineShape(1, 1, 2);
  OnlineSpec spec = Small();
  spec.warm_start = WarmStart::kClosest;
  OnlineExperts learner(shape, spec, FakeTrainers(), 1);
  PlayOnline(learner, shape, 0, 100);
  const PolicyModel first = learner.StateOf(0)->trainer.model;
  learner.Switch(1, 0);
  learner.Switch(2, std::nullopt);
  EXPECT_EQ(learner.StateOf(1)->trainer.model.actor_parameters, first.actor_parameters);
  EXPECT_NE(learner.StateOf(2)->trainer.model.actor_parameters, first.actor_parameters);
}

TEST(OnlineExpertsTest, AnExpertGoesOnFromItsState) {
  const VectorEnvSpec shape = OnlineShape(1, 1, 2);
  OnlineExperts learner(shape, Small(), FakeTrainers(), 1);
  PlayOnline(learner, shape, 4, 100);
  const auto state = learner.StateOf(4);
  ASSERT_TRUE(state.ok());
  OnlineExperts other(shape, Small(), FakeTrainers(), 1);
  ASSERT_TRUE(other.Restore(4, *state).ok());
  PlayOnline(other, shape, 4, 1);
  EXPECT_EQ(other.counts().experts_begun, 0);
  EXPECT_EQ(other.StateOf(4)->steps, 101);
  const VectorEnvSpec larger = OnlineShape(2, 1, 2);
  OnlineExperts wrong(larger, Small(), FakeTrainers(), 1);
  EXPECT_EQ(wrong.Restore(4, *state).code(), absl::StatusCode::kInvalidArgument);
}

// With swap_after 0 nobody waits: how often the weights change hangs on the machine, but whatever
// is read is whole. What the thread sanitizer looks at.
TEST(OnlineExpertsTest, LearningGoesOnBesideTheLoop) {
  const VectorEnvSpec shape = OnlineShape(3, 2, 3);
  OnlineSpec spec = Small();
  spec.swap_after = 0;
  OnlineExperts learner(shape, spec, FakeTrainers(), 1);
  for (int round = 0; round < 50; ++round) PlayOnline(learner, shape, round % 3, 40);
  EXPECT_GT(learner.counts().updates, 0);
  EXPECT_EQ(learner.counts().steps, 2000);
}

}  // namespace
}  // namespace reeve
