// OpenWhisk's ways in the simulated cluster (balancer, pools, pausing, CPU by memory) and eviction
// orders, against timelines worked out by hand. Times are in ms; a line reads as timeline.h says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/status.h"
#include "sim/cluster.h"
#include "sim/eviction.h"
#include "timeline.h"

namespace reeve {
namespace {

using testing::Call;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MemoryLimit;
using testing::PlainCluster;
using testing::Replicas;
using testing::Timeline;

ClusterSpec Sharding(int64_t memory_mib, int32_t nodes = 1) {
  ClusterSpec spec = PlainCluster(ScalingMode::kOnDemand);
  spec.nodes = {{nodes, Millicores::Cores(4), Mebibytes(memory_mib)}};
  spec.placement = PlacementStrategy::kHash;
  spec.balancer = BalancerStrategy::kSharding;
  spec.router = RouterStrategy::kMostRecent;
  return spec;
}

std::vector<std::string> Play(const ClusterSpec& spec, const std::vector<Call>& calls,
                              uint32_t functions = 1) {
  Timeline run(spec, calls, functions);
  run.At(60000);
  EXPECT_EQ(run.cluster().in_system(), 0u);
  return run.lines;
}

// ---- run buffer

TEST(RunBufferTest, TheHeadHoldsUpThoseBehindIt) {
  // f1 needs the whole node, which f0 shares until 6000; the second call of f0 would fit beside.
  const std::vector<Call> calls = {{0, 0, 5000}, {1, 100, 100}, {0, 200, 10}};
  ClusterSpec spec = Sharding(256);
  spec.functions["f1"].memory = Mebibytes(256);
  EXPECT_THAT(Play(spec, calls, 2),
              ElementsAre("f0@0 1000-6000 #0 cold", "f1@100 7000-7100 #1 cold",
                          "f0@200 8100-8110 #2 cold"));
  spec.balancer = BalancerStrategy::kAnyContainer;
  EXPECT_THAT(Play(spec, calls, 2),
              ElementsAre("f0@200 1200-1210 #1 cold", "f0@0 1000-6000 #0 cold",
                          "f1@100 7000-7100 #2 cold"));
}

TEST(RunBufferTest, AWarmContainerServesTheBuffer) {
  // All nodes full: the second is forced onto the only one and waits there.
  EXPECT_THAT(
      Play(Sharding(128), {{0, 0, 1000}, {0, 10, 100}, {0, 20, 100}}),
      ElementsAre("f0@0 1000-2000 #0 cold", "f0@10 2000-2100 #0 cold", "f0@20 2100-2200 #0 cold"));
}

TEST(RunBufferTest, WhoTimesOutAtTheHeadLetsTheNextStart) {
  // f2's warm floor leaves no room for f1 ever.
  ClusterSpec spec = Sharding(256);
  spec.cold_start.time_ms = Distribution::Constant(500);
  spec.functions["f1"].memory = Mebibytes(256);
  spec.containers.request_timeout = SimTime::Seconds(5);
  Timeline run(spec, {{1, 2000, 10}, {0, 3000, 10}}, 3);
  run.Decide(2, Replicas(1));
  run.At(20000);
  EXPECT_THAT(run.lines, ElementsAre("f1@2000 7000 timed_out", "f0@3000 7500-7510 #1 cold"));
}

// ---- balancer

// The hash of f0 in namespace t is 116 xor 3504133 = 3504241, odd: of two nodes its home is the
// second, and the first comes next.
TEST(BalancerTest, RequestsGoHomeWhileThereIsMemoryForThoseUnderWay) {
  // The second call finds the home full. The third goes home again, to the container idle since
  // 1100, although the other one is idle since 4100 only.
  const std::vector<Call> calls = {{0, 0, 100}, {0, 100, 3000}, {0, 10000, 100}};
  ClusterSpec spec = Sharding(128, 2);
  EXPECT_THAT(Play(spec, calls), ElementsAre("f0@0 1000-1100 #0 cold", "f0@100 1100-4100 #1 cold",
                                             "f0@10000 10000-10100 #0"));
  spec.balancer = BalancerStrategy::kAnyContainer;
  EXPECT_THAT(Play(spec, calls).back(), "f0@10000 10000-10100 #1");
}

TEST(BalancerTest, LosingTheHomeLeavesTheFirstNode) {
  ClusterSpec spec = Sharding(128, 2);
  spec.events = {{SimTime(), 1, NodeEventKind::kDrain}};
  Timeline run(spec, {{0, 100, 10}});
  run.At(500);
  EXPECT_EQ(run.held_mib(), 128);
  EXPECT_EQ(run.snapshot.cluster.nodes_ready, 1u);
}

TEST(BalancerTest, WhatWaitsOnALostNodeStartsOnAnother) {
  ClusterSpec spec = Sharding(128, 2);
  spec.events = {{SimTime::Millis(500), 1, NodeEventKind::kLose}};
  EXPECT_THAT(Play(spec, {{0, 0, 10}}), ElementsAre("f0@0 1500-1510 #1 cold"));
}

TEST(BalancerTest, WithoutANodeRequestsWaitForOne) {
  ClusterSpec spec = Sharding(128);
  spec.events = {{SimTime(), 0, NodeEventKind::kDrain},
                 {SimTime::Millis(2000), 0, NodeEventKind::kRestore}};
  EXPECT_THAT(Play(spec, {{0, 100, 10}, {0, 200, 10}}),
              ElementsAre("f0@100 3000-3010 #0 cold", "f0@200 3010-3020 #0 cold"));
}

TEST(BalancerTest, AContainersConcurrencySharesItsMemory) {
  // Two at once: one container's memory for both, the third goes to the other node.
  ClusterSpec spec = Sharding(128, 2);
  spec.containers.concurrency = 2;
  spec.containers.cpu_limit = Millicores::Cores(2);
  EXPECT_THAT(
      Play(spec, {{0, 0, 100}, {0, 10, 100}, {0, 20, 100}}),
      ElementsAre("f0@0 1000-1100 #0 cold", "f0@10 1000-1100 #0 cold", "f0@20 1020-1120 #1 cold"));
}

TEST(BalancerTest, RefusesBeyondTheQueueLimit) {
  ClusterSpec spec = Sharding(128);
  spec.containers.queue_limit = 1;
  EXPECT_THAT(Play(spec, {{0, 0, 100}, {0, 10, 100}, {0, 1050, 100}, {0, 1060, 100}}),
              ElementsAre("f0@10 10 rejected", "f0@1060 1060 rejected", "f0@0 1000-1100 #0 cold",
                          "f0@1050 1100-1200 #0"));
}

// ---- pool

TEST(InvokerPoolTest, WarmThenPrewarmedThenColdThenInPlaceOfOthers) {
  ClusterSpec spec = Sharding(384);
  spec.prewarm = {{1, Mebibytes(128)}};
  const std::vector<Call> calls = {
      {0, 0, 100},     // takes the pre-warmed one; another is started, ready at 1000
      {0, 10, 5000},   // none is ready: cold
      {0, 300, 10},    // the first is warm again
      {0, 400, 4000},  // and again
      {0, 2000, 100},  // the second pre-warmed one; there is no memory for a third
      {1, 3000, 100},  // in place of the container idle since 2200
  };
  EXPECT_THAT(
      Play(spec, calls, 2),
      ElementsAre("f0@0 100-200 #0 cold", "f0@300 300-310 #0", "f0@2000 2100-2200 #2 cold",
                  "f1@3000 4000-4100 #3 cold", "f0@400 400-4400 #0", "f0@10 1010-6010 #1 cold"));
}

TEST(InvokerPoolTest, NothingIsEvictedWithoutEnoughInTotal) {
  // 128 of 384 MiB idle, 128 free until f1 asks for all.
  ClusterSpec spec = Sharding(384);
  spec.functions["f1"].memory = Mebibytes(384);
  Timeline run(spec, {{0, 0, 10}, {0, 5, 9000}, {1, 2000, 10}}, 2);
  EXPECT_THAT(run.At(5000).containers_ready, ElementsAre(2, 0));
  EXPECT_THAT(run.At(9999).containers_ready, ElementsAre(2, 0));
  EXPECT_THAT(run.At(10006).containers_starting, ElementsAre(0, 1));
  EXPECT_EQ(run.cluster().totals(FunctionId(0)).containers_stopped, 2u);
}

TEST(InvokerPoolTest, TheWarmFloorStartsWithoutRequestsAndStays) {
  ClusterSpec spec = Sharding(128);
  Timeline run(spec, {{0, 2000, 10}, {1, 3000, 10}}, 2);
  run.Decide(0, Replicas(1));
  EXPECT_THAT(run.At(2500).containers_ready, ElementsAre(1, 0));
  EXPECT_THAT(run.lines, ElementsAre("f0@2000 2000-2010 #0"));
  run.At(8000);
  EXPECT_EQ(run.lines.size(), 1u);
  run.Decide(0, Replicas(0));
  run.At(10000);
  EXPECT_EQ(run.lines.back(), "f1@3000 9000-9010 #1 cold");
}

// ---- pausing

TEST(PauseTest, ResumingTakesTimeAfterTheGrace) {
  ClusterSpec spec = Sharding(1024);
  spec.pause.grace = SimTime::Seconds(10);
  spec.pause.resume_ms = Distribution::Constant(50);
  // Idle since 1100, 5100 and 15199.
  EXPECT_THAT(Play(spec, {{0, 0, 100}, {0, 5000, 100}, {0, 15099, 100}, {0, 25199, 100}}),
              ElementsAre("f0@0 1000-1100 #0 cold", "f0@5000 5000-5100 #0",
                          "f0@15099 15099-15199 #0", "f0@25199 25249-25349 #0"));
}

TEST(PauseTest, OthersMayWaitForTheSameResumption) {
  ClusterSpec spec = Sharding(1024);
  spec.pause.grace = SimTime::Seconds(10);
  spec.pause.resume_ms = Distribution::Constant(50);
  const std::vector<Call> calls = {{0, 0, 100}, {0, 20000, 100}, {0, 20020, 200}};
  EXPECT_THAT(Play(spec, calls), ElementsAre("f0@0 1000-1100 #0 cold", "f0@20000 20050-20150 #0",
                                             "f0@20020 21020-21220 #1 cold"));
  spec.containers.concurrency = 2;
  spec.containers.cpu_limit = Millicores::Cores(2);
  EXPECT_THAT(Play(spec, calls), ElementsAre("f0@0 1000-1100 #0 cold", "f0@20000 20050-20150 #0",
                                             "f0@20020 20050-20250 #0"));
}

TEST(PauseTest, AResumingContainerIsNeitherEvictedNorExpired) {
  ClusterSpec spec = Sharding(128);
  spec.pause.grace = SimTime::Seconds(1);
  spec.pause.resume_ms = Distribution::Constant(500);
  spec.containers.keep_alive = SimTime::Millis(1600);  // over at 2700, while it resumes
  EXPECT_THAT(
      Play(spec, {{0, 0, 100}, {0, 2400, 100}, {1, 2500, 10}}, 2),
      ElementsAre("f0@0 1000-1100 #0 cold", "f0@2400 2900-3000 #0", "f1@2500 4000-4010 #1 cold"));
}

TEST(PauseTest, NeedsTheShardingBalancer) {
  ClusterSpec spec = Sharding(128);
  spec.pause.grace = SimTime::Seconds(10);
  EXPECT_TRUE(spec.Validate().ok());
  spec.balancer = BalancerStrategy::kAnyContainer;
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("pause: only the pools behind"));
  spec.pause.grace = SimTime::Max();
  spec.scaling = ScalingMode::kReplicaTarget;
  EXPECT_TRUE(spec.Validate().ok());
  spec.balancer = BalancerStrategy::kSharding;
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("it needs scaling: on_demand"));
}

