// Scaling, queues and limits of the simulated cluster, against timelines worked out by hand. Times
// are in ms; a line reads as timeline.h says. Faults and memory: cluster_nodes_test.cc.
#include "sim/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "timeline.h"

namespace reeve {
namespace {

using testing::Concurrency;
using testing::CpuLimit;
using ::testing::ElementsAre;
using testing::KeepAlive;
using testing::PlainCluster;
using testing::Replicas;
using testing::Timeline;

ClusterSpec ReplicaTarget(int32_t initial) {
  ClusterSpec spec = PlainCluster(ScalingMode::kReplicaTarget);
  spec.containers.initial_replicas = initial;
  return spec;
}
ClusterSpec OnDemand() {
  return PlainCluster(ScalingMode::kOnDemand);
}

// ---- replica target

TEST(ReplicaTargetTest, FirstRequestWakesAndTheQueueIsServedInOrder) {
  Timeline run(ReplicaTarget(0), {{0, 0, 100}, {0, 200, 100}, {0, 300, 50}, {0, 2000, 100}});
  int woken = 0;
  run.cluster().set_wake([&](FunctionId f, SimTime now, Decision& d) {
    EXPECT_EQ(f.index(), 0u);
    EXPECT_EQ(now, SimTime());
    ++woken;
    d.replicas = 1;
  });
  EXPECT_THAT(run.At(999).containers_starting, ElementsAre(1));
  EXPECT_THAT(run.snapshot.functions.queued, ElementsAre(3));
  run.At(5000);
  EXPECT_EQ(woken, 1);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1000-1100 #0 cold", "f0@200 1100-1200 #0 cold",
                                     "f0@300 1200-1250 #0 cold", "f0@2000 2000-2100 #0"));
}

TEST(ReplicaTargetTest, WakesOnlyWithoutContainersAndWithoutAQueue) {
  Timeline run(ReplicaTarget(0), {{0, 0, 10}, {0, 5, 10}, {0, 5000, 10}});
  std::vector<double> woken;
  run.cluster().set_wake(
      [&](FunctionId, SimTime now, Decision&) { woken.push_back(now.millis()); });
  run.At(100);
  EXPECT_THAT(woken, ElementsAre(0));  // the second finds a queue
  run.Decide(0, Replicas(1));
  run.At(2000);
  run.Decide(0, Replicas(0));
  run.At(6000);
  EXPECT_THAT(woken, ElementsAre(0, 5000));
}

TEST(ReplicaTargetTest, TwoContainersServeOneQueue) {
  Timeline run(ReplicaTarget(0), {{0, 0, 100}, {0, 10, 100}, {0, 20, 100}, {0, 30, 100}});
  run.Decide(0, Replicas(2));
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1000-1100 #0 cold", "f0@10 1000-1100 #1 cold",
                                     "f0@20 1100-1200 #0 cold", "f0@30 1100-1200 #1 cold"));
}

TEST(ReplicaTargetTest, ScalingDownLetsTheBusyFinish) {
  Timeline run(ReplicaTarget(2), {{0, 0, 1000}, {0, 10, 500}, {0, 200, 50}});
  run.At(100);
  run.Decide(0, Replicas(1));  // #1 is the newest, and busy
  EXPECT_THAT(run.At(400).containers_ready, ElementsAre(1));
  EXPECT_THAT(run.snapshot.functions.in_flight, ElementsAre(2));
  EXPECT_EQ(run.held_mib(), 256);
  run.At(600);
  EXPECT_EQ(run.held_mib(), 128);
  EXPECT_EQ(run.cluster().totals(FunctionId(0)).containers_stopped, 1u);
  run.At(2000);
  // The third has to wait for #0: #1 takes nothing new, and goes at 510.
  EXPECT_THAT(run.lines, ElementsAre("f0@10 10-510 #1", "f0@0 0-1000 #0", "f0@200 1000-1050 #0"));
}

TEST(ReplicaTargetTest, NewestGoesFirstBusyOrNot) {
  ClusterSpec spec = ReplicaTarget(3);
  spec.router = RouterStrategy::kNewest;
  Timeline run(spec, {{0, 0, 100}, {0, 20, 10}});
  run.At(10);
  run.Decide(0, Replicas(2));
  run.At(1000);
  EXPECT_THAT(run.lines, ElementsAre("f0@20 20-30 #1", "f0@0 0-100 #2"));
}

