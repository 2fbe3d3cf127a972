#include "controller/learner/state_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "agents/ppo/adam.h"
#include "core/status.h"
#include "tests/controller/learner/learner_rig.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(StateMessage, AStateComesBackToTheBit) {
  Lesson lesson = MakeLesson(SmallOnline(), 2);
  CountingTrainer trainer(lesson.state, SmallOnline());
  ASSERT_TRUE(trainer.Learn(lesson.Batch(0)).ok());
  const std::string file = WriteState(trainer.state());
  const auto read = ReadState(file);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(WriteState(*read), file);
  EXPECT_EQ(StateVersion(file).size(), 16u);
  EXPECT_EQ(StateVersion(file), StateVersion(WriteState(*read)));
  EXPECT_NE(StateVersion(file), StateVersion(WriteState(lesson.state)));
  EXPECT_EQ(StateVersion("short"), "");
}

TEST(StateMessage, ADamagedFileIsNoState) {
  const std::string file = WriteState(MakeLesson(SmallOnline(), 1).state);
  for (size_t at = 0; at < file.size(); at += 97) {
    std::string bad = file;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    EXPECT_FALSE(ReadState(bad).ok()) << at;
  }
  EXPECT_FALSE(ReadState("").ok());
  EXPECT_FALSE(ReadState(file.substr(0, file.size() - 8)).ok());
}

TEST(StateMessage, NumbersThatCannotBeAreRefused) {
  const TrainerState good = MakeLesson(SmallOnline(), 1).state;
  ASSERT_TRUE(CheckNumbers(good).ok());
  const struct {
    const char* says;
    std::function<void(TrainerState&)> lie;
  } lies[] = {
      {"of the actor is not finite", [](auto& s) { s.model.actor_parameters[1] = kNan; }},
      {"of the critic is not finite",
       [](auto& s) { s.model.critic_parameters[0] = std::numeric_limits<float>::infinity(); }},
      {"of the actor is not finite", [](auto& s) { s.actor_first_moments[2] = kNan; }},
      {"actor's moments", [](auto& s) { s.actor_second_moments[0] = -1; }},
      // What would take the next update anywhere.
      {"actor's moments", [](auto& s) { s.actor_first_moments[0] = 1e-3F; }},
      {"of observations cannot be", [](auto& s) { s.model.observations.variance[0] = -1; }},
      {"of observations cannot be", [](auto& s) { s.model.observations.mean[1] = 1e300; }},
      {"of values cannot be", [](auto& s) { s.model.values.count[0] = kNan; }},
      {"iterations", [](auto& s) { s.iteration = std::numeric_limits<int64_t>::max(); }},
      {"has been updated", [](auto& s) { s.critic_updates[0] = -1; }},
      {"return", [](auto& s) { s.recent_returns.push_back(kNan); }},
  };
  for (const auto& [says, lie] : lies) {
    TrainerState bad = good;
    lie(bad);
    EXPECT_THAT(MessageOf(CheckNumbers(bad)), HasSubstr(says));
    EXPECT_FALSE(ReadState(WriteState(bad)).ok()) << says;
  }
}

