#include "runs/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "agents/nn/blas_check.h"
#include "agents/simulated_policies.h"
#include "core/check.h"
#include "runs/evaluation.h"
#include "runs/scenario_trace.h"
#include "runs/training_folder.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

constexpr SimTime kAt = SimTime::Seconds(600);

// The small scenario after a first iteration of learning.
class ExplanationTest : public ::testing::Test {
 protected:
  ExplanationTest() { SetSingleThreadedMath(); }
  ~ExplanationTest() override { std::filesystem::remove_all(folder_); }

  void Train(std::vector<std::string> changes = {}) {
    changes.insert(changes.end(), {"learner.total_steps=200", "scenario.length=2h"});
    const auto config = LoadTrainingFile(REEVE_SOURCE_DIR "/configs/training/small.yaml", changes);
    REEVE_CHECK(config.ok());
    const auto training = Training::Create(*config, 1);
    REEVE_CHECK(training.ok());
    std::filesystem::remove_all(folder_);
    REEVE_CHECK(PrepareTrainingFolder(folder_, false).ok());
    REEVE_CHECK(TrainInFolder(**training, folder_, false, true, {}).ok());
    scenario_ = *LoadTestScenario(folder_);
    config_ = *EvaluationConfig(folder_, scenario_, "learned", 7, {});
  }
  absl::StatusOr<Explanation> At(SimTime at, const std::string& function = "job") const {
    return Explain(scenario_, config_, PolicySpec{}, function, at);
  }

  const std::string folder_ = testing::TempDir() + "explanation_test_" + std::to_string(::getpid());
  Scenario scenario_;
  SimulationConfig config_;
};

// What is there to be explained, seen by another pair of eyes: the learned policy drives, features
// and the rule are fed by hand.
struct Replay : Policy {
  Replay(LearnedPolicy& driver, size_t f)
      : learned(driver),
        function(f),
        extractor(driver.trained().observation),
        rule(*MakePolicy(PolicySpec{})) {}

  std::string_view name() const override { return "replay"; }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override {
    const size_t functions = snapshot.functions.size();
    features.resize(functions * extractor.size());
    extractor.Extract(snapshot, features);
    std::vector<Decision> by_rule(functions);
    REEVE_CHECK(rule->Decide(snapshot, by_rule).ok());
    REEVE_CHECK(learned.Decide(snapshot, decisions).ok());
    if (snapshot.time == kAt) {
      seen.assign(features.begin() + static_cast<ptrdiff_t>(function * extractor.size()),
                  features.begin() + static_cast<ptrdiff_t>((function + 1) * extractor.size()));
      const AgentView view = learned.ViewOf(FunctionId(static_cast<uint32_t>(function)));
      probabilities.assign(view.probabilities.begin(), view.probabilities.end());
      chosen = view.choices[0];
      rule_replicas = by_rule[function].replicas.value_or(-1);
      arrivals = snapshot.functions.arrivals[function];
      replicas = snapshot.functions.replicas_asked[function];
    }
    return absl::OkStatus();
  }
  void Wake(FunctionId f, SimTime now, Decision& decision) override {
    learned.Wake(f, now, decision);
    Decision ignored;
    rule->Wake(f, now, ignored);
  }

  LearnedPolicy& learned;
  const size_t function;
  FeatureExtractor extractor;
  std::unique_ptr<Policy> rule;
  std::vector<float> features, seen, probabilities;
  int32_t chosen = -1, rule_replicas = -1;
  uint32_t arrivals = 0, replicas = 0;
};

