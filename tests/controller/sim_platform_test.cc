#include "controller/sim_platform.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agents/simulated_policies.h"
#include "controller/control_loop.h"
#include "controller/live_policies.h"
#include "runs/simulation.h"
#include "tests/controller/fake_platform.h"
#include "traces/trace.h"

namespace reeve {
namespace {

// Three tenants, some bursts, ten minutes.
Trace BusyTrace() {
  TraceBuilder builder;
  for (int f = 0; f < 9; ++f) {
    FunctionProfile profile;
    profile.name = "f" + std::to_string(f);
    profile.tenant = builder.Tenant("t" + std::to_string(f % 3));
    profile.app = builder.App("app");
    profile.memory = Mebibytes(256);
    profile.duration_ms = Distribution::LognormalFromMoments(200 + 50 * f, 100);
    const FunctionId id = builder.AddFunction(profile);
    for (int minute = 0; minute < 10; ++minute) {
      builder.AddCount(minute, id, static_cast<uint32_t>((minute * 7 + f * 11) % 5 * 60));
    }
  }
  return *builder.Build();
}

ClusterSpec Cluster() {
  ClusterSpec cluster;
  cluster.nodes = {{.count = 2, .cpu = Millicores::Cores(8), .memory = Mebibytes(8192)}};
  return cluster;
}

// What a policy wished at each control period.
class Recorded : public Policy {
 public:
  Recorded(Policy& inner, std::vector<std::vector<Decision>>& wished)
      : inner_(inner), wished_(wished) {}
  std::string_view name() const override { return inner_.name(); }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override {
    const absl::Status status = inner_.Decide(snapshot, decisions);
    wished_.emplace_back(decisions.begin(), decisions.end());
    return status;
  }
  void Wake(FunctionId function, SimTime now, Decision& decision) override {
    inner_.Wake(function, now, decision);
  }