// ---- CPU by memory

TEST(CpuByMemoryTest, SharesFollowMemory) {
  // One core: 128 to 384 MiB is 1/4 to 3/4. f1 ends after 4/3 s, f0 has 2/3 s of its second left;
  // both ends are the first whole microsecond after.
  ClusterSpec spec = Sharding(1024);
  spec.nodes[0].cpu = Millicores::Cores(1);
  spec.containers.cpu_shares_from_memory = true;
  spec.functions["f1"].memory = Mebibytes(384);
  EXPECT_THAT(Play(spec, {{0, 0, 1000}, {1, 0, 1000}}, 2),
              ElementsAre("f1@0 1000-2333.334 #1 cold", "f0@0 1000-3000.001 #0 cold"));
}

TEST(CpuByMemoryTest, LimitsFollowMemory) {
  ClusterSpec spec = Sharding(4096);
  spec.containers.cpu_limit_per_gib = Millicores(2000);
  spec.functions["f1"].memory = Mebibytes(512);
  spec.functions["f2"].cpu_limit = Millicores(700);
  Timeline run(spec, {}, 3);
  EXPECT_THAT(run.At(0).cpu_limit, ElementsAre(Millicores(250), Millicores(1000), Millicores(700)));
  run.Decide(0, MemoryLimit(1024));
  run.Decide(2, MemoryLimit(1024));
  EXPECT_THAT(run.At(1).cpu_limit,
              ElementsAre(Millicores(2000), Millicores(1000), Millicores(700)));
  Decision both = MemoryLimit(512);
  both.cpu_limit = Millicores(123);
  run.Decide(1, both);
  EXPECT_EQ(run.At(2).cpu_limit[1], Millicores(123));
}

