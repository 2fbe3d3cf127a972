#include "runs/training_config.h"

#include "training_testing.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

using TrainingConfigTest = TrainingFixture;

TEST_F(TrainingConfigTest, WhatIsWrittenIsWhatWasRead) {
  Write("training.yaml", R"(
scenario: scenario.yaml
environments: 3
seed: 7
learner: {form: mean_field, sharing: per_tenant, actor: {encoder: gru}, total_steps: 999}
bootstrap: {policy: {name: kpa, kpa: {stable_window: 30s}}, cloning: {iterations: 2}}
checkpoints: {every: 5, keep: 2}
early_stop: {enabled: true, monitor: {window: 4}}
)");
  const TrainingConfig config = Config();
  Write("resolved.yaml", WriteConfig(config));
  const auto again = LoadTrainingConfig(Path("resolved.yaml"));
  ASSERT_TRUE(again.ok()) << MessageOf(again.status());
  EXPECT_EQ(WriteConfig(*again), WriteConfig(config));
  EXPECT_EQ(again->seed, 7u);
  EXPECT_EQ(again->learner.form, Form::kMeanField);
  EXPECT_EQ(again->bootstrap.policy->kpa.stable_window, SimTime::Seconds(30));
  EXPECT_EQ(again->checkpoints.keep, 2);
  EXPECT_EQ(again->early_stop.monitor.window, 4);
  ASSERT_EQ(again->scenario.functions.size(), 2u);
  EXPECT_EQ(again->scenario.functions[1].name, "job");
  EXPECT_EQ(again->folder, folder_);
}

TEST_F(TrainingConfigTest, AssignmentsReachTheScenarioToo) {
  const TrainingConfig config =
      Config({"learner.form=s_rl", "scenario.control_period=2s", "scenario.episode.length=40s",
              "scenario.functions=[{name: only, load: 9}]", "environments=2"});
  EXPECT_EQ(config.learner.form, Form::kSRl);
  EXPECT_EQ(config.scenario.control_period, SimTime::Seconds(2));
  EXPECT_EQ(config.scenario.episode.length, SimTime::Seconds(40));
  EXPECT_EQ(config.environments, 2);
  ASSERT_EQ(config.scenario.functions.size(), 1u);
  EXPECT_EQ(config.scenario.functions[0].load.rate_rps, 9);
}

TEST_F(TrainingConfigTest, MistakesAreNamedWithTheirPlace) {
  const auto error = [&](const std::string& text) {
    Write("wrong.yaml", text);
    return MessageOf(LoadTrainingFile(Path("wrong.yaml")).status());
  };
  EXPECT_THAT(error("scenario: scenario.yaml\nlerner: {}\n"),
              HasSubstr("wrong.yaml:2:1: unknown key 'lerner' (did you mean 'learner'?)"));
  EXPECT_THAT(error("scenario: scenario.yaml\nlearner: {gama: 1}\n"),
              HasSubstr("wrong.yaml:2:11: unknown key 'gama' (did you mean 'gamma'?)"));
  EXPECT_THAT(error("scenario: scenario.yaml\nenvironments: 0\n"), HasSubstr("wrong.yaml:2:15"));
  EXPECT_THAT(error("name: x\n"), HasSubstr("scenario: name the scenario's file"));
  EXPECT_THAT(error("scenario: absent.yaml\n"), HasSubstr(Path("absent.yaml")));
  Write("scenario.yaml", "cluster: cluster.yaml\nfunctions:\n  - {nam: f}\n");
  EXPECT_THAT(error("scenario: scenario.yaml\n"),
              HasSubstr("scenario.yaml:3:6: unknown key 'nam' (did you mean 'name'?)"));
}

TEST_F(TrainingConfigTest, WrongAssignmentsAreNamed) {
  const auto error = [&](const std::string& assignment) {
    return MessageOf(LoadTrainingFile(Path("training.yaml"), {assignment}).status());
  };
  EXPECT_THAT(error("learner.frm=s_rl"), HasSubstr("did you mean 'form'"));
  EXPECT_THAT(error("learner.form=srl"), HasSubstr("s_rl"));
  EXPECT_THAT(error("scenario.contol_period=2s"), HasSubstr("did you mean 'control_period'"));
  EXPECT_THAT(error("learner"), HasSubstr("learner"));
}

// A trace that changed under its name is another workload.
TEST_F(TrainingConfigTest, TheTraceCountsByItsContent) {
  TrainingConfig config = Config();
  EXPECT_EQ(*TraceChecksum(config), "") << "hand-made functions are in the configuration";
  config.scenario.functions.clear();
  config.scenario.workload = WorkloadSpec{};
  config.scenario.workload->trace = "events.csv";
  EXPECT_EQ(TraceChecksum(config).status().code(), absl::StatusCode::kNotFound);
  Write("events.csv", "app,func,end_timestamp,duration\na,f,2,1\na,f,3,1\n");
  const auto first = TraceChecksum(config);
  ASSERT_TRUE(first.ok()) << MessageOf(first.status());
  EXPECT_EQ(*TraceChecksum(config), *first);
  Write("events.csv", "app,func,end_timestamp,duration\na,f,2,1\na,f,4,1\n");
  EXPECT_NE(*TraceChecksum(config), *first);
}

}  // namespace
}  // namespace reeve
