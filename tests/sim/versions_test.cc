// New versions of an action (`resize: new_version`) against timelines worked out by hand. Times are
// in ms; a line reads as timeline.h says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/status.h"
#include "sim/cluster.h"
#include "timeline.h"

namespace reeve {
namespace {

using testing::Call;
using testing::Concurrency;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MemoryLimit;
using testing::PlainCluster;
using testing::Replicas;
using testing::Timeline;

// A GiB has 4 cores, so that a container of 128 MiB works at half speed and one of 256 at full.
ClusterSpec Versions(int64_t memory_mib = 4096) {
  ClusterSpec spec = PlainCluster(ScalingMode::kOnDemand);
  spec.nodes = {{1, Millicores::Cores(4), Mebibytes(memory_mib)}};
  spec.placement = PlacementStrategy::kHash;
  spec.balancer = BalancerStrategy::kSharding;
  spec.router = RouterStrategy::kMostRecent;
  spec.resize = ResizeMode::kNewVersion;
  spec.containers.cpu_limit_per_gib = Millicores::Cores(4);
  spec.containers.keep_alive = SimTime::Seconds(10);
  return spec;
}

TEST(VersionsTest, WarmContainersStayAndServeNothingMore) {
  ClusterSpec spec = Versions();
  const std::vector<Call> calls = {{0, 0, 100}, {0, 2000, 100}, {0, 4000, 100}, {0, 6000, 100}};
  Timeline run(spec, calls);
  EXPECT_THAT(run.At(3000).containers_ready, ElementsAre(1));
  run.Decide(0, MemoryLimit(256));
  EXPECT_THAT(run.At(3001).containers_ready, ElementsAre(0));
  EXPECT_EQ(run.held_mib(), 128);
  EXPECT_THAT(run.At(6500).containers_ready, ElementsAre(1));
  EXPECT_EQ(run.held_mib(), 128 + 256);
  run.At(12199);  // the old one is idle since 2200
  EXPECT_EQ(run.held_mib(), 128 + 256);
  run.At(12200);
  EXPECT_EQ(run.held_mib(), 256);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1000-1200 #0 cold", "f0@2000 2000-2200 #0",
                                     "f0@4000 5000-5100 #1 cold", "f0@6000 6000-6100 #1"));
  // It is paid for as long as it lives: 12.2 s of 128 MiB, from its start on, and 8.2 of 256.
  EXPECT_EQ(run.cluster().totals(FunctionId(0)).memory_mib_us,
            int64_t{12'200'000} * 128 + int64_t{8'200'000} * 256);

  spec.resize = ResizeMode::kInPlace;
  Timeline in_place(spec, calls);
  in_place.At(3000);
  in_place.Decide(0, MemoryLimit(256));
  in_place.At(6500);
  EXPECT_EQ(in_place.held_mib(), 256);
  EXPECT_EQ(in_place.lines.back(), "f0@6000 6000-6100 #0");
}

TEST(VersionsTest, WhatWasSentToAContainerEndsThereAsItBegan) {
  // The first starts, and the second runs, when there is a new version: both at half speed.
  Timeline starting(Versions(), {{0, 0, 100}, {0, 600, 100}});
  starting.At(500);
  starting.Decide(0, MemoryLimit(256));
  EXPECT_THAT(starting.At(550).containers_starting, ElementsAre(0));
  starting.At(5000);
  EXPECT_THAT(starting.lines, ElementsAre("f0@0 1000-1200 #0 cold", "f0@600 1600-1700 #1 cold"));

  Timeline running(Versions(), {{0, 0, 1000}, {0, 2500, 100}});
  running.At(2000);
  running.Decide(0, MemoryLimit(256));
  running.At(5000);
  EXPECT_THAT(running.lines, ElementsAre("f0@0 1000-3000 #0 cold", "f0@2500 3500-3600 #1 cold"));
}

TEST(VersionsTest, AsItIsAlreadyIsNoNewVersion) {
  Timeline run(Versions(), {{0, 0, 100}, {0, 3000, 100}, {0, 6000, 100}});
  run.At(2000);
  run.Decide(0, MemoryLimit(128));
  run.At(2500);
  run.Decide(0, Concurrency(1));
  run.At(5000);
  EXPECT_EQ(run.lines.back(), "f0@3000 3000-3200 #0");
  run.Decide(0, Concurrency(2));
  run.At(9000);
  EXPECT_EQ(run.lines.back(), "f0@6000 7000-7200 #1 cold");
}

TEST(VersionsTest, TheWarmFloorIsOfTheNewVersion) {
  Timeline run(Versions(), {{0, 3500, 100}});
  run.Decide(0, Replicas(1));
  EXPECT_THAT(run.At(2000).containers_ready, ElementsAre(1));
  run.Decide(0, MemoryLimit(256));
  EXPECT_THAT(run.At(2500).containers_starting, ElementsAre(1));
  run.At(20000);
  EXPECT_THAT(run.lines, ElementsAre("f0@3500 3500-3600 #1"));
  EXPECT_EQ(run.held_mib(), 256);  // the old one went in spite of the floor
}

TEST(VersionsTest, OldContainersMakeRoom) {
  // 128 of 256 MiB are held by the old version when the new one needs all of them.
  Timeline run(Versions(256), {{0, 0, 100}, {0, 4000, 100}});
  run.At(2000);
  run.Decide(0, MemoryLimit(256));
  run.At(4001);
  EXPECT_EQ(run.held_mib(), 256);
  run.At(9000);
  EXPECT_EQ(run.lines.back(), "f0@4000 5000-5100 #1 cold");
}

TEST(VersionsTest, OneThatResumesServesWhoWaitsForIt) {
  ClusterSpec spec = Versions();
  spec.pause.grace = SimTime::Seconds(1);
  spec.pause.resume_ms = Distribution::Constant(500);
  Timeline run(spec, {{0, 0, 100}, {0, 4000, 100}, {0, 4300, 100}});
  run.At(4200);
  run.Decide(0, MemoryLimit(256));
  run.At(9000);
  EXPECT_THAT(run.lines, ElementsAre("f0@0 1000-1200 #0 cold", "f0@4000 4500-4700 #0",
                                     "f0@4300 5300-5400 #1 cold"));
}

TEST(VersionsTest, NeedTheShardingBalancer) {
  ClusterSpec spec = Versions();
  EXPECT_TRUE(spec.Validate().ok());
  spec.balancer = BalancerStrategy::kAnyContainer;
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("resize: only the pools behind"));
}

}  // namespace
}  // namespace reeve
