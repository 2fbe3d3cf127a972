#include "envs/cluster_env.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "core/check.h"
#include "core/random.h"
#include "tests/agents/allocation_counter.h"

namespace reeve {
namespace {

// Three functions of two tenants on one crowded node; episodes of 20 steps.
constexpr char kThree[] = R"yaml(
inline_cluster:
  scaling: replica_target
  nodes: [{count: 1, cpu: 4, memory: 2Gi}]
  containers: {memory: 128Mi, request_timeout: 20s}
  interference: [{load: 0.5, slowdown: 1}, {load: 2, slowdown: 2}]
  cold_start: {time_ms: "lognormal(mean=900, sd=400)"}
functions:
  - {name: a, tenant: x, load: 8, duration_ms: exponential(mean=200), initial_replicas: 2}
  - {name: b, tenant: y, load: {rate_rps: 3, pattern: sinusoid, period: 2m, random_phase: true}}
  - {name: c, tenant: x, load: 2, duration_ms: exponential(mean=400)}
control_period: 5s
episode: {length: 100s}
environments: 4
)yaml";

std::shared_ptr<const Scenario> Made(const std::string& yaml,
                                     const std::vector<std::string>& changes = {}) {
  ConfigNode node = *ConfigNode::Parse(yaml, "test.yaml");
  for (const std::string& change : changes) REEVE_CHECK(node.Set(change).ok());
  ScenarioSpec spec;
  const absl::Status read = ReadConfig(node, spec);
  EXPECT_TRUE(read.ok()) << read;
  auto scenario = ResolveScenario(spec, ".");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return std::make_shared<const Scenario>(*std::move(scenario));
}

// [E, N, H] choices without sense, the same whoever steps.
std::vector<int32_t> Choices(const VectorEnvSpec& spec, int32_t first_env, uint64_t step) {
  std::vector<int32_t> choices;
  for (int32_t env = 0; env < spec.envs; ++env) {
    RandomCursor dice(
        RandomStream(step, StreamPurpose::kPolicy, static_cast<uint32_t>(first_env + env)));
    for (int32_t agent = 0; agent < spec.agents; ++agent) {
      for (int32_t head : spec.heads) {
        choices.push_back(static_cast<int32_t>(dice.Below(static_cast<uint64_t>(head))));
      }
    }
  }
  return choices;
}

template <class T>
std::vector<T> Row(const std::vector<T>& buffer, int32_t row, int32_t rows) {
  const size_t size = buffer.size() / static_cast<size_t>(rows);
  const auto first = buffer.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(row) * size);
  return {first, first + static_cast<std::ptrdiff_t>(size)};
}

void ExpectSameEnv(const EnvBuffers& a, int32_t i, int32_t of_a, const EnvBuffers& b, int32_t j,
                   int32_t of_b) {
  EXPECT_EQ(Row(a.observations, i, of_a), Row(b.observations, j, of_b));
  EXPECT_EQ(Row(a.legal, i, of_a), Row(b.legal, j, of_b));
  EXPECT_EQ(Row(a.present, i, of_a), Row(b.present, j, of_b));
  EXPECT_EQ(Row(a.rewards, i, of_a), Row(b.rewards, j, of_b));
  EXPECT_EQ(Row(a.truncated, i, of_a), Row(b.truncated, j, of_b));
  if (Row(a.truncated, i, of_a)[0]) {
    EXPECT_EQ(Row(a.final_observations, i, of_a), Row(b.final_observations, j, of_b));
    EXPECT_EQ(Row(a.figures, i, of_a), Row(b.figures, j, of_b));
  }
}

// The simulator, the features, the decisions and the rewards put together by hand: what any other
// platform's snapshots would go through.
class ByHand {
 public:
  ByHand(const Scenario& scenario, uint64_t seed, int minute)
      : cluster_(scenario.trace, scenario.cluster, seed, Arrivals(scenario, seed, minute)),
        extractor_(scenario.spec.observation),
        codec_(scenario.spec.action),
        reward_(scenario.spec.reward),
        period_(scenario.spec.control_period),
        agents_(scenario.trace.functions().size()) {
    cluster_.set_wake([](FunctionId, SimTime, Decision& d) { d.replicas = 1; });
    previous_.resize(agents_);
    rewards.resize(agents_);
    Look();
  }
  void Step(std::span<const int32_t> choices) {
    std::vector<Decision> decisions(agents_);
    std::vector<ActionOutcome> outcomes(agents_);
    codec_.Decode(snapshot_, choices, decisions, outcomes);
    REEVE_CHECK(cluster_.Apply(decisions).ok());
    cluster_.AdvanceTo(cluster_.now() + period_);
    Look();
    reward_.Compute(snapshot_, outcomes, previous_, rewards);
    previous_ = outcomes;
  }

