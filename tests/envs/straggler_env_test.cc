#include "envs/straggler_env.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <thread>
#include <vector>

#include "core/status.h"
#include "envs/scenario.h"
#include "tests/agents/allocation_counter.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

StragglerSpec Only(Distribution gap_ms, Distribution size_ms, int32_t servers = 1) {
  StragglerSpec spec;
  spec.servers = servers;
  spec.slow_probability = 0;
  spec.shortest_gap_ms = 0;
  spec.longest_gap_ms = 1e9;
  spec.workloads = {{"only", gap_ms, size_ms}};
  return spec;
}

// Moment of a bounded Pareto.
double ParetoMoment(double low, double high, double alpha, double k) {
  return alpha * std::pow(low, alpha) / (1 - std::pow(low / high, alpha)) *
         (std::pow(high, k - alpha) - std::pow(low, k - alpha)) / (k - alpha);
}

struct Mean {
  double ms, error;  // standard error, from the spread of the windows' means
};

// Mean latency under one choice over `windows` windows of 500 s, the first left out.
Mean MeanLatency(StragglerSpec spec, int32_t choice, int windows) {
  spec.window = SimTime::Seconds(500);
  StragglerEnv env(spec, {.envs = 1});
  EXPECT_TRUE(env.Reset(0, 1, 1).ok());
  double sum = 0, squares = 0;
  for (int i = 0; i <= windows; ++i) {
    EXPECT_TRUE(env.Step(0, 1, std::vector<int32_t>{choice}).ok());
    if (i == 0) continue;
    double mean = 0;
    for (const int64_t latency : env.latencies_us(0)) mean += static_cast<double>(latency) / 1000;
    mean /= static_cast<double>(env.latencies_us(0).size());
    sum += mean;
    squares += mean * mean;
  }
  const double n = windows, mean = sum / n;
  return {mean, std::sqrt((squares / n - mean * mean) / (n - 1))};
}

// Within four standard errors, which are small.
void ExpectMean(const Mean& measured, double expected) {
  EXPECT_LT(measured.error, 0.03 * expected);
  EXPECT_NEAR(measured.ms, expected, 4 * measured.error);
}

// One server is M/G/1: Pollaczek and Khinchine's mean latency.
TEST(StragglerEnv, OneServerIsAnMG1Queue) {
  const StragglerSpec mm1 = Only(Distribution::Exponential(20), Distribution::Exponential(10));
  ExpectMean(MeanLatency(mm1, mm1.never(), 40), 20);

  const double low = 3, high = 500, alpha = 1.5;
  StragglerSpec mg1 =
      Only(Distribution::Exponential(20), Distribution::BoundedPareto(low, high, alpha));
  const double mean = ParetoMoment(low, high, alpha, 1), square = ParetoMoment(low, high, alpha, 2);
  double load = mean / 20;
  ExpectMean(MeanLatency(mg1, mg1.never(), 80), mean + square / 20 / 2 / (1 - load));

  // One in ten takes ten times as long: factors on the moments.
  mg1.slow_probability = 0.1;
  mg1.workloads[0].gap_ms = Distribution::Exponential(40);
  const double slow_mean = 1.9 * mean, slow_square = (0.9 + 0.1 * 100) * square;
  load = slow_mean / 40;
  ExpectMean(MeanLatency(mg1, mg1.never(), 150), slow_mean + slow_square / 40 / 2 / (1 - load));
}

// Ten servers that are hardly used: no queues, so a duplicate at T helps exactly those that are
// slow and longer than T. Constant sizes of 100 ms, T = 300: 0.9 x 100 + 0.1 (0.9 x 400 + 0.1 x
// 1000).
TEST(StragglerEnv, DuplicatesWithoutQueues) {
  StragglerSpec spec = Only(Distribution::Exponential(2000), Distribution::Constant(100), 10);
  spec.slow_probability = 0.1;
  ExpectMean(MeanLatency(spec, 5, 100), 90 + 0.1 * (0.9 * 400 + 0.1 * 1000));
  ExpectMean(MeanLatency(spec, spec.never(), 100), 190);
}

