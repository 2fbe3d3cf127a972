// Experiments and searches that train.
#include <map>
#include <mutex>
#include <set>

#include "agents/ppo/checkpoint.h"
#include "runs/experiment.h"
#include "runs/policy_bank.h"
#include "runs/training.h"
#include "runs/tuner.h"
#include "traces/workload.h"
#include "training_testing.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
namespace fs = std::filesystem;

// What was trained, in passing.
class Watched : public PolicyTrainer {
 public:
  explicit Watched(PolicyTrainer& inner) : inner_(inner) {}
  absl::StatusOr<std::string> Train(const TrainingTask& task,
                                    const std::function<bool()>& stop) override {
    {
      const std::lock_guard lock(mutex_);
      tasks.push_back(task);
    }
    return inner_.Train(task, stop);
  }
  std::vector<TrainingTask> tasks;

 private:
  PolicyTrainer& inner_;
  std::mutex mutex_;
};

class TrainedExperimentTest : public TrainingFixture {
 protected:
  static absl::StatusOr<ExperimentConfig> Parse(const std::string& text) {
    ASSIGN_OR_RETURN(const ConfigNode node, ConfigNode::Parse(text, "test"));
    ExperimentConfig config;
    RETURN_IF_ERROR(ReadConfig(node, config));
    return config;
  }
  // A rule and a learner of two iterations on 20 generated functions, trained on one half of them
  // and tested on the other.
  ExperimentConfig Small(const std::string& search = "") const {
    Write("shared.yaml", R"(
scenario: scenario.yaml
environments: 2
learner: {sharing: shared, form: s_rl, total_steps: 48, horizon: 12, actor: {width: 8}, critic: {width: 8}}
)");
    const auto config = Parse(R"(
clusters: {c: cluster.yaml}
workloads:
  w:
    generate: {functions: 20, length: 1h, max_rate_rps: 1}
    split:
      train: {functions: [0, 0.5], to: 30m}
      test: {functions: [0.5, 1], from: 30m}
policies:
  - policy: {name: kpa}
  - {label: ppo, training: shared.yaml)" +
                              search + R"(}
seeds: 2
tuning: {seeds: 1, slo_violation_share: 0.5}
)");
    EXPECT_TRUE(config.ok()) << MessageOf(config.status());
    return *config;
  }
  absl::StatusOr<ExperimentResults> Run(const ExperimentConfig& config, const std::string& name,
                                        const std::function<bool()>& stop = {}, int threads = 1) {
    ASSIGN_OR_RETURN(CellStore store, CellStore::Open(Path(name + "/cells")));
    PolicyBank bank(Path(name + "/policies"));
    Watched watched(bank);
    auto results = RunExperiment(config, folder_, store, threads,
                                 {.stop = stop, .trainer = &watched, .on_progress = {}});
    tasks_ = std::move(watched.tasks);
    return results;
  }
  std::vector<TrainingTask> tasks_;
};

TEST_F(TrainedExperimentTest, ALearnerIsTrainedForEverySeed) {
  const auto results = Run(Small(), "o");
  ASSERT_TRUE(results.ok()) << MessageOf(results.status());
  ASSERT_THAT(results->rows, SizeIs(2));
  const ExperimentRow& row = results->rows[1];
  EXPECT_EQ(row.policy, "ppo");
  ASSERT_THAT(row.seeds, SizeIs(2));
  for (const auto& values : row.values) EXPECT_THAT(values, SizeIs(2));
  ASSERT_THAT(tasks_, SizeIs(2));
  EXPECT_EQ(tasks_[0].seed, row.seeds[0]);
  EXPECT_EQ(tasks_[1].seed, row.seeds[1]);

  std::vector<std::vector<float>> parameters;
  for (const auto& file : fs::directory_iterator(Path("o/policies"))) {
    const auto policy = LoadPolicy(file.path());
    ASSERT_TRUE(policy.ok()) << MessageOf(policy.status());
    parameters.push_back(policy->model.actor_parameters);
  }
  ASSERT_THAT(parameters, SizeIs(2));
  EXPECT_NE(parameters[0], parameters[1]);
}

