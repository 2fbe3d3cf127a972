// Pods and containers, against timelines worked out by hand.
#include "controller/fleet/simulated_pods.h"

#include <gtest/gtest.h>

#include <optional>

#include "core/check.h"

namespace reeve {
namespace {

struct Call {
  int64_t at_ms, work_ms;
};

Trace TraceOf(const std::vector<Call>& calls) {
  TraceBuilder builder;
  FunctionProfile profile;
  profile.name = "f";
  profile.tenant = builder.Tenant("t");
  profile.app = builder.App("a");
  profile.memory = Mebibytes(128);
  const FunctionId id = builder.AddFunction(profile);
  for (const Call& call : calls) {
    builder.AddInvocation({call.at_ms * 1000, call.work_ms * 1000, id.index(), 0});
  }
  builder.set_minimum_duration(SimTime::Seconds(60));
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

// A start takes 1 s; the node has room for `places` containers.
ClusterSpec Cluster(int32_t initial, int64_t places = 16) {
  ClusterSpec spec;
  spec.nodes = {{1, Millicores::Cores(16), Mebibytes(128 * places)}};
  spec.cold_start.time_ms = Distribution::Constant(1000);
  spec.containers.initial_replicas = initial;
  return spec;
}

class SimulatedPodsTest : public ::testing::Test {
 protected:
  void Begin(const ClusterSpec& spec, const std::vector<Call>& calls = {{59'999, 1}}) {
    trace_.emplace(TraceOf(calls));
    pods_.emplace(*trace_, spec, ArrivalOptions{});
  }
  void Add(const std::string& name) { pods_->Add(name, FunctionId(0)); }
  void At(int64_t ms) { pods_->AdvanceTo(SimTime::Millis(ms)); }
  PodStage Stage(const std::string& name) {
    const SimulatedPod* pod = pods_->Find(name);
    EXPECT_NE(pod, nullptr) << name;
    return pod == nullptr ? PodStage::kGone : pod->stage;
  }
  uint64_t Answered(const std::string& name) { return pods_->Find(name)->counters.answered(); }

  std::optional<Trace> trace_;
  std::optional<SimulatedPods> pods_;
};

TEST_F(SimulatedPodsTest, APodIsReadyAfterTheColdStart) {
  Begin(Cluster(0));
  Add("a");
  EXPECT_EQ(Stage("a"), PodStage::kWaiting);  // the clock stands
  At(500);
  EXPECT_EQ(Stage("a"), PodStage::kStarting);
  At(999);
  EXPECT_EQ(Stage("a"), PodStage::kStarting);
  At(1000);
  EXPECT_EQ(Stage("a"), PodStage::kReady);
}

TEST_F(SimulatedPodsTest, ThePodsOfTheBeginningAreReadyBeforeIt) {
  Begin(Cluster(2));
  for (const char* name : {"a", "b", "c"}) Add(name);
  EXPECT_EQ(Stage("a"), PodStage::kReady);
  EXPECT_EQ(Stage("b"), PodStage::kReady);
  EXPECT_EQ(Stage("c"), PodStage::kWaiting);
  At(1);
  EXPECT_EQ(Stage("c"), PodStage::kStarting);
}

TEST_F(SimulatedPodsTest, AnIdlePodGoesAtOnceWhicheverItIs) {
  // The simulator ends the newest container, that of "b"; it is "a" that is deleted.
  Begin(Cluster(2));
  Add("a");
  Add("b");
  At(10);
  pods_->Remove("a");
  At(20);
  EXPECT_EQ(Stage("a"), PodStage::kGone);
  EXPECT_EQ(Stage("b"), PodStage::kReady);
  EXPECT_EQ(pods_->cluster().unfinished(FunctionId(0)), 0u);
  pods_->Forget("a");
  At(30);
  EXPECT_EQ(pods_->Find("a"), nullptr);
}

TEST_F(SimulatedPodsTest, ABusyPodDrainsAndItsRequestsAreAnswered) {
  Begin(Cluster(1), {{100, 500}, {200, 500}});
  Add("a");
  At(150);
  pods_->Remove("a");
  At(160);
  EXPECT_EQ(Stage("a"), PodStage::kDraining);
  At(599);
  EXPECT_EQ(Stage("a"), PodStage::kDraining);
  At(600);
  EXPECT_EQ(Stage("a"), PodStage::kGone);
  EXPECT_EQ(Answered("a"), 1u);
  // The second request waits, for nobody: its activator knows.
  Snapshot snapshot;
  ASSERT_TRUE(pods_->CloseWindow(snapshot).ok());
  EXPECT_EQ(pods_->activator(FunctionId(0)).queued, 1);
}

TEST_F(SimulatedPodsTest, CountersStayWithTheirPodWhenContainersAreExchanged) {
  // "old" answers one request, alone. Then "new" comes, and "old" is deleted: the simulator ends
  // the newer container, and "new" goes on in the older one.
  Begin(Cluster(1), {{100, 50}, {2000, 50}});
  Add("old");
  At(500);
  Add("new");
  At(1600);
  EXPECT_EQ(Stage("new"), PodStage::kReady);
  EXPECT_EQ(Answered("old"), 1u);
  pods_->Remove("old");
  At(2100);
  EXPECT_EQ(Stage("old"), PodStage::kGone);
  EXPECT_EQ(Answered("old"), 1u);
  EXPECT_EQ(Answered("new"), 1u);
}

TEST_F(SimulatedPodsTest, APodWithoutRoomWaitsUntilAnotherGoes) {
  Begin(Cluster(0, /*places=*/1));
  Add("a");
  Add("b");
  At(1000);
  EXPECT_EQ(Stage("a"), PodStage::kReady);
  EXPECT_EQ(Stage("b"), PodStage::kWaiting);
  // The simulator wants one less than had a place, and ends nothing: "b" takes what "a" had.
  pods_->Remove("a");
  At(1001);
  EXPECT_EQ(Stage("a"), PodStage::kGone);
  EXPECT_EQ(Stage("b"), PodStage::kReady);
}

TEST_F(SimulatedPodsTest, AContainerThatFailsIsStartedAgainInItsPod) {
  ClusterSpec spec = Cluster(1);
  spec.nodes[0].count = 2;  // what is on the first is lost at 2 s
  spec.placement = PlacementStrategy::kFirstFit;
  spec.events = {{SimTime::Seconds(2), 0, NodeEventKind::kLose}};
  Begin(spec);
  Add("a");
  At(1999);
  EXPECT_EQ(Stage("a"), PodStage::kReady);
  At(2000);
  EXPECT_EQ(Stage("a"), PodStage::kStarting);
  EXPECT_EQ(pods_->Find("a")->restarts, 1u);
  At(3000);
  EXPECT_EQ(Stage("a"), PodStage::kReady);
}

TEST_F(SimulatedPodsTest, APodThatIsNobodysDrainsUnseen) {
  Begin(Cluster(1), {{100, 500}});
  Add("a");
  At(150);
  pods_->Forget("a");
  At(200);
  EXPECT_NE(pods_->Find("a"), nullptr);
  At(700);
  EXPECT_EQ(pods_->Find("a"), nullptr);
}

// Each pod's rates over the window, and their sum that of the function.
TEST_F(SimulatedPodsTest, RatesAreThoseOfTheWindow) {
  // Two pods of one request at once; four requests of 250 ms in the first second.
  Begin(Cluster(2), {{0, 250}, {0, 250}, {500, 250}, {500, 250}});
  Add("a");
  Add("b");
  At(1000);
  Snapshot snapshot;
  ASSERT_TRUE(pods_->CloseWindow(snapshot).ok());
  const PodRates& a = pods_->Find("a")->rates;
  EXPECT_NEAR(a.requests, 2, 1e-9);
  EXPECT_NEAR(a.concurrency, 0.5, 1e-9);
  // Each was busy for half a second, with one core.
  EXPECT_NEAR(pods_->Find("a")->counters.cpu_seconds, 0.5, 1e-9);
  At(2000);
  ASSERT_TRUE(pods_->CloseWindow(snapshot).ok());
  EXPECT_EQ(pods_->Find("a")->rates.requests, 0);
  EXPECT_EQ(pods_->Find("a")->rates.concurrency, 0);
}

}  // namespace
}  // namespace reeve
