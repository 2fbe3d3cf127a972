// Activations on a small simulated machine whose times can be worked out by hand.
#include "controller/openwhisk_server/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "core/random.h"

namespace reeve::openwhisk_server {
namespace {

constexpr double kInitShare = 0.3;

// One node; a container starts in a second, and an activation uses a core.
class ExecutorTest : public ::testing::Test {
 protected:
  ExecutorTest() {
    spec_.scaling = ScalingMode::kOnDemand;
    spec_.balancer = BalancerStrategy::kSharding;
    spec_.placement = PlacementStrategy::kHash;
    spec_.router = RouterStrategy::kMostRecent;
    spec_.nodes = {NodeGroupSpec{.cpu = Millicores::Cores(4), .memory = Mebibytes(4096)}};
    spec_.cold_start.time_ms = Distribution::Constant(1000);
    spec_.containers.keep_alive = SimTime::Seconds(60);
  }
  void Make(int versions = 4) {
    std::vector<ExecutionPool> pools(1);
    pools[0] = {"guest", "f", {}, versions};
    executor_ = std::make_unique<Executor>(spec_, pools, kInitShare, 1,
                                           [this](const Execution& e) { ended_[e.ticket] = e; });
  }
  uint64_t Invoke(uint32_t version, int64_t work_ms) {
    const auto ticket = executor_->Invoke(version, SimTime::Millis(work_ms));
    EXPECT_TRUE(ticket.ok()) << ticket.status();
    return ticket.value_or(0);
  }
  // A container of the version that is ready and idle.
  void Warm(uint32_t version, int containers = 1) {
    for (int i = 0; i < containers; ++i) Invoke(version, 1);
    executor_->AdvanceTo(executor_->now() + SimTime::Seconds(3));
    ended_.clear();
  }
  SimTime Latency(uint64_t ticket) { return ended_.at(ticket).end - ended_.at(ticket).arrival; }

