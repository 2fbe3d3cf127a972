#include "runs/learning_study.h"

#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>

#include "runs/study_ratios.h"
#include "training_testing.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

class LearningStudyTest : public TrainingFixture {
 protected:
  static absl::StatusOr<LearningStudyConfig> Parse(const std::string& text) {
    ASSIGN_OR_RETURN(const ConfigNode node, ConfigNode::Parse(text, "study.yaml"));
    LearningStudyConfig config;
    RETURN_IF_ERROR(ReadConfig(node, config));
    return config;
  }
  // Two variants, two seeds, two iterations each.
  static LearningStudyConfig Tiny(const std::string& more = "") {
    const auto config = Parse(R"(
kind: learning
training: training.yaml
set: [learner.total_steps=96]
variants:
  - {label: together, set: [learner.form=ma_ppo]}
  - {label: alone, set: [learner.form=s_rl], alone: true}
ratios: [{name: D, of: together, to: alone}]
evaluation: {length: 2m}
seeds: 2
resamples: 100
)" + more);
    EXPECT_TRUE(config.ok()) << MessageOf(config.status());
    return *config;
  }
  absl::StatusOr<StudyResults> Run(const LearningStudyConfig& config, const std::string& cells = "",
                                   int threads = 1, const StudyHooks& hooks = {}) {
    ASSIGN_OR_RETURN(JsonStore store, JsonStore::Open(cells.empty() ? "" : Path(cells)));
    auto results = RunLearningStudy(config, folder_, store, threads, hooks);
    computed_ = store.computed();
    return results;
  }
  std::string ErrorOf(const LearningStudyConfig& config) { return MessageOf(Run(config).status()); }
  uint64_t computed_ = 0;
};

TEST_F(LearningStudyTest, TrainsAndJudgesEveryVariant) {
  const auto results = Run(Tiny(), "", 2);
  ASSERT_TRUE(results.ok()) << MessageOf(results.status());
  EXPECT_EQ(computed_, 6u) << "2 seeds of one training together, and of one for each function";
  ASSERT_THAT(results->rows, SizeIs(2));
  for (const StudyRow& row : results->rows) {
    ASSERT_THAT(row.runs, SizeIs(2));
    for (size_t s = 0; s < 2; ++s) {
      const StudyRun& run = row.runs[s];
      EXPECT_EQ(run.seed, s + 1);
      ASSERT_THAT(run.functions, SizeIs(2));
      EXPECT_EQ(run.functions[0].name, "api");
      EXPECT_EQ(run.functions[1].name, "job");
      // 6 requests a second for two minutes, within five deviations.
      EXPECT_NEAR(run.functions[0].requests, 720, 5 * std::sqrt(720));
      EXPECT_THAT(run.steps, ElementsAre(48, 96));
      ASSERT_THAT(run.returns, SizeIs(2));
      for (const auto& curve : run.returns) EXPECT_THAT(curve, SizeIs(2));
      EXPECT_TRUE(std::isfinite(run.final_return));
      EXPECT_GT(run.gb_seconds, 0);
      // Sums over the functions.
      double gb_seconds = 0, violations = 0, requests = 0;
      for (const StudyFunction& f : run.functions) {
        gb_seconds += f.gb_seconds;
        violations += f.requests * f.slo_violation_share;
        requests += f.requests;
      }
      EXPECT_NEAR(run.gb_seconds, gb_seconds, 1e-6 * gb_seconds);
      EXPECT_NEAR(run.slo_violation_share, violations / requests, 1e-9);
    }
  }
  EXPECT_NE(results->rows[0].runs[0].final_return, results->rows[0].runs[1].final_return);
  EXPECT_TRUE(std::isnan(results->rows[1].runs[0].latency_p99_ms)) << "served alone";
  EXPECT_FALSE(std::isnan(results->rows[0].runs[0].latency_p99_ms));
  ASSERT_THAT(results->ratios, SizeIs(3));
  EXPECT_EQ(results->ratios[0].function, "api");
  EXPECT_EQ(results->ratios[2].function, "");
}