// Jobs of 50 ms come every 100 ms to the first of two servers.
TEST(StragglerEnv, ObservationByHand) {
  StragglerEnv env(Only(Distribution::Constant(100), Distribution::Constant(50), 2), {.envs = 1});
  ASSERT_EQ(env.spec().features, 16);
  EXPECT_EQ(env.spec().heads, std::vector<int32_t>{9});
  EXPECT_EQ(env.spec().feature_names[4], "rate");
  ASSERT_TRUE(env.Reset(0, 1, 1).ok());
  EXPECT_THAT(env.buffers().observations, testing::Each(0.0f));
  const std::vector<int32_t> never = {8};
  ASSERT_TRUE(env.Step(0, 1, never).ok());
  // At 500 ms five have come and four are done. The mean rate is 10/s, the mean size 50 ms.
  const std::vector<float>& o = env.buffers().observations;
  EXPECT_THAT(o, ElementsAre(1, 0, 0.4f, 0, 0.1f, 0.1f, 0.1f, 0.1f, 0.25f, 0.1f, 0.1f, 0.1f, 0.1f,
                             0.1f, 0.1f, 0));
  EXPECT_FLOAT_EQ(env.buffers().rewards[0], -50.0f / 1600);
  EXPECT_EQ(env.p95_ms(0), 50);
  EXPECT_THAT(env.context(0), ElementsAre(10, 50, 10, 50, 0.25));
  EXPECT_EQ(env.time(0), SimTime::Millis(500));
  ASSERT_TRUE(env.Step(0, 1, never).ok());
  EXPECT_FLOAT_EQ(o[2], 0.5f);  // of the window alone
}

TEST(StragglerEnv, TheAuthorsObservationHas32Numbers) {
  StragglerSpec spec;
  spec.random.count = 3;
  ASSERT_TRUE(spec.Validate().ok());
  StragglerEnv env(spec, {.envs = 1});
  EXPECT_EQ(env.spec().features, 32);
  EXPECT_EQ(env.spec().feature_names.back(), "safeguard");
  EXPECT_EQ(env.workloads().size(), 3u);
}

// Moving windows of four, and fading means, where sizes change from 10 to 30 ms after 5 s.
TEST(StragglerEnv, ContextOfAChange) {
  StragglerSpec spec = Only(Distribution::Constant(100), Distribution::Constant(10), 2);
  spec.workloads.push_back({"second", Distribution::Constant(50), Distribution::Constant(30)});
  spec.hold = SimTime::Seconds(5);
  StragglerEnv env(spec, {.envs = 1});
  ASSERT_TRUE(env.Reset(0, 1, 1).ok());
  const std::vector<int32_t> never = {8};
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(env.Step(0, 1, never).ok());
  EXPECT_EQ(env.workload(0), 0);
  ASSERT_TRUE(env.Step(0, 1, never).ok());
  EXPECT_EQ(env.time(0), SimTime::Seconds(5));
  EXPECT_EQ(env.workload(0), 1);
  // The arrival at 5 s is the second environment's already: sizes 19 x 10 and 30.
  EXPECT_THAT(env.context(0), ElementsAre(10, 11, 10, 14, 220.0 / 2000 / 2));
  double rate = 10, size = 0, weight = 0;
  for (int i = 0; i < 10; ++i) {
    weight = 0.9 * weight + 1;
    size = 0.9 * size + (i < 9 ? 10 : 11);
  }
  // Scales: ten times (10 + 20) / 2 per s and (10 + 30) / 2 ms.
  EXPECT_FLOAT_EQ(env.buffers().observations[9], static_cast<float>(rate / 150));
  EXPECT_FLOAT_EQ(env.buffers().observations[10], static_cast<float>(size / weight / 200));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(env.Step(0, 1, never).ok());
  EXPECT_THAT(env.context(0), ElementsAre(20, 30, 20, 30, 0.3));
}

TEST(StragglerEnv, AWindowWaitsForTheFirstJob) {
  StragglerEnv env(Only(Distribution::Constant(400), Distribution::Constant(700), 2), {.envs = 1});
  ASSERT_TRUE(env.Reset(0, 1, 1).ok());
  const std::vector<int32_t> never = {8};
  ASSERT_TRUE(env.Step(0, 1, never).ok());
  EXPECT_EQ(env.time(0), SimTime::Millis(1100));  // came at 400
  EXPECT_EQ(env.p95_ms(0), 700);
  EXPECT_THAT(env.context(0)[0], 2.5);
  ASSERT_TRUE(env.Step(0, 1, never).ok());
  EXPECT_EQ(env.time(0), SimTime::Millis(1600));
}