TEST(StateMessage, OnlyAnUpdateOfWhatWasSentGoesOn) {
  Lesson lesson = MakeLesson(SmallOnline(), 1);
  const TrainerState& before = lesson.state;
  CountingTrainer trainer(before, SmallOnline());
  ASSERT_TRUE(trainer.Learn(lesson.Batch(0)).ok());
  const TrainerState& good = trainer.state();
  const auto bounds = ExpectUpdate(before.model, SmallOnline().learner, lesson.batches[0]);
  ASSERT_TRUE(bounds.ok());
  EXPECT_EQ(bounds->steps, int64_t{lesson.stretches} * lesson.steps);
  EXPECT_EQ(bounds->updates, 5);  // epochs
  EXPECT_TRUE(CheckGoesOn(before, good, *bounds).ok()) << CheckGoesOn(before, good, *bounds);
  const struct {
    const char* says;
    std::function<void(TrainerState&)> lie;
  } lies[] = {
      {"other networks, features or agents", [](auto& s) { s.model.agent_names[0] = "b"; }},
      {"other networks, features or agents", [](auto& s) { s.model.group_of[0] = 1; }},
      {"other networks, features or agents", [](auto& s) { s.model.actor.spec.layers = 3; }},
      {"other networks, features or agents", [](auto& s) { s.model.critic_view.agent_id = true; }},
      {"another seed", [](auto& s) { s.seed = 99; }},
      {"not 1 and", [](auto& s) { s.iteration = 0; }},
      {"not 1 and", [](auto& s) { s.steps_done += 1; }},
      {"more than 5 updates", [](auto& s) { s.actor_updates[0] += 5; }},
      {"more than 5 updates", [](auto& s) { s.critic_updates[0] = -1; }},
      {"actor of group 0 has moved by", [](auto& s) { s.model.actor_parameters[3] += 0.5F; }},
      {"critic of group 2 has moved by", [](auto& s) { s.model.critic_parameters.back() = 1e9F; }},
      {"means and variances", [](auto& s) { s.model.observations.mean[0] += 1; }},
      {"means and variances", [](auto& s) { s.model.values.variance[0] *= 2; }},
      {"has moved by", [](auto& s) { --s.actor_updates[0]; }},  // moved without an update
  };
  for (const auto& [says, lie] : lies) {
    TrainerState bad = good;
    lie(bad);
    EXPECT_THAT(MessageOf(CheckGoesOn(before, bad, *bounds)), HasSubstr(says));
  }
}

// Gradients that grow by b2 / b1 an update are those by which Cauchy and Schwarz' inequality is an
// equation: the first moment and the steps get as large as they can, which is what the checks allow
// for.
TEST(StateMessage, AdamGoesAsFarAsIsAllowedForAndNoFurther) {
  const AdamOptions options{.learning_rate = 1e-3};
  std::vector<float> parameter = {0}, first = {0}, second = {0};
  double ratio = 0, step = 0;
  double gradient = 1e-4;
  for (int64_t update = 1; update <= 150; ++update, gradient *= 0.999 / 0.9) {
    const float at = parameter[0];
    const std::vector<float> g = {static_cast<float>(gradient)};
    AdamUpdate(options, update, 1, g, parameter, first, second);
    ratio = std::max(ratio, first[0] / std::sqrt(static_cast<double>(second[0])));
    step = std::max(step, std::abs(static_cast<double>(parameter[0]) - at));
  }
  const double bound = 0.1 / std::sqrt(0.001) / std::sqrt(1 - 0.81 / 0.999);
  EXPECT_NEAR(bound, 7.27, 0.01);
  EXPECT_NEAR(ratio, bound, 0.01);
  EXPECT_LT(step, 8 * options.learning_rate);
}

TEST(StateMessage, UpdatesComeBackAndNanDoesNot) {
  OnlineUpdate update;
  update.groups.resize(2);
  update.groups[1].kl = 0.1;
  update.groups[1].actor_updates = 4;
  update.mean_reward = -0.3;
  update.value_error = 0.7;
  learner::v1::Update message;
  WriteUpdate(update, message);
  const auto read = ReadUpdate(message, 2);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->groups[1].kl, 0.1);
  EXPECT_EQ(read->groups[1].actor_updates, 4);
  EXPECT_EQ(read->mean_reward, -0.3);
  EXPECT_EQ(read->value_error, 0.7);
  EXPECT_FALSE(ReadUpdate(message, 3).ok());
  message.set_value_error(-1);
  EXPECT_FALSE(ReadUpdate(message, 2).ok());
  message.set_value_error(1);
  message.mutable_groups(0)->set_entropy(kNan);
  EXPECT_FALSE(ReadUpdate(message, 2).ok());
}

}  // namespace
}  // namespace reeve