  std::vector<float> observations, rewards;
  std::vector<uint8_t> legal;

 private:
  static std::unique_ptr<ArrivalSource> Arrivals(const Scenario& scenario, uint64_t seed,
                                                 int minute) {
    auto arrivals = scenario.MakeArrivals(seed);
    arrivals->Restart({seed, scenario.spec.within_minute}, minute);
    return arrivals;
  }
  void Look() {
    REEVE_CHECK(cluster_.Observe(snapshot_).ok());
    observations.resize(agents_ * extractor_.size());
    extractor_.Extract(snapshot_, observations);
    legal.resize(agents_ * static_cast<size_t>(codec_.choices()));
    codec_.Legal(snapshot_, legal);
  }

  SimulatedCluster cluster_;
  FeatureExtractor extractor_;
  ActionCodec codec_;
  RewardFunction reward_;
  SimTime period_;
  size_t agents_;
  Snapshot snapshot_;
  std::vector<ActionOutcome> previous_;
};

TEST(ClusterEnvTest, IsWhatAPlatformsSnapshotsGiveBitForBit) {
  const auto scenario = Made(kThree);
  ClusterEnv env(scenario);
  ASSERT_TRUE(env.Reset(0, 4, 17).ok());
  uint64_t step = 0;
  for (uint64_t episode = 0; episode < 3; ++episode) {
    std::vector<std::unique_ptr<ByHand>> by_hand;
    for (uint32_t e = 0; e < 4; ++e) {
      const RandomStream draws(17, StreamPurpose::kEpisode, e);
      // A day of hand-made load, 100 s of which are left.
      const int minute = static_cast<int>(draws.Below(2 * episode + 1, 24 * 60 - 1));
      by_hand.push_back(std::make_unique<ByHand>(*scenario, draws.Bits(2 * episode), minute));
    }
    for (int k = 0; k <= 20; ++k) {
      const EnvBuffers& b = env.buffers();
      const auto& seen = k == 20 ? b.final_observations : b.observations;
      for (int32_t e = 0; e < 4; ++e) {
        const ByHand& hand = *by_hand[static_cast<size_t>(e)];
        EXPECT_EQ(Row(seen, e, 4), hand.observations) << "step " << k;
        if (k < 20) {
          EXPECT_EQ(Row(b.legal, e, 4), hand.legal);
        }
        if (k > 0) {
          EXPECT_EQ(Row(b.rewards, e, 4), hand.rewards);
        }
        if (k > 0) {
          EXPECT_EQ(b.truncated[static_cast<size_t>(e)], k == 20);
        }
        EXPECT_EQ(b.terminated[static_cast<size_t>(e)], 0);
      }
      if (k == 20) break;
      const auto choices = Choices(env.spec(), 0, step++);
      ASSERT_TRUE(env.Step(0, 4, choices).ok());
      for (int32_t e = 0; e < 4; ++e) by_hand[static_cast<size_t>(e)]->Step(Row(choices, e, 4));
    }
  }
}

TEST(ClusterEnvTest, DependsNeitherOnThreadsNorOnHowEnvironmentsAreDealtOut) {
  const auto scenario = Made(
      kThree, {"perturbations.metric_noise.cv=0.2", "perturbations.actuation_delay.time_ms=4000"});
  ClusterEnv whole(scenario, {.envs = 6}), threaded(scenario, {.envs = 6});
  ClusterEnv rank(scenario, {.envs = 2, .first_env = 3});
  ASSERT_TRUE(whole.Reset(0, 6, 5).ok());
  ASSERT_TRUE(threaded.Reset(3, 6, 5).ok());
  ASSERT_TRUE(threaded.Reset(0, 3, 5).ok());
  ASSERT_TRUE(rank.Reset(0, 2, 5).ok());
  for (uint64_t step = 0; step < 50; ++step) {
    const auto choices = Choices(whole.spec(), 0, step);
    ASSERT_TRUE(whole.Step(0, 6, choices).ok());
    std::thread other([&] { EXPECT_TRUE(threaded.Step(0, 2, choices).ok()); });
    EXPECT_TRUE(threaded.Step(2, 6, choices).ok());
    other.join();
    ASSERT_TRUE(rank.Step(0, 2, Choices(rank.spec(), 3, step)).ok());
    for (int32_t e = 0; e < 6; ++e) ExpectSameEnv(whole.buffers(), e, 6, threaded.buffers(), e, 6);
    for (int32_t e = 0; e < 2; ++e) ExpectSameEnv(whole.buffers(), 3 + e, 6, rank.buffers(), e, 2);
  }
}

