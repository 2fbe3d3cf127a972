// Memory, eviction, failures and nodes of the simulated cluster, against timelines worked out by
// hand. Times are in ms; a line reads as timeline.h says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "sim/cluster.h"
#include "timeline.h"

namespace reeve {
namespace {

using testing::CpuLimit;
using ::testing::ElementsAre;
using testing::MemoryLimit;
using testing::PlainCluster;
using testing::Replicas;
using testing::Timeline;

ClusterSpec WithMemory(ScalingMode scaling, int64_t memory_mib, int32_t nodes = 1) {
  ClusterSpec spec = PlainCluster(scaling);
  spec.nodes = {{nodes, Millicores::Cores(4), Mebibytes(memory_mib)}};
  return spec;
}

// ---- memory

TEST(MemoryTest, AContainerWithoutPlaceStartsWhenMemoryIsFreed) {
  Timeline run(WithMemory(ScalingMode::kReplicaTarget, 256), {{1, 500, 10}}, 2);
  run.Decide(0, Replicas(2));
  run.Decide(1, Replicas(1));
  EXPECT_THAT(run.At(900).containers_starting, ElementsAre(2, 1));
  EXPECT_EQ(run.held_mib(), 256);
  EXPECT_THAT(run.At(1500).containers_ready, ElementsAre(2, 0));
  run.Decide(0, Replicas(1));
  EXPECT_THAT(run.At(2499).containers_ready, ElementsAre(1, 0));
  EXPECT_THAT(run.At(5000).containers_ready, ElementsAre(1, 1));
  EXPECT_THAT(run.lines, ElementsAre("f1@500 2500-2510 #2 cold"));
}

TEST(MemoryTest, WhoWaitsLongestIsFirst) {
  Timeline run(WithMemory(ScalingMode::kReplicaTarget, 128), {}, 3);
  run.Decide(0, Replicas(1));
  run.Decide(2, Replicas(1));
  run.Decide(1, Replicas(1));
  run.At(2000);
  run.Decide(0, Replicas(0));
  EXPECT_THAT(run.At(4000).containers_ready, ElementsAre(0, 0, 1));
  run.Decide(2, Replicas(0));
  EXPECT_THAT(run.At(6000).containers_ready, ElementsAre(0, 1, 0));
}

TEST(MemoryTest, OnDemandAnIdleContainerMakesWayForWhatWaits) {
  Timeline run(WithMemory(ScalingMode::kOnDemand, 128), {{0, 0, 100}, {1, 500, 100}}, 2);
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1000-1100 #0 cold", "f1@500 2100-2200 #1 cold"));
}

TEST(MemoryTest, OnDemandANeedThatPassedStartsNothing) {
  // f1 has a container; its second request waits for a place, and is served by the first's.
  Timeline run(WithMemory(ScalingMode::kOnDemand, 256),
               {{0, 0, 5000}, {1, 0, 1000}, {1, 1500, 100}}, 2);
  run.At(20000);
  EXPECT_THAT(run.lines, ElementsAre("f1@0 1000-2000 #1 cold", "f1@1500 2000-2100 #1",
                                     "f0@0 1000-6000 #0 cold"));
  EXPECT_EQ(run.cluster().totals(FunctionId(1)).containers_started, 1u);
  EXPECT_THAT(run.snapshot.functions.containers_starting, ElementsAre(0, 0));
}

TEST(MemoryTest, ResizeRespectsTheNode) {
  ClusterSpec spec = WithMemory(ScalingMode::kReplicaTarget, 256);
  spec.containers.initial_replicas = 1;
  Timeline run(spec, {});
  run.Decide(0, MemoryLimit(200));
  run.At(100);
  EXPECT_EQ(run.held_mib(), 200);
  run.Decide(0, MemoryLimit(300));
  EXPECT_THAT(run.At(200).memory_limit, ElementsAre(Mebibytes(300)));
  EXPECT_EQ(run.held_mib(), 200);  // does not fit; it keeps its size
  run.Decide(0, MemoryLimit(64));
  run.At(300);
  EXPECT_EQ(run.held_mib(), 64);
}

TEST(MemoryTest, ShrinkingGivesPlaceToOthers) {
  ClusterSpec spec = WithMemory(ScalingMode::kReplicaTarget, 192);
  spec.functions["f0"].initial_replicas = 1;
  Timeline run(spec, {}, 2);
  run.Decide(1, Replicas(1));
  run.At(2000);
  run.Decide(0, MemoryLimit(64));
  EXPECT_THAT(run.At(3000).containers_ready, ElementsAre(1, 1));
  EXPECT_EQ(run.held_mib(), 192);
}

TEST(MemoryTest, ASmallerNeedFindsAPlaceAtOnce) {
  ClusterSpec spec = WithMemory(ScalingMode::kReplicaTarget, 100);
  Timeline run(spec, {});
  run.Decide(0, Replicas(1));
  EXPECT_THAT(run.At(2000).containers_starting, ElementsAre(1));
  run.Decide(0, MemoryLimit(100));
  EXPECT_THAT(run.At(3000).containers_ready, ElementsAre(1));
}

TEST(MemoryTest, OvercommittedCpuHoldsContainersBack) {
  ClusterSpec spec = WithMemory(ScalingMode::kReplicaTarget, 4096);
  spec.cpu_overcommit = 0.5;  // 2 of 4 cores
  Timeline run(spec, {});
  run.Decide(0, Replicas(4));
  EXPECT_THAT(run.At(2000).containers_ready, ElementsAre(2));
  EXPECT_THAT(run.snapshot.functions.containers_starting, ElementsAre(2));
  run.Decide(0, CpuLimit(500));
  EXPECT_THAT(run.At(4000).containers_ready, ElementsAre(4));
  EXPECT_EQ(run.snapshot.cluster.cpu_limits, Millicores(2000));
}

// ---- eviction

// f0, f1 and f2 idle since 2010, 1110 and 1210; f3 comes at 3000 and finds the node full.
std::vector<testing::Call> FourFunctions() {
  return {{0, 0, 10}, {1, 100, 10}, {2, 200, 10}, {0, 2000, 10}, {3, 3000, 10}};
}

TEST(EvictionTest, TheLongestIdleGoes) {
  Timeline run(WithMemory(ScalingMode::kOnDemand, 384), FourFunctions(), 4);
  EXPECT_THAT(run.At(2999).containers_ready, ElementsAre(1, 1, 1, 0));
  EXPECT_THAT(run.At(5000).containers_ready, ElementsAre(1, 0, 1, 1));
  EXPECT_EQ(run.lines.back(), "f3@3000 4000-4010 #3 cold");
  EXPECT_EQ(run.cluster().totals(FunctionId(1)).containers_stopped, 1u);
}

TEST(EvictionTest, TheWarmFloorStays) {
  Timeline run(WithMemory(ScalingMode::kOnDemand, 384), FourFunctions(), 4);
  run.At(2000);
  run.Decide(1, Replicas(1));
  EXPECT_THAT(run.At(5000).containers_ready, ElementsAre(1, 1, 0, 1));
}

TEST(EvictionTest, NothingGoesInVainAndOtherNodesAreTried) {
  // Two nodes of 256. On the first f0, which is floor, and f1; on the second f3 with 256. f2 needs
  // 256: f1 cannot make that room, f3 can.
  ClusterSpec spec = WithMemory(ScalingMode::kOnDemand, 256, 2);
  spec.functions["f2"].memory = Mebibytes(256);
  spec.functions["f3"].memory = Mebibytes(256);
  Timeline run(spec, {{0, 0, 10}, {1, 100, 10}, {3, 200, 10}, {2, 3000, 10}}, 4);
  run.Decide(0, Replicas(1));
  EXPECT_THAT(run.At(2999).containers_ready, ElementsAre(1, 1, 0, 1));
  EXPECT_THAT(run.At(5000).containers_ready, ElementsAre(1, 1, 1, 0));
}

TEST(EvictionTest, WhatIsLeftOverGoesToThoseWhoWait) {
  // f0 holds 384 of 512 and falls idle at 1500, f1 is busy with the rest. Both f2 and f3 wait.
  ClusterSpec spec = WithMemory(ScalingMode::kOnDemand, 512);
  spec.functions["f0"].memory = Mebibytes(384);
  Timeline run(spec, {{0, 0, 500}, {1, 0, 9000}, {2, 100, 10}, {3, 200, 10}}, 4);
  run.At(9999);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1000-1500 #0 cold", "f2@100 2500-2510 #2 cold",
                                     "f3@200 2500-2510 #3 cold"));
}

