// Whoever learns elsewhere comes to the same bits.
#include <gtest/gtest.h>

#include "agents/adapt/ppo_expert_trainer.h"
#include "tests/controller/learner/learner_rig.h"

namespace reeve {
namespace {

class LearnerPpoTest : public ::testing::TestWithParam<std::pair<OnlineMethod, Form>> {
 protected:
  static OnlineSpec Spec() {
    OnlineSpec spec = SmallOnline();
    spec.method = GetParam().first;
    spec.learner.form = GetParam().second;
    spec.learner.mini_batches = 2;
    spec.learner.learning_rate = 0.01;
    spec.lcpo.kept = 20;
    spec.lcpo.drawn = 5;
    return spec;
  }
};

TEST_P(LearnerPpoTest, TheSameStateByteForByte) {
  const OnlineSpec spec = Spec();
  Lesson lesson = MakeLesson(spec, 6);
  RunningJobs learner(PpoExperts);
  const auto there = RemoteExpertsOver(ChannelTo(learner.jobs()), Patient(), spec, 1)(
      lesson.state, lesson.stretches, lesson.steps);
  const auto here = PpoExperts(spec)(lesson.state, lesson.stretches, lesson.steps);
  for (size_t i = 0; i < 6; ++i) {
    Rollout copy = lesson.batches[i];
    const auto update = there->Learn(lesson.Batch(i));
    ASSERT_TRUE(update.ok()) << update.status();
    const auto expected = here->Learn({copy, lesson.environments[i], 0.01});
    ASSERT_TRUE(expected.ok());
    EXPECT_EQ(WriteState(there->state()), WriteState(here->state())) << i;
    EXPECT_NE(WriteState(there->state()), WriteState(lesson.state));
    EXPECT_EQ(update->value_error, expected->value_error);
    EXPECT_EQ(update->groups[0].policy_loss, expected->groups[0].policy_loss);
    EXPECT_EQ(update->groups[0].actor_updates, expected->groups[0].actor_updates);
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, LearnerPpoTest,
                         ::testing::Values(std::pair(OnlineMethod::kExperts, Form::kSRl),
                                           std::pair(OnlineMethod::kExperts, Form::kMaPpo),
                                           std::pair(OnlineMethod::kLcpo, Form::kSRl),
                                           std::pair(OnlineMethod::kEwc, Form::kMeanField)));

// Experts keep nothing beside their states, so a learner that is started anew makes no difference.
TEST(LearnerPpo, ALearnerThatIsStartedAnewComesToTheSame) {
  OnlineSpec spec = SmallOnline();
  spec.learner.learning_rate = 0.01;
  Lesson lesson = MakeLesson(spec, 4);
  auto learner = std::make_unique<RunningJobs>(PpoExperts);
  const auto there =
      RemoteExpertsOver(ChannelOf([&](const std::string& request, const StopSignal&) {
                          return learner->jobs().Handle("loop", request, SimTime());
                        }),
                        Patient(), spec, 1)(lesson.state, lesson.stretches, lesson.steps);
  const auto here = PpoExperts(spec)(lesson.state, lesson.stretches, lesson.steps);
  for (size_t i = 0; i < 4; ++i) {
    learner = std::make_unique<RunningJobs>(PpoExperts);
    Rollout copy = lesson.batches[i];
    ASSERT_TRUE(there->Learn(lesson.Batch(i)).ok());
    ASSERT_TRUE(here->Learn({copy, lesson.environments[i], 0.01}).ok());
    EXPECT_EQ(WriteState(there->state()), WriteState(here->state())) << i;
  }
}

}  // namespace
}  // namespace reeve