TEST(ReplicaTargetTest, IdleOnesGoFirst) {
  ClusterSpec spec = ReplicaTarget(3);
  spec.router = RouterStrategy::kNewest;
  spec.scale_down = ScaleDownOrder::kIdleFirst;
  Timeline run(spec, {{0, 0, 100}, {0, 20, 10}, {0, 200, 10}});
  run.At(10);
  run.Decide(0, Replicas(2));
  run.At(1000);
  EXPECT_THAT(run.lines, ElementsAre("f0@20 20-30 #0", "f0@0 0-100 #2", "f0@200 200-210 #2"));
}

TEST(ReplicaTargetTest, StartingOnesGoBeforeReadyOnes) {
  Timeline run(ReplicaTarget(1), {{0, 600, 10}});
  run.At(0);
  run.Decide(0, Replicas(3));
  EXPECT_THAT(run.At(500).containers_starting, ElementsAre(2));
  run.Decide(0, Replicas(1));
  EXPECT_THAT(run.At(2000).containers_ready, ElementsAre(1));
  EXPECT_THAT(run.lines, ElementsAre("f0@600 600-610 #0"));
  EXPECT_EQ(run.cluster().totals(FunctionId(0)).containers_stopped, 2u);
}

TEST(ReplicaTargetTest, NeverMoreThanMaxReplicas) {
  ClusterSpec spec = ReplicaTarget(0);
  spec.containers.max_replicas = 2;
  Timeline run(spec, {});
  run.Decide(0, Replicas(5));
  EXPECT_THAT(run.At(2000).containers_ready, ElementsAre(2));
  EXPECT_THAT(run.snapshot.functions.replicas_asked, ElementsAre(5));
}

// ---- on demand

TEST(OnDemandTest, KeepAliveEndsAContainerToTheMicrosecond) {
  ClusterSpec spec = OnDemand();
  spec.containers.keep_alive = SimTime::Seconds(2);
  Timeline run(spec, {{0, 0, 100}, {0, 3099, 1}, {0, 9000, 1}});
  run.At(2000);
  // The use at 3099 counts anew, from its end.
  EXPECT_THAT(run.At(5099.999).containers_ready, ElementsAre(1));
  EXPECT_THAT(run.At(5100).containers_ready, ElementsAre(0));
  EXPECT_EQ(run.held_mib(), 0);
  run.At(20000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1000-1100 #0 cold", "f0@3099 3099-3100 #0",
                                     "f0@9000 10000-10001 #1 cold"));
}

TEST(OnDemandTest, KeepAliveOfZero) {
  ClusterSpec spec = OnDemand();
  spec.containers.keep_alive = SimTime();
  Timeline run(spec, {{0, 0, 100}, {0, 1101, 100}});
  EXPECT_THAT(run.At(1100).containers_ready, ElementsAre(0));
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1000-1100 #0 cold", "f0@1101 2101-2201 #1 cold"));
}

TEST(OnDemandTest, KeepAliveNeverEnds) {
  ClusterSpec spec = OnDemand();
  spec.containers.keep_alive = SimTime::Max();
  Timeline run(spec, {{0, 0, 100}});
  EXPECT_THAT(run.At(1e9).containers_ready, ElementsAre(1));
}

TEST(OnDemandTest, AShorterKeepAliveActsOnWhatIsIdle) {
  Timeline run(OnDemand(), {{0, 0, 100}, {1, 0, 100}}, 2);
  run.At(5000);  // both idle since 1100
  run.Decide(0, KeepAlive(SimTime::Seconds(1)));
  run.Decide(1, KeepAlive(SimTime::Seconds(8)));
  EXPECT_THAT(run.At(5000).containers_ready, ElementsAre(0, 1));
  EXPECT_THAT(run.At(9099.999).containers_ready, ElementsAre(0, 1));
  EXPECT_THAT(run.At(9100).containers_ready, ElementsAre(0, 0));
}

TEST(OnDemandTest, ALongerKeepAliveHoldsWhatIsIdle) {
  ClusterSpec spec = OnDemand();
  spec.containers.keep_alive = SimTime::Seconds(2);
  Timeline run(spec, {{0, 0, 100}});
  run.At(2000);
  run.Decide(0, KeepAlive(SimTime::Seconds(10)));
  EXPECT_THAT(run.At(11099.999).containers_ready, ElementsAre(1));
  EXPECT_THAT(run.At(11100).containers_ready, ElementsAre(0));
}