TEST(ClusterEnvTest, EpisodesAndEnvironmentsDiffer) {
  ClusterEnv env(Made(kThree));
  ASSERT_TRUE(env.Reset(0, 4, 1).ok());
  const std::vector<int32_t> nothing(4 * 3, 0);
  std::vector<std::vector<float>> figures;
  for (int step = 0; step < 40; ++step) {
    ASSERT_TRUE(env.Step(0, 4, nothing).ok());
    if (!env.buffers().truncated[0]) continue;
    for (int32_t e = 0; e < 4; ++e) figures.push_back(Row(env.buffers().figures, e, 4));
  }
  ASSERT_EQ(figures.size(), 8u);
  for (size_t i = 0; i < figures.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(figures[i], figures[j]);
  }
}

TEST(ClusterEnvTest, FiguresAreSumsOverTheEpisode) {
  ClusterEnv env(Made(kThree), {.envs = 1});
  ASSERT_TRUE(env.Reset(0, 1, 3).ok());
  std::vector<double> sums(3 * kFigures);
  std::vector<double> asked = {2, 0, 0};
  const auto sum = [&](size_t agent, Figure figure) -> double& {
    return sums[agent * kFigures + static_cast<size_t>(figure)];
  };
  for (uint64_t step = 0; step < 19; ++step) {
    ASSERT_TRUE(env.Step(0, 1, Choices(env.spec(), 0, step)).ok());
    const FunctionWindows& w = env.snapshot(0).functions;
    for (size_t i = 0; i < 3; ++i) {
      sum(i, Figure::kReturn) += env.buffers().rewards[i];
      sum(i, Figure::kSteps) += 1;
      sum(i, Figure::kRequests) += w.arrivals[i];
      sum(i, Figure::kSloViolations) += w.slo_violations[i];
      sum(i, Figure::kGbSeconds) += w.memory_used_mebibytes[i] / 1024 * 5;
      sum(i, Figure::kReplicaChanges) += std::abs(w.replicas_asked[i] - asked[i]);
      asked[i] = w.replicas_asked[i];
    }
  }
  const auto before_last = env.buffers().figures;
  for (size_t i = 0; i < 3; ++i) {
    for (Figure f : {Figure::kReturn, Figure::kSteps, Figure::kRequests, Figure::kSloViolations,
                     Figure::kGbSeconds, Figure::kReplicaChanges}) {
      const size_t at = i * kFigures + static_cast<size_t>(f);
      EXPECT_NEAR(before_last[at], sums[at], 1e-4 * (1 + std::abs(sums[at])))
          << env.spec().figures[static_cast<size_t>(f)];
    }
    EXPECT_GT(sum(i, Figure::kRequests), 0);
  }
  EXPECT_GT(sum(0, Figure::kReplicaChanges), 0);
  ASSERT_TRUE(env.Step(0, 1, Choices(env.spec(), 0, 19)).ok());
  ASSERT_TRUE(env.buffers().truncated[0]);
  for (size_t i = 0; i < 3; ++i) {
    const float* row = env.buffers().figures.data() + i * kFigures;
    EXPECT_EQ(row[static_cast<size_t>(Figure::kSteps)], 20);
    EXPECT_GT(row[static_cast<size_t>(Figure::kLatencyMean)], 10);
    EXPECT_GT(row[static_cast<size_t>(Figure::kLatencyP99)],
              row[static_cast<size_t>(Figure::kLatencyMean)]);
    EXPECT_GE(row[static_cast<size_t>(Figure::kSlowdownP99)], 0.9);
  }
}

