// A cluster that was reset is a new cluster, bit for bit, and needs no memory for it.
#include <gtest/gtest.h>

#include <memory>
#include <tuple>
#include <vector>

#include "core/check.h"
#include "random_scenario.h"
#include "sim/cluster.h"
#include "sim/perturbed_platform.h"
#include "snapshot_testing.h"
#include "tests/agents/allocation_counter.h"
#include "traces/trace_edit.h"

namespace reeve {
namespace {

using testing::Dice;
using testing::ExpectSameSnapshot;
using testing::kScenarioFunctions;

constexpr SimTime kPeriod = SimTime::Seconds(2);

using Row = std::tuple<uint32_t, int64_t, int64_t, int64_t, int64_t, uint32_t, bool, Outcome>;

// A cluster behind perturbations, driven by decisions without sense.
class Driven {
 public:
  Driven(const Trace& trace, const ClusterSpec& spec, const PerturbationSpec& perturbations,
         const ArrivalOptions& arrivals, uint64_t seed)
      : cluster_(trace, spec, seed, MakeArrivalSource(trace, arrivals)),
        platform_(cluster_, perturbations, seed) {
    cluster_.set_wake([this](FunctionId function, SimTime now, Decision& decision) {
      decision.replicas = 1;
      platform_.PerturbWake(function, now, decision);
    });
    cluster_.set_invocation_sink([this](const InvocationRecord& r) {
      if (rows.size() < rows.capacity()) {
        rows.emplace_back(r.function.index(), r.arrival.micros(), r.start.micros(), r.end.micros(),
                          r.work.micros(), r.container.index(), r.cold, r.outcome);
      }
    });
    rows.reserve(100'000);
  }

  void Reset(uint64_t seed, const ArrivalOptions& arrivals, int from_minute) {
    cluster_.Reset(seed, arrivals, from_minute);
    platform_.Reset(seed);
    rows.clear();
  }

  // Calls on_snapshot after every period.
  template <class OnSnapshot>
  void Play(int periods, uint64_t deciding, OnSnapshot on_snapshot) {
    Dice dice(deciding, 2);
    for (int k = 0; k < periods; ++k) {
      cluster_.AdvanceTo(cluster_.now() + kPeriod);
      REEVE_CHECK(platform_.Observe(snapshot_).ok());
      on_snapshot(snapshot_);
      decisions_.resize(snapshot_.functions.size());
      for (Decision& d : decisions_) {
        d = {};
        if (dice.Chance(0.4)) d.replicas = static_cast<int32_t>(dice.Between(0, 4));
        if (dice.Chance(0.1)) d.cpu_limit = Millicores(dice.Between(200, 1500));
        if (dice.Chance(0.1)) d.memory_limit = Mebibytes(dice.Between(64, 500));
        if (dice.Chance(0.1)) d.concurrency = dice.OneOf({0, 1, 2, 5});
        if (dice.Chance(0.1)) d.keep_alive = SimTime::Millis(dice.Between(0, 20'000));
      }
      REEVE_CHECK(platform_.Apply(decisions_).ok());
    }
  }
  std::vector<Snapshot> Snapshots(int periods, uint64_t deciding) {
    std::vector<Snapshot> all;
    Play(periods, deciding, [&](const Snapshot& s) { all.push_back(s); });
    return all;
  }

  const SimulatedCluster& cluster() const { return cluster_; }
  std::vector<Row> rows;  // of the run, without allocation

 private:
  SimulatedCluster cluster_;
  PerturbedPlatform platform_;
  Snapshot snapshot_;
  std::vector<Decision> decisions_;
};

PerturbationSpec Perturbed(uint64_t seed) {
  Dice dice(seed, 3);
  PerturbationSpec spec;
  if (dice.Chance(0.5)) spec.metric_lag.lag = SimTime::Seconds(dice.Between(1, 9));
  if (dice.Chance(0.5)) spec.metric_noise.cv = 0.3;
  if (dice.Chance(0.5)) spec.metric_loss.probability = 0.2;
  if (dice.Chance(0.5)) spec.actuation_delay.time_ms = Distribution::Exponential(3000);
  if (dice.Chance(0.5)) spec.actuation_failure.probability = 0.2;
  return spec;
}

void ExpectSame(const Driven& reset, const std::vector<Snapshot>& after, const Driven& fresh,
                const std::vector<Snapshot>& expected) {
  EXPECT_EQ(reset.rows, fresh.rows);
  ASSERT_EQ(after.size(), expected.size());
  for (size_t i = 0; i < after.size(); ++i) ExpectSameSnapshot(after[i], expected[i]);
  for (uint32_t f = 0; f < reset.cluster().function_count(); ++f) {
    const FunctionTotals& a = reset.cluster().totals(FunctionId(f));
    const FunctionTotals& b = fresh.cluster().totals(FunctionId(f));
    EXPECT_EQ(a.memory_mib_us, b.memory_mib_us);
    EXPECT_EQ(a.cpu_used_mc_us, b.cpu_used_mc_us);
    EXPECT_EQ(a.slo_violations, b.slo_violations);
    EXPECT_EQ(a.histogram.count(), b.histogram.count());
    EXPECT_EQ(a.histogram.Quantile(0.99, kLatencyLane), b.histogram.Quantile(0.99, kLatencyLane));
  }
  EXPECT_EQ(reset.cluster().completions().latency_us.count(),
            fresh.cluster().completions().latency_us.count());
}

class RandomReset : public ::testing::TestWithParam<uint64_t> {};

TEST_P(RandomReset, IsAFreshStart) {
  const uint64_t n = GetParam();
  const Trace trace = testing::RandomTrace(n);
  const ClusterSpec spec = testing::RandomCluster(n);
  const PerturbationSpec perturbations = Perturbed(n);
  Driven reset(trace, spec, perturbations, {7, WithinMinute::kUniform}, 7);
  // Wherever the first run is left, in the middle of everything or after its end.
  reset.Play(static_cast<int>(n % 40), n + 1000, [](const Snapshot&) {});
  for (uint64_t seed : {n + 1, n + 2}) {
    const ArrivalOptions arrivals{seed, WithinMinute::kUniform};
    reset.Reset(seed, arrivals, 0);
    const auto after = reset.Snapshots(35, seed);
    Driven fresh(trace, spec, perturbations, arrivals, seed);
    ExpectSame(reset, after, fresh, fresh.Snapshots(35, seed));
  }
}

INSTANTIATE_TEST_SUITE_P(Reset, RandomReset, ::testing::Range(uint64_t{0}, uint64_t{200}));

// Four functions that are invoked now more, now less in each minute.
Trace Counted() {
  TraceBuilder builder;
  for (uint32_t i = 0; i < 4; ++i) {
    FunctionProfile profile;
    profile.name = "f" + std::to_string(i);
    profile.tenant = builder.Tenant("t");
    profile.app = builder.App("a");
    profile.memory = Mebibytes(128);
    profile.duration_ms = Distribution::LognormalFromMoments(300, 200);
    const FunctionId f = builder.AddFunction(profile);
    for (int m = 0; m < 8; ++m) {
      builder.AddCount(m, f, 30 + 40 * ((i + static_cast<uint32_t>(m)) % 3));
    }
  }
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

// Two kinds of nodes, memory for 14 containers, cold starts, interference.
ClusterSpec Crowded() {
  ClusterSpec spec;
  spec.nodes = {{1, Millicores::Cores(2), Mebibytes(1024)},
                {1, Millicores::Cores(4), Mebibytes(768)}};
  spec.interference = {{0.5, 1.0}, {2.0, 2.0}};
  spec.cold_start.cpu = Millicores(400);
  spec.containers.request_timeout = SimTime::Seconds(20);
  spec.containers.initial_replicas = 1;
  return spec;
}

TEST(ResetTest, BeginsWhereItIsTold) {
  const Trace trace = Counted();
  Driven reset(trace, Crowded(), {}, {1, WithinMinute::kUniform}, 1);
  reset.Play(50, 1, [](const Snapshot&) {});
  for (int from_minute : {5, 0, 2}) {
    const ArrivalOptions arrivals{3, WithinMinute::kUniform};
    reset.Reset(4, arrivals, from_minute);
    const auto after = reset.Snapshots(80, 9);
    const auto rest = SliceTrace(trace, {.from = SimTime::Minutes(from_minute)});
    ASSERT_TRUE(rest.ok());
    Driven fresh(*rest, Crowded(), {}, arrivals, 4);
    ExpectSame(reset, after, fresh, fresh.Snapshots(80, 9));
  }
}

TEST(ResetTest, NeedsNoMemoryOnceItHasRun) {
  const Trace trace = Counted();
  for (const bool perturbed : {false, true}) {
    PerturbationSpec perturbations;
    if (perturbed) {
      perturbations.metric_lag.lag = SimTime::Seconds(5);
      perturbations.metric_noise.cv = 0.2;
      perturbations.actuation_delay.time_ms = Distribution::Exponential(2000);
    }
    Driven driven(trace, Crowded(), perturbations, {1, WithinMinute::kUniform}, 1);
    size_t before = 0;
    uint64_t invocations = 0;
    constexpr int kWarmUp = 12;
    for (int episode = 0; episode < kWarmUp + 4; ++episode) {
      if (episode == kWarmUp) before = AllocationCount();
      const uint64_t seed = static_cast<uint64_t>(episode % 4);
      driven.Reset(seed, {seed, WithinMinute::kUniform}, episode % 3);
      driven.Play(120, seed, [](const Snapshot&) {});
      invocations += driven.cluster().invocations();
    }
    EXPECT_EQ(AllocationCount(), before);
    EXPECT_GT(invocations, 10'000u);
  }
}

}  // namespace
}  // namespace reeve