// An agent that is trained alone learns what a training of a scenario with this function alone
// learns, whatever the others are.
TEST_F(LearningStudyTest, AloneIsAScenarioOfOneFunction) {
  const auto both = Run(Tiny());
  ASSERT_TRUE(both.ok()) << MessageOf(both.status());
  TrainingConfig single = Config({"learner.form=s_rl", "learner.total_steps=96"});
  single.scenario.functions.erase(single.scenario.functions.begin());
  single.seed = 2;
  const auto run = RunLearning({.training = single,
                                .rule = {},
                                .evaluation = {.length = SimTime::Minutes(2)},
                                .evaluation_seed = 1'000'002},
                               {});
  ASSERT_TRUE(run.ok()) << MessageOf(run.status());
  const StudyRun& alone = both->rows[1].runs[1];
  EXPECT_EQ(alone.returns[1], run->returns[0]);
  EXPECT_EQ(alone.functions[1].latency_p99_ms, run->functions[0].latency_p99_ms);
  EXPECT_EQ(alone.functions[1].gb_seconds, run->functions[0].gb_seconds);
}

// Stopped in the middle of its first training, between trainings and in evaluations, on one thread
// and on two: going on comes to the same file.
TEST_F(LearningStudyTest, StoppedAnywhereItGoesOnToTheSame) {
  const LearningStudyConfig config = Tiny();
  const auto whole = Run(config, "", 2);
  ASSERT_TRUE(whole.ok()) << MessageOf(whole.status());
  int stopped = 0;
  absl::StatusOr<StudyResults> results = absl::UnknownError("");
  for (int patience = 1; !results.ok() && patience < 500; patience += 9) {
    std::atomic<int> asked = 0;
    results = Run(config, "cells", 1 + patience % 2,
                  {.stop = [&] { return ++asked > patience; }, .on_progress = {}});
    if (results.ok()) break;
    ++stopped;
    ASSERT_EQ(results.status().code(), absl::StatusCode::kCancelled) << MessageOf(results.status());
  }
  ASSERT_TRUE(results.ok());
  EXPECT_GE(stopped, 3);
  EXPECT_EQ(StudyJson(*results), StudyJson(*whole));
  // And once more, from what is there.
  const auto known = Run(config, "cells");
  EXPECT_EQ(computed_, 0u);
  EXPECT_EQ(StudyJson(*known), StudyJson(*whole));
}

// What is kept is of these settings: others are trained again.
TEST_F(LearningStudyTest, ChangedSettingsAreTrainedAgain) {
  LearningStudyConfig config = Tiny();
  ASSERT_TRUE(Run(config, "cells").ok());
  config.variants.pop_back();
  config.ratios.clear();
  config.variants[0].set.push_back("learner.gamma=0.9");
  ASSERT_TRUE(Run(config, "cells").ok());
  EXPECT_EQ(computed_, 2u);
  config.evaluation.length = SimTime::Minutes(3);
  ASSERT_TRUE(Run(config, "cells").ok());
  EXPECT_EQ(computed_, 2u);
}