// ---- eviction

TEST(GreedyDualTest, PrioritiesAndClock) {
  GreedyDual order(2, 2);
  order.SetCost(0, 1000);
  order.SetCost(1, 400);
  order.Started(5, 0);
  EXPECT_EQ(order.Priority(5), 0);
  order.Used(5, 0, 0, 100);
  order.Used(5, 0, 0, 100);
  EXPECT_EQ(order.Priority(5), 20);  // 0 + 2 * 1000 / 100
  order.Started(6, 0);
  order.Used(6, 1, 0, 200);
  EXPECT_EQ(order.Priority(6), 2);  // 0 + 400 / 200
  order.Evicted(0, 2);
  order.Forget(1, 0);
  EXPECT_EQ(order.clock(0), 2);
  EXPECT_EQ(order.clock(1), 0);  // another node's
  order.Started(6, 0);
  EXPECT_EQ(order.Priority(6), 2);
  order.Used(6, 1, 0, 200);
  EXPECT_EQ(order.Priority(6), 4);  // 2 + 1 * 400 / 200: begun anew
  order.Started(7, 0);
  order.Used(7, 0, 0, 100);
  EXPECT_EQ(order.Priority(7), 32);  // 2 + 3 * 1000 / 100: of all of the function's requests
  EXPECT_EQ(order.Priority(5), 20);  // not used since
  order.Evicted(0, 1);               // the clock never goes back
  EXPECT_EQ(order.clock(0), 2);
}