// The training part, and only it, on the experiment's cluster.
TEST_F(TrainedExperimentTest, ATaskIsTheTrainingPartOnTheClusterOfTheExperiment) {
  ASSERT_TRUE(Run(Small(), "o").ok());
  TrainingTask task = tasks_.at(0);
  task.parameters = {{"learner.gamma", "0.5"}};
  const auto config = ConfigOf(task);
  ASSERT_TRUE(config.ok()) << MessageOf(config.status());
  EXPECT_EQ(config->learner.gamma, 0.5);
  EXPECT_EQ(config->seed, task.seed);
  const auto scenario = ResolveScenario(config->scenario, config->folder);
  ASSERT_TRUE(scenario.ok()) << MessageOf(scenario.status());
  const auto whole = LoadWorkload(task.workload, folder_);
  const auto train = SelectPart(*whole, task.workload.split, Part::kTrain);
  ASSERT_TRUE(train.ok());
  EXPECT_EQ(Fingerprint(scenario->trace), Fingerprint(*train));
  EXPECT_EQ(scenario->cluster.name, "c");

  task.parameters = {{"learner.gama", "0.5"}};
  EXPECT_THAT(MessageOf(ConfigOf(task).status()), HasSubstr("shared.yaml: "));
  EXPECT_THAT(MessageOf(ConfigOf(task).status()), HasSubstr("did you mean 'gamma'"));
}

// Stopped again and again, at whatever point it has come to.
TEST_F(TrainedExperimentTest, StoppedAnywhereItGoesOnToTheSame) {
  const ExperimentConfig config = Small();
  const auto whole = Run(config, "whole", {}, 2);
  ASSERT_TRUE(whole.ok()) << MessageOf(whole.status());
  absl::StatusOr<ExperimentResults> results = absl::UnknownError("");
  int stopped = 0;
  for (int patience = 1; patience < 1'000'000 && !results.ok(); patience = patience * 3 + 1) {
    std::atomic<int> asked = 0;
    results = Run(config, "parts", [&] { return ++asked > patience; });
    stopped += !results.ok();
    if (!results.ok()) {
      ASSERT_EQ(results.status().code(), absl::StatusCode::kCancelled)
          << MessageOf(results.status());
    }
  }
  ASSERT_TRUE(results.ok());
  EXPECT_GE(stopped, 2);
  EXPECT_EQ(ResultsJson(*results), ResultsJson(*whole));
}

TEST_F(TrainedExperimentTest, WithoutASplitNothingIsTrained) {
  Small();
  const auto config = Parse(R"(
clusters: {c: cluster.yaml}
workloads: {w: {generate: {functions: 20, length: 1h}}}
policies: [{policy: {name: kpa}}, {label: ppo, training: shared.yaml}]
)");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(config.status()),
              HasSubstr("workloads: w: policies are tuned or trained, so it needs a 'split'"));
}

TEST_F(TrainedExperimentTest, MistakesAreNamed) {
  const ExperimentConfig config = Small();
  auto store = CellStore::Open("");
  EXPECT_THAT(MessageOf(RunExperiment(config, folder_, *store, 1).status()),
              HasSubstr("policies: ppo: is to be trained, which this program cannot do"));
  ExperimentConfig absent = config;
  absent.policies[1].training = "absent.yaml";
  EXPECT_THAT(MessageOf(Run(absent, "o").status()), HasSubstr(Path("absent.yaml")));
  // Parameters of one function each are of no use for functions that are not known yet.
  Write("shared.yaml", Read("training.yaml"));
  EXPECT_THAT(MessageOf(Run(config, "o").status()),
              HasSubstr("train with sharing: shared for functions that are not known yet"));
}