TEST_F(ExplanationTest, TellsWhatHappenedInTheEvaluation) {
  Train();
  const auto explanation = At(kAt);
  ASSERT_TRUE(explanation.ok()) << explanation.status();

  const Trace trace = *ScenarioTrace(scenario_, 7, SimTime::Hours(1));
  const auto learned = MakeLearnedPolicy(config_.policy.learned, trace, 7);
  ASSERT_TRUE(learned.ok()) << learned.status();
  Replay replay(**learned, 1);
  ASSERT_TRUE(RunSimulation(trace, config_, replay).ok());

  EXPECT_EQ(explanation->function, "job");
  EXPECT_EQ(explanation->tenant, "job");
  EXPECT_EQ(explanation->time, kAt);
  EXPECT_EQ(explanation->replicas, replay.replicas);
  EXPECT_EQ(explanation->encoder, "latest");
  EXPECT_FALSE(explanation->has_past);
  ASSERT_EQ(explanation->heads.size(), 1u);
  const ExplainedHead& head = explanation->heads[0];
  ASSERT_EQ(head.choices.size(), replay.probabilities.size());
  for (size_t k = 0; k < head.choices.size(); ++k) {
    EXPECT_FLOAT_EQ(static_cast<float>(head.choices[k].probability), replay.probabilities[k]);
    EXPECT_EQ(head.choices[k].chosen, static_cast<int32_t>(k) == replay.chosen);
    if (!head.choices[k].legal) {
      EXPECT_EQ(head.choices[k].probability, 0);
    }
  }
  EXPECT_NEAR(std::exp(head.log_probability),
              replay.probabilities[static_cast<size_t>(replay.chosen)], 1e-5);
  EXPECT_EQ(explanation->rule, "kpa");
  EXPECT_EQ(explanation->rule_decision, "replicas " + std::to_string(replay.rule_replicas));
  EXPECT_EQ(std::count_if(head.choices.begin(), head.choices.end(),
                          [](const ExplainedChoice& c) { return c.rule; }),
            1);

  const std::vector<std::string>& names = replay.extractor.names();
  ASSERT_EQ(explanation->inputs.size(), names.size());
  for (const ExplainedInput& input : explanation->inputs) {
    const auto name = std::find(names.begin(), names.end(), input.name);
    ASSERT_NE(name, names.end()) << input.name;
    EXPECT_FLOAT_EQ(static_cast<float>(*input.feature),
                    replay.seen[static_cast<size_t>(name - names.begin())])
        << input.name;
    if (input.name != "arrival_rate") continue;
    EXPECT_EQ(input.unit, "rps");
    EXPECT_NEAR(*input.value, replay.arrivals / 5.0, 1e-5);  // windows of 5 s
  }
}

TEST_F(ExplanationTest, ExplainsTheFirstDecisionAtOrAfterTheTime) {
  Train();
  for (const auto& [at, decided] : {std::pair{0, 0}, {1, 5}, {5, 5}, {601, 605}, {7200, 7200}}) {
    const auto explanation = At(SimTime::Seconds(at), "api");
    ASSERT_TRUE(explanation.ok()) << explanation.status();
    EXPECT_EQ(explanation->time, SimTime::Seconds(decided)) << at;
  }
}

TEST_F(ExplanationTest, NamesWhatIsNotThere) {
  Train();
  const absl::Status late = At(SimTime::Seconds(7201)).status();
  EXPECT_TRUE(absl::IsOutOfRange(late));
  EXPECT_THAT(std::string(late.message()), HasSubstr("ends at 7200 s"));
  const absl::Status unknown = At(kAt, "jab").status();
  EXPECT_TRUE(absl::IsOutOfRange(unknown));
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("did you mean 'job'"));
  std::filesystem::remove(folder_ + "/policy.rpolicy");
  EXPECT_TRUE(absl::IsNotFound(At(kAt).status()));
}

// Whatever actors see and remember, what moved the choice adds up.
struct Form {
  std::string name;
  std::vector<std::string> changes;
  size_t inputs;  // 6 features, 5 choices
};
class EveryForm : public ExplanationTest, public ::testing::WithParamInterface<Form> {};
INSTANTIATE_TEST_SUITE_P(
    All, EveryForm,
    testing::Values(
        Form{"own_gru", {"learner.actor.encoder=gru"}, 6},
        Form{"own_shift", {"learner.actor.encoder=shift"}, 6},
        Form{"own_stack", {"learner.actor.encoder=stack"}, 6},
        Form{"mean_field", {"learner.form=mean_field"}, 6 + 6 + 5},
        Form{"variance", {"learner.actor_view=mean_field_variance"}, 6 + 6 + 5 + 6},
        Form{"joint", {"learner.actor_view=joint", "learner.agent_id=true"}, 6 + 6 + 1 + 5 + 2},
        Form{"per_function", {"learner.sharing=per_function"}, 6},
        Form{"two_heads",
             {"scenario.action.heads=[{kind: replicas_step, values: [-1, 0, 1]}, {kind: cpu_step, "
              "values: [-128, 0, 128]}]"},
             6}),
    [](const auto& tested) { return tested.param.name; });

