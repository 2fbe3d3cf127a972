#include "runs/adaptation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/status.h"
#include "envs/straggler_env.h"
#include "runs/adaptation_study.h"
#include "runs/scenario_trace.h"
#include "runs/simulation.h"

namespace reeve {
namespace {

using testing::HasSubstr;

class AdaptationTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/adaptation_test";
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    // Two loads, so far apart that a few windows tell.
    Write("straggler.yaml", R"yaml(
name: straggler
straggler:
  order: cycle
  hold: 2m
  workloads:
    - {name: few, gap_ms: "exponential(mean=50)", size_ms: "bounded_pareto(low=3, high=500, alpha=1)"}
    - {name: many, gap_ms: "exponential(mean=5)", size_ms: "bounded_pareto(low=3, high=50, alpha=1)"}
)yaml");
    Write("cluster.yaml", "name: c\nnodes: [{count: 2, cpu: 16, memory: 64Gi}]\n");
    Write("cluster_scenario.yaml", R"yaml(
cluster: cluster.yaml
functions:
  - {name: web, load: 6, duration_ms: 50}
  - {name: job, load: 2, duration_ms: "exponential(mean=200)"}
length: 2h
control_period: 5s
action: {heads: [{kind: load_replicas, values: [1, 2, 4]}], min_replicas: 1}
reward: {parts: [{name: gb_seconds, weight: -1, scale: 10}, {name: slo_violations, weight: -3}]}
)yaml");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/" + name, text).ok());
  }
  static AdaptationConfig Parse(const std::string& text, const std::vector<std::string>& changes) {
    AdaptationConfig config;
    absl::StatusOr<ConfigNode> node = ConfigNode::Parse(text, "run.yaml");
    EXPECT_TRUE(node.ok()) << node.status();
    for (const std::string& change : changes) EXPECT_TRUE(node->Set(change).ok()) << change;
    const absl::Status status = ReadConfig(*node, config);
    EXPECT_TRUE(status.ok()) << status;
    return config;
  }
  static AdaptationConfig Stragglers(const std::vector<std::string>& changes = {}) {
    return Parse(R"yaml(
scenario: straggler.yaml
length: 30m
context: {time: 5s}
detector: {kind: cusum, confirm: 10s, min_dwell: 20s, learn: 30s, floor_sd: 1}
online:
  learner: {form: s_rl, gamma: 0.9, actor: {width: 8, layers: 1}, critic: {width: 8, layers: 1}}
  stretch: 20
  stretches: 2
  exploration: {entropy: 0.02, final_entropy: 0.001, steps: 100}
safeguard: {queue: {engage: 10, release: 3}, minimum_time: 1s, metrics: false}
)yaml",
                 changes);
  }
  static AdaptationConfig Cluster(const std::vector<std::string>& changes = {}) {
    return Parse(R"yaml(
scenario: cluster_scenario.yaml
schedule: {environments: [{label: usual}, {label: busy, rate: 4}], min_stay: 10m, max_stay: 12m}
length: 1h
online:
  learner: {form: mean_field, sharing: shared, gamma: 0.9, actor: {width: 8, layers: 1}, critic: {width: 8, layers: 1}}
  stretch: 20
  stretches: 2
safeguard: {queue: {engage: 20, release: 2}}
)yaml",
                 changes);
  }
  AdaptationRecord Run(const AdaptationConfig& config, const AdaptationHooks& hooks = {}) {
    absl::StatusOr<AdaptationRecord> record = RunAdaptation(config, folder_, hooks);
    EXPECT_TRUE(record.ok()) << record.status();
    return record.ok() ? *std::move(record) : AdaptationRecord{};
  }
  static std::string Text(const AdaptationRecord& record) {
    return AdaptationToJson(record, true).dump();
  }

  std::string folder_;
};

// A fixed timeout is the environment played by hand.
TEST_F(AdaptationTest, ARuleOnStragglersIsThatTimeoutThroughout) {
  AdaptationConfig config = Stragglers({"driver=rule", "timeout=100", "slo=500ms"});
  const AdaptationRecord record = Run(config);

  StragglerSpec spec = *LoadStraggler(folder_ + "/straggler.yaml");
  StragglerEnv env(spec);
  ASSERT_TRUE(env.Reset(0, 1, config.seed).ok());
  const std::vector<int32_t> actions = {4};  // of 3, 10, 30, 60, 100, …
  uint64_t jobs = 0, late = 0;
  double reward = 0, steps = 0;
  while (env.time(0) < config.length) {
    ASSERT_TRUE(env.Step(0, 1, actions).ok());
    for (const int64_t us : env.latencies_us(0)) late += us > 500'000 ? 1 : 0;
    jobs += env.latencies_us(0).size();
    reward += env.buffers().rewards[0];
    ++steps;
  }
  EXPECT_EQ(record.whole.requests, jobs);
  EXPECT_EQ(record.whole.violations, late);
  EXPECT_DOUBLE_EQ(record.whole.cost, static_cast<double>(env.totals(0).duplicates));
  EXPECT_NEAR(record.whole.reward, reward / steps, 1e-9);
  EXPECT_EQ(record.visits.size(), 15u);  // of two minutes each
  EXPECT_FALSE(record.detects);
}

