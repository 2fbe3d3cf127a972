// A simulated fleet on a real API server: under a real Prometheus, and under a trained policy.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "controller/fleet/fleet.h"
#include "controller/knative/prometheus_source.h"
#include "controller/knative/revision_view.h"
#include "controller/kube/json_reading.h"
#include "controller/serve/serve.h"
#include "core/files.h"
#include "envs/scenario.h"
#include "runs/run_folder.h"
#include "runs/scenario_trace.h"
#include "runs/simulation.h"
#include "tests/controller/fleet/free_port.h"
#include "tests/controller/knative/test_cluster.h"
#include "tests/controller/live/decision_replay.h"

extern char** environ;

namespace reeve {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class FleetLiveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(cluster_.real()) << "run by scripts/test-live";
    folder_ = ::testing::TempDir() + "/reeve_fleet_" + cluster_.ns();
    ASSERT_TRUE(MakeDirectories(folder_).ok());
    config_.trace = "a trace";
    config_.kubeconfig = cluster_.AdminConfig();
    config_.ns = cluster_.ns();
    config_.node = "fleet-" + cluster_.ns();
    config_.objects = FleetObjects::kCreate;
    config_.deployments = true;
    config_.pods.statistics_port = FreePort();
    config_.pods.requests_port = FreePort();
    config_.listen = "127.0.0.1:0";
  }
  ~FleetLiveTest() override {
    stop_ = true;
    if (fleet_.joinable()) fleet_.join();
    if (prometheus_ > 0) {
      ::kill(prometheus_, SIGTERM);
      ::waitpid(prometheus_, nullptr, 0);
    }
  }

  void Begin(Trace trace) {
    trace_.emplace(std::move(trace));  // the fleet reports on it in the end, after the test's own
    hooks_.stop = [this] { return stop_.load(); };
    hooks_.on_started = [this](int port) { port_ = port; };
    hooks_.on_begun = [this] { begun_ = true; };
    fleet_ = std::thread([this] {
      result_ = RunFleet(
          config_, *trace_, [](const char*) { return nullptr; }, hooks_);
      ended_ = true;
    });
  }
  template <class Condition>
  ::testing::AssertionResult Within(int seconds, const Condition& condition) {
    for (int i = 0; i < seconds * 10; ++i) {
      if (condition()) return ::testing::AssertionSuccess();
      if (ended_) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return ::testing::AssertionFailure()
           << (ended_ ? "the fleet ended: " + std::string(result_.status().message())
                      : fmt::format("not within {} s", seconds));
  }

  TestCluster cluster_;
  std::string folder_;
  FleetConfig config_;
  FleetHooks hooks_;
  std::atomic<bool> stop_ = false, begun_ = false, ended_ = false;
  std::atomic<int> port_ = 0;
  std::optional<Trace> trace_;
  std::thread fleet_;
  pid_t prometheus_ = 0;
  absl::StatusOr<RunData> result_ = absl::UnknownError("not ended");
};

// ---- Prometheus

constexpr int kFunctions = 20;
constexpr int kPodsEach = 10;