// ---- pools

TEST(PoolTest, RefillsWhenMemoryComesBack) {
  // f0 takes the pooled container and goes at 2200; f1 takes the next at 1500, when there is no
  // memory for a third.
  ClusterSpec spec = WithMemory(ScalingMode::kOnDemand, 256);
  spec.prewarm = {{1, Mebibytes(128)}};
  spec.containers.keep_alive = SimTime::Seconds(2);
  Timeline run(spec, {{0, 0, 100}, {1, 1500, 9000}, {0, 3500, 100}}, 2);
  run.At(3400);
  EXPECT_EQ(run.held_mib(), 256);
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 100-200 #0 cold", "f0@3500 3600-3700 #2 cold"));
}

TEST(PoolTest, GoesWithItsNodeAndStartsAnew) {
  ClusterSpec spec = WithMemory(ScalingMode::kOnDemand, 512);
  spec.prewarm = {{1, Mebibytes(128)}};
  spec.events = {{SimTime::Millis(1000), 0, NodeEventKind::kLose},
                 {SimTime::Millis(2000), 0, NodeEventKind::kRestore}};
  Timeline run(spec, {{0, 2500, 100}, {0, 4000, 100}});
  EXPECT_EQ(run.At(1500).size(), 1u);
  EXPECT_EQ(run.held_mib(), 0);
  run.At(9000);
  // The new pool is ready at 3000.
  EXPECT_EQ(run.lines.front(), "f0@2500 3500-3600 #0 cold");
  EXPECT_EQ(run.held_mib(), 256);
}