TEST_F(AdaptationTest, ExpertsOfStragglersAreBegunOnceAndComeBack) {
  const AdaptationRecord record = Run(Stragglers());
  EXPECT_EQ(record.learner.experts_begun, 2);
  EXPECT_EQ(record.detection.opened, 2);
  EXPECT_GT(record.detection.f1(), 0.9);
  EXPECT_GT(record.learner.updates, 20);
  EXPECT_EQ(record.learner.switches, 14);
  const AdaptationRecord truth = Run(Stragglers({"detector.kind=oracle"}));
  EXPECT_EQ(truth.learner.experts_begun, 2);
  EXPECT_FALSE(truth.detects);
  const AdaptationRecord single = Run(Stragglers({"online.method=single"}));
  EXPECT_EQ(single.learner.experts_begun, 1);
  EXPECT_EQ(single.learner.switches, 0);
}

TEST_F(AdaptationTest, TheSameSeedTheSameRun) {
  EXPECT_EQ(Text(Run(Stragglers())), Text(Run(Stragglers())));
  EXPECT_NE(Text(Run(Stragglers())), Text(Run(Stragglers({"seed=2"}))));
  EXPECT_EQ(Text(Run(Cluster())), Text(Run(Cluster())));
}

// "never" cannot fill a queue that is empty half of the time; three duplicates for each can.
TEST_F(AdaptationTest, TheSafeguardDrivesWhileQueuesAreLong) {
  Write("straggler.yaml", R"yaml(
straggler:
  timeouts_ms: [3]
  slow_probability: 0.4
  slow_factor: 4
  workloads: [{name: busy, gap_ms: "exponential(mean=5)", size_ms: "uniform(low=8, high=40)"}]
)yaml");
  const AdaptationRecord guarded = Run(Stragglers());
  AdaptationConfig config = Stragglers();
  config.safeguard.reset();
  const AdaptationRecord free = Run(config);
  EXPECT_GT(guarded.learner.engagements, 0u);
  EXPECT_GT(guarded.whole.engaged_share, 0);
  EXPECT_EQ(free.whole.engaged_share, 0);
  EXPECT_LT(guarded.whole.latency_p99_ms, free.whole.latency_p99_ms);
}

TEST_F(AdaptationTest, ARunBeforeLeavesNothingToExplore) {
  AdaptationConfig config = Stragglers({"detector.kind=oracle", "before=20m"});
  const AdaptationRecord record = Run(config);
  EXPECT_EQ(record.learner.experts_begun, 0);
  EXPECT_EQ(record.whole.exploring_share, 0);
  const AdaptationRecord cluster = Run(Cluster({"detector.kind=oracle", "before=1h"}));
  EXPECT_EQ(cluster.learner.experts_begun, 0);
  EXPECT_EQ(cluster.visits.size(), Run(Cluster()).visits.size());  // the same requests
}

TEST_F(AdaptationTest, KeptExpertsAreThereInTheNextRun) {
  AdaptationHooks hooks;
  hooks.experts = folder_ + "/experts";
  const AdaptationRecord first = Run(Stragglers(), hooks);
  EXPECT_EQ(first.learner.experts_begun, 2);
  AdaptationConfig again = Stragglers();
  again.seed = 9;
  const AdaptationRecord second = Run(again, hooks);
  EXPECT_EQ(second.learner.experts_begun, 0);
  EXPECT_EQ(second.detection.opened, 2);
  EXPECT_EQ(Text(first), Text(Run(Stragglers())));  // keeping them changes nothing

  hooks.experts = folder_ + "/cluster_experts";
  EXPECT_GE(Run(Cluster(), hooks).learner.experts_begun, 2);
  EXPECT_EQ(Run(Cluster(), hooks).learner.experts_begun, 0);
  // Of other networks.
  AdaptationConfig wide = Cluster();
  wide.online.learner.actor.width = 9;
  const absl::Status status = RunAdaptation(wide, folder_, hooks).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(status), HasSubstr("other networks"));
}

