#include "agents/rules/oracle_prewarm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/simulated_policies.h"
#include "core/status.h"
#include "sim/clairvoyant.h"
#include "sim/cluster.h"
#include "tests/sim/sim_testing.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

ClusterSpec OnDemand(double start_s, SimTime period) {
  ClusterSpec spec = testing::IdealCluster();
  spec.scaling = ScalingMode::kOnDemand;
  spec.cold_start.time_ms = Distribution::Constant(start_s * 1000);
  spec.containers.memory = Mebibytes(1024);
  spec.containers.memory_from_trace = false;
  spec.containers.keep_alive = SimTime::Minutes(10);
  spec.control_period = period;
  return spec;
}

std::vector<std::pair<int, int>> StepsOf(const PrewarmPlan& plan) {
  std::vector<std::pair<int, int>> steps;
  for (const PrewarmPlan::Step& s : plan.steps(0)) steps.emplace_back(s.period, s.replicas);
  return steps;
}

TEST(PrewarmPlan, StartsInTimeAndKeepsThroughShortGaps) {
  // Periods of 2 s, starts of 3 s. In use [20.5, 21), [25, 26), [60, 61.5) and [61, 63).
  TraceBuilder builder;
  FunctionProfile profile;
  profile.name = "f";
  profile.tenant = builder.Tenant("t");
  profile.app = builder.App("a");
  const uint32_t id = builder.AddFunction(profile).index();
  builder.AddInvocation({20'500'000, 500'000, id, 0});
  builder.AddInvocation({25'000'000, 1'000'000, id, 0});
  builder.AddInvocation({60'000'000, 1'500'000, id, 0});
  builder.AddInvocation({61'000'000, 2'000'000, id, 0});
  builder.set_minimum_duration(SimTime::Seconds(100));
  const Trace trace = *builder.Build();
  const ClusterSpec spec = OnDemand(3, SimTime::Seconds(2));
  // Ready by 20.5 s: asked for at 16 s (period 8), as at 18 s would be late. From 21 s it could go
  // at 22 s (period 11), but the next would begin at 22 s too. It goes at 26 s (period 13). Ready
  // by 60 s: period 28; by 61 s: period 29. One goes at 62 s (period 31), one at 64 s (period 32).
  EXPECT_THAT(
      StepsOf(PrewarmPlan({}, trace, spec, {})),
      ElementsAre(Pair(8, 1), Pair(13, 0), Pair(28, 1), Pair(29, 2), Pair(31, 1), Pair(32, 0)));
  // Away from 26 s to 56 s: 30 s, kept for a start worth 30 GB-seconds.
  EXPECT_THAT(StepsOf(PrewarmPlan({.start_price = 30}, trace, spec, {})),
              ElementsAre(Pair(8, 1), Pair(29, 2), Pair(31, 1), Pair(32, 0)));
  EXPECT_EQ(StepsOf(PrewarmPlan({.start_price = 29.9}, trace, spec, {})).size(), 6u);
}

// GB-seconds and cold starts of the oracle on a simulated cluster.
std::pair<double, double> Play(const Trace& trace, const ClusterSpec& spec, uint64_t seed) {
  const ArrivalOptions arrivals{seed, WithinMinute::kByTrigger};
  PolicySpec policy_spec;
  policy_spec.name = "oracle_prewarm";
  auto policy = MakeSimulatedPolicy(policy_spec, trace, spec, arrivals);
  EXPECT_TRUE(policy.ok()) << policy.status();
  SimulatedCluster cluster(trace, spec, seed, MakeArrivalSource(trace, arrivals));
  Snapshot snapshot;
  std::vector<Decision> decisions(trace.functions().size());
  for (SimTime now; now < trace.duration(); now += spec.control_period) {
    cluster.AdvanceTo(now);
    EXPECT_TRUE(cluster.Observe(snapshot).ok());
    EXPECT_TRUE((*policy)->Decide(snapshot, decisions).ok());
    EXPECT_TRUE(cluster.Apply(decisions).ok());
  }
  cluster.AdvanceTo(trace.duration());
  EXPECT_TRUE(cluster.Observe(snapshot).ok());
  double gb_seconds = 0, cold = 0;
  for (uint32_t f = 0; f < trace.functions().size(); ++f) {
    const FunctionTotals& t = cluster.totals(FunctionId(f));
    gb_seconds += static_cast<double>(t.memory_mib_us) / 1024e6;
    cold += static_cast<double>(t.cold_starts);
  }
  return {gb_seconds, cold};
}

TEST(OraclePrewarmPolicy, ReachesTheBoundAsPeriodsGetShort) {
  for (const uint64_t seed : {1, 2, 3}) {
    const Trace trace = testing::PoissonTrace(
        0.1, 1200, Distribution::LognormalFromMoments(2000, 3000), seed, /*functions=*/3);
    double factor_before = 1e9;
    for (const int64_t period_ms : {4000, 1000, 100, 10}) {
      const ClusterSpec spec = OnDemand(1, SimTime::Millis(period_ms));
      const ClairvoyantCost best =
          ComputeBound(trace, spec, {seed, WithinMinute::kByTrigger}).total();
      const auto [gb_seconds, cold] = Play(trace, spec, seed);
      EXPECT_LE(cold, 2) << "what comes before the first start can be ready";
      const double factor = gb_seconds / best.warm_gb_seconds;
      EXPECT_GE(factor, 0.999);
      EXPECT_LT(factor, factor_before);
      // Per start at most a period early and a period late.
      EXPECT_LE(
          gb_seconds - best.warm_gb_seconds,
          static_cast<double>(best.warm_starts) * 2.0 * static_cast<double>(period_ms) / 1000 + 1);
      factor_before = factor;
    }
    EXPECT_LT(factor_before, 1.02);
  }
}

TEST(OraclePrewarmPolicy, PlaysOnAReplicaTargetToo) {
  const Trace trace = testing::PoissonTrace(0.1, 1200, Distribution::Exponential(3000), 5, 2);
  ClusterSpec spec = OnDemand(1, SimTime::Millis(500));
  spec.scaling = ScalingMode::kReplicaTarget;
  const ClairvoyantCost best = ComputeBound(trace, spec, {5, WithinMinute::kByTrigger}).total();
  const auto [gb_seconds, cold] = Play(trace, spec, 5);
  EXPECT_LE(cold, 2);
  EXPECT_LT(gb_seconds, 1.5 * best.warm_gb_seconds);
}

TEST(OraclePrewarmPolicy, NeedsTheWorkload) {
  PolicySpec spec;
  spec.name = "oracle_prewarm";
  EXPECT_THAT(MessageOf(MakePolicy(spec).status()), HasSubstr("in simulation only"));
  const Trace trace = testing::TimedTrace({{0, 1}});
  OraclePrewarmPolicy policy({}, trace, ClusterSpec(), {});
  Snapshot snapshot;
  std::vector<Decision> two(2);
  EXPECT_EQ(policy.Decide(snapshot, two).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace reeve
