// The calibrated clusters of docs/contention.md: latency against the number of containers is
// U-shaped, and CPU shares do to a function what was measured.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "sim_testing.h"

namespace reeve {
namespace {

using testing::MakeCluster;
using testing::PoissonTrace;

ClusterSpec Load(const std::string& name) {
  auto spec = LoadCluster(REEVE_SOURCE_DIR "/configs/clusters/" + name);
  REEVE_CHECK(spec.ok());
  return *std::move(spec);
}

// Nearest rank.
double P99(std::vector<double> values) {
  const size_t rank = static_cast<size_t>(std::ceil(0.99 * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<ptrdiff_t>(rank - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// Of completed requests, in ms.
struct Times {
  std::vector<double> wait, execution, latency;
};

Times Run(const Trace& trace, const ClusterSpec& spec, uint64_t seed, FunctionId function) {
  Times times;
  auto cluster = MakeCluster(trace, spec, seed);
  cluster->set_invocation_sink([&](const InvocationRecord& r) {
    if (r.function != function || r.outcome != Outcome::kCompleted) return;
    times.wait.push_back((r.start - r.arrival).seconds() * 1000);
    times.execution.push_back((r.end - r.start).seconds() * 1000);
    times.latency.push_back((r.end - r.arrival).seconds() * 1000);
  });
  cluster->AdvanceTo(trace.duration());
  return times;
}

// ---- The number of containers

// Lognormal with mean 390.5 ms and 99th percentile 484 ms: with z = 2.3263479 (the 99 % point of
// the normal distribution), ln(484 / 390.5) = z sigma - sigma^2 / 2, so sigma = 0.0941784 and mu =
// ln(390.5) - sigma^2 / 2 = 5.962993.
Distribution Base64Ms() {
  return Distribution::Lognormal(5.962993, 0.0941784);
}

constexpr uint64_t kSeeds = 8;

struct P99s {
  double wait = 0, execution = 0, latency = 0;
};

// Mean over the seeds of the 99th percentiles of two hours of Base64 at 4 requests a second.
P99s MeanP99s(int containers) {
  ClusterSpec spec = Load("contention.yaml");
  spec.containers.initial_replicas = containers;
  P99s mean;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Times times = Run(PoissonTrace(4, 7200, Base64Ms(), seed), spec, seed, FunctionId(0));
    mean.wait += P99(times.wait) / kSeeds;
    mean.execution += P99(times.execution) / kSeeds;
    mean.latency += P99(times.latency) / kSeeds;
  }
  return mean;
}

// Of 16 runs of two hours with seeds of their own, p99 latency had the means (deviations) 2199
// (119) ms at 2 containers, 752 (9) at 4, 2095 (222) at 12 and 2253 (296) at 16. So 1.5 times the
// minimum, 1128 ms, is 10 deviations of a mean of eight seeds or more away from each of the outer
// ones: seeds do not decide this test.
TEST(ContentionTest, LatencyIsUShapedInTheNumberOfContainers) {
  std::map<int, P99s> at;
  for (int containers : {1, 2, 3, 4, 5, 6, 8, 12, 16}) at[containers] = MeanP99s(containers);
  const auto best = std::min_element(at.begin(), at.end(), [](const auto& a, const auto& b) {
    return a.second.latency < b.second.latency;
  });
  EXPECT_THAT(best->first, ::testing::AllOf(::testing::Ge(3), ::testing::Le(6)));
  for (int outer : {1, 2, 12, 16}) {
    EXPECT_GT(at[outer].latency, 1.5 * best->second.latency) << outer << " containers";
  }
  // Down all the way on the left, up all the way on the right (16 is 12 again but for noise).
  EXPECT_GT(at[1].latency, at[2].latency);
  EXPECT_GT(at[2].latency, at[3].latency);
  EXPECT_GT(at[3].latency, at[4].latency);
  EXPECT_LT(at[5].latency, at[6].latency);
  EXPECT_LT(at[6].latency, at[8].latency);
  EXPECT_LT(at[8].latency, at[12].latency);
}

TEST(ContentionTest, TwoContainersWaitAndRunAsMeasured) {
  const P99s two = MeanP99s(2);
  // The deviations of the same 16 runs were 1 and 117 ms; four of the mean of eight.
  EXPECT_NEAR(two.execution, 484, 2);
  EXPECT_NEAR(two.wait, 1820, 170);
}

TEST(ContentionTest, WaitFallsAndExecutionGrowsWithContainers) {
  const P99s two = MeanP99s(2), twelve = MeanP99s(12);
  // 49.5x was measured. At 12 containers 1 % of the requests wait, so that the 99th percentile is
  // hard to pin down: 41 (108) ms. A sixth of 1820 ms is 6 deviations of the mean of eight above
  // it.
  EXPECT_GT(two.wait, 6 * twelve.wait);
  // 15.6x was measured, and is out of reach (docs/contention.md): 1986 (154) ms to 484, 4.1x, with
  // a deviation of 0.11 for the mean of eight.
  EXPECT_NEAR(twelve.execution / two.execution, 4.1, 0.45);
}

// p99 of the time from the request to the container's readiness when `count` start together.
double StartP99(int count) {
  ClusterSpec spec = Load("contention.yaml");
  spec.scaling = ScalingMode::kOnDemand;
  spec.containers.keep_alive = SimTime::Seconds(5);
  spec.containers.max_replicas = count;
  std::vector<std::pair<int64_t, int64_t>> requests;
  for (int round = 0; round < 6000 / count; ++round) {
    for (int i = 0; i < count; ++i) requests.emplace_back(round * int64_t{20'000'000}, 1);
  }
  return P99(Run(testing::TimedTrace(requests), spec, 1, FunctionId(0)).wait);
}

TEST(ContentionTest, InitGrowsAsMeasured) {
  // 6000 starts: a deviation of p99 is about 0.4 % (10 seeds: 407 +- 1.4 ms).
  const double two = StartP99(2), twelve = StartP99(12);
  EXPECT_NEAR(two, 409, 8);
  EXPECT_NEAR(twelve / two, 1.3, 0.05);  // the measurement is given to one decimal
}

// ---- CPU shares

// Execution times, ms, of requests of 1 s for the victim, at 100 s and with `together` of them at
// 1000 s, among 32 neighbours that never end.
std::vector<double> AmongNeighbours(int shares, int together) {
  ClusterSpec spec = Load("contention_shares.yaml");
  spec.functions["victim"].cpu_shares = shares;
  spec.functions["victim"].initial_replicas = 4;
  spec.functions["neighbour"].initial_replicas = 32;
  TraceBuilder builder;
  const auto add = [&](const char* name) {
    FunctionProfile profile;
    profile.name = name;
    profile.tenant = builder.Tenant(name);
    profile.app = builder.App(name);
    return builder.AddFunction(profile);
  };
  const FunctionId neighbour = add("neighbour"), victim = add("victim");
  for (int i = 0; i < 32; ++i) builder.AddInvocation({0, 10'000'000'000, neighbour.index(), 0});
  builder.AddInvocation({100'000'000, 1'000'000, victim.index(), 0});
  for (int i = 0; i < together; ++i) {
    builder.AddInvocation({1'000'000'000, 1'000'000, victim.index(), 0});
  }
  builder.set_minimum_duration(SimTime::Seconds(2000));
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return Run(*trace, spec, 1, victim).execution;
}

// Weighted sharing of 4 cores: a victim of weight 1 among 32 neighbours of weight w has
// 4 / (1 + 32 w) of a core, so (1 + 32) / 4 = 8.25 and (1 + 128) / 4 = 32.25 times its time; two
// victims at once (2 + 128) / 4 = 32.5. Measured: 8.3 and 32.6.
TEST(ContentionTest, SharesSlowTheVictimByItsWeight) {
  EXPECT_THAT(AmongNeighbours(1024, 0), ::testing::ElementsAre(::testing::DoubleNear(8250, 0.01)));
  EXPECT_THAT(AmongNeighbours(256, 2), ::testing::ElementsAre(::testing::DoubleNear(32250, 0.01),
                                                              ::testing::DoubleNear(32500, 0.01),
                                                              ::testing::DoubleNear(32500, 0.01)));
}

}  // namespace
}  // namespace reeve