// ---- failures

TEST(FailureTest, AFailedContainerLosesItsRequestAndIsReplaced) {
  ClusterSpec spec = PlainCluster(ScalingMode::kReplicaTarget);
  spec.containers.initial_replicas = 1;
  spec.failures.container_mtbf = SimTime::Seconds(10);
  constexpr int64_t kLong = 1'000'000'000;
  Timeline run(spec, {{0, 0, kLong}});
  SimTime failed;
  run.cluster().set_invocation_sink([&](const InvocationRecord& r) {
    EXPECT_EQ(r.outcome, Outcome::kFailed);
    EXPECT_EQ(r.container.index(), 0u);
    failed = r.end;
  });
  double ms = 0;
  while (failed == SimTime() && ms < 1e6) run.At(ms += 100);
  ASSERT_GT(failed, SimTime());
  EXPECT_THAT(run.snapshot.functions.failures, ElementsAre(1));
  EXPECT_THAT(run.snapshot.functions.containers_ready, ElementsAre(0));
  EXPECT_THAT(run.snapshot.functions.containers_starting, ElementsAre(1));
  EXPECT_EQ(run.cluster().totals(FunctionId(0)).containers_started, 2u);
  EXPECT_EQ(run.cluster().totals(FunctionId(0)).containers_stopped, 0u);
}

// One container at a time, each living 10 s on average, for 10^5 s: 10^4 lives, deviation 100. A
// start fails with probability 0.3, so each life takes 1 / 0.7 starts; the variance of their sum is
// at most 10^4 (1 / 0.49 + 0.3 / 0.49).
TEST(FailureTest, RatesOfFailure) {
  for (const double p : {0.0, 0.3}) {
    ClusterSpec spec = PlainCluster(ScalingMode::kReplicaTarget);
    spec.containers.initial_replicas = 1;
    spec.cold_start.time_ms = Distribution::Constant(0);
    spec.failures.container_mtbf = SimTime::Seconds(10);
    spec.failures.start_failure_probability = p;
    Timeline run(spec, {});
    run.At(1e8);
    const double starts =
        static_cast<double>(run.cluster().totals(FunctionId(0)).containers_started);
    const double deviation = std::sqrt(1e4 * (1 + p) / ((1 - p) * (1 - p)));
    EXPECT_NEAR(starts, 1e4 / (1 - p), 4 * deviation);
  }
}

