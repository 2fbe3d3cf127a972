// A trained policy through `reeve serve` on an OpenWhisk: that of controller/openwhisk_server, in
// real time over HTTP.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/openwhisk_server/openwhisk_server.h"
#include "controller/openwhisk_server/read_load.h"
#include "controller/serve/serve.h"
#include "core/files.h"
#include "envs/scenario.h"
#include "runs/scenario_trace.h"
#include "runs/simulation.h"
#include "tests/controller/live/decision_replay.h"

namespace reeve {
namespace {

namespace fs = std::filesystem;
using openwhisk_server::ExecutorFigures;
using openwhisk_server::OpenWhiskServer;
using std::chrono::steady_clock;

constexpr SimTime kLength = SimTime::Minutes(5);

// Of the load and of all that is drawn: REEVE_TEST_SEED.
uint64_t Seed() {
  const char* seed = std::getenv("REEVE_TEST_SEED");
  return seed == nullptr ? 7 : std::strtoull(seed, nullptr, 10);
}

class OpenWhiskLiveTest : public ::testing::Test {
 protected:
  OpenWhiskLiveTest()
      : folder_(::testing::TempDir() + "/reeve_openwhisk_live_" + std::to_string(getpid())) {
    fs::create_directories(folder_);
    EXPECT_TRUE(WriteFileAtomically(folder_ + "/key", "u:g").ok());
  }
  ~OpenWhiskLiveTest() override { fs::remove_all(folder_); }

  const std::string folder_;
};

// What the server measured, in the words of a simulated run.
RunSummary SummaryOf(const ExecutorFigures& figures) {
  RunSummary run;
  run.arrivals = figures.activations;
  run.latency_p50_ms = figures.latency_us.Quantile(0.5) / 1000;
  run.latency_p95_ms = figures.latency_us.Quantile(0.95) / 1000;
  run.latency_p99_ms = figures.latency_us.Quantile(0.99) / 1000;
  run.gb_seconds = figures.gib_seconds();
  run.cold_starts = figures.cold_starts;
  run.containers_started = figures.containers_started;
  return run;
}

// How often a function's memory is another than in the window before.
class SizeChanges {
 public:
  void See(const Snapshot& now) {
    const std::vector<Mebibytes>& memory = now.functions.memory_limit;
    for (size_t f = 0; f < before_.size(); ++f) count_ += memory[f] != before_[f];
    before_ = memory;
  }
  int count() const { return count_; }

 private:
  std::vector<Mebibytes> before_;
  int count_ = 0;
};

TEST_F(OpenWhiskLiveTest, ATrainedPolicyDecidesAsInSimulationAndCostsTheSame) {
  const char* trained = std::getenv("REEVE_TEST_POLICY");
  ASSERT_NE(trained, nullptr) << "scripts/test-openwhisk trains one";
  const uint64_t seed = Seed();
  const std::string file = REEVE_SOURCE_DIR "/configs/scenarios/sim_to_live_openwhisk.yaml";
  const auto scenario = LoadScenario(file);
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  const auto trace = ScenarioTrace(*scenario, seed, kLength);
  ASSERT_TRUE(trace.ok()) << trace.status();
  PolicySpec learned;
  learned.name = "learned";
  learned.learned.checkpoint = trained;

  // Plain simulation of the same requests under the same policy.
  SimulationConfig plain = ScenarioSimulation(*scenario, seed);
  plain.policy = learned;
  // A live loop decides when its first window has passed, a simulation before it.
  plain.perturbations.actuation_failure = {{SimTime(), SimTime::Seconds(1)}, 1};
  SizeChanges changes;
  SimulationHooks watch;
  watch.on_period = [&](SimTime, const SimulatedCluster&, const Snapshot& now) {
    changes.See(now);
  };
  const auto simulated = RunSimulation(*trace, plain, 1, watch);
  ASSERT_TRUE(simulated.ok()) << simulated.status();
  const RunSummary& expected = simulated->summary;
  PrintRun("simulated", expected);
  fmt::print("sizes were changed {} times in simulation\n", changes.count());

  openwhisk_server::ServerConfig server_config;
  server_config.listen = "127.0.0.1:0";
  server_config.namespaces = {{"guest", {.key = "u:g"}}};
  server_config.load.scenario = file;
  server_config.load.length = kLength;
  server_config.seed = seed;
  auto load = openwhisk_server::ReadLoad(server_config);
  ASSERT_TRUE(load.ok()) << load.status();
  // The controller is there some hundredths of a second after the trace began: its windows are
  // those of the simulation.
  const auto begin = steady_clock::now();
  auto started = OpenWhiskServer::Start(server_config, *std::move(load));
  ASSERT_TRUE(started.ok()) << started.status();
  const std::unique_ptr<OpenWhiskServer> server = *std::move(started);

  const ClusterSpec& cluster = scenario->cluster;
  ServeConfig serve;
  serve.platform = PlatformKind::kOpenWhisk;
  serve.openwhisk.endpoint = server->url();
  serve.openwhisk.tenants["guest"] = {folder_ + "/key"};
  serve.openwhisk.sizes = {Mebibytes(128), Mebibytes(512)};
  // Simulations carry out every decision.
  serve.openwhisk.changes = {.least_interval = SimTime(), .least_change = 0, .must_pay = false};
  serve.openwhisk.assumed.keep_alive = cluster.containers.keep_alive;
  serve.openwhisk.assumed.cpu_capacity = cluster.nodes[0].cpu;
  serve.openwhisk.assumed.memory_capacity = cluster.nodes[0].memory;
  serve.openwhisk.assumed.nodes = 1;
  serve.loop.period = scenario->spec.control_period;
  serve.loop.mode = ControlMode::kActive;
  serve.loop.on_stop = OnStop::kKeep;
  serve.loop.numbers.sound_for = SimTime();
  serve.policy = learned;
  serve.fallback.name = "static";
  serve.store.path = folder_ + "/reeve.db";
  serve.store.decisions = KeepDecisions::kAll;
  serve.http.listen = "";
  serve.log.level = LogLevel::kWarning;
  // What was measured up to the end of the trace.
  std::optional<ExecutorFigures> figures;
  ServeHooks hooks;
  hooks.stop = [&] {
    const auto passed = steady_clock::now() - begin;
    if (passed < std::chrono::microseconds(kLength.micros())) return false;
    if (!figures) figures = server->figures();
    return true;
  };
  const auto served = Serve(serve, hooks);
  ASSERT_TRUE(served.ok()) << served.status();
  ASSERT_TRUE(figures);

  const RunSummary live = SummaryOf(*figures);
  PrintRun("live", live);
  EXPECT_EQ(live.arrivals, expected.arrivals);
  EXPECT_NEAR(*live.latency_p95_ms / *expected.latency_p95_ms, 1, 0.1);
  EXPECT_NEAR(*live.latency_p99_ms / *expected.latency_p99_ms, 1, 0.1);
  EXPECT_NEAR(live.gb_seconds / expected.gb_seconds, 1, 0.1);

  const ReplayedDecisions replayed =
      ExpectDecisionsAsSimulated(serve.store.path, learned, *trace, plain.cluster, seed);
  EXPECT_GT(replayed.of_policy, 50 * trace->functions().size());  // of 60 windows
  EXPECT_GT(replayed.moved, 6u);
}

}  // namespace
}  // namespace reeve