TEST_F(LearningStudyTest, RulesTakePartWithoutTraining) {
  const auto results = Run(*Parse(R"(
kind: learning
training: training.yaml
variants: [{label: kpa, rule: {name: kpa}}, {label: two, rule: {name: static, static: {replicas: 2}}}]
evaluation: {length: 2m}
seeds: 1
)"));
  ASSERT_TRUE(results.ok()) << MessageOf(results.status());
  const StudyRun& run = results->rows[1].runs[0];
  EXPECT_THAT(run.returns, SizeIs(0));
  EXPECT_TRUE(std::isnan(run.final_return));
  // Two containers of 128 MiB of each of two functions for two minutes; one of the job's starts.
  EXPECT_NEAR(run.gb_seconds, 4 * 0.125 * 120, 2);
}

// A study of several scenarios has its rows and ratios for each.
TEST_F(LearningStudyTest, ScenariosStandSideBySide) {
  std::string busier = Read("scenario.yaml");
  busier.replace(busier.find("load: 6"), 7, "load: 9");
  Write("busier.yaml", busier);
  LearningStudyConfig config = Tiny("scenarios: {calm: scenario.yaml, busy: busier.yaml}\n");
  config.seeds = 1;
  const auto results = Run(config, "", 2);
  ASSERT_TRUE(results.ok()) << MessageOf(results.status());
  ASSERT_THAT(results->rows, SizeIs(4));
  EXPECT_EQ(results->rows[0].scenario, "busy");
  EXPECT_EQ(results->rows[2].scenario, "calm");
  EXPECT_GT(results->rows[0].runs[0].functions[0].requests,
            results->rows[2].runs[0].functions[0].requests + 200);
  EXPECT_THAT(results->ratios, SizeIs(6));
}

TEST_F(LearningStudyTest, SameParametersMeansTheNearestWidth) {
  LearningStudyConfig config = *Parse(R"(
kind: learning
training: training.yaml
set: [learner.total_steps=48, learner.actor.width=32]
variants:
  - {label: latest}
  - {label: gru, set: [learner.actor.encoder=gru]}
  - {label: matched, set: [learner.actor.encoder=gru], same_parameters_as: latest}
evaluation: {length: 1m}
seeds: 1
)");
  const auto results = Run(config);
  ASSERT_TRUE(results.ok()) << MessageOf(results.status());
  const auto parameters = [&](size_t row) { return results->rows[row].runs[0].actor_parameters; };
  // 6 features to 32, 32 to 32, 32 to 5 choices, with their biases.
  EXPECT_EQ(parameters(0), 7 * 32 + 33 * 32 + 33 * 5);
  EXPECT_GT(parameters(1), 3 * parameters(0));
  EXPECT_NEAR(parameters(2) / parameters(0), 1, 0.1);
}

TEST_F(LearningStudyTest, MistakesAreNamed) {
  const auto error = [&](const std::string& text) {
    return MessageOf(Parse("kind: learning\ntraining: training.yaml\n" + text).status());
  };
  EXPECT_THAT(error(""), HasSubstr("variants: list at least one"));
  EXPECT_THAT(error("variants: [{set: []}]"), HasSubstr("one has no label"));
  EXPECT_THAT(error("variants: [{label: a}, {label: a}]"), HasSubstr("two are labelled 'a'"));
  EXPECT_THAT(error("variants: [{label: abc}]\nratios: [{name: r, of: abc, to: abd}]"),
              HasSubstr("ratios: r: no variant is labelled 'abd' (did you mean 'abc'?)"));
  EXPECT_THAT(error("variants: [{label: abc, same_parameters_as: abd}]"),
              HasSubstr("same_parameters_as: no variant is labelled 'abd'"));
  EXPECT_THAT(error("variants: [{label: a}]\nevaluation: {first_seed: 3}"),
              HasSubstr("its seeds are those of training"));
  EXPECT_THAT(error("variants: [{label: a, alne: true}]"),
              HasSubstr("study.yaml:3:23: unknown key 'alne' (did you mean 'alone'?)"));
  EXPECT_THAT(MessageOf(Parse("kind: learning\nvariants: [{label: a}]").status()),
              HasSubstr("training: name the training's file"));

  LearningStudyConfig config = Tiny();
  config.variants[1].set = {"learner.fom=s_rl"};
  EXPECT_THAT(ErrorOf(config), HasSubstr("variants: alone: "));
  EXPECT_THAT(ErrorOf(config), HasSubstr("did you mean 'form'"));
  config = Tiny();
  config.training = "absent.yaml";
  EXPECT_THAT(ErrorOf(config), HasSubstr(Path("absent.yaml")));
  config = Tiny();
  config.variants[0].set = {"scenario.functions=[]", "scenario.workload.generate.functions=3"};
  config.variants[1].set = config.variants[0].set;
  EXPECT_THAT(ErrorOf(config), HasSubstr("variants: alone: 'alone' needs a scenario with "
                                         "functions of its own"));
}

// ---- ratios, worked by hand

StudyRun RunWith(uint64_t seed, const std::vector<std::pair<std::string, double>>& p99) {
  StudyRun run;
  run.seed = seed;
  for (const auto& [name, value] : p99) {
    run.functions.push_back({.name = name, .latency_p99_ms = value});
  }
  return run;
}
constexpr BootstrapOptions kBootstrap{.resamples = 100, .level = 0.95};

// Means over seeds: a 30/10, b 30/50; of the geometric means 20, 40 over 20, 25: 60/45.
TEST(StudyRatiosTest, ArePairedByNameAndSeed) {
  const StudyRow of{
      "s", "many", {RunWith(1, {{"a", 20}, {"b", 20}}), RunWith(2, {{"a", 40}, {"b", 40}})}};
  const StudyRow to{
      "s", "alone", {RunWith(1, {{"b", 50}, {"a", 8}}), RunWith(2, {{"b", 50}, {"a", 12}})}};
  const auto rows = RatiosBetween(of, to, {.name = "D", .of = "many", .to = "alone"}, kBootstrap);
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows[0].function, "a");
  EXPECT_NEAR(rows[0].value->value, 3, 1e-12);
  // Both seeds the first, or both the second: 2.5 and 3.33.
  EXPECT_NEAR(rows[0].value->low, 2.5, 1e-12);
  EXPECT_NEAR(rows[0].value->high, 40.0 / 12, 1e-12);
  EXPECT_NEAR(rows[1].value->value, 0.6, 1e-12);
  EXPECT_EQ(rows[2].function, "");
  EXPECT_NEAR(rows[2].value->value, 60 / (20 + std::sqrt(600)), 1e-12);
  EXPECT_EQ(rows[2].reference, 1);

  const auto excess = RatiosBetween(
      of, to, {.name = "D", .of = "many", .to = "alone", .minus_one = true}, kBootstrap);
  EXPECT_NEAR(excess[0].value->value, 2, 1e-12);
  EXPECT_NEAR(excess[0].value->low, 1.5, 1e-12);
  EXPECT_EQ(excess[0].reference, 0);
}