TEST(OnDemandTest, TheWarmFloorStaysUntilItFalls) {
  ClusterSpec spec = OnDemand();
  spec.containers.keep_alive = SimTime::Seconds(2);
  Timeline run(spec, {{0, 0, 100}, {0, 10, 100}, {0, 20, 100}});
  run.Decide(0, Replicas(2));
  EXPECT_THAT(run.At(3000).containers_ready, ElementsAre(3));
  EXPECT_THAT(run.At(60000).containers_ready, ElementsAre(2));
  run.Decide(0, Replicas(1));
  EXPECT_THAT(run.At(60000).containers_ready, ElementsAre(1));
  run.Decide(0, Replicas(0));
  EXPECT_THAT(run.At(60000).containers_ready, ElementsAre(0));
}

TEST(OnDemandTest, TheFloorStartsContainersAhead) {
  Timeline run(OnDemand(), {{0, 2000, 10}});
  run.Decide(0, Replicas(1));
  run.At(3000);
  EXPECT_THAT(run.lines, ElementsAre("f0@2000 2000-2010 #0"));
}

TEST(OnDemandTest, ABoundRequestWaitsForTheContainerItStarted) {
  Timeline run(OnDemand(), {{0, 0, 100}, {0, 500, 100}, {0, 1200, 100}});
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1000-1100 #0 cold", "f0@1200 1200-1300 #0",
                                     "f0@500 1500-1600 #1 cold"));
}

TEST(OnDemandTest, AnUnboundRequestTakesWhatIsFreeFirst) {
  ClusterSpec spec = OnDemand();
  spec.bind_cold_starts = false;
  Timeline run(spec, {{0, 0, 100}, {0, 500, 100}});
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1000-1100 #0 cold", "f0@500 1100-1200 #0 cold"));
}

TEST(OnDemandTest, AtMaxReplicasRequestsWaitForABusyContainer) {
  ClusterSpec spec = OnDemand();
  spec.containers.max_replicas = 1;
  Timeline run(spec, {{0, 0, 100}, {0, 10, 100}, {0, 20, 100}});
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1000-1100 #0 cold", "f0@10 1100-1200 #0 cold",
                                     "f0@20 1200-1300 #0 cold"));
}

TEST(OnDemandTest, AStartingContainerOfTwoIsEnoughForTwo) {
  ClusterSpec spec = OnDemand();
  spec.containers.concurrency = 2;
  spec.containers.cpu_limit = Millicores::Cores(2);
  Timeline run(spec, {{0, 0, 100}, {0, 10, 100}, {0, 20, 100}});
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1000-1100 #0 cold", "f0@10 1000-1100 #0 cold",
                                     "f0@20 1020-1120 #1 cold"));
}

// ---- limits of requests

TEST(RequestLimitsTest, TimeLimitHoldsForQueuedAndRunning) {
  ClusterSpec spec = ReplicaTarget(1);
  spec.containers.request_timeout = SimTime::Millis(500);
  Timeline run(spec, {{0, 0, 1000}, {0, 100, 1000}, {0, 150, 40}, {0, 160, 1000}});
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 0-500 #0 timed_out", "f0@100 500-600 #0 timed_out",
                                     "f0@150 600-640 #0", "f0@160 640-660 #0 timed_out"));
}

TEST(RequestLimitsTest, GivenUpInTheQueue) {
  ClusterSpec spec = ReplicaTarget(0);
  spec.containers.request_timeout = SimTime::Millis(500);
  Timeline run(spec, {{0, 0, 10}, {0, 100, 10}, {1, 50, 10}}, 2);
  EXPECT_THAT(run.At(500).timeouts, ElementsAre(1, 0));
  run.At(5000);
  EXPECT_THAT(run.lines,
              ElementsAre("f0@0 500 timed_out", "f1@50 550 timed_out", "f0@100 600 timed_out"));
}

TEST(RequestLimitsTest, ABoundRequestGivesUpAndItsContainerServesOthers) {
  ClusterSpec spec = OnDemand();
  spec.containers.request_timeout = SimTime::Millis(500);
  Timeline run(spec, {{0, 0, 10}, {0, 1200, 10}});
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 500 timed_out", "f0@1200 1200-1210 #0"));
}

