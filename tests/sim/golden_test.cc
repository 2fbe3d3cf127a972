// Two whole small simulations as text, so that a change in behaviour shows in the diff. When one is
// meant: scripts/update-goldens, and look at what changed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "timeline.h"

namespace reeve {
namespace {

// An API with a burst, a timer, and a rare heavy function; two minutes.
Trace ThreeFunctions() {
  TraceBuilder builder;
  const auto add = [&](const char* name, Trigger trigger, int64_t memory_mib,
                       const Distribution& duration_ms) {
    FunctionProfile profile;
    profile.name = name;
    profile.tenant = builder.Tenant("tenant");
    profile.app = builder.App(name);
    profile.trigger = trigger;
    profile.memory = Mebibytes(memory_mib);
    profile.duration_ms = duration_ms;
    return builder.AddFunction(profile);
  };
  const FunctionId api =
      add("api", Trigger::kHttp, 128, Distribution::LognormalFromMoments(400, 300));
  const FunctionId timer = add("timer", Trigger::kTimer, 128, Distribution::Constant(250));
  const FunctionId heavy = add("heavy", Trigger::kQueue, 320, Distribution::Exponential(4000));
  builder.AddCount(0, api, 20);
  builder.AddCount(1, api, 60);
  for (int m = 0; m < 2; ++m) {
    builder.AddCount(m, timer, 4);
    builder.AddCount(m, heavy, 5);
  }
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

// OpenWhisk's ways: hash placement, pools, eviction, bound cold starts; faults.
ClusterSpec OnDemandSpec() {
  ClusterSpec spec;
  spec.scaling = ScalingMode::kOnDemand;
  spec.nodes = {{2, Millicores::Cores(1), Mebibytes(640)}};
  spec.placement = PlacementStrategy::kHash;
  spec.router = RouterStrategy::kMostRecent;
  spec.prewarm = {{1, Mebibytes(128)}};
  spec.containers.keep_alive = SimTime::Seconds(8);
  spec.containers.request_timeout = SimTime::Seconds(10);
  spec.containers.queue_limit = 4;
  spec.containers.max_replicas = 3;
  spec.cold_start.cpu = Millicores(500);
  spec.failures.container_mtbf = SimTime::Seconds(60);
  spec.failures.start_failure_probability = 0.1;
  spec.events = {{SimTime::Seconds(80), 1, NodeEventKind::kLose},
                 {SimTime::Seconds(95), 1, NodeEventKind::kRestore}};
  return spec;
}

// Knative's ways: replicas by target, several requests in a container; interference and a drain.
ClusterSpec ReplicaTargetSpec() {
  ClusterSpec spec;
  spec.scaling = ScalingMode::kReplicaTarget;
  spec.nodes = {{2, Millicores::Cores(1), Mebibytes(640)}};
  spec.placement = PlacementStrategy::kSpread;
  spec.router = RouterStrategy::kLeastOutstanding;
  spec.containers.concurrency = 2;
  spec.containers.request_timeout = SimTime::Seconds(15);
  spec.containers.queue_limit = 6;
  spec.cold_start.image_pull_ms = Distribution::Exponential(500);
  spec.interference = {{0.5, 1.0}, {3.0, 2.0}};
  spec.events = {{SimTime::Seconds(70), 0, NodeEventKind::kDrain},
                 {SimTime::Seconds(90), 0, NodeEventKind::kRestore}};
  return spec;
}

// As many containers as there were requests in the system at the end of the window, 4 at most; to
// zero after a window without any.
void DecideByDemand(const Snapshot& s, std::vector<Decision>& decisions) {
  for (size_t i = 0; i < decisions.size(); ++i) {
    const uint32_t demand = s.functions.queued[i] + s.functions.in_flight[i];
    decisions[i] = testing::Replicas(demand > 0 || s.functions.arrivals[i] > 0
                                         ? std::clamp<int32_t>(static_cast<int32_t>(demand), 1, 4)
                                         : 0);
  }
}

std::string Played(const ClusterSpec& spec) {
  const Trace trace = ThreeFunctions();
  std::string text;
  SimulatedCluster cluster(trace, spec, 11, MakeArrivalSource(trace, {11, {}}));
  cluster.set_invocation_sink(
      [&](const InvocationRecord& r) { text += testing::RecordText(r) + "\n"; });
  cluster.set_wake([](FunctionId, SimTime, Decision& d) { d.replicas = 1; });
  Snapshot s;
  std::vector<Decision> decisions(trace.functions().size());
  while (cluster.now() < SimTime::Seconds(150)) {
    cluster.AdvanceTo(cluster.now() + SimTime::Seconds(5));
    REEVE_CHECK(cluster.Observe(s).ok());
    text += fmt::format("-- {} s: ready {}, starting {}, queued {}, running {}; {} MiB held\n",
                        s.time.seconds(), fmt::join(s.functions.containers_ready, " "),
                        fmt::join(s.functions.containers_starting, " "),
                        fmt::join(s.functions.queued, " "), fmt::join(s.functions.in_flight, " "),
                        s.cluster.memory_held.value());
    if (spec.scaling == ScalingMode::kOnDemand) continue;
    DecideByDemand(s, decisions);
    REEVE_CHECK(cluster.Apply(decisions).ok());
  }
  for (uint32_t i = 0; i < trace.functions().size(); ++i) {
    const FunctionTotals& t = cluster.totals(FunctionId(i));
    text += fmt::format(
        "{}: {} arrivals, {} completed, {} failed, {} timed out, {} rejected, {} cold, "
        "{} containers started, {} over the objective, {} container-ms\n",
        trace.functions()[i].name, t.arrivals, t.completions, t.failures, t.timeouts, t.rejections,
        t.cold_starts, t.containers_started, t.slo_violations, t.container_us / 1000);
  }
  return text;
}

void ExpectGolden(const std::string& name, const std::string& played) {
  const std::string path = std::string(REEVE_GOLDENS) + "/" + name + ".txt";
  if (std::getenv("REEVE_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(path) << played;
    GTEST_SKIP() << "wrote " << path;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path << " cannot be read";
  std::istringstream now(played);
  std::string expected, line;
  for (int number = 1; std::getline(file, expected); ++number) {
    ASSERT_TRUE(std::getline(now, line)) << path << ":" << number << ": the run ended here";
    ASSERT_EQ(line, expected) << path << ":" << number
                              << " (a change that is meant: scripts/update-goldens)";
  }
  EXPECT_FALSE(std::getline(now, line)) << "the run goes on: " << line;
}

TEST(GoldenTest, OnDemand) {
  ExpectGolden("on_demand", Played(OnDemandSpec()));
}

TEST(GoldenTest, ReplicaTarget) {
  ExpectGolden("replica_target", Played(ReplicaTargetSpec()));
}

}  // namespace
}  // namespace reeve