// 20 functions, each with ten requests a second, evenly, of 100 ms.
Trace EvenTrace(SimTime length) {
  TraceBuilder builder;
  for (int i = 0; i < kFunctions; ++i) {
    FunctionProfile profile;
    profile.name = fmt::format("f{:02}", i);
    profile.tenant = builder.Tenant("tenant");
    profile.app = builder.App("app");
    profile.memory = Mebibytes(128);
    const FunctionId id = builder.AddFunction(profile);
    for (SimTime at = SimTime::Millis(5 * i); at < length; at += SimTime::Millis(100)) {
      builder.AddInvocation({at.micros(), 100'000, id.index(), 0});
    }
  }
  builder.set_minimum_duration(length);
  return builder.Build().value();
}

constexpr const char* kPrometheusConfig = R"(
global: {{scrape_interval: 3s, scrape_timeout: 2s}}
scrape_configs:
- job_name: queue-proxies
  http_sd_configs: [{{url: "http://127.0.0.1:{own}/targets", refresh_interval: 3s}}]
- job_name: activator
  static_configs: [{{targets: ["127.0.0.1:{own}"]}}]
- job_name: cadvisor
  metrics_path: /metrics/cadvisor
  static_configs: [{{targets: ["127.0.0.1:{own}"]}}]
)";

TEST_F(FleetLiveTest, APrometheusScrapesTwoHundredPodsAndAnswersForEachFunction) {
  ASSERT_EQ(std::system("command -v prometheus >/dev/null"), 0)
      << "the package prometheus is missing: scripts/setup --dev";
  config_.cluster.nodes = {{8, Millicores::Cores(64), Mebibytes(64 << 10)}};
  config_.cluster.containers.initial_replicas = kPodsEach;
  // Before there is a fleet, whose sockets it would inherit.
  const int own = FreePort();
  config_.listen = fmt::format("127.0.0.1:{}", own);
  const int port = FreePort();
  const std::string file = folder_ + "/prometheus.yml";
  ASSERT_TRUE(WriteFileAtomically(file, fmt::format(kPrometheusConfig, fmt::arg("own", own))).ok());
  // With this program it ends, however that ends.
  std::vector<std::string> words = {"setpriv",
                                    "--pdeathsig=KILL",
                                    "prometheus",
                                    "--config.file=" + file,
                                    "--storage.tsdb.path=" + folder_ + "/data",
                                    fmt::format("--web.listen-address=127.0.0.1:{}", port),
                                    "--log.level=error"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ASSERT_EQ(::posix_spawnp(&prometheus_, "setpriv", nullptr, nullptr, arguments.data(), environ),
            0);
  Begin(EvenTrace(SimTime::Minutes(3)));
  ASSERT_TRUE(Within(60, [&] { return begun_.load(); }));

  // As `reeve serve` asks: one query a figure for all functions.
  std::vector<RevisionView> revisions(kFunctions);
  for (int i = 0; i < kFunctions; ++i) {
    revisions[i].ns = config_.ns;
    revisions[i].name = fmt::format("f{:02}-00001", i);
    revisions[i].service = fmt::format("f{:02}", i);
    const auto pods = cluster_.admin().List(
        kube::kPods,
        {.ns = config_.ns, .label_selector = "serving.knative.dev/revision=" + revisions[i].name});
    ASSERT_TRUE(pods.ok()) << pods.status();
    ASSERT_EQ(pods->items.size(), size_t{kPodsEach});
    for (const json& pod : pods->items) {
      revisions[i].pods.emplace_back().name = TextAt(pod, "metadata.name");
    }
  }
  PrometheusOptions options;
  options.url = fmt::format("http://127.0.0.1:{}", port);
  options.timeout = SimTime::Seconds(5);
  PrometheusClient client(options, "test");
  // Every pod is scraped, and for long enough for a rate over half a minute.
  const auto up = [&](const std::string& query) {
    double value = 0;
    client.Query({query}, [&](size_t, const PrometheusSample& sample) { value = sample.value; });
    return value;
  };
  ASSERT_TRUE(Within(60, [&] { return up("sum(up{job=\"queue-proxies\"})") == 200; }))
      << up("sum(up{job=\"queue-proxies\"})");
  std::this_thread::sleep_for(std::chrono::seconds(36));
  EXPECT_EQ(up("sum(up{job=\"queue-proxies\"})"), kFunctions * kPodsEach);
  EXPECT_EQ(up("count(up == 0) or vector(0)"), 0);

  PrometheusSource source(options, MetricNames::kAuto, SimTime::Seconds(30));
  const SimTime window = SimTime::Seconds(2);
  const FigureRound round = source.Collect(revisions, SimTime::Seconds(1), window);
  ASSERT_TRUE(round.status.ok()) << round.status;
  ASSERT_EQ(round.revisions.size(), size_t{kFunctions});
  for (const auto& [name, figures] : round.revisions) {
    // Ten a second; extrapolation of rates at the ends of the range is within a tenth.
    EXPECT_NEAR(figures.completions, 20, 2) << name;
    EXPECT_EQ(figures.failures, 0) << name;
    EXPECT_NEAR(figures.mean_in_flight, 1, 0.1) << name;  // Little: 10 a second of 0.1 s
    EXPECT_EQ(figures.queued.value_or(-1), 0) << name;
    ASSERT_TRUE(figures.latency_seconds) << name;
    // All took 100 ms, which is the end of the bucket above 75.
    EXPECT_GT(figures.latency_seconds->Quantile(0.5), 0.075) << name;
    EXPECT_LE(figures.latency_seconds->Quantile(0.99), 0.1) << name;
    EXPECT_NEAR(figures.cpu_used_millicores.value_or(0), 1000, 100) << name;
    EXPECT_NEAR(figures.memory_used_mebibytes.value_or(0), 128 * kPodsEach, 1) << name;
  }
}

// ---- sim to live

TEST_F(FleetLiveTest, ATrainedPolicyDecidesAsInSimulationAndCostsTheSame) {
  const char* trained = std::getenv("REEVE_TEST_POLICY");
  ASSERT_NE(trained, nullptr) << "scripts/test-live trains one";
  constexpr uint64_t kSeed = 7;
  auto scenario = LoadScenario(REEVE_SOURCE_DIR "/configs/scenarios/sim_to_live.yaml");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  const auto trace = ScenarioTrace(*scenario, kSeed, SimTime::Minutes(4));
  ASSERT_TRUE(trace.ok()) << trace.status();
  PolicySpec learned;
  learned.name = "learned";
  learned.learned.checkpoint = trained;

  config_.cluster = scenario->cluster;
  config_.seed = kSeed;
  config_.report_interval = SimTime::Seconds(2);
  Begin(*trace);
  // Not before: without requests the policy would make do with fewer containers than simulations
  // begin with.
  ASSERT_TRUE(Within(60, [&] { return begun_.load(); }));
  ServeConfig serve;
  serve.platform = PlatformKind::kKnative;
  serve.knative.kubeconfig = config_.kubeconfig;
  serve.knative.ns = config_.ns;
  serve.knative.attach = AttachMode::kOwnClass;
  serve.knative.lease.enabled = false;
  serve.knative.annotated = AnnotatedObject::kPodAutoscaler;  // nobody copies the revision's
  serve.knative.direct.period = SimTime::Millis(200);
  serve.knative.direct.statistics_port = config_.pods.statistics_port;
  serve.knative.direct.requests_port = config_.pods.requests_port;
  serve.loop.period = scenario->spec.control_period;
  serve.loop.mode = ControlMode::kActive;
  serve.loop.on_stop = OnStop::kKeep;
  serve.loop.numbers.sound_for = SimTime::Seconds(2);
  serve.policy = learned;
  serve.fallback.name = "kpa";
  serve.store.path = folder_ + "/reeve.db";
  serve.store.decisions = KeepDecisions::kAll;
  serve.http.listen = "";
  serve.log.level = LogLevel::kWarning;
  ServeHooks serve_hooks;
  serve_hooks.stop = [this] { return ended_.load(); };
  const auto served = Serve(serve, serve_hooks);
  ASSERT_TRUE(served.ok()) << served.status();
  fleet_.join();
  ASSERT_TRUE(result_.ok()) << result_.status();

  // Plain simulation of the same requests under the same policy.
  SimulationConfig plain = ScenarioSimulation(*scenario, kSeed);
  plain.policy = learned;
  const auto simulated = RunSimulation(*trace, plain, 1);
  ASSERT_TRUE(simulated.ok()) << simulated.status();
  const RunSummary &live = result_->summary, &expected = simulated->summary;
  PrintRun("live", live);
  PrintRun("simulated", expected);
  EXPECT_EQ(live.arrivals, expected.arrivals);
  EXPECT_NEAR(*live.latency_p99_ms / *expected.latency_p99_ms, 1, 0.1);
  EXPECT_NEAR(live.gb_seconds / expected.gb_seconds, 1, 0.1);
  EXPECT_GT(live.containers_started, 10u);  // it did scale

  const ReplayedDecisions replayed =
      ExpectDecisionsAsSimulated(serve.store.path, learned, *trace, plain.cluster, kSeed);
  EXPECT_GT(replayed.of_policy, 100 * trace->functions().size());  // of 120 windows
  EXPECT_GT(replayed.moved, 10u);
}

}  // namespace
}  // namespace reeve