TEST(RequestLimitsTest, TimeLimitUnderContention) {
  ClusterSpec spec = ReplicaTarget(3);
  spec.nodes[0].cpu = Millicores::Cores(1);
  spec.containers.request_timeout = SimTime::Millis(500);
  Timeline run(spec, {{0, 0, 400}, {0, 0, 400}, {0, 100, 200}});
  run.At(5000);
  // From 100 to 500 the third has a third of the core, 133.3 ms of work; then all of it.
  EXPECT_THAT(run.lines, ElementsAre("f0@0 0-500 #0 timed_out", "f0@0 0-500 #1 timed_out",
                                     "f0@100 100-566.667 #2"));
}

TEST(RequestLimitsTest, FullQueueRejects) {
  ClusterSpec spec = ReplicaTarget(0);
  spec.containers.queue_limit = 2;
  Timeline run(spec, {{0, 0, 10}, {0, 1, 10}, {0, 2, 10}, {0, 3, 10}, {0, 2000, 10}});
  run.Decide(0, Replicas(1));
  EXPECT_THAT(run.At(500).rejections, ElementsAre(2));
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@2 2 rejected", "f0@3 3 rejected", "f0@0 1000-1010 #0 cold",
                                     "f0@1 1010-1020 #0 cold", "f0@2000 2000-2010 #0"));
}

// ---- decisions on running containers

TEST(ResizeTest, CpuLimitChangesTheSpeedOfRunningWork) {
  Timeline run(ReplicaTarget(1), {{0, 0, 1000}, {0, 5000, 1000}});
  run.At(500);
  run.Decide(0, CpuLimit(500));
  run.At(6000);  // 500 left at half speed; of the second, 500 done by now
  run.Decide(0, CpuLimit(1000));
  EXPECT_THAT(run.At(9000).cpu_limit, ElementsAre(Millicores(1000)));
  EXPECT_THAT(run.lines, ElementsAre("f0@0 0-1500 #0", "f0@5000 5000-6500 #0"));
}

TEST(ResizeTest, ConcurrencyLetsTheQueueIn) {
  ClusterSpec spec = ReplicaTarget(1);
  spec.containers.cpu_limit = Millicores::Cores(2);
  Timeline run(spec, {{0, 0, 1000}, {0, 1, 1000}, {0, 500, 100}});
  run.At(100);
  run.Decide(0, Concurrency(2));
  run.At(200);
  run.Decide(0, Concurrency(1));
  EXPECT_THAT(run.At(5000).concurrency_limit, ElementsAre(1));
  // The third waits until fewer than one runs.
  EXPECT_THAT(run.lines, ElementsAre("f0@0 0-1000 #0", "f0@1 100-1100 #0", "f0@500 1100-1200 #0"));
}

TEST(ResizeTest, LowerConcurrencyStartsMoreOnDemand) {
  ClusterSpec spec = OnDemand();
  spec.containers.concurrency = 0;
  Timeline run(spec, {{0, 0, 100}, {0, 1, 100}, {0, 2, 100}});
  EXPECT_THAT(run.At(500).containers_starting, ElementsAre(1));
  run.Decide(0, Concurrency(1));
  EXPECT_THAT(run.At(500).containers_starting, ElementsAre(3));
}

TEST(ApplyTest, WrongNumberOfDecisions) {
  Timeline run(ReplicaTarget(0), {}, 2);
  const absl::Status status = run.cluster().Apply(std::vector<Decision>(3));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

// ---- starts

TEST(ColdStartTest, CpuOfAStartSlowsOthersAndIsSlowed) {
  ClusterSpec spec = PlainCluster(ScalingMode::kReplicaTarget);
  spec.nodes[0].cpu = Millicores::Cores(1);
  spec.cold_start.cpu = Millicores::Cores(1);
  spec.functions["f0"].initial_replicas = 1;
  Timeline run(spec, {{0, 0, 1000}}, 2);
  run.Decide(1, Replicas(1));
  EXPECT_THAT(run.At(1999).containers_starting, ElementsAre(0, 1));
  EXPECT_THAT(run.At(2001).containers_ready, ElementsAre(1, 1));
  EXPECT_THAT(run.lines, ElementsAre("f0@0 0-2000 #0"));
}

TEST(ColdStartTest, ImageIsPulledOncePerNode) {
  ClusterSpec spec = OnDemand();
  spec.nodes = {{2, Millicores::Cores(4), Mebibytes(128)}};
  spec.cold_start.image_pull_ms = Distribution::Constant(500);
  spec.containers.keep_alive = SimTime();
  Timeline run(spec, {{0, 0, 100}, {0, 2000, 100}, {0, 5000, 100}, {0, 5001, 100}});
  run.At(9000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1500-1600 #0 cold", "f0@2000 3000-3100 #1 cold",
                                     "f0@5000 6000-6100 #2 cold", "f0@5001 6501-6601 #3 cold"));
}