  ClusterSpec spec_;
  std::unique_ptr<Executor> executor_;
  std::map<uint64_t, Execution> ended_;
};

TEST_F(ExecutorTest, ColdStartIsWaitAndInitialisation) {
  Make();
  const uint32_t v = executor_->AddVersion(0, {});
  const uint64_t cold = Invoke(v, 100);
  EXPECT_EQ(executor_->under_way(), 1u);
  executor_->AdvanceTo(SimTime::Seconds(2));
  const uint64_t warm = Invoke(v, 100);
  executor_->AdvanceTo(SimTime::Seconds(4));
  ASSERT_TRUE(ended_.contains(cold));
  const Execution& first = ended_.at(cold);
  EXPECT_TRUE(first.cold);
  EXPECT_EQ(first.start, SimTime::Millis(700));
  EXPECT_EQ(first.init, SimTime::Millis(300));
  EXPECT_EQ(first.end, SimTime::Millis(1100));
  const Execution& second = ended_.at(warm);
  EXPECT_FALSE(second.cold);
  EXPECT_EQ(second.init, SimTime());
  EXPECT_EQ(second.start, SimTime::Seconds(2));
  EXPECT_EQ(second.end, SimTime::Millis(2100));
  EXPECT_EQ(executor_->under_way(), 0u);
}

TEST_F(ExecutorTest, NewVersionLeavesWarmContainersBehind) {
  Make();
  const uint32_t old = executor_->AddVersion(0, {});
  Warm(old);
  EXPECT_EQ(executor_->figures().containers(), 1u);
  executor_->Retire(old);
  const uint32_t now = executor_->AddVersion(0, {.memory = Mebibytes(512)});
  const uint64_t ticket = Invoke(now, 100);
  executor_->AdvanceTo(executor_->now() + SimTime::Seconds(2));
  EXPECT_TRUE(ended_.at(ticket).cold);
  EXPECT_EQ(Latency(ticket), SimTime::Millis(1100));
  EXPECT_EQ(executor_->figures().containers(), 2u);  // the old one stands idle
  executor_->AdvanceTo(executor_->now() + SimTime::Minutes(2));
  EXPECT_EQ(executor_->figures().containers(), 0u);
}

// 256 MiB for 4 s, and 512 for the last 2 of them: the old version's container is held, too.
TEST_F(ExecutorTest, FiguresAreOfAllVersions) {
  Make();
  const uint32_t old = executor_->AddVersion(0, {.memory = Mebibytes(256)});
  Invoke(old, 100);
  executor_->AdvanceTo(SimTime::Seconds(2));
  executor_->Retire(old);
  Invoke(executor_->AddVersion(0, {.memory = Mebibytes(512)}), 100);
  executor_->AdvanceTo(SimTime::Seconds(4));
  const ExecutorFigures& figures = executor_->figures();
  EXPECT_EQ(figures.gib_seconds(), 2);
  EXPECT_EQ(figures.latency_us.count(), 2u);
  EXPECT_NEAR(figures.latency_us.Quantile(0.5), 1.1e6, 0.01e6);  // a cold start and 100 ms
}

// Shares by memory, on one core: that of 256 MB has two thirds of it and ends after 150 ms; by then
// the other has done half of its work, and does the rest alone.
TEST_F(ExecutorTest, MemoryIsAShareOfTheProcessor) {
  spec_.nodes = {NodeGroupSpec{.cpu = Millicores::Cores(1), .memory = Mebibytes(4096)}};
  spec_.containers.cpu_shares_from_memory = true;
  Make();
  const uint32_t large = executor_->AddVersion(0, {.memory = Mebibytes(256)});
  const uint32_t small = executor_->AddVersion(0, {.memory = Mebibytes(128)});
  Warm(large);
  Warm(small);
  const uint64_t a = Invoke(large, 100), b = Invoke(small, 100);
  executor_->AdvanceTo(executor_->now() + SimTime::Seconds(1));
  EXPECT_NEAR(Latency(a).millis(), 150, 0.01);
  EXPECT_NEAR(Latency(b).millis(), 200, 0.01);
}

TEST_F(ExecutorTest, InstancesHoldActivationsBack) {
  Make();
  const uint32_t v = executor_->AddVersion(0, {.instances = 1});
  Warm(v);
  std::vector<uint64_t> tickets;
  for (int i = 0; i < 3; ++i) tickets.push_back(Invoke(v, 100));
  executor_->AdvanceTo(executor_->now() + SimTime::Seconds(1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Latency(tickets[i]), SimTime::Millis(100 * (i + 1)));
    EXPECT_EQ(ended_.at(tickets[i]).start - ended_.at(tickets[i]).arrival,
              SimTime::Millis(100 * i));
  }
  EXPECT_EQ(executor_->figures().containers(), 1u);
}

TEST_F(ExecutorTest, ConcurrencyOfOneContainer) {
  Make();
  const uint32_t v = executor_->AddVersion(0, {.concurrency = 2});
  const uint64_t a = Invoke(v, 100), b = Invoke(v, 100);
  executor_->AdvanceTo(SimTime::Seconds(3));
  EXPECT_EQ(executor_->figures().containers(), 1u);
  // Only one of the two initialises it.
  EXPECT_EQ((ended_.at(a).init > SimTime()) + (ended_.at(b).init > SimTime()), 1);
}

TEST_F(ExecutorTest, OldestVersionMakesRoomWhenThePoolIsUsedUp) {
  Make(/*versions=*/2);
  for (int i = 0; i < 5; ++i) {
    const uint32_t v = executor_->AddVersion(0, {});
    Warm(v);
    EXPECT_LE(executor_->figures().containers(), 2u);
    executor_->Retire(v);
  }
  // What is under way keeps its place.
  const uint32_t a = executor_->AddVersion(0, {}), b = executor_->AddVersion(0, {}),
                 c = executor_->AddVersion(0, {});
  Invoke(a, 60000);
  Invoke(b, 60000);
  executor_->Retire(a);
  executor_->Retire(b);
  EXPECT_TRUE(absl::IsResourceExhausted(executor_->Invoke(c, SimTime::Millis(1)).status()));
  executor_->AdvanceTo(executor_->now() + SimTime::Seconds(70));
  EXPECT_TRUE(executor_->Invoke(c, SimTime::Millis(1)).ok());
}

// However the time between is cut, the same invocations at the same times have the same fate.
TEST_F(ExecutorTest, DoesNotDependOnHowTimeIsTold) {
  spec_.cold_start.time_ms = Distribution::LognormalFromMoments(300, 200);
  const auto run = [&](bool cut) {
    ended_.clear();
    Make();
    const uint32_t free = executor_->AddVersion(0, {});
    const uint32_t held = executor_->AddVersion(0, {.instances = 2});
    RandomCursor when(RandomStream(3, StreamPurpose::kArrivals, 0));
    RandomCursor cuts(RandomStream(4, StreamPurpose::kArrivals, 0));
    for (int i = 0; i < 300; ++i) {
      const SimTime next = executor_->now() + SimTime::FromSeconds(0.03 * when.Exponential());
      while (cut && cuts.Uniform() < 0.7) {
        const double left = (next - executor_->now()).seconds();
        executor_->AdvanceTo(executor_->now() + SimTime::FromSeconds(left * cuts.Uniform()));
      }
      executor_->AdvanceTo(next);
      Invoke(i % 2 == 0 ? free : held, 20 + i % 50);
    }
    executor_->AdvanceTo(executor_->now() + SimTime::Seconds(60));
    std::vector<std::pair<SimTime, SimTime>> fates;
    for (const auto& [ticket, e] : ended_) fates.emplace_back(e.start, e.end);
    EXPECT_EQ(fates.size(), 300u);
    return fates;
  };
  EXPECT_EQ(run(false), run(true));
}

}  // namespace
}  // namespace reeve::openwhisk_server