TEST(FailureTest, ContainersAtTheStartOfTheRunAreReady) {
  ClusterSpec spec = PlainCluster(ScalingMode::kReplicaTarget);
  spec.containers.initial_replicas = 20;
  spec.failures.start_failure_probability = 0.9;
  Timeline run(spec, {});
  EXPECT_THAT(run.At(0).containers_ready, ElementsAre(20));
}

TEST(FailureTest, AFunctionsFaultsAreItsOwn) {
  const auto lines = [](uint32_t functions) {
    ClusterSpec spec = PlainCluster(ScalingMode::kReplicaTarget);
    spec.nodes = {{1, Millicores::Cores(100), Mebibytes(1 << 16)}};
    spec.containers.initial_replicas = 2;
    spec.failures.container_mtbf = SimTime::Seconds(5);
    spec.failures.start_failure_probability = 0.2;
    std::vector<testing::Call> calls;
    for (int64_t i = 0; i < 200; ++i) calls.push_back({0, i * 100, 150});
    Timeline run(spec, calls, functions);
    std::vector<std::tuple<int64_t, int64_t, Outcome>> ends;
    run.cluster().set_invocation_sink([&](const InvocationRecord& r) {
      ends.emplace_back(r.arrival.micros(), r.end.micros(), r.outcome);
    });
    run.At(60000);
    return ends;
  };
  EXPECT_EQ(lines(1), lines(4));
}

// ---- nodes

// Both containers on the first of two nodes; one request runs, the other comes after the event.
ClusterSpec TwoNodes(NodeEventKind kind) {
  ClusterSpec spec = WithMemory(ScalingMode::kReplicaTarget, 256, 2);
  spec.containers.initial_replicas = 2;
  spec.events = {{SimTime::Millis(100), 0, kind}};
  return spec;
}

TEST(NodeTest, DrainLetsWorkFinishAndMovesTheRest) {
  Timeline run(TwoNodes(NodeEventKind::kDrain), {{0, 0, 500}, {0, 200, 10}});
  EXPECT_THAT(run.At(100).containers_ready, ElementsAre(0));
  EXPECT_THAT(run.snapshot.functions.containers_starting, ElementsAre(2));
  EXPECT_EQ(run.snapshot.cluster.nodes_ready, 1u);
  EXPECT_EQ(run.snapshot.cluster.memory_capacity, Mebibytes(256));
  EXPECT_THAT(run.At(5000).containers_ready, ElementsAre(2));
  EXPECT_THAT(run.lines, ElementsAre("f0@0 0-500 #0", "f0@200 1100-1110 #2 cold"));
}

TEST(NodeTest, LossFailsWhatRunsThere) {
  Timeline run(TwoNodes(NodeEventKind::kLose), {{0, 0, 500}, {0, 200, 10}});
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 0-100 #0 failed", "f0@200 1100-1110 #2 cold"));
  EXPECT_EQ(run.held_mib(), 256);
}

TEST(NodeTest, RestoredNodeTakesWhatWaits) {
  ClusterSpec spec = WithMemory(ScalingMode::kReplicaTarget, 256);
  spec.containers.initial_replicas = 1;
  spec.events = {{SimTime::Millis(100), 0, NodeEventKind::kLose},
                 {SimTime::Millis(1000), 0, NodeEventKind::kRestore}};
  Timeline run(spec, {{0, 200, 10}});
  EXPECT_EQ(run.At(500).containers_starting[0], 1u);
  EXPECT_EQ(run.snapshot.cluster.nodes_ready, 0u);
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@200 2000-2010 #1 cold"));
}

TEST(NodeTest, OnDemandABoundRequestMovesWhenItsNodeGoes) {
  for (const NodeEventKind kind : {NodeEventKind::kDrain, NodeEventKind::kLose}) {
    ClusterSpec spec = WithMemory(ScalingMode::kOnDemand, 256, 2);
    spec.events = {{SimTime::Millis(500), 0, kind}};
    Timeline run(spec, {{0, 0, 10}, {0, 100, 10}});
    run.At(5000);
    // Both starts are lost at 500 and begin anew on the other node.
    EXPECT_THAT(run.lines,
                ::testing::UnorderedElementsAre(::testing::StartsWith("f0@0 1500-1510"),
                                                ::testing::StartsWith("f0@100 1500-1510")));
  }
}

}  // namespace
}  // namespace reeve