 private:
  Policy& inner_;
  std::vector<std::vector<Decision>>& wished_;
};

// What becomes of a trace under a policy: wishes, and what the cluster did.
struct Course {
  std::vector<std::vector<Decision>> wished;
  std::vector<uint64_t> totals;  // over all functions, one kind after another
};

std::vector<uint64_t> TotalsOf(const SimulatedCluster& cluster) {
  std::vector<uint64_t> totals;
  for (uint32_t f = 0; f < cluster.function_count(); ++f) {
    const FunctionTotals& t = cluster.totals(FunctionId(f));
    for (const uint64_t value :
         {t.arrivals, t.completions, t.cold_starts, t.containers_started, t.slo_violations,
          static_cast<uint64_t>(t.container_us), static_cast<uint64_t>(t.latency_sum_us)}) {
      totals.push_back(value);
    }
  }
  return totals;
}

Course Simulated(const Trace& trace, const PolicySpec& policy, uint64_t seed) {
  SimulationConfig config;
  config.seed = seed;
  config.cluster = Cluster();
  config.policy = policy;
  config.bound = false;
  Course course;
  auto inner = MakeSimulatedPolicy(policy, trace, config.cluster, {seed, config.within_minute});
  EXPECT_TRUE(inner.ok()) << inner.status();
  Recorded recorded(**inner, course.wished);
  SimulationHooks hooks;
  hooks.on_period = [&](SimTime now, const SimulatedCluster& cluster, const Snapshot&) {
    if (now == trace.duration()) course.totals = TotalsOf(cluster);
  };
  EXPECT_TRUE(RunSimulation(trace, config, recorded, hooks).ok());
  return course;
}

Course Controlled(const Trace& trace, const PolicySpec& policy, uint64_t seed) {
  SimPlatformSpec spec;
  spec.cluster = Cluster();
  VirtualClock clock;
  auto platform = SimPlatform::Create(spec, trace, seed, clock);
  EXPECT_TRUE(platform.ok()) << platform.status();
  TenantModes modes({ControlMode::kActive, false}, {});
  FakeSink sink;
  LoopOptions options;
  options.spec.on_stop = OnStop::kKeep;
  auto maker = MakeLivePolicies(policy, options.spec.period, seed);
  EXPECT_TRUE(maker.ok()) << maker.status();
  options.make_policy = *maker;
  options.make_fallback = *MakeLivePolicies(PolicySpec{}, options.spec.period, seed);
  options.sinks = {&sink};
  ControlLoop loop(options, **platform, modes, clock);
  EXPECT_TRUE(loop.Run().ok());
  Course course;
  for (const FakeSink::Tick& tick : sink.ticks) {
    std::vector<Decision>& wished = course.wished.emplace_back();
    for (const FunctionRecord& record : tick.functions) wished.push_back(record.wished);
  }
  course.totals = TotalsOf((*platform)->cluster());
  return course;
}

TEST(SimPlatformTest, DecidesAsSimulateDoes) {
  const Trace trace = BusyTrace();
  for (const std::string name : {"kpa", "hpa", "keda", "aimd", "keep_alive"}) {
    PolicySpec policy;
    policy.name = name;
    const Course simulated = Simulated(trace, policy, 3), controlled = Controlled(trace, policy, 3);
    EXPECT_EQ(simulated.wished.size(), 301u) << name;  // 10 min of 2 s, and the start
    EXPECT_EQ(simulated.wished, controlled.wished) << name;
    EXPECT_EQ(simulated.totals, controlled.totals) << name;
    EXPECT_GT(simulated.totals[0], 0u);
  }
}

TEST(SimPlatformTest, DecidesAsSimulateDoesUnderASafeguardAndLimits) {
  const Trace trace = BusyTrace();
  PolicySpec policy;
  policy.name = "static";
  policy.fixed.replicas = 1;
  policy.flap_budget.emplace();
  policy.rate_limit.emplace().add_containers = 3;
  policy.safeguard.emplace().scope = SafeguardScope::kFunction;
  policy.safeguard->queue = {.enabled = true, .engage = 2, .release = 0};
  const Course simulated = Simulated(trace, policy, 5), controlled = Controlled(trace, policy, 5);
  EXPECT_EQ(simulated.wished, controlled.wished);
  EXPECT_EQ(simulated.totals, controlled.totals);
}

TEST(SimPlatformTest, AnotherSeedIsAnotherCourse) {
  const Trace trace = BusyTrace();
  EXPECT_NE(Controlled(trace, {}, 1).totals, Controlled(trace, {}, 2).totals);
}

// In shadow mode the platform's own autoscaler drives: what happens is what it would do alone.
TEST(SimPlatformTest, InShadowThePlatformsOwnPolicyDrives) {
  const Trace trace = BusyTrace();
  SimPlatformSpec spec;
  spec.cluster = Cluster();
  VirtualClock clock;
  auto platform = SimPlatform::Create(spec, trace, 3, clock);
  ASSERT_TRUE(platform.ok());
  TenantModes modes({ControlMode::kShadow, false}, {});
  LoopOptions options;
  PolicySpec policy;
  policy.name = "static";
  options.make_policy = *MakeLivePolicies(policy, options.spec.period, 3);
  options.make_fallback = options.make_policy;
  ControlLoop loop(options, **platform, modes, clock);
  ASSERT_TRUE(loop.Run().ok());
  EXPECT_EQ(TotalsOf((*platform)->cluster()), Simulated(trace, PolicySpec{}, 3).totals);
}

TEST(SimPlatformTest, OutagesGoThroughAllStages) {
  const Trace trace = BusyTrace();
  for (const OutageKind kind :
       {OutageKind::kMissing, OutageKind::kStale, OutageKind::kNotANumber}) {
    SimPlatformSpec spec;
    spec.cluster = Cluster();
    spec.outages = {
        {.at = SimTime::Minutes(1), .length = SimTime::Minutes(4), .tenant = "t1", .kind = kind}};
    VirtualClock clock;
    auto platform = SimPlatform::Create(spec, trace, 3, clock);
    ASSERT_TRUE(platform.ok());
    TenantModes modes({ControlMode::kActive, false}, {});
    FakeSink sink;
    LoopOptions options;
    options.spec.numbers = {.max_age = SimTime::Seconds(15),
                            .hold = SimTime::Minutes(1),
                            .fallback = SimTime::Minutes(1),
                            .sound_for = SimTime::Seconds(30)};
    options.make_policy = *MakeLivePolicies({}, options.spec.period, 3);
    options.make_fallback = options.make_policy;
    options.sinks = {&sink};
    ControlLoop loop(options, **platform, modes, clock);
    ASSERT_TRUE(loop.Run().ok());
    std::vector<TrustStage> stages = {TrustStage::kTrusted};
    for (const FakeSink::Tick& tick : sink.ticks) {
      EXPECT_EQ(tick.functions[0].stage, TrustStage::kTrusted);  // of t0
      if (tick.functions[1].stage != stages.back()) stages.push_back(tick.functions[1].stage);
    }
    EXPECT_EQ(stages, (std::vector{TrustStage::kTrusted, TrustStage::kHold, TrustStage::kFallback,
                                   TrustStage::kHandedBack, TrustStage::kTrusted}));
    EXPECT_EQ(sink.ticks.back().record.tick, 300u);
  }
}

TEST(SimPlatformTest, HandBackLeavesNothingOfOurs) {
  const Trace trace = BusyTrace();
  SimPlatformSpec spec;
  spec.cluster = Cluster();
  spec.own_policy.name = "keep_alive";  // which never sets a CPU limit
  VirtualClock clock;
  auto platform = SimPlatform::Create(spec, trace, 3, clock);
  ASSERT_TRUE(platform.ok());
  Snapshot snapshot;
  ASSERT_TRUE((*platform)->Observe(snapshot).ok());
  const Millicores before = snapshot.functions.cpu_limit[2];
  const FunctionId function(2);
  ASSERT_TRUE((*platform)->TakeOver({&function, 1}).ok());
  std::vector<Decision> decisions(9);
  decisions[2].cpu_limit = Millicores(300);
  ASSERT_TRUE((*platform)->Apply(decisions).ok());
  clock.Advance(SimTime::Seconds(2));
  ASSERT_TRUE((*platform)->Observe(snapshot).ok());
  EXPECT_EQ(snapshot.functions.cpu_limit[2], Millicores(300));
  ASSERT_TRUE((*platform)->HandBack({&function, 1}).ok());
  clock.Advance(SimTime::Seconds(2));
  ASSERT_TRUE((*platform)->Observe(snapshot).ok());
  EXPECT_EQ(snapshot.functions.cpu_limit[2], before);
}

TEST(LivePoliciesTest, WhatCannotBeLiveIsSaidAtOnce) {
  PolicySpec policy;
  policy.name = "oracle_prewarm";
  EXPECT_EQ(MakeLivePolicies(policy, SimTime::Seconds(2), 0).status().code(),
            absl::StatusCode::kInvalidArgument);
  policy.name = "learned";
  policy.learned.checkpoint = "/nowhere/policy.rpolicy";
  EXPECT_FALSE(MakeLivePolicies(policy, SimTime::Seconds(2), 0).ok());
  policy.name = "kpaa";
  EXPECT_FALSE(MakeLivePolicies(policy, SimTime::Seconds(2), 0).ok());
}

}  // namespace
}  // namespace reeve