TEST(StudyRatiosTest, SeedsWithoutLatencyAreLeftOut) {
  const StudyRow of{
      "s", "x", {RunWith(1, {{"a", 20}, {"b", kMissing}}), RunWith(2, {{"a", 60}, {"b", 5}})}};
  const StudyRow to{
      "s", "y", {RunWith(1, {{"a", 10}, {"b", 5}}), RunWith(2, {{"a", kMissing}, {"b", 5}})}};
  const auto rows = RatiosBetween(of, to, {.name = "D", .of = "x", .to = "y"}, kBootstrap);
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_NEAR(rows[0].value->value, 2, 1e-12);
  EXPECT_NEAR(rows[1].value->value, 1, 1e-12);
  EXPECT_FALSE(rows[2].value.has_value()) << "no seed has all four";
}

TEST(StudyRunTest, SurvivesItsFile) {
  StudyRun run = RunWith(3, {{"a", 20}, {"b", kMissing}});
  run.steps = {1, 2};
  run.returns = {{0.1, kMissing}, {3, 4}};
  run.final_return = 1.0 / 3;
  StudyRun read;
  ASSERT_TRUE(StudyRunFromJson(nlohmann::ordered_json::parse(StudyRunToJson(run).dump()), read));
  EXPECT_EQ(StudyRunToJson(read), StudyRunToJson(run));
  EXPECT_EQ(read.final_return, run.final_return);
  EXPECT_TRUE(std::isnan(read.returns[0][1]));
  for (const char* name : {"seed", "functions", "returns", "gb_seconds"}) {
    nlohmann::ordered_json json = StudyRunToJson(run);
    json.erase(name);
    EXPECT_FALSE(StudyRunFromJson(json, read)) << name;
  }
}

// The last tenth of 20 iterations is two: of two agents the mean of 5, 7 and 1; one is missing.
TEST(StudyRunTest, FinalReturnIsOfTheLastTenth) {
  StudyRun run;
  EXPECT_TRUE(std::isnan(FinalReturn(run)));
  run.returns.assign(2, std::vector<double>(20, 100));
  run.returns[0][18] = 5;
  run.returns[0][19] = 7;
  run.returns[1][18] = 1;
  run.returns[1][19] = kMissing;
  EXPECT_NEAR(FinalReturn(run), 13.0 / 3, 1e-12);
}

}  // namespace
}  // namespace reeve
