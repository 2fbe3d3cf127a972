#include "agents/adapt/online_experts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "core/random.h"
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

// Moves every parameter and normaliser, and keeps what it was given.
class KeepingTrainer final : public ExpertTrainer {
 public:
  KeepingTrainer(TrainerState state, std::vector<Rollout>* batches)
      : state_(std::move(state)), batches_(batches) {}
  absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch& batch) override {
    batches_->push_back(batch.rollout);
    PolicyModel& model = state_.model;
    for (float& p : model.actor_parameters) p *= 1.05F;
    for (float& p : model.critic_parameters) p *= 1.1F;
    for (double& m : model.observations.mean) m += 0.01;
    for (double& m : model.values.mean) m += 0.3;
    for (double& v : model.values.variance) v *= 1.7;
    return OnlineUpdate();
  }
  const TrainerState& state() const override { return state_; }

 private:
  TrainerState state_;
  std::vector<Rollout>* const batches_;
};

struct Played {
  std::vector<Rollout> batches;
  std::vector<int32_t> actions;
};

// Agents that come and go, environments that change in the middle of stretches, critics that change
// in the middle of batches.
Played PlayMuch(Sharing sharing, bool wants_values) {
  const VectorEnvSpec shape = OnlineShape(5, 3, 4);
  OnlineSpec spec = Small();
  spec.learner.sharing = sharing;
  spec.swap_after = 3;
  Played played;
  {
    OnlineExperts learner(
        shape, spec,
        [&](TrainerState state, int32_t, int32_t) {
          return std::make_unique<KeepingTrainer>(std::move(state), &played.batches);
        },
        1);
    learner.set_wants_values(wants_values);
    const std::vector<uint8_t> legal(5 * 4, 1);
    std::vector<float> observations(5 * 3), rewards(5);
    std::vector<uint8_t> present(5), own(5);
    std::vector<int32_t> actions(5);
    RandomCursor random(RandomStream(9, StreamPurpose::kPolicy, 0));
    for (int step = 0; step < 300; ++step) {
      if (step % 70 == 0) learner.Switch(step / 70 % 2, std::nullopt);
      for (float& x : observations) x = static_cast<float>(random.Normal());
      for (size_t a = 0; a < 5; ++a) {
        present[a] = random.Below(6) > 0;
        own[a] = random.Below(4) > 0;
        rewards[a] = static_cast<float>(random.Normal());
      }
      EXPECT_TRUE(learner.Act({observations, legal, present}, actions).ok());
      learner.Reward(rewards, own);
      played.actions.insert(played.actions.end(), actions.begin(), actions.end());
    }
  }
  return played;
}

TEST(OnlineExpertsTest, ValuesLeftForLaterAreTheSameToTheBit) {
  for (const Sharing sharing : {Sharing::kShared, Sharing::kPerFunction}) {
    const Played now = PlayMuch(sharing, true), later = PlayMuch(sharing, false);
    EXPECT_EQ(now.actions, later.actions);
    ASSERT_EQ(now.batches.size(), later.batches.size());
    ASSERT_GT(now.batches.size(), 10u);
    for (size_t i = 0; i < now.batches.size(); ++i) {
      const Rollout &a = now.batches[i], &b = later.batches[i];
      EXPECT_EQ(a.values, b.values) << i;
      EXPECT_EQ(a.bootstraps, b.bootstraps) << i;
      EXPECT_EQ(a.actor_inputs, b.actor_inputs) << i;
      EXPECT_EQ(a.critic_inputs, b.critic_inputs) << i;
      EXPECT_EQ(a.rewards, b.rewards) << i;
      EXPECT_EQ(a.actor_weights, b.actor_weights) << i;
      EXPECT_EQ(a.cuts, b.cuts) << i;
      EXPECT_EQ(a.log_probs, b.log_probs) << i;
      EXPECT_EQ(a.observation_sums, b.observation_sums) << i;
      EXPECT_NE(a.values, now.batches[(i + 1) % now.batches.size()].values);
    }
  }
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
  // But it may be taken over: a1's network begins anew.
  ASSERT_TRUE(wrong.Adopt(4, *state).ok());
  PlayOnline(wrong, larger, 4, 1);
  EXPECT_EQ(wrong.counts().experts_begun, 0);
  const std::vector<float> before = state->trainer.model.actor_parameters;
  std::vector<float> after = wrong.StateOf(4)->trainer.model.actor_parameters;
  ASSERT_EQ(after.size(), 2 * before.size());
  after.resize(before.size());
  EXPECT_EQ(after, before);
}

// Out of reach at every other batch.
class FarTrainer final : public ExpertTrainer {
 public:
  explicit FarTrainer(TrainerState state) : inner_(std::move(state)) {}
  absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch& batch) override {
    if (++batches_ % 2 == 0) return absl::UnavailableError("nobody there");
    return inner_.Learn(batch);
  }
  const TrainerState& state() const override { return inner_.state(); }

 private:
  FakeTrainer inner_;
  int batches_ = 0;
};

TEST(OnlineExpertsTest, ABatchThatNobodyLearnsFromIsLostAndNothingElse) {
  const VectorEnvSpec shape = OnlineShape(2, 1, 3);
  OnlineExperts learner(
      shape, Small(),
      [](TrainerState state, int32_t, int32_t) {
        return std::make_unique<FarTrainer>(std::move(state));
      },
      1);
  PlayOnline(learner, shape, 0, 18);  // 16 steps are a batch, and one later it is over
  EXPECT_EQ(learner.counts().updates, 1);
  EXPECT_TRUE(learner.trouble().ok());
  PlayOnline(learner, shape, 0, 16);
  EXPECT_EQ(learner.counts().updates, 1);
  EXPECT_EQ(learner.counts().batches_lost, 1);
  EXPECT_EQ(MessageOf(learner.trouble()), "nobody there");
  EXPECT_EQ(learner.StateOf(0)->trainer.iteration, 1);
  PlayOnline(learner, shape, 0, 16);
  EXPECT_EQ(learner.counts().updates, 2);
  EXPECT_TRUE(learner.trouble().ok());
  EXPECT_EQ(learner.counts().batches_dropped, 0);
}

// Learns until it is told to stop.
class EndlessTrainer final : public ExpertTrainer {
 public:
  explicit EndlessTrainer(TrainerState state) : state_(std::move(state)) {}
  absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch&) override {
    while (!stop_) std::this_thread::yield();
    return absl::UnavailableError("stopped");
  }
  const TrainerState& state() const override { return state_; }
  void Stop() override { stop_ = true; }

 private:
  TrainerState state_;
  std::atomic<bool> stop_{false};
};

TEST(OnlineExpertsTest, TheEndWaitsForNobodyElsewhere) {
  const VectorEnvSpec shape = OnlineShape(1, 1, 2);
  OnlineSpec spec = Small();
  spec.swap_after = 0;
  OnlineExperts learner(
      shape, spec,
      [](TrainerState state, int32_t, int32_t) {
        return std::make_unique<EndlessTrainer>(std::move(state));
      },
      1);
  PlayOnline(learner, shape, 0, 40);
  PlayOnline(learner, shape, 1, 40);
  EXPECT_TRUE(learner.learning(0));
  learner.StopWaiting();
  EXPECT_EQ(learner.StateOf(0)->trainer.iteration, 0);
  PlayOnline(learner, shape, 1, 40);
  EXPECT_TRUE(learner.learning(1));  // which the destructor ends
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