TEST(ColdStartTest, PrewarmedContainersStartFasterAndAreReplaced) {
  ClusterSpec spec = OnDemand();
  spec.prewarm = {{1, Mebibytes(128)}};
  Timeline run(spec, {{0, 0, 5000}, {0, 150, 5000}, {0, 1200, 5000}});
  run.At(0);
  EXPECT_EQ(run.held_mib(), 256);  // the function's container and the next one of the pool
  run.At(9000);
  // The second finds the pool empty until 1000.
  EXPECT_THAT(run.lines, ElementsAre("f0@0 100-5100 #0 cold", "f0@150 1150-6150 #1 cold",
                                     "f0@1200 1300-6300 #2 cold"));
  EXPECT_EQ(run.held_mib(), 4 * 128);
}

TEST(ColdStartTest, PoolsServeTheirSizeOnly) {
  ClusterSpec spec = OnDemand();
  spec.prewarm = {{1, Mebibytes(256)}};
  Timeline run(spec, {{0, 0, 10}});
  run.At(5000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1000-1010 #0 cold"));
}

// ---- measurements

TEST(ObserveTest, MeansAndCountsOfAWindow) {
  ClusterSpec spec = ReplicaTarget(1);
  spec.functions["f0"].slo_latency = SimTime::Millis(1200);
  Timeline run(spec, {{0, 500, 1000}, {0, 1000, 1000}});
  const FunctionWindows& w = run.At(2000);
  EXPECT_EQ(run.snapshot.window, SimTime::Seconds(2));
  EXPECT_THAT(w.arrivals, ElementsAre(2));
  EXPECT_THAT(w.completions, ElementsAre(1));
  EXPECT_THAT(w.slo_violations, ElementsAre(0));
  EXPECT_THAT(w.in_flight, ElementsAre(1));
  EXPECT_DOUBLE_EQ(w.mean_in_flight[0], 0.75);  // from 500 to the end
  EXPECT_DOUBLE_EQ(w.mean_queued[0], 0.25);     // from 1000 to 1500
  EXPECT_NEAR(w.cpu_used_millicores[0], 750, 1e-6);
  EXPECT_NEAR(run.snapshot.cluster.cpu_used_millicores, 750, 1e-6);
  EXPECT_DOUBLE_EQ(w.memory_used_mebibytes[0], 128);
  EXPECT_NEAR(w.latency_p50_ms[0], 1000, 62.5);  // a bucket is 6.25 % wide
  run.At(4000);
  EXPECT_THAT(w.arrivals, ElementsAre(0));
  EXPECT_THAT(w.completions, ElementsAre(1));
  EXPECT_THAT(w.slo_violations, ElementsAre(1));  // 1500 ms
  EXPECT_DOUBLE_EQ(w.mean_in_flight[0], 0.25);
  EXPECT_DOUBLE_EQ(w.mean_queued[0], 0);
  EXPECT_NEAR(w.latency_p99_ms[0], 1500, 93.75);
  EXPECT_NEAR(w.execution_p99_ms[0], 1000, 62.5);
}

TEST(ObserveTest, PercentilesOfAWindow) {
  ClusterSpec spec = ReplicaTarget(100);
  spec.nodes = {{1, Millicores::Cores(100), Mebibytes(1 << 20)}};
  std::vector<testing::Call> calls;
  for (int64_t ms = 1; ms <= 100; ++ms) calls.push_back({0, 0, ms});
  Timeline run(spec, calls);
  const FunctionWindows& w = run.At(1000);
  EXPECT_NEAR(w.latency_p50_ms[0], 50, 0.0625 * 50);
  EXPECT_NEAR(w.latency_p95_ms[0], 95, 0.0625 * 95);
  EXPECT_NEAR(w.latency_p99_ms[0], 99, 0.0625 * 99);
  EXPECT_EQ(w.histograms->count(0), 100u);
  run.At(2000);
  EXPECT_EQ(w.latency_p50_ms[0], 0);
  EXPECT_EQ(w.histograms->count(0), 0u);
}

TEST(ObserveTest, ColdStartsAreCountedWhenTheyBegin) {
  Timeline run(OnDemand(), {{0, 0, 100}, {0, 1500, 100}});
  EXPECT_THAT(run.At(500).cold_starts, ElementsAre(0));
  EXPECT_THAT(run.snapshot.functions.containers_started, ElementsAre(1));
  EXPECT_THAT(run.At(1000).cold_starts, ElementsAre(1));
  EXPECT_THAT(run.snapshot.functions.containers_started, ElementsAre(0));
  EXPECT_THAT(run.At(2000).cold_starts, ElementsAre(0));
}

TEST(ObserveTest, QuietFunctionsKeepTheirStateAndAnotherSnapshotGetsAll) {
  Timeline run(ReplicaTarget(1), {{0, 0, 100}, {1, 0, 100}}, 2);
  for (int64_t ms = 1000; ms <= 10000; ms += 1000) run.At(static_cast<double>(ms));
  const auto check = [](const Snapshot& s) {
    EXPECT_THAT(s.functions.containers_ready, ElementsAre(1, 1));
    EXPECT_THAT(s.functions.memory_used_mebibytes, ElementsAre(128, 128));
    EXPECT_THAT(s.functions.completions, ElementsAre(0, 0));
    EXPECT_THAT(s.functions.mean_in_flight, ElementsAre(0, 0));
    EXPECT_THAT(s.functions.concurrency_limit, ElementsAre(1, 1));
    EXPECT_THAT(s.functions.replicas_asked, ElementsAre(1, 1));
  };
  check(run.snapshot);
  run.cluster().AdvanceTo(SimTime::Seconds(11));
  Snapshot other;
  ASSERT_TRUE(run.cluster().Observe(other).ok());
  check(other);
}

TEST(ContainerSinkTest, TellsOfEachContainersLife) {
  Timeline run(ReplicaTarget(0), {{0, 1500, 1000}});
  std::vector<std::string> told;
  run.cluster().set_container_sink([&](const ContainerRecord& r) {
    constexpr const char* kNames[] = {"started", "ready", "draining", "ended"};
    told.push_back(fmt::format("#{} {} {}", r.container.index(),
                               kNames[static_cast<size_t>(r.event)], r.time.millis()));
  });
  run.Decide(0, Replicas(2));
  run.At(2000);  // the older one is busy
  run.Decide(0, Replicas(0));
  run.At(3000);
  EXPECT_THAT(told, ElementsAre("#0 started 0", "#1 started 0", "#0 ready 1000", "#1 ready 1000",
                                "#1 ended 2000", "#0 draining 2000", "#0 ended 2500"));
}

TEST(ObserveTest, ADecisionForAQuietFunctionShows) {
  Timeline run(ReplicaTarget(1), {{0, 0, 100}});
  for (int64_t ms = 1000; ms <= 10000; ms += 1000) run.At(static_cast<double>(ms));
  run.Decide(0, Replicas(3));
  run.Decide(0, CpuLimit(700));
  EXPECT_THAT(run.At(10500).containers_starting, ElementsAre(2));
  EXPECT_THAT(run.snapshot.functions.replicas_asked, ElementsAre(3));
  EXPECT_THAT(run.snapshot.functions.cpu_limit, ElementsAre(Millicores(700)));
  EXPECT_THAT(run.snapshot.functions.memory_used_mebibytes, ElementsAre(3 * 128));
}

TEST(ObserveTest, MemoryOfAWindowInWhichAQuietContainerWent) {
  ClusterSpec spec = OnDemand();
  spec.containers.keep_alive = SimTime::Millis(3400);
  Timeline run(spec, {{0, 0, 100}});  // idle from 1100 to 4500
  EXPECT_THAT(run.At(2000).memory_used_mebibytes, ElementsAre(128));
  run.At(3000);
  EXPECT_THAT(run.At(4000).memory_used_mebibytes, ElementsAre(128));
  EXPECT_THAT(run.At(5000).memory_used_mebibytes, ElementsAre(64));
  EXPECT_THAT(run.At(6000).memory_used_mebibytes, ElementsAre(0));
  EXPECT_THAT(run.At(7000).memory_used_mebibytes, ElementsAre(0));
}

}  // namespace
}  // namespace reeve