// Candidates are trained with the seeds of tuning, and the one that is best where validation is
// wins: fewest GB-seconds of those that keep the SLO, else fewest violations.
TEST_F(TrainedExperimentTest, ASearchTrainsItsCandidates) {
  const ExperimentConfig config = Small(
      ", search: {learner.learning_rate: {values: [0.0001, 0.03]}, "
      "learner.gamma: {values: [0.5, 0.99]}}");
  const auto results = Run(config, "o", {}, 2);
  ASSERT_TRUE(results.ok()) << MessageOf(results.status());
  ASSERT_THAT(results->rows, SizeIs(3));
  const ExperimentRow& row = results->rows[2];
  ASSERT_TRUE(row.tuned && row.tuning.has_value());
  const std::vector<Trial>& trials = row.tuning->trials;
  ASSERT_THAT(trials, SizeIs(5)) << "four of the grid, and the training as it is";
  const double limit = config.tuning.slo_violation_share;
  const auto better = [&](const Trial& a, const Trial& b) {
    const bool a_keeps = a.validation_slo_violation_share <= limit;
    const bool b_keeps = b.validation_slo_violation_share <= limit;
    if (a_keeps != b_keeps) return a_keeps;
    return a_keeps ? a.validation_gb_seconds < b.validation_gb_seconds
                   : a.validation_slo_violation_share < b.validation_slo_violation_share;
  };
  const Trial& winner = trials[row.tuning->winner];
  EXPECT_TRUE(winner.finalist);
  std::set<double> costs;
  for (const Trial& trial : trials) {
    if (!trial.finalist) continue;
    EXPECT_FALSE(better(trial, winner));
    costs.insert(trial.validation_gb_seconds);
  }
  EXPECT_GT(costs.size(), 1u) << "candidates that do not differ prove nothing";
  EXPECT_EQ(row.parameters, winner.parameters);

  // Five candidates with the seed of tuning; then as given and as tuned with those of the test.
  std::map<uint64_t, int> by_seed;
  for (const TrainingTask& task : tasks_) ++by_seed[task.seed];
  EXPECT_GE(by_seed[config.tuning.first_seed], 5);
  EXPECT_EQ(by_seed[config.first_seed], 2);
  EXPECT_EQ(by_seed[config.first_seed + 1], 2);
  EXPECT_THAT(by_seed, SizeIs(3));
  for (const TrainingTask& task : tasks_) {
    if (task.seed == config.tuning.first_seed) continue;
    EXPECT_TRUE(task.parameters.empty() || task.parameters == winner.parameters);
  }
}

// Results are of what is in a policy's file, wherever it lies.
TEST_F(TrainedExperimentTest, CellsFollowFromTheCheckpointsContent) {
  ASSERT_TRUE(Run(Small(), "o").ok());
  std::vector<std::string> policies;
  for (const auto& file : fs::directory_iterator(Path("o/policies"))) {
    policies.push_back(file.path());
  }
  ASSERT_THAT(policies, SizeIs(2));
  const auto whole = LoadWorkload(tasks_.at(0).workload, folder_);
  auto test = SelectPart(*whole, tasks_.at(0).workload.split, Part::kTest);
  const CellTrace trace(*std::move(test));
  SimulationConfig config;
  config.bound = false;
  config.cluster = tasks_[0].cluster;
  config.policy.name = "learned";
  config.policy.learned.checkpoint = Path("policy.rpolicy");
  auto store = CellStore::Open(Path("cells"));
  const auto run = [&] {
    const auto summary = store->Get(trace, config, {});
    EXPECT_TRUE(summary.ok()) << MessageOf(summary.status());
  };
  EXPECT_EQ(store->Get(trace, config, {}).status().code(), absl::StatusCode::kNotFound);
  fs::copy_file(policies[0], Path("policy.rpolicy"));
  run();
  EXPECT_EQ(store->simulated(), 1u);
  run();
  config.policy.learned.checkpoint = policies[0];
  run();
  EXPECT_EQ(store->simulated(), 1u) << "the same bytes elsewhere";
  config.policy.learned.checkpoint = Path("policy.rpolicy");
  fs::copy_file(policies[1], Path("policy.rpolicy"), fs::copy_options::overwrite_existing);
  run();
  EXPECT_EQ(store->simulated(), 2u) << "other bytes in the same place";
}

}  // namespace
}  // namespace reeve
