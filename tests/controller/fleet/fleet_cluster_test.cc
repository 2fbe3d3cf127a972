// A fleet under a control plane: in memory, or on a real API server (scripts/test-live). Real time
// goes by in these: their traces are a few seconds long.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "controller/fleet/fleet.h"
#include "controller/knative/direct_source.h"
#include "controller/knative/knative_platform.h"
#include "controller/knative/names.h"
#include "controller/knative/queue_stat.h"
#include "controller/kube/json_reading.h"
#include "core/check.h"
#include "runs/simulation.h"
#include "tests/controller/fleet/free_port.h"
#include "tests/controller/knative/test_cluster.h"

namespace reeve {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// `functions` functions, each with a request of 40 ms every 50 ms.
Trace SteadyTrace(int functions, int64_t seconds) {
  TraceBuilder builder;
  for (int i = 0; i < functions; ++i) {
    FunctionProfile profile;
    profile.name = fmt::format("Hello_{}", i);
    profile.tenant = builder.Tenant("tenant");
    profile.app = builder.App("app");
    profile.memory = Mebibytes(128);
    const FunctionId id = builder.AddFunction(profile);
    for (int64_t at_ms = 10 + i; at_ms < seconds * 1000; at_ms += 50) {
      builder.AddInvocation({at_ms * 1000, 40'000, id.index(), 0});
    }
  }
  builder.set_minimum_duration(SimTime::Seconds(seconds));
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

class FleetClusterTest : public ::testing::Test {
 protected:
  FleetClusterTest() {
    config_.trace = "a trace";
    config_.kubeconfig = cluster_.AdminConfig();
    config_.ns = cluster_.ns();
    config_.node = "fleet-" + cluster_.ns();
    config_.pods.statistics_port = FreePort();
    config_.pods.requests_port = FreePort();
    // Those of tests that run at the same time are others, as their ports are.
    config_.pods.addresses = "127.64.0.0/16";
    config_.listen = "127.0.0.1:0";
    config_.begin_after = SimTime::Millis(300);
    config_.step = SimTime::Millis(10);
    config_.cluster.cold_start.time_ms = Distribution::Constant(400);
    config_.cluster.containers.initial_replicas = 1;
  }
  ~FleetClusterTest() override { End(); }

  void Begin(int functions, int64_t seconds) {
    trace_.emplace(SteadyTrace(functions, seconds));
    hooks_.stop = [this] { return stop_.load(); };
    hooks_.on_started = [this](int port) { port_ = port; };
    hooks_.on_begun = [this] { begun_ = true; };
    thread_ = std::thread([this] {
      result_ = RunFleet(
          config_, *trace_, [](const char*) { return nullptr; }, hooks_);
      ended_ = true;
    });
  }
  void Create() {
    config_.objects = FleetObjects::kCreate;
    config_.deployments = true;
  }
  void End() {
    stop_ = true;
    WaitForEnd();
  }
  void WaitForEnd() {
    if (thread_.joinable()) thread_.join();
  }
  template <class Condition>
  ::testing::AssertionResult Eventually(const Condition& condition) {
    for (int i = 0; i < 3000; ++i) {
      if (condition()) return ::testing::AssertionSuccess();
      if (ended_) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return ::testing::AssertionFailure()
           << (ended_ ? "the fleet ended: " + std::string(result_.status().message())
                      : "not within 30 s");
  }
  std::vector<json> Pods() {
    const auto list = cluster_.admin().List(kube::kPods, {.ns = cluster_.ns()});
    return list.ok() ? list->items : std::vector<json>();
  }
  // Running ones that are not being deleted.
  std::vector<json> ReadyPods() {
    std::vector<json> ready;
    for (const json& pod : Pods()) {
      if (ConditionOf(pod, "Ready") == "True" &&
          TextAt(pod, "metadata.deletionTimestamp").empty()) {
        ready.push_back(pod);
      }
    }
    return ready;
  }
  absl::StatusOr<HttpResponse> Ask(const std::string& address, int port,
                                   const std::string& path = "/metrics") {
    HttpRequest request;
    request.url = fmt::format("http://{}:{}{}", address, port, path);
    return http_.Perform(request);
  }

  TestCluster cluster_;
  FleetConfig config_;
  std::optional<Trace> trace_;
  FleetHooks hooks_;
  std::atomic<bool> stop_ = false, begun_ = false, ended_ = false;
  std::atomic<int> port_ = 0;
  std::thread thread_;
  absl::StatusOr<RunData> result_ = absl::UnknownError("not ended");
  HttpClient http_{"test"};
};

// Leaves everything as it is.
class Nothing : public Policy {
 public:
  std::string_view name() const override { return "nothing"; }
  absl::Status Decide(const Snapshot&, std::span<Decision>) override { return absl::OkStatus(); }
};

TEST_F(FleetClusterTest, WithoutScalingItIsThePlainSimulation) {
  Create();
  config_.cluster.containers.initial_replicas = 2;
  config_.report_interval = SimTime::Seconds(1);
  Begin(2, 4);
  ASSERT_TRUE(Eventually([&] { return ReadyPods().size() == 4; }));
  // Knative's platform sees what it would see of Knative.
  KnativeConfig knative;
  knative.kubeconfig = cluster_.AdminConfig();
  knative.ns = cluster_.ns();
  knative.lease.enabled = false;
  knative.attach = AttachMode::kObserve;
  knative.direct.period = SimTime::Millis(100);
  knative.direct.statistics_port = config_.pods.statistics_port;
  knative.direct.requests_port = config_.pods.requests_port;
  auto platform = KnativePlatform::Create(knative, [](const char*) { return nullptr; });
  ASSERT_TRUE(platform.ok()) << platform.status();
  Snapshot snapshot;
  uint64_t completions = 0;
  double most_in_flight = 0;
  ASSERT_TRUE(Eventually([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(400));  // as a loop's period
    if (!(*platform)->Observe(snapshot).ok() || snapshot.functions.size() != 2) return false;
    completions += snapshot.functions.completions[0];
    most_in_flight = std::max(most_in_flight, snapshot.functions.mean_in_flight[0]);
    // Statistics are of the last second: two, so that one of them had load from end to end.
    return completions >= 40 && most_in_flight > 0;
  }));
  EXPECT_EQ((*platform)->catalogue().functions[0].name, cluster_.ns() + "/hello-0");
  EXPECT_EQ((*platform)->catalogue().functions[0].tenant, "tenant");
  EXPECT_EQ(snapshot.functions.containers_ready[0], 2u);
  EXPECT_EQ(snapshot.functions.memory_limit[0], Mebibytes(128));
  EXPECT_EQ(snapshot.functions.concurrency_limit[0], 1);
  EXPECT_NEAR(most_in_flight, 0.8, 0.05);  // 20 a second of 40 ms
  platform->reset();

  WaitForEnd();
  ASSERT_TRUE(result_.ok()) << result_.status();
  SimulationConfig plain;
  plain.cluster = config_.cluster;
  plain.cluster.control_period = config_.pods.window;
  plain.report_interval = config_.report_interval;
  plain.bound = false;
  Nothing nothing;
  const auto simulated = RunSimulation(*trace_, plain, nothing);
  ASSERT_TRUE(simulated.ok()) << simulated.status();
  const RunSummary &live = result_->summary, &expected = simulated->summary;
  EXPECT_TRUE(live.complete);
  EXPECT_EQ(live.arrivals, 160u);
  EXPECT_EQ(live.completions, expected.completions);
  EXPECT_EQ(live.latency_p99_ms, expected.latency_p99_ms);
  EXPECT_EQ(live.gb_seconds, expected.gb_seconds);
  EXPECT_EQ(live.container_seconds, expected.container_seconds);
  EXPECT_EQ(live.slo_violations, expected.slo_violations);
  EXPECT_EQ(result_->intervals.size(), simulated->intervals.size());
  // What it has made is gone.
  EXPECT_TRUE(Pods().empty());
  EXPECT_TRUE(cluster_.Get(kube::kDeployments, "hello-0-00001-deployment").is_null());
  EXPECT_TRUE(cluster_.Get(knative::kServices, "hello-1").is_null());
}

TEST_F(FleetClusterTest, PodsFollowTheirDeploymentWithColdStartAndDrain) {
  Create();
  Begin(1, 30);
  ASSERT_TRUE(Eventually([&] { return begun_ && ReadyPods().size() == 1; }));
  const std::string first = TextAt(ReadyPods()[0], "metadata.name");
  cluster_.SetReplicas("hello-0-00001", 3);
  ASSERT_TRUE(Eventually([&] { return Pods().size() == 3; }));
  const auto made = std::chrono::steady_clock::now();
  // Starting ones are seen as such before they are ready.
  ASSERT_TRUE(Eventually([&] {
    int starting = 0;
    for (const json& pod : Pods()) {
      starting += TextAt(pod, "status.phase") == "Pending" && ConditionOf(pod, "Ready") == "False";
    }
    return starting == 2;
  }));
  ASSERT_TRUE(Eventually([&] { return ReadyPods().size() == 3; }));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - made;
  EXPECT_GT(took.count(), 0.25);  // 0.4 s, less what passed until the pods were seen here
  ASSERT_TRUE(Eventually([&] {
    const json deployment = cluster_.Get(kube::kDeployments, "hello-0-00001-deployment");
    return IntegerAt(deployment, "status.readyReplicas") == 3 &&
           ConditionOf(deployment, "Available") == "True";
  }));

  // Each at an address of its own, with statistics of its own.
  std::set<std::string> addresses;
  for (const json& pod : ReadyPods()) {
    const std::string address = TextAt(pod, "status.podIP");
    EXPECT_TRUE(addresses.insert(address).second) << address;
    const auto statistics = Ask(address, config_.pods.statistics_port);
    ASSERT_TRUE(statistics.ok()) << statistics.status();
    const auto stat = ParseQueueStat(statistics->body);
    ASSERT_TRUE(stat.ok()) << stat.status();
    EXPECT_EQ(stat->pod, TextAt(pod, "metadata.name"));
    const auto requests = Ask(address, config_.pods.requests_port);
    ASSERT_TRUE(requests.ok()) << requests.status();
    EXPECT_TRUE(ReadRequestCounters(requests->body).ok());
    EXPECT_THAT(requests->body, HasSubstr("k8s_pod_name=\"" + stat->pod + "\""));
  }
  const auto nobody = Ask("127.64.255.254", config_.pods.statistics_port);
  ASSERT_TRUE(nobody.ok()) << nobody.status();
  EXPECT_EQ(nobody->status, 404);
  const auto targets = Ask("127.0.0.1", port_, "/targets");
  ASSERT_TRUE(targets.ok()) << targets.status();
  std::set<std::string> told;
  for (const json& target : json::parse(targets->body)) told.insert(target["targets"][0]);
  for (const std::string& address : addresses) {
    EXPECT_EQ(told.count(fmt::format("{}:{}", address, config_.pods.requests_port)), 1u);
  }
  const auto containers = Ask("127.0.0.1", port_, "/metrics/cadvisor");
  ASSERT_TRUE(containers.ok()) << containers.status();
  EXPECT_THAT(containers->body, HasSubstr("pod=\"" + first + "\""));
  EXPECT_THAT(containers->body, HasSubstr(fmt::format("{}", 128 << 20)));  // bytes of 128 MiB each

  cluster_.SetReplicas("hello-0-00001", 0);
  ASSERT_TRUE(Eventually([&] { return Pods().empty(); }));
  // The load goes on, and waits at the activator.
  ASSERT_TRUE(Eventually([&] {
    const auto activator = Ask("127.0.0.1", port_);
    const size_t at = activator.ok() ? activator->body.find("kn_revision_request_queued{") : 0;
    if (!activator.ok() || at == std::string::npos) return false;
    const size_t end = activator->body.find('}', at);
    return std::stod(activator->body.substr(end + 1)) > 5;
  }));
  cluster_.SetReplicas("hello-0-00001", 1);
  EXPECT_TRUE(Eventually([&] { return ReadyPods().size() == 1; }));
  End();
  ASSERT_TRUE(result_.ok()) << result_.status();
  EXPECT_FALSE(result_->summary.complete);
  EXPECT_EQ(result_->summary.containers_started, 4u);  // that of the beginning, two, one again
  EXPECT_GE(result_->summary.cold_starts, 1u);
}

// Pods that somebody else makes and deletes, as Kubernetes' controllers do under Knative.
TEST_F(FleetClusterTest, PodsOfOthersAreServedOnItsNodeOnly) {
  cluster_.AddFunction("hello-0", {}, 1);
  const auto add = [&](const std::string& name, const std::string& node) {
    const json pod = {
        {"apiVersion", "v1"},
        {"kind", "Pod"},
        {"metadata",
         {{"name", name}, {"labels", {{std::string(knative::kRevisionLabel), "hello-0-00001"}}}}},
        {"spec",
         {{"nodeName", node},
          {"containers", json::array({{{"name", "user-container"}, {"image", "x"}},
                                      {{"name", "queue-proxy"}, {"image", "q"}}})}}}};
    EXPECT_TRUE(cluster_.admin().Create(kube::kPods, cluster_.ns(), pod).ok());
  };
  add("ours", config_.node);
  add("theirs", "another");
  Begin(1, 30);
  ASSERT_TRUE(Eventually([&] { return begun_ && ReadyPods().size() == 1; }));
  EXPECT_EQ(TextAt(ReadyPods()[0], "metadata.name"), "ours");
  const json ours = cluster_.Get(kube::kPods, "ours");
  const json* containers = ArrayAt(ours, "status.containerStatuses");
  ASSERT_NE(containers, nullptr);
  EXPECT_EQ(containers->size(), 2u);
  EXPECT_EQ(TextAt(containers->at(1), "name"), "queue-proxy");
  EXPECT_EQ(TextAt(cluster_.Get(kube::kNodes, config_.node), "metadata.name"), config_.node);
  EXPECT_EQ(ConditionOf(cluster_.Get(kube::kNodes, config_.node), "Ready"), "True");
  cluster_.Remove(kube::kPods, "ours");
  EXPECT_TRUE(Eventually([&] { return cluster_.Get(kube::kPods, "ours").is_null(); }));
  EXPECT_FALSE(cluster_.Get(kube::kPods, "theirs").is_null());
  End();
  ASSERT_TRUE(result_.ok()) << result_.status();
  // What it has not made stays.
  EXPECT_FALSE(cluster_.Get(kube::kDeployments, "hello-0-00001-deployment").is_null());
  if (cluster_.real()) {
    EXPECT_TRUE(
        cluster_.admin().Delete({kube::kPods, cluster_.ns(), "theirs"}, {.grace_seconds = 0}).ok());
  }
}

TEST_F(FleetClusterTest, SaysWhyItCannotBegin) {
  cluster_.AddFunction("hello-0", {}, 1);
  config_.wait_for_pods = SimTime::Millis(200);
  Begin(1, 5);
  WaitForEnd();
  EXPECT_EQ(result_.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(result_.status().message()),
              HasSubstr("0 pods of " + cluster_.ns() + "/hello-0, which begins with 1"));
}

TEST(FleetConfigTest, SaysWhatIsWrong) {
  FleetConfig config;
  EXPECT_THAT(std::string(config.Validate().message()), HasSubstr("trace"));
  config.trace = "t";
  EXPECT_TRUE(config.Validate().ok());
  config.pods.addresses = "10.0.0.0";
  EXPECT_THAT(std::string(config.Validate().message()), HasSubstr("pods.addresses"));
  config.pods.addresses = "10.0.0.0/16";
  config.cluster.scaling = ScalingMode::kOnDemand;
  EXPECT_THAT(std::string(config.Validate().message()), HasSubstr("replica_target"));
}

}  // namespace
}  // namespace reeve