TEST(StragglerEnv, PercentileIsTheNearestRank) {
  // Twenty jobs at once, as it were, on one server: latencies 1, 2, … 20 ms; and of them the 19th.
  StragglerSpec spec = Only(Distribution::Constant(0), Distribution::Constant(1), 1);
  spec.shortest_gap_ms = spec.longest_gap_ms = 0.001;
  spec.window = SimTime::Micros(20'100);
  StragglerEnv env(spec, {.envs = 1});
  ASSERT_TRUE(env.Reset(0, 1, 1).ok());
  ASSERT_TRUE(env.Step(0, 1, std::vector<int32_t>{8}).ok());
  ASSERT_EQ(env.latencies_us(0).size(), 20u);
  // The k-th came at k us and is done at 1 us + k ms.
  EXPECT_DOUBLE_EQ(env.p95_ms(0), 19 + 0.001 - 0.019);
}

TEST(StragglerEnv, EnvironmentsComeInOrderOrAtRandom) {
  StragglerSpec spec;
  spec.slow_probability = 0;
  for (const char* name : {"a", "b", "c", "d"}) {
    spec.workloads.push_back({name, Distribution::Constant(100), Distribution::Constant(5)});
  }
  spec.hold = SimTime::Seconds(3);
  const std::vector<int32_t> never = {8, 8};
  StragglerEnv cycle(spec, {.envs = 2});
  spec.order = WorkloadOrder::kRandom;
  StragglerEnv random(spec, {.envs = 2});
  ASSERT_TRUE(cycle.Reset(0, 2, 5).ok());
  ASSERT_TRUE(random.Reset(0, 2, 5).ok());
  std::set<int32_t> seen, pairs;
  int32_t last = 0;
  bool differ = false;
  for (int step = 1; step <= 600; ++step) {
    ASSERT_TRUE(cycle.Step(0, 2, never).ok());
    ASSERT_TRUE(random.Step(0, 2, never).ok());
    EXPECT_EQ(cycle.workload(0), step / 6 % 4);
    if (step % 6 == 0) {
      EXPECT_NE(random.workload(0), last);  // another each time
      pairs.insert(last * 4 + random.workload(0));
      last = random.workload(0);
    } else {
      EXPECT_EQ(random.workload(0), last);
    }
    seen.insert(last);
    differ = differ || random.workload(0) != random.workload(1);
  }
  EXPECT_EQ(seen.size(), 4u);
  EXPECT_EQ(pairs.size(), 12u);
  EXPECT_TRUE(differ);
}

// Jobs are the same whatever is chosen, and with `never` none has a duplicate.
TEST(StragglerEnv, JobsDoNotDependOnChoices) {
  StragglerSpec spec;
  spec.random.count = 2;
  spec.hold = SimTime::Seconds(20);
  StragglerEnv env(spec, {.envs = 2});
  ASSERT_TRUE(env.Reset(0, 2, 3).ok());
  StragglerEnv other(spec, {.envs = 2});
  ASSERT_TRUE(other.Reset(0, 2, 3).ok());
  const auto play_to = [](StragglerEnv& e, int32_t choice) {
    while (e.time(0) < SimTime::Seconds(100)) {
      ASSERT_TRUE(e.Step(0, 1, std::vector<int32_t>{choice, choice}).ok());
    }
  };
  play_to(env, spec.never());
  play_to(other, 2);
  EXPECT_EQ(env.totals(0).duplicates, 0u);
  EXPECT_GT(other.totals(0).duplicates, 100u);
  ASSERT_EQ(env.time(0), other.time(0));
  EXPECT_EQ(env.totals(0).arrived, other.totals(0).arrived);
  EXPECT_EQ(env.context(0)[0], other.context(0)[0]);
  EXPECT_EQ(env.context(0)[1], other.context(0)[1]);
}

TEST(StragglerEnv, TheFlagHasHysteresisAndAPrice) {
  StragglerSpec spec = Only(Distribution::Constant(20), Distribution::Constant(25), 1);
  spec.workloads.push_back({"rest", Distribution::Constant(250), Distribution::Constant(1)});
  spec.hold = SimTime::Seconds(10);
  spec.safeguard.engage = 50;
  StragglerEnv env(spec, {.envs = 1});
  ASSERT_TRUE(env.Reset(0, 1, 1).ok());
  bool was_engaged = false;
  int above = 0, between = 0, released = 0;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(env.Step(0, 1, std::vector<int32_t>{0}).ok());
    const int32_t longest = env.longest_queue(0);
    EXPECT_EQ(env.engaged(0), was_engaged ? longest > 3 : longest > 50);
    EXPECT_EQ(env.buffers().observations.back(), env.engaged(0) ? 1.0f : 0.0f);
    EXPECT_FLOAT_EQ(env.buffers().rewards[0],
                    static_cast<float>(-env.p95_ms(0) / 1600 * (longest > 50 ? 3 : 1)));
    above += longest > 50 ? 1 : 0;
    between += env.engaged(0) && longest <= 50 ? 1 : 0;
    released += was_engaged && !env.engaged(0) ? 1 : 0;
    was_engaged = env.engaged(0);
  }
  EXPECT_GT(above, 10);
  EXPECT_GT(between, 2);
  EXPECT_GT(released, 1);
}

