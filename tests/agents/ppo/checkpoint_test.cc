#include "agents/ppo/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "agents/ppo/checkpoint_folder.h"
#include "agents/ppo/tensor_file.h"
#include "core/files.h"
#include "core/status.h"
#include "tests/agents/ppo/tensor_file_seal.h"

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Folder() {
  const std::string folder = testing::TempDir() + "checkpoint_" +
                             testing::UnitTest::GetInstance()->current_test_info()->name();
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

// Different numbers everywhere, so that two tensors cannot change places unseen.
template <class T>
void Number(std::vector<T>& values, double first) {
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<T>(first + static_cast<double>(i) / 3);
  }
}
void Number(RunningMoments& moments, double first) {
  Number(moments.mean, first);
  Number(moments.variance, first + 1000);
  Number(moments.count, first + 2000);
}

// Three agents of two tenants, a network each but of different forms for actor and critic.
TrainerState ExampleState() {
  const VectorEnvSpec env{.envs = 2,
                          .agents = 3,
                          .features = 2,
                          .heads = {5, 3},
                          .feature_names = {"load", "slo"},
                          .agent_names = {"a", "b", "c"},
                          .tenants = {0, 0, 1},
                          .figures = {}};
  PpoSpec spec;
  spec.sharing = Sharing::kPerTenant;
  spec.agent_id = true;
  spec.actor = {.encoder = EncoderKind::kShift, .width = 8, .layers = 2, .shift_fraction = 0.25};
  spec.critic = {.width = 4, .layers = 1, .layer_norm = true, .activation = Activation::kTanh};
  TrainerState state;
  state.model = MakeModel(env, spec, 7);
  state.seed = 0xfedcba9876543210;
  state.iteration = 12;
  state.steps_done = 4800;
  state.actor_first_moments.resize(state.model.actor_parameters.size());
  state.actor_second_moments = state.actor_first_moments;
  state.critic_first_moments.resize(state.model.critic_parameters.size());
  state.critic_second_moments = state.critic_first_moments;
  Number(state.model.actor_parameters, 1e4);
  Number(state.model.critic_parameters, 2e4);
  Number(state.actor_first_moments, 3e4);
  Number(state.actor_second_moments, 4e4);
  Number(state.critic_first_moments, 5e4);
  Number(state.critic_second_moments, 6e4);
  Number(state.model.observations, 7e4);
  Number(state.model.values, 8e4);
  state.model.values.mean[0] = -0.0;
  state.actor_updates = {int64_t{1} << 40, 3};
  state.critic_updates = {5, 6};
  state.recent_returns = {0.1, -2.5};
  return state;
}

CheckpointInfo ExampleInfo() {
  return {.config = "seed: 1\nname: \"é\"\n",
          .observation = "features: [load]\n",
          .action = "heads: []\n",
          .control_period_s = 5,
          .tenant_names = {"x", "y"},
          .metrics = {{"return", 0.1}, {"slo_violations", 1e-300}}};
}

void ExpectSameLayout(const NetworkLayout& a, const NetworkLayout& b) {
  EXPECT_EQ(WriteConfig(a.spec), WriteConfig(b.spec));
  EXPECT_EQ(a.inputs, b.inputs);
  EXPECT_EQ(a.outputs, b.outputs);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_EQ(a.state, b.state);
}
void ExpectSameView(const ViewShape& a, const ViewShape& b) {
  EXPECT_EQ(a.view, b.view);
  EXPECT_EQ(a.agents, b.agents);
  EXPECT_EQ(a.features, b.features);
  EXPECT_EQ(a.heads, b.heads);
  EXPECT_EQ(a.agent_id, b.agent_id);
}
void ExpectSameMoments(const RunningMoments& a, const RunningMoments& b) {
  EXPECT_EQ(a.groups, b.groups);
  EXPECT_EQ(a.features, b.features);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.variance, b.variance);
  EXPECT_EQ(a.count, b.count);
}
void ExpectSameActor(const PolicyModel& a, const PolicyModel& b) {
  EXPECT_EQ(a.feature_names, b.feature_names);
  EXPECT_EQ(a.agent_names, b.agent_names);
  EXPECT_EQ(a.group_of, b.group_of);
  EXPECT_EQ(a.groups, b.groups);
  ExpectSameView(a.actor_view, b.actor_view);
  ExpectSameLayout(a.actor, b.actor);
  EXPECT_EQ(a.actor_parameters, b.actor_parameters);
  ExpectSameMoments(a.observations, b.observations);
}

