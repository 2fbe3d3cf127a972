#include "controller/learner/batch_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "core/status.h"
#include "tests/controller/learner/learner_rig.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;
namespace wire = learner::v1;

wire::Batch Written(Lesson& lesson, const OnlineSpec& spec) {
  wire::Batch message;
  WriteBatch(lesson.Batch(0), WriteConfig(spec), message);
  return message;
}

void ExpectSameSteps(const Rollout& a, const Rollout& b) {
  EXPECT_EQ(a.envs, b.envs);
  EXPECT_EQ(a.steps, b.steps);
  EXPECT_EQ(a.agents, b.agents);
  EXPECT_EQ(a.actor_inputs, b.actor_inputs);
  EXPECT_EQ(a.critic_inputs, b.critic_inputs);
  EXPECT_EQ(a.starts, b.starts);
  EXPECT_EQ(a.legal, b.legal);
  EXPECT_EQ(a.actions, b.actions);
  EXPECT_EQ(a.log_probs, b.log_probs);
  EXPECT_EQ(a.values, b.values);
  EXPECT_EQ(a.rewards, b.rewards);
  EXPECT_EQ(a.bootstraps, b.bootstraps);
  EXPECT_EQ(a.cuts, b.cuts);
  EXPECT_EQ(a.weights, b.weights);
  EXPECT_EQ(a.actor_weights, b.actor_weights);
  EXPECT_EQ(a.observation_sums, b.observation_sums);
}

TEST(BatchMessage, ComesBackToTheBit) {
  for (const Form form : {Form::kSRl, Form::kMaPpo}) {
    OnlineSpec spec = SmallOnline();
    spec.learner.form = form;
    spec.exploration.entropy = 0.1;  // has no short binary form
    Lesson lesson = MakeLesson(spec, 1);
    wire::Batch message = Written(lesson, spec);
    // Alone, actor and critic see the same, which is sent once.
    EXPECT_EQ(message.critic_inputs_size() == 0, form == Form::kSRl);
    wire::Batch received;
    ASSERT_TRUE(received.ParseFromString(message.SerializeAsString()));
    const auto plan = ReadPlan(received);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(WriteConfig(plan->online), WriteConfig(spec));
    EXPECT_EQ(plan->environments, lesson.environments[0]);
    EXPECT_EQ(plan->entropy, 0.01);
    const auto rollout = ReadRollout(received, lesson.state.model);
    ASSERT_TRUE(rollout.ok()) << rollout.status();
    ExpectSameSteps(*rollout, lesson.batches[0]);
  }
}

TEST(BatchMessage, WhatCannotBeIsRefusedWithTheNameOfTheField) {
  const OnlineSpec spec = SmallOnline();
  Lesson lesson = MakeLesson(spec, 1);
  const wire::Batch good = Written(lesson, spec);
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const struct {
    const char* field;
    std::function<void(wire::Batch&)> lie;
  } lies[] = {
      {"log_probs", [](auto& b) { b.mutable_log_probs()->RemoveLast(); }},
      {"log_probs", [](auto& b) { b.set_log_probs(3, kNan); }},
      {"log_probs", [](auto& b) { b.set_steps(b.steps() + 1); }},
      {"actor_inputs", [](auto& b) { b.add_actor_inputs(0); }},
      {"actor_inputs",
       [](auto& b) { b.set_actor_inputs(0, -std::numeric_limits<float>::infinity()); }},
      {"critic_inputs", [](auto& b) { b.add_critic_inputs(0); }},
      {"values", [](auto& b) { b.set_values(0, kNan); }},
      {"rewards", [](auto& b) { b.clear_rewards(); }},
      {"bootstraps", [](auto& b) { b.set_bootstraps(1, kNan); }},
      {"starts", [](auto& b) { (*b.mutable_starts())[0] = 2; }},
      {"legal", [](auto& b) { b.mutable_legal()->assign(b.legal().size(), '\0'); }},
      {"legal", [](auto& b) { b.mutable_legal()->pop_back(); }},
      {"actions", [](auto& b) { b.set_actions(0, 3); }},
      {"actions", [](auto& b) { b.set_actions(0, -1); }},
      {"cuts", [](auto& b) { b.mutable_cuts()->back() = 0; }},
      {"weights", [](auto& b) { b.mutable_weights()->push_back(1); }},
      {"actor_weights", [](auto& b) { b.mutable_actor_weights()->clear(); }},
      {"actor_weights",
       [](auto& b) {
         b.mutable_weights()->assign(b.weights().size(), '\0');
         b.mutable_actor_weights()->assign(b.weights().size(), '\1');
       }},
      {"observation_sums", [](auto& b) { b.set_observation_sums(0, -1); }},
      {"observation_sums", [](auto& b) { b.set_observation_sums(1, kNan); }},
      {"observation_sums", [](auto& b) { b.add_observation_sums(0); }},
  };
  for (const auto& [field, lie] : lies) {
    wire::Batch bad = good;
    lie(bad);
    const auto rollout = ReadRollout(bad, lesson.state.model);
    EXPECT_EQ(rollout.status().code(), absl::StatusCode::kInvalidArgument) << field;
    EXPECT_THAT(MessageOf(rollout.status()), HasSubstr(std::string("batch.") + field + ":"));
  }
  // An illegal choice.
  wire::Batch bad = good;
  (*bad.mutable_legal())[static_cast<size_t>(bad.actions(0))] = 0;
  EXPECT_THAT(MessageOf(ReadRollout(bad, lesson.state.model).status()),
              HasSubstr("a choice that was not legal"));
}