TEST_P(EveryForm, AttributionsAddUp) {
  Train(GetParam().changes);
  const auto explanation = At(kAt);
  ASSERT_TRUE(explanation.ok()) << explanation.status();
  ASSERT_EQ(explanation->inputs.size(), GetParam().inputs);
  EXPECT_EQ(explanation->has_past, GetParam().name.substr(0, 4) == "own_");
  double last = INFINITY;
  for (const ExplainedInput& input : explanation->inputs) {
    EXPECT_LE(std::abs(input.Attribution()), last);  // sorted
    last = std::abs(input.Attribution());
    EXPECT_EQ(input.value.has_value(), !input.unit.empty());
    // Who is there, and which agent this is, are no part of the question.
    if (input.name == "other1.present" || input.name.starts_with("agent=")) {
      EXPECT_EQ(input.baseline, input.seen) << input.name;
      EXPECT_EQ(input.Attribution(), 0) << input.name;
    } else {
      EXPECT_EQ(input.baseline, 0) << input.name;
    }
  }
  for (size_t head = 0; head < explanation->heads.size(); ++head) {
    const ExplainedHead& h = explanation->heads[head];
    double sum = 0, in_all = 0;
    for (const ExplainedInput& input : explanation->inputs) {
      sum += input.attributions[head];
      in_all += std::abs(input.attributions[head]);
    }
    EXPECT_NEAR(sum, h.log_probability - h.baseline_log_probability, 1e-3 * in_all);
    EXPECT_GT(in_all, 0);
    for (const ExplainedChoice& choice : h.choices) {
      if (choice.chosen) {
        EXPECT_NEAR(std::log(choice.probability), h.log_probability, 1e-4);
      }
    }
  }
}

Explanation ByHand() {
  Explanation e;
  e.function = "f";
  e.tenant = "t";
  e.time = SimTime::Seconds(30);
  e.encoder = "gru";
  e.has_past = true;
  e.replicas = 2;
  e.decision = "replicas 3";
  e.rule = "kpa";
  e.rule_decision = "replicas 5";
  ExplainedHead head;
  head.choices = {{"nothing", 0.25, true, false, false},
                  {"replicas +1", 0.75, true, true, true},
                  {"cpu +128m", 0, false, false, false}};
  head.log_probability = -0.2877;
  head.baseline_log_probability = -0.6877;
  head.steps = 64;
  head.gap = 2e-6;
  e.heads = {head};
  ExplainedInput rate;
  rate.name = "arrival_rate";
  rate.unit = "rps";
  rate.value = 6;
  rate.feature = 0.6;
  rate.seen = 1.5;
  rate.attributions = {0.6};
  ExplainedInput others;
  others.name = "others.mean.arrival_rate";
  others.seen = -0.5;
  others.attributions = {-0.2};
  e.inputs = {rate, others};
  return e;
}

TEST(RenderExplanation, IsForPeople) {
  EXPECT_EQ(Render(ByHand(), TableFormat::kText, false),
            R"(f of tenant t at 30 s; replicas asked for until then: 2

choice       probability
nothing           25.0 %
replicas +1       75.0 %  <- chosen, nearest to kpa
cpu +128m        illegal

decided  replicas 3
kpa      replicas 5

What moved the choice, against an average moment, in nats of its log-probability (0.69: twice as likely)
encoder gru: it saw earlier steps too; these are held fixed, only this step is explained

input                     value  unit  feature  normalised  baseline    moved
arrival_rate               6.00  rps       0.6       +1.50         0  +0.6000  ++++++++++++++++++++++++
others.mean.arrival_rate      -              -       -0.50         0  -0.2000  --------

check: moved +0.4000 in all; log-probability -0.2877, at the baseline -0.6877: +0.4000 (off by 2.0e-06 after 64 steps)
)");
}

TEST(RenderExplanation, IsForPrograms) {
  const auto json = nlohmann::json::parse(Render(ByHand(), TableFormat::kJson, false));
  EXPECT_EQ(json.at("time_s"), 30);
  EXPECT_EQ(json.at("past_held_fixed"), true);
  EXPECT_EQ(json.at("rule_decision"), "replicas 5");
  EXPECT_EQ(json.at("heads")[0].at("choices")[2].at("legal"), false);
  EXPECT_EQ(json.at("heads")[0].at("log_probability"), -0.2877);
  EXPECT_EQ(json.at("inputs")[0].at("value"), 6);
  EXPECT_EQ(json.at("inputs")[1].at("value"), nullptr);
  EXPECT_EQ(Render(ByHand(), TableFormat::kCsv, false),
            "input,value,unit,feature,seen,baseline,attribution\n"
            "arrival_rate,6,rps,0.6,1.5,0,0.6\n"
            "others.mean.arrival_rate,,,,-0.5,0,-0.2\n");
}

}  // namespace
}  // namespace reeve