// Room for three containers of 128 MiB whose starts take 1 s, so p = 1000 / 128 per use. f0 is used
// three times and then left alone.
std::vector<Call> FiveTurns() {
  return {{0, 0, 10},     {0, 1500, 10},  {0, 2000, 10},  {1, 3000, 10},
          {2, 5000, 10},  {3, 7000, 10},  {1, 10000, 10}, {2, 13000, 10},
          {3, 16000, 10}, {1, 19000, 10}, {0, 22000, 10}};
}

TEST(GreedyDualTest, UseKeepsAContainerForAWhile) {
  ClusterSpec spec = PlainCluster(ScalingMode::kOnDemand);
  spec.nodes = {{1, Millicores::Cores(4), Mebibytes(384)}};
  spec.eviction = EvictionOrder::kGreedyDual;
  for (const BalancerStrategy balancer :
       {BalancerStrategy::kAnyContainer, BalancerStrategy::kSharding}) {
    spec.balancer = balancer;
    Timeline run(spec, FiveTurns(), 4);
    // At 7000: f0 3p, f1 p, f2 p. f1 is idle for longest of the two; the clock becomes p.
    EXPECT_THAT(run.At(9000).containers_ready, ElementsAre(1, 0, 1, 1));
    // At 10000: f0 3p, f2 p, f3 p + p.
    EXPECT_THAT(run.At(12000).containers_ready, ElementsAre(1, 1, 0, 1));
    // At 13000: f0 3p, f3 2p, and f1 2p, begun anew. The clock becomes 2p.
    EXPECT_THAT(run.At(15000).containers_ready, ElementsAre(1, 1, 1, 0));
    // At 16000: f0 3p, f1 2p, f2 2p + p.
    EXPECT_THAT(run.At(18000).containers_ready, ElementsAre(1, 0, 1, 1));
    // At 19000 all have 3p: f0 is idle for longest.
    EXPECT_THAT(run.At(21000).containers_ready, ElementsAre(0, 1, 1, 1));
    EXPECT_EQ(run.cluster().totals(FunctionId(0)).containers_stopped, 1u);
    run.At(30000);
    EXPECT_EQ(run.lines.back(), "f0@22000 23000-23010 #8 cold");
  }
  spec.eviction = EvictionOrder::kLeastRecentlyUsed;
  Timeline run(spec, FiveTurns(), 4);
  EXPECT_THAT(run.At(9000).containers_ready, ElementsAre(0, 1, 1, 1));
}

TEST(GreedyDualTest, CheapStartsAndLargeContainersGoFirst) {
  // f1 is as large as f0 and starts in half the time; f2 is as slow to start and twice as large.
  ClusterSpec spec = PlainCluster(ScalingMode::kOnDemand);
  spec.eviction = EvictionOrder::kGreedyDual;
  spec.nodes = {{1, Millicores::Cores(4), Mebibytes(512)}};
  spec.functions["f2"].memory = Mebibytes(256);
  Timeline run(spec, {{2, 0, 10}, {0, 1500, 10}, {1, 2000, 10}, {1, 4000, 10}, {3, 5000, 10}}, 4);
  // p = 1000 / 128: f0 p, f1 2p, f2 p / 2.
  EXPECT_THAT(run.At(8000).containers_ready, ElementsAre(1, 1, 0, 1));
}

}  // namespace
}  // namespace reeve