TEST(Checkpoint, TrainingComesBackToTheBit) {
  const std::string path = Folder() + "/t.ckpt";
  const TrainerState state = ExampleState();
  ASSERT_TRUE(SaveTraining(path, ExampleInfo(), state).ok());
  const auto loaded = LoadTraining(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->info, ExampleInfo());
  ExpectSameActor(loaded->state.model, state.model);
  ExpectSameView(loaded->state.model.critic_view, state.model.critic_view);
  ExpectSameLayout(loaded->state.model.critic, state.model.critic);
  EXPECT_EQ(loaded->state.model.critic_parameters, state.model.critic_parameters);
  ExpectSameMoments(loaded->state.model.values, state.model.values);
  EXPECT_TRUE(std::signbit(loaded->state.model.values.mean[0]));
  EXPECT_EQ(loaded->state.seed, state.seed);
  EXPECT_EQ(loaded->state.iteration, state.iteration);
  EXPECT_EQ(loaded->state.steps_done, state.steps_done);
  EXPECT_EQ(loaded->state.actor_first_moments, state.actor_first_moments);
  EXPECT_EQ(loaded->state.actor_second_moments, state.actor_second_moments);
  EXPECT_EQ(loaded->state.critic_first_moments, state.critic_first_moments);
  EXPECT_EQ(loaded->state.critic_second_moments, state.critic_second_moments);
  EXPECT_EQ(loaded->state.actor_updates, state.actor_updates);
  EXPECT_EQ(loaded->state.critic_updates, state.critic_updates);
  EXPECT_EQ(loaded->state.recent_returns, state.recent_returns);

  // Saved again, the file has the same bytes: nothing is left out.
  const std::string again = path + ".again";
  ASSERT_TRUE(SaveTraining(again, loaded->info, loaded->state).ok());
  EXPECT_EQ(ReadFile(path).value(), ReadFile(again).value());
}

TEST(Checkpoint, WhatElasticityRemembersComesBack) {
  const std::string path = Folder() + "/t.ckpt";
  TrainerState state = ExampleState();
  state.actor_memory.Consolidate(state.actor_first_moments, state.model.actor_parameters, 1);
  ASSERT_TRUE(SaveTraining(path, ExampleInfo(), state).ok());
  const auto loaded = LoadTraining(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->state.actor_memory.importance, state.actor_memory.importance);
  EXPECT_EQ(loaded->state.actor_memory.centre, state.actor_memory.centre);
  EXPECT_TRUE(loaded->state.critic_memory.empty());
}

TEST(Checkpoint, PolicyIsWhatActs) {
  const std::string path = Folder() + "/p.ckpt";
  const PolicyModel model = ExampleState().model;
  ASSERT_TRUE(SavePolicy(path, ExampleInfo(), model).ok());
  const auto loaded = LoadPolicy(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->info, ExampleInfo());
  ExpectSameActor(loaded->model, model);
  EXPECT_TRUE(loaded->model.critic_parameters.empty());
  const auto training = LoadTraining(path);
  ASSERT_FALSE(training.ok());
  EXPECT_THAT(MessageOf(training.status()), HasSubstr("p.ckpt: a checkpoint of kind 'policy'"));
}

TEST(Checkpoint, PolicyIsReadFromTrainingToo) {
  const std::string path = Folder() + "/t.ckpt";
  const TrainerState state = ExampleState();
  ASSERT_TRUE(SaveTraining(path, ExampleInfo(), state).ok());
  const auto loaded = LoadPolicy(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ExpectSameActor(loaded->model, state.model);
  EXPECT_EQ(loaded->model.critic_parameters, state.model.critic_parameters);
}

TEST(Checkpoint, MissingFileIsNamed) {
  const auto loaded = LoadPolicy("/nowhere/p.ckpt");
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(MessageOf(loaded.status()), HasSubstr("/nowhere/p.ckpt"));
}

// A file that is sound as a file, but whose parts do not fit each other.
std::string ErrorWith(const std::string& from, const std::string& to) {
  const std::string path = Folder() + "/t.ckpt";
  EXPECT_TRUE(SaveTraining(path, ExampleInfo(), ExampleState()).ok());
  std::string bytes = ReadFile(path).value();
  const size_t at = bytes.find(from);
  EXPECT_EQ(from.size(), to.size());
  EXPECT_NE(at, std::string::npos) << from;
  bytes = ResealedTensorFile(bytes.replace(at, from.size(), to));
  const auto loaded = ParseTraining(bytes, "x.ckpt");
  return loaded.ok() ? "" : MessageOf(loaded.status());
}

TEST(Checkpoint, PartsThatDoNotFitAreRefused) {
  EXPECT_THAT(ErrorWith("\"group_of\":[0,0,1]", "\"group_of\":[0,0,2]"), HasSubstr("of no group"));
  EXPECT_THAT(ErrorWith("\"groups\":2", "\"groups\":4"), HasSubstr("'groups' is 4"));
  EXPECT_THAT(ErrorWith("\"heads\":[5,3]", "\"heads\":[5,4]"), HasSubstr("tensor 'actor'"));
  EXPECT_THAT(ErrorWith("width: 8", "width: 9"), HasSubstr("tensor 'actor"));
  EXPECT_THAT(ErrorWith("width: 8", "width: z"), HasSubstr("width"));
  EXPECT_THAT(ErrorWith("\"own\"", "\"own?"), HasSubstr("header"));
  EXPECT_THAT(ErrorWith("\"iteration\":12", "\"iteration\":-2"), HasSubstr("'iteration' is -2"));
  EXPECT_THAT(ErrorWith("\"actor.updates\"", "\"actor.updatez\""), HasSubstr("'actor.updates'"));
  EXPECT_THAT(ErrorWith("\"a\",\"b\",\"c\"", "\"a\",\"b\", 77"), HasSubstr("'agents'"));
}

std::vector<std::string> NamesOf(const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    names.push_back(std::filesystem::path(path).filename().string());
  }
  return names;
}