// The cluster under a rule is a simulation like any other.
TEST_F(AdaptationTest, ARuleOnAClusterIsASimulation) {
  const AdaptationConfig config = Cluster({"driver=rule", "rule.name=kpa"});
  const AdaptationRecord record = Run(config);
  const absl::StatusOr<Scenario> scenario = LoadScenario(folder_ + "/cluster_scenario.yaml");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  Trace trace = *ScenarioTrace(*scenario, config.seed, config.length);
  const auto visits = DrawVisits(*config.schedule, trace.duration(), config.seed);
  trace = *ApplyEnvironments(trace, *config.schedule, visits, config.seed);
  SimulationConfig simulation = ScenarioSimulation(*scenario, config.seed);
  simulation.bound = false;
  const RunData run = *RunSimulation(trace, simulation, 1);
  EXPECT_EQ(record.whole.requests, run.summary.completions + run.summary.failures +
                                       run.summary.timeouts + run.summary.rejections);
  EXPECT_EQ(record.whole.violations, run.summary.slo_violations);
  EXPECT_NEAR(record.whole.latency_p99_ms, *run.summary.latency_p99_ms,
              0.01 * *run.summary.latency_p99_ms);
  EXPECT_NEAR(record.whole.cost * 3600, run.summary.gb_seconds, 0.01 * run.summary.gb_seconds);
  ASSERT_EQ(record.visits.size(), visits.size());
  for (size_t v = 0; v < visits.size(); ++v) EXPECT_EQ(record.visits[v].from, visits[v].from);
}

TEST_F(AdaptationTest, ALearnerOnAClusterDetectsItsEnvironments) {
  const AdaptationRecord record = Run(Cluster());
  EXPECT_EQ(record.labels, (std::vector<std::string>{"usual", "busy"}));
  EXPECT_EQ(record.detection.opened, 2);
  EXPECT_EQ(record.learner.experts_begun, 2);
  EXPECT_GT(record.learner.updates, 5);
}

TEST_F(AdaptationTest, AnInterruptedRunSaysSo) {
  AdaptationHooks hooks;
  int asked = 0;
  hooks.stop = [&] { return ++asked > 100; };
  const AdaptationRecord record = Run(Stragglers(), hooks);
  EXPECT_FALSE(record.complete);
  EXPECT_LT(record.whole.seconds, 120);
}

TEST_F(AdaptationTest, WhatDoesNotFitIsRefused) {
  const auto refused = [&](const AdaptationConfig& config, const std::string& why,
                           const AdaptationHooks& hooks = {}) {
    const absl::Status status = RunAdaptation(config, folder_, hooks).status();
    EXPECT_THAT(MessageOf(status), HasSubstr(why));
  };
  refused(Stragglers({"driver=rule", "timeout=5"}), "'5' cannot be chosen; there are 3, 10, 30");
  refused(Stragglers({"schedule={environments: [{label: a}, {label: b}]}"}),
          "has environments of its own");
  refused(Stragglers({"safeguard.budget={violations: 10}"}), "safeguard.budget: there is none");
  AdaptationHooks keeping;
  keeping.experts = folder_ + "/e";
  refused(Stragglers({"before=10m"}), "leave it out", keeping);
  refused(Stragglers({"driver=rule"}), "a rule has no experts", keeping);
  refused(Stragglers({"detector.kind=oracle"}), "choose another detector", keeping);
}

TEST_F(AdaptationTest, AStudyTunesRulesAndComparesWithItsReference) {
  Write("run.yaml", WriteConfig(Stragglers()));
  AdaptationStudyConfig config;
  const absl::StatusOr<ConfigNode> node = ConfigNode::Parse(R"yaml(
problems: {stragglers: {run: run.yaml, set: [length=8m]}}
variants:
  - {label: true labels, set: [detector.kind=oracle]}
  - label: timeout
    set: [driver=rule, timeout=1000]
    search: {timeout: {values: [3, 300]}}
reference: true labels
seeds: 2
tuning_seeds: 1
)yaml",
                                                            "study.yaml");
  ASSERT_TRUE(node.ok());
  ASSERT_TRUE(ReadConfig(*node, config).ok());
  JsonStore store = *JsonStore::Open(folder_ + "/cells");
  const auto results = RunAdaptationStudy(config, folder_, store, 2);
  ASSERT_TRUE(results.ok()) << results.status();
  ASSERT_EQ(results->rows.size(), 2u);
  EXPECT_EQ(store.computed(), 3u + 2u * 2u);  // candidates: 1000, 3, 300
  EXPECT_DOUBLE_EQ(results->OverReference(results->rows[0])->value, 1);
  // The candidate that was taken has the highest reward of all on the tuning seed.
  double best = -1e9;
  std::string chosen;
  for (const std::string timeout : {"1000", "3", "300"}) {
    AdaptationConfig one = Stragglers({"driver=rule", "timeout=" + timeout, "length=8m"});
    one.seed = config.first_tuning_seed;
    const double reward = Run(one).whole.reward;
    if (reward > best) chosen = timeout;
    best = std::max(best, reward);
  }
  const Assignments& parameters = results->rows[1].parameters;
  EXPECT_EQ(parameters.empty() ? "1000" : parameters.at("timeout"), chosen);
  EXPECT_EQ(AdaptationStudyTable(*results).rows().size(), 2u);

  // Again: all of it is there.
  JsonStore later = *JsonStore::Open(folder_ + "/cells");
  const auto same = RunAdaptationStudy(config, folder_, later, 1);
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(later.computed(), 0u);
  EXPECT_EQ(AdaptationStudyJson(*same).dump(), AdaptationStudyJson(*results).dump());
}

}  // namespace
}  // namespace reeve