TEST(StragglerEnv, TheFlagCanActItself) {
  const auto spec = LoadStraggler(REEVE_SOURCE_DIR "/configs/scenarios/straggler.yaml",
                                  {"straggler.order=cycle", "straggler.hold=1m"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  StragglerSpec guarded = *spec;
  guarded.safeguard.acts = true;
  const auto engaged_share = [](const StragglerSpec& s) {
    StragglerEnv env(s, {.envs = 1});
    EXPECT_TRUE(env.Reset(0, 1, 1).ok());
    double engaged = 0, steps = 0;
    for (; env.time(0) < SimTime::Minutes(4); ++steps) {
      EXPECT_TRUE(env.Step(0, 1, std::vector<int32_t>{2}).ok());
      engaged += env.engaged(0) ? 1 : 0;
    }
    return engaged / steps;
  };
  // The last minute is one that a timeout of 30 ms does not bear.
  EXPECT_GT(engaged_share(*spec), 0.2);
  EXPECT_LT(engaged_share(guarded), 0.5 * engaged_share(*spec));
}

TEST(StragglerEnv, EpisodesEndAndSumUp) {
  StragglerSpec spec = Only(Distribution::Constant(100), Distribution::Constant(50), 2);
  spec.episode = SimTime::Seconds(2);
  StragglerEnv env(spec, {.envs = 1});
  ASSERT_TRUE(env.Reset(0, 1, 1).ok());
  const std::vector<int32_t> never = {8};
  for (int step = 1; step <= 8; ++step) {
    ASSERT_TRUE(env.Step(0, 1, never).ok());
    EXPECT_EQ(env.buffers().truncated[0], step % 4 == 0 ? 1 : 0);
    EXPECT_EQ(env.buffers().terminated[0], 0);
  }
  // return, steps, requests, completions, duplicates, mean, p95, engaged; the one that came at 2 s
  // is not done.
  EXPECT_THAT(env.buffers().figures,
              ElementsAre(testing::FloatEq(-4 * 50.0f / 1600), 4, 20, 19, 0, 50, 50, 0));
  EXPECT_EQ(env.buffers().final_observations[0], 1);
  EXPECT_EQ(env.buffers().observations[0], 0);
  EXPECT_EQ(env.time(0), SimTime());
}

// The same bits whether environments are stepped together, apart, or on threads; others for others.
TEST(StragglerEnv, ResultsDoNotDependOnTheCut) {
  StragglerSpec spec;
  spec.random.count = 3;
  spec.hold = SimTime::Seconds(5);
  spec.episode = SimTime::Seconds(30);
  StragglerEnv together(spec, {.envs = 4}), apart(spec, {.envs = 4}),
      second(spec, {.envs = 2, .first_env = 2});
  ASSERT_TRUE(together.Reset(0, 4, 9).ok());
  ASSERT_TRUE(second.Reset(0, 2, 9).ok());
  const auto act = [](int step, int32_t env) { return (step * 7 + env * 3) % 9; };
  std::vector<std::thread> threads;
  for (int32_t e = 0; e < 4; ++e) {
    threads.emplace_back([&, e] {
      ASSERT_TRUE(apart.Reset(e, e + 1, 9).ok());
      std::vector<int32_t> actions(4);
      for (int step = 0; step < 150; ++step) {
        actions[static_cast<size_t>(e)] = act(step, e);
        ASSERT_TRUE(apart.Step(e, e + 1, actions).ok());
      }
    });
  }
  for (int step = 0; step < 150; ++step) {
    std::vector<int32_t> actions;
    for (int32_t e = 0; e < 4; ++e) actions.push_back(act(step, e));
    ASSERT_TRUE(together.Step(0, 4, actions).ok());
    ASSERT_TRUE(second.Step(0, 2, std::span(actions).subspan(2)).ok());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(together.buffers().observations, apart.buffers().observations);
  EXPECT_EQ(together.buffers().rewards, apart.buffers().rewards);
  EXPECT_EQ(together.buffers().figures, apart.buffers().figures);
  EXPECT_EQ(together.buffers().rewards[2], second.buffers().rewards[0]);
  EXPECT_EQ(together.buffers().rewards[3], second.buffers().rewards[1]);
  EXPECT_NE(together.totals(0).arrived, together.totals(1).arrived);
}

TEST(StragglerEnv, DoesNotAllocate) {
  StragglerSpec spec;
  spec.random.count = 2;
  spec.hold = SimTime::Seconds(10);
  spec.episode = SimTime::Minutes(2);
  StragglerEnv env(spec, {.envs = 2});
  const std::vector<int32_t> actions = {4, 8};
  const auto play = [&] {
    for (int i = 0; i < 500; ++i) {
      if (!env.Step(0, 2, actions).ok()) return;
    }
  };
  ASSERT_TRUE(env.Reset(0, 2, 1).ok());
  play();
  ASSERT_TRUE(env.Reset(0, 2, 1).ok());
  const size_t before = AllocationCount();
  play();
  EXPECT_EQ(AllocationCount(), before);
}

TEST(StragglerSpec, ReadsScenariosAndRefusesNonsense) {
  for (const char* name : {"straggler", "straggler_large", "straggler_random"}) {
    const std::string path = std::string(REEVE_SOURCE_DIR "/configs/scenarios/") + name + ".yaml";
    const auto spec = LoadStraggler(path);
    ASSERT_TRUE(spec.ok()) << spec.status();
    const auto node = ConfigNode::Parse(WriteConfig(*spec), "again");
    ASSERT_TRUE(node.ok());
    StragglerSpec again;
    ASSERT_TRUE(ReadConfig(*node, again).ok());
    EXPECT_EQ(WriteConfig(again), WriteConfig(*spec));
  }
  EXPECT_THAT(MessageOf(LoadStraggler(REEVE_SOURCE_DIR "/configs/scenarios/small.yaml").status()),
              HasSubstr("no section 'straggler'"));
  EXPECT_THAT(
      MessageOf(LoadScenario(REEVE_SOURCE_DIR "/configs/scenarios/straggler.yaml").status()),
      HasSubstr("no cluster to play it on"));
  EXPECT_THAT(MessageOf(LoadStraggler(REEVE_SOURCE_DIR "/configs/scenarios/straggler.yaml",
                                      {"cluster=x.yaml"})
                            .status()),
              HasSubstr("leave out cluster"));
  StragglerSpec spec;
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("give a list of environments"));
  spec.workloads = {{"a", {}, Distribution::Constant(1)}, {"a", {}, Distribution::Constant(1)}};
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("'a' is there twice"));
  spec.workloads.pop_back();
  EXPECT_TRUE(spec.Validate().ok());
  spec.timeouts_ms = {10, 3};
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("they do not rise"));
}

TEST(StragglerSpec, RandomEnvironmentsHaveTheLoadsAskedFor) {
  StragglerSpec spec;
  spec.random = {.count = 50, .seed = 4, .least_load = 0.2, .most_load = 0.5};
  double least = 1, most = 0;
  for (const StragglerWorkload& w : spec.Workloads()) {
    const double load = 1.9 * w.size_ms.Mean() / w.gap_ms.Mean() / 10;
    least = std::min(least, load);
    most = std::max(most, load);
  }
  EXPECT_GE(least, 0.2);
  EXPECT_LE(most, 0.5);
  EXPECT_GT(most - least, 0.2);
}

}  // namespace
}  // namespace reeve