TEST(CheckpointFolder, KeepsTheLastFew) {
  const std::string folder = Folder();
  CheckpointFolder checkpoints(folder + "/new/checkpoints", 2);
  TrainerState state = ExampleState();
  for (state.iteration = 9; state.iteration <= 11; ++state.iteration) {
    ASSERT_TRUE(checkpoints.Save(ExampleInfo(), state).ok());
  }
  EXPECT_THAT(NamesOf(checkpoints.States()),
              ElementsAre("iteration-0000000010.ckpt", "iteration-0000000011.ckpt"));
  std::vector<std::string> warnings;
  const auto latest = checkpoints.LoadLatest(warnings);
  ASSERT_TRUE(latest.ok()) << latest.status();
  EXPECT_EQ(latest->state.iteration, 11);
  EXPECT_TRUE(warnings.empty());
}

TEST(CheckpointFolder, ADamagedOneIsPassedOver) {
  const std::string folder = Folder();
  CheckpointFolder checkpoints(folder, 3);
  TrainerState state = ExampleState();
  for (state.iteration = 1; state.iteration <= 2; ++state.iteration) {
    ASSERT_TRUE(checkpoints.Save(ExampleInfo(), state).ok());
  }
  std::filesystem::resize_file(checkpoints.States().back(), 100);
  std::vector<std::string> warnings;
  auto latest = checkpoints.LoadLatest(warnings);
  ASSERT_TRUE(latest.ok()) << latest.status();
  EXPECT_EQ(latest->state.iteration, 1);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("iteration-0000000002.ckpt: truncated at byte 100")));

  std::filesystem::resize_file(checkpoints.States().front(), 50);
  latest = checkpoints.LoadLatest(warnings);
  ASSERT_FALSE(latest.ok());
  EXPECT_THAT(MessageOf(latest.status()), HasSubstr("iteration-0000000002.ckpt"));
}

TEST(CheckpointFolder, WithoutAnyThereIsNothingToResume) {
  std::vector<std::string> warnings;
  const auto latest = CheckpointFolder("/nowhere", 1).LoadLatest(warnings);
  EXPECT_EQ(latest.status().code(), absl::StatusCode::kNotFound);
}

TEST(CheckpointFolder, RemovesWhatAKilledProcessLeft) {
  const std::string folder = Folder();
  const std::string left = folder + "/iteration-0000000001.ckpt.77-0.tmp";
  ASSERT_TRUE(MakeEmptyFile(left).ok());
  ASSERT_TRUE(MakeEmptyFile(folder + "/notes.tmp").ok());
  CheckpointFolder checkpoints(folder, 1);
  ASSERT_TRUE(checkpoints.Save(ExampleInfo(), ExampleState()).ok());
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_TRUE(std::filesystem::exists(folder + "/notes.tmp"));
}

TEST(CheckpointFolder, KeepsTheBestAcrossProcesses) {
  const std::string folder = Folder();
  PolicyModel model = ExampleState().model;
  EXPECT_TRUE(CheckpointFolder(folder, 1).SaveIfBest(ExampleInfo(), model, -3).value());
  model.actor_parameters[0] = 77;
  EXPECT_FALSE(CheckpointFolder(folder, 1).SaveIfBest(ExampleInfo(), model, -3).value());
  EXPECT_NE(LoadPolicy(folder + "/best.ckpt")->model.actor_parameters[0], 77);
  EXPECT_TRUE(CheckpointFolder(folder, 1).SaveIfBest(ExampleInfo(), model, -2.5).value());
  EXPECT_EQ(LoadPolicy(folder + "/best.ckpt")->model.actor_parameters[0], 77);
  EXPECT_THAT(CheckpointFolder(folder, 1).States(), ElementsAre());
}

}  // namespace
}  // namespace reeve