TEST(ClusterEnvTest, AgentsComeAndGo) {
  ClusterEnv env(Made(kThree, {"functions=[{name: stays, load: 4}, "
                               "{name: comes, load: 20, present: [30s, 60s], initial_replicas: 3}]",
                               "action.min_replicas=1"}),
                 {.envs = 1});
  ASSERT_TRUE(env.Reset(0, 1, 3).ok());
  const size_t features = static_cast<size_t>(env.spec().features);
  for (int episode = 0; episode < 2; ++episode) {
    double arrivals = 0;
    for (int step = 1; step <= 20; ++step) {
      // More containers for everybody, present or not.
      ASSERT_TRUE(env.Step(0, 1, std::vector<int32_t>{1, 1}).ok());
      if (step == 20) break;
      const EnvBuffers& b = env.buffers();
      const FunctionWindows& w = env.snapshot(0).functions;
      arrivals += w.arrivals[1];
      const bool present = step >= 6 && step < 12;  // at 5 * step seconds
      EXPECT_EQ(b.present[0], 1);
      EXPECT_EQ(b.present[1], present) << step;
      float seen = 0;
      for (size_t o = 0; o < features; ++o) seen += std::abs(b.observations[features + o]);
      if (!present) {
        EXPECT_EQ(seen, 0);
      }
      if (step >= 7 && step <= 12) {  // it acted in the step before
        EXPECT_NE(b.rewards[1], 0);
        EXPECT_NEAR(w.arrivals[1], 100, 50);  // 5 deviations of a Poisson count
      } else {
        EXPECT_EQ(b.rewards[1], 0);
        EXPECT_EQ(w.arrivals[1], 0u);
      }
      if (step == 6) {
        EXPECT_EQ(w.replicas_asked[1], 3u);  // deployed
        EXPECT_NE(seen, 0);
      }
      if (step < 6 || step >= 12) {
        EXPECT_EQ(w.replicas_asked[1], 0u);
      }
      if (step < 6 || step > 13) {
        EXPECT_EQ(w.containers_ready[1] + w.containers_starting[1], 0u);
      }
      // Each head of an absent agent has a legal choice, too.
      const auto legal = b.legal.begin() + 5;
      EXPECT_GT(std::accumulate(legal, legal + 5, 0), 0);
    }
    ASSERT_TRUE(env.buffers().truncated[0]);
    const float* figures = env.buffers().figures.data() + kFigures;
    EXPECT_EQ(figures[static_cast<size_t>(Figure::kSteps)], 6);
    EXPECT_EQ(figures[static_cast<size_t>(Figure::kRequests)], arrivals);
    EXPECT_EQ(env.buffers().present[1], 0) << "the next episode has begun";
  }
}

TEST(ClusterEnvTest, ARequestForAFunctionWithoutContainersActivatesOne) {
  ClusterEnv env(Made(kThree, {"functions=[{name: rare, load: 0.5}]"}), {.envs = 1});
  ASSERT_TRUE(env.Reset(0, 1, 1).ok());
  EXPECT_EQ(env.snapshot(0).functions.replicas_asked[0], 0u);
  double completions = 0, cold_starts = 0;
  for (int step = 0; step < 10; ++step) {
    ASSERT_TRUE(env.Step(0, 1, std::vector<int32_t>{0}).ok());
    completions += env.snapshot(0).functions.completions[0];
    cold_starts += env.snapshot(0).functions.cold_starts[0];
  }
  EXPECT_EQ(env.snapshot(0).functions.replicas_asked[0], 1u);
  EXPECT_GT(completions, 0);
  EXPECT_GT(cold_starts, 0);
}

TEST(ClusterEnvTest, NeedsNoMemoryOnceItHasRun) {
  for (const std::vector<std::string>& changes :
       {std::vector<std::string>{},
        std::vector<std::string>{"perturbations.metric_lag.lag=10s",
                                 "perturbations.metric_noise.cv=0.2"}}) {
    ClusterEnv env(Made(kThree, changes), {.envs = 2});
    std::vector<std::vector<int32_t>> choices;
    for (uint64_t step = 0; step < 400; ++step) choices.push_back(Choices(env.spec(), 0, step));
    size_t before = 0, ended = 0;
    for (uint64_t round = 0; round < 6; ++round) {
      if (round == 5) before = AllocationCount();
      REEVE_CHECK(env.Reset(0, 2, round % 2).ok());
      for (const auto& step : choices) {
        REEVE_CHECK(env.Step(0, 2, step).ok());
        ended += env.buffers().truncated[0];
      }
    }
    EXPECT_EQ(AllocationCount(), before);
    EXPECT_EQ(ended, 6u * 20);
  }
}

}  // namespace
}  // namespace reeve