TEST(BatchMessage, PlansThatCannotBeAreRefused) {
  const OnlineSpec spec = SmallOnline();
  Lesson lesson = MakeLesson(spec, 1);
  const wire::Batch good = Written(lesson, spec);
  const struct {
    const char* says;
    std::function<void(wire::Batch&)> lie;
  } lies[] = {
      {"stretches", [](auto& b) { b.set_stretches(0); }},
      {"stretches", [](auto& b) { b.set_stretches(-5); }},
      {"steps", [](auto& b) { b.set_steps(1 << 30); }},
      {"entropy", [](auto& b) { b.set_entropy(std::numeric_limits<double>::quiet_NaN()); }},
      {"environments", [](auto& b) { b.clear_environments(); }},
      {"unknown key 'metod'", [](auto& b) { b.set_online("metod: single\n"); }},
      {"batch.online", [](auto& b) { b.set_online(std::string(1 << 20, 'a')); }},
  };
  for (const auto& [says, lie] : lies) {
    wire::Batch bad = good;
    lie(bad);
    EXPECT_THAT(MessageOf(ReadPlan(bad).status()), HasSubstr(says));
  }
}

TEST(BatchMessage, TheWorkIsThatOfTheProducts) {
  OnlineSpec spec = SmallOnline();
  spec.learner.sharing = Sharing::kShared;
  spec.learner.epochs = 7;
  Lesson lesson = MakeLesson(spec, 1);
  const auto plan = ReadPlan(Written(lesson, spec));
  ASSERT_TRUE(plan.ok());
  // Inputs 2, two layers of 8, 3 choices or a value; 3 agents.
  const double actor = (2 + 1) * 8 + (8 + 1) * 8 + (8 + 1) * 3;
  const double critic = (2 + 1) * 8 + (8 + 1) * 8 + (8 + 1);
  const UpdateCost cost = CostOf(lesson.state.model, *plan);
  EXPECT_DOUBLE_EQ(cost.work, 3 * 7.0 * 3 * lesson.stretches * lesson.steps * (actor + critic));
  EXPECT_GT(cost.bytes, 4 * (actor + critic));
  EXPECT_LT(cost.bytes, 1e6);
}

TEST(BatchMessage, SizesWithoutEndCostMoreThanAnyLimit) {
  const OnlineSpec spec = SmallOnline();
  Lesson lesson = MakeLesson(spec, 1);
  wire::Batch message = Written(lesson, spec);
  message.set_stretches(409'600);
  message.set_steps(100'000);
  const auto plan = ReadPlan(message);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_GT(CostOf(lesson.state.model, *plan).bytes, 1e12);
  EXPECT_GT(CostOf(lesson.state.model, *plan).work, 1e13);
}

}  // namespace
}  // namespace reeve
