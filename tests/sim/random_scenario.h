// Random small clusters, traces and decisions, for tests of what must hold of all of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/decision.h"
#include "core/random.h"
#include "sim/cluster.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"

namespace reeve::testing {

// Draws of one scenario.
class Dice {
 public:
  explicit Dice(uint64_t seed, uint32_t id = 0)
      : cursor_(RandomStream(seed, StreamPurpose::kGenerator, id)) {}
  int64_t Between(int64_t low, int64_t high) {  // both included
    return low + static_cast<int64_t>(cursor_.Below(static_cast<uint64_t>(high - low + 1)));
  }
  bool Chance(double p) { return cursor_.Uniform() < p; }
  double Exponential(double mean) { return mean * cursor_.Exponential(); }
  template <class T>
  T OneOf(std::initializer_list<T> values) {
    return values.begin()[cursor_.Below(values.size())];
  }

 private:
  RandomCursor cursor_;
};

inline constexpr int kScenarioFunctions = 5;
inline constexpr int64_t kScenarioSeconds = 60;

// Poisson arrivals with bursts, each invocation of a function at a microsecond of its own; the last
// function is silent but for the first seconds.
inline Trace RandomTrace(uint64_t seed) {
  TraceBuilder builder;
  for (uint32_t i = 0; i < kScenarioFunctions; ++i) {
    Dice dice(seed, 100 + i);
    FunctionProfile profile;
    profile.name = "f" + std::to_string(i);
    profile.tenant = builder.Tenant("t" + std::to_string(i % 2));
    profile.app = builder.App(profile.name);
    profile.duration_ms = dice.OneOf({Distribution::Exponential(150), Distribution::Constant(40),
                                      Distribution::BoundedPareto(5, 3000, 1.1)});
    profile.memory = Mebibytes(dice.OneOf({100, 128, 200, 256, 400}));
    if (dice.Chance(0.3)) profile.cold_start_ms = Distribution::Constant(700);
    const uint32_t f = builder.AddFunction(profile).index();
    const double rate_per_us = static_cast<double>(dice.OneOf({1, 4, 12})) * 1e-6;
    const double end_us = i + 1 == kScenarioFunctions ? 6e6 : kScenarioSeconds * 1e6;
    int64_t last = -1;
    for (double t = dice.Exponential(1 / rate_per_us); t < end_us;
         t += dice.Exponential(1 / rate_per_us)) {
      const int64_t burst = dice.Chance(0.02) ? dice.Between(5, 30) : 1;
      for (int64_t k = 0; k < burst; ++k) {
        last = std::max(last + 1, static_cast<int64_t>(t));
        builder.AddInvocation({last, TimedInvocation::kDrawDuration, f, 0});
      }
    }
  }
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

// Any function fits on any node by itself, beside the pools. All nodes are up again after the
// trace.
inline ClusterSpec RandomCluster(uint64_t seed) {
  Dice dice(seed, 1);
  ClusterSpec spec;
  spec.scaling = dice.OneOf({ScalingMode::kReplicaTarget, ScalingMode::kOnDemand});
  spec.placement = dice.OneOf({PlacementStrategy::kFirstFit, PlacementStrategy::kLeastLoaded,
                               PlacementStrategy::kHash, PlacementStrategy::kSpread,
                               PlacementStrategy::kBinPack});
  spec.router = dice.OneOf({RouterStrategy::kLeastOutstanding, RouterStrategy::kRoundRobin,
                            RouterStrategy::kMostRecent, RouterStrategy::kNewest});
  spec.scale_down = dice.OneOf({ScaleDownOrder::kNewest, ScaleDownOrder::kIdleFirst});
  spec.bind_cold_starts = dice.Chance(0.5);
  spec.cpu_overcommit = dice.OneOf({0, 2});
  spec.nodes.clear();
  for (int64_t g = dice.Between(1, 2); g > 0; --g) {
    spec.nodes.push_back({static_cast<int32_t>(dice.Between(1, 2)),
                          Millicores::Cores(dice.Between(1, 4)),
                          Mebibytes(dice.Between(1024, 1800))});
  }
  ContainerSpec& c = spec.containers;
  c.concurrency = dice.OneOf({0, 1, 1, 3});
  c.max_replicas = dice.OneOf({2, 4, 1000});
  c.initial_replicas = dice.OneOf({0, 0, 1, 2});
  c.keep_alive = dice.OneOf({SimTime(), SimTime::Seconds(2), SimTime::Seconds(30), SimTime::Max()});
  c.request_timeout = dice.OneOf({SimTime::Seconds(1), SimTime::Seconds(5), SimTime::Max()});
  c.queue_limit = dice.OneOf({0, 3, 60});
  c.cpu_shares = dice.OneOf({0, 512});
  if (dice.Chance(0.5)) spec.functions["f1"].cpu_demand = Millicores(1500);
  if (dice.Chance(0.5)) spec.functions["f2"].slo_latency = SimTime::Millis(100);
  spec.cold_start.time_ms = Distribution::LognormalFromMoments(400, 300);
  if (dice.Chance(0.3)) spec.cold_start.image_pull_ms = Distribution::Exponential(500);
  if (dice.Chance(0.3)) spec.cold_start.cpu = Millicores(600);
  if (dice.Chance(0.4))
    spec.prewarm.push_back({static_cast<int32_t>(dice.Between(1, 2)), Mebibytes(128)});
  if (dice.Chance(0.2)) spec.prewarm.push_back({1, Mebibytes(256)});
  if (dice.Chance(0.3)) spec.interference = {{0.5, 1.0}, {2.0, 3.0}};
  if (dice.Chance(0.3)) spec.failures.container_mtbf = SimTime::Seconds(20);
  if (dice.Chance(0.3)) spec.failures.start_failure_probability = 0.3;
  if (dice.Chance(0.5)) {
    for (int64_t e = dice.Between(1, 6); e > 0; --e) {
      spec.events.push_back(
          {SimTime::Millis(dice.Between(0, kScenarioSeconds * 1000)),
           static_cast<int32_t>(dice.Between(0, spec.node_count() - 1)),
           dice.OneOf({NodeEventKind::kDrain, NodeEventKind::kLose, NodeEventKind::kRestore})});
    }
    for (int32_t n = 0; n < spec.node_count(); ++n) {
      spec.events.push_back({SimTime::Seconds(kScenarioSeconds + 5), n, NodeEventKind::kRestore});
    }
  }
  spec.eviction = dice.OneOf({EvictionOrder::kLeastRecentlyUsed, EvictionOrder::kGreedyDual});
  if (spec.scaling == ScalingMode::kOnDemand && dice.Chance(0.6)) {
    spec.balancer = BalancerStrategy::kSharding;
    spec.pause.grace = dice.OneOf({SimTime(), SimTime::Millis(300), SimTime::Max()});
    spec.pause.resume_ms = dice.OneOf({Distribution::Constant(0), Distribution::Exponential(200)});
  }
  c.cpu_shares_from_memory = dice.Chance(0.2);
  if (dice.Chance(0.2)) c.cpu_limit_per_gib = Millicores(2000);
  if (spec.balancer == BalancerStrategy::kSharding && Dice(seed, 4).Chance(0.5)) {
    spec.resize = ResizeMode::kNewVersion;
  }
  REEVE_CHECK(spec.Validate().ok());
  return spec;
}

// What a policy without sense decides in a period.
inline std::vector<Decision> RandomDecisions(Dice& dice) {
  std::vector<Decision> decisions(kScenarioFunctions);
  for (Decision& d : decisions) {
    if (dice.Chance(0.4)) d.replicas = static_cast<int32_t>(dice.Between(0, 4));
    if (dice.Chance(0.1)) d.cpu_limit = Millicores(dice.Between(200, 1500));
    if (dice.Chance(0.1)) d.memory_limit = Mebibytes(dice.Between(64, 500));
    if (dice.Chance(0.1)) d.concurrency = dice.OneOf({0, 1, 2, 5});
    if (dice.Chance(0.1)) d.keep_alive = SimTime::Millis(dice.Between(0, 20'000));
  }
  return decisions;
}

}  // namespace reeve::testing
