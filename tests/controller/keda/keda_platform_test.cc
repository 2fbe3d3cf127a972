// Deployments that KEDA scales, with a Prometheus that answers as a test says.
#include "controller/keda/keda_platform.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "controller/control_loop.h"
#include "controller/keda/external_scaler.grpc.pb.h"
#include "core/status.h"
#include "tests/controller/fake_platform.h"
#include "tests/controller/scripted_server.h"

namespace reeve {
namespace {

namespace rpc = ::externalscaler;
using nlohmann::json;
using ::testing::HasSubstr;

struct Series {
  std::string word;  // in the query that it answers
  std::map<std::string, std::string> labels;
  double value = 0;
};

class KedaPlatformTest : public ::testing::Test {
 protected:
  KedaPlatformTest()
      : prometheus_([this](const ScriptedRequest& request) { return Answer(request); }) {
    config_.listen = "127.0.0.1:0";
    config_.prometheus.url = prometheus_.url();
    config_.hpa_tolerance = 0.1;
  }
  ScriptedReply Answer(const ScriptedRequest& request) {
    const std::lock_guard lock(mutex_);
    if (down_) return {.status = 503};
    json result = json::array();
    for (const Series& series : series_) {
      if (request.query.at("query").find(series.word) == std::string::npos) continue;
      result.push_back({{"metric", series.labels},
                        {"value", json::array({evaluated_, std::to_string(series.value)})}});
    }
    return {.body = json{{"status", "success"},
                         {"data", {{"resultType", "vector"}, {"result", result}}}}
                        .dump()};
  }
  void Say(std::vector<Series> series) {
    const std::lock_guard lock(mutex_);
    series_ = std::move(series);
  }
  void Create() {
    auto platform = KedaPlatform::Create(config_, clock_, /*ask_ahead=*/false);
    ASSERT_TRUE(platform.ok()) << platform.status();
    platform_ = *std::move(platform);
    client_ = rpc::ExternalScaler::NewStub(grpc::CreateChannel(
        "127.0.0.1:" + std::to_string(platform_->port()), grpc::InsecureChannelCredentials()));
  }
  // What KEDA gets: the count, or -1.
  int64_t Ask(const std::string& name, const std::map<std::string, std::string>& metadata = {}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    rpc::GetMetricsRequest request;
    request.mutable_scaledobjectref()->set_name(name);
    request.mutable_scaledobjectref()->set_namespace_("ns");
    for (const auto& [key, value] : metadata) {
      (*request.mutable_scaledobjectref()->mutable_scalermetadata())[key] = value;
    }
    rpc::GetMetricsResponse response;
    const grpc::Status status = client_->GetMetrics(&context, request, &response);
    return status.ok() ? response.metricvalues(0).metricvalue() : -1;
  }
  void Observe(SimTime after) {
    clock_.Advance(after);
    {
      const std::lock_guard lock(mutex_);
      if (!repeats_) ++evaluated_;
    }
    const absl::Status status = platform_->Observe(snapshot_);
    ASSERT_TRUE(status.ok()) << status;
  }
  void Apply(int32_t replicas) {
    std::vector<Decision> decisions(platform_->catalogue().functions.size());
    for (Decision& decision : decisions) decision.replicas = replicas;
    ASSERT_TRUE(platform_->Apply(decisions).ok());
  }

  // Ten requests a second of which one fails; half take at most 0.1 s, all at most 1 s.
  static std::vector<Series> Busy(double replicas, double ready) {
    const std::map<std::string, std::string> one = {{"namespace", "ns"},
                                                    {"pod", "web-5d9c7b6f4-abcde"}};
    const std::map<std::string, std::string> two = {{"namespace", "ns"},
                                                    {"pod", "web-5d9c7b6f4-fghij"}};
    const std::map<std::string, std::string> whole = {{"namespace", "ns"}, {"deployment", "web"}};
    const auto bucket = [](auto labels, const char* le) {
      labels["le"] = le;
      return labels;
    };
    return {{"up == 1", one, 1},
            {"seconds_bucket", bucket(one, "0.1"), 3},
            {"seconds_bucket", bucket(one, "1"), 6},
            {"seconds_bucket", bucket(one, "+Inf"), 6},
            {"seconds_bucket", bucket(two, "0.1"), 2},
            {"seconds_bucket", bucket(two, "1"), 4},
            {"seconds_bucket", bucket(two, "+Inf"), 4},
            {"seconds_sum", one, 1.5},
            {"seconds_sum", two, 1},
            {"seconds_count", one, 1},
            {"spec_replicas", whole, replicas},
            {"replicas_ready", whole, ready},
            {"container_cpu_usage", one, 0.25},
            {"container_cpu_usage", two, 0.5},
            {"container_memory_working_set", one, 100.0 * (1 << 20)},
            {"limits{resource=\"cpu\"}", one, 0.5},
            {"limits{resource=\"memory\"}", one, 256.0 * (1 << 20)},
            {"allocatable{resource=\"cpu\"}", {}, 8},
            {"allocatable{resource=\"memory\"}", {}, 32768.0 * (1 << 20)},
            {"kube_node_status_condition", {}, 2}};
  }

  std::mutex mutex_;
  std::vector<Series> series_;  // guarded by mutex_
  bool down_ = false;           // guarded by mutex_
  // Guarded by mutex_: when it answered, and whether something on the way repeats that answer.
  int evaluated_ = 1700000000;
  bool repeats_ = false;
  ScriptedServer prometheus_;
  ManualClock clock_;
  KedaConfig config_;
  std::unique_ptr<KedaPlatform> platform_;
  std::unique_ptr<rpc::ExternalScaler::Stub> client_;
  Snapshot snapshot_;
};

TEST(DeploymentOfPodTest, LeavesOutReplicaSetAndPod) {
  EXPECT_EQ(DeploymentOfPod("web-5d9c7b6f4-abcde"), "web");
  EXPECT_EQ(DeploymentOfPod("web-shop-5d9c7b6f4-abcde"), "web-shop");
  EXPECT_EQ(DeploymentOfPod("web-0"), "");
  EXPECT_EQ(DeploymentOfPod(""), "");
}

TEST_F(KedaPlatformTest, AWindowIsWhatPrometheusSaysOfAllPods) {
  Say(Busy(3, 2));
  Create();
  Observe(SimTime::Seconds(1));
  EXPECT_TRUE(platform_->catalogue().functions.empty());
  EXPECT_EQ(Ask("scaler", {{"deployment", "web"},
                           {"sloLatency", "550ms"},
                           {"tenant", "shop"},
                           {"concurrency", "4"},
                           {"maxReplicas", "9"}}),
            -1);
  Observe(SimTime::Seconds(10));
  Observe(SimTime::Seconds(10));
  ASSERT_EQ(platform_->catalogue().functions.size(), 1u);
  const LiveFunction& function = platform_->catalogue().functions[0];
  EXPECT_EQ(function.id, "ns/scaler");
  EXPECT_EQ(function.tenant, "shop");
  EXPECT_EQ(function.max_replicas, 9);
  const FunctionWindows& w = snapshot_.functions;
  EXPECT_EQ(snapshot_.window, SimTime::Seconds(10));
  EXPECT_EQ(w.completions[0], 90u);  // ten a second for ten seconds, of which one a second fails
  EXPECT_EQ(w.failures[0], 10u);
  EXPECT_EQ(w.mean_in_flight[0], 2.5);
  EXPECT_EQ(w.arrivals[0], 100u);
  // Half are at most 0.1 s and all at most 1 s: linear between, as PromQL's histogram_quantile.
  EXPECT_FLOAT_EQ(w.latency_p50_ms[0], 100);
  EXPECT_FLOAT_EQ(w.latency_p99_ms[0], 1000 * (0.1f + 0.9f * 0.49f / 0.5f));
  // Above 0.55 s are half of the slower half: 25 in ten seconds, and ten failures.
  EXPECT_EQ(w.slo_violations[0], 35u);
  EXPECT_EQ(w.containers_ready[0], 2u);
  EXPECT_EQ(w.containers_starting[0], 1u);
  EXPECT_EQ(w.replicas_asked[0], 3u);
  EXPECT_EQ(w.cpu_used_millicores[0], 750);
  EXPECT_EQ(w.cpu_limit[0], Millicores(500));
  EXPECT_EQ(w.memory_limit[0], Mebibytes(256));
  EXPECT_EQ(w.concurrency_limit[0], 4);
  EXPECT_EQ(snapshot_.cluster.cpu_capacity, Millicores::Cores(8));
  EXPECT_EQ(snapshot_.cluster.memory_capacity, Mebibytes(32768));
  EXPECT_EQ(snapshot_.cluster.memory_held, Mebibytes(3 * 256));
  EXPECT_EQ(snapshot_.cluster.nodes_ready, 2u);
  EXPECT_EQ(platform_->Status()[0].metrics_age, SimTime());
  EXPECT_EQ(platform_->Status()[0].detail, "");
}

TEST_F(KedaPlatformTest, ReplicasFromNothingAreColdStarts) {
  Create();
  Ask("web");
  auto series = Busy(0, 0);
  Say(series);
  Observe(SimTime::Seconds(1));
  Observe(SimTime::Seconds(10));
  EXPECT_EQ(snapshot_.functions.cold_starts[0], 0u);
  Say(Busy(2, 2));
  Observe(SimTime::Seconds(10));
  EXPECT_EQ(snapshot_.functions.containers_started[0], 2u);
  EXPECT_EQ(snapshot_.functions.cold_starts[0], 2u);
  Say(Busy(5, 5));
  Observe(SimTime::Seconds(10));
  EXPECT_EQ(snapshot_.functions.containers_started[0], 3u);
  EXPECT_EQ(snapshot_.functions.cold_starts[0], 0u);
}

TEST_F(KedaPlatformTest, MissingFiguresSayWhatToLookFor) {
  Create();
  Ask("web");
  Observe(SimTime::Seconds(1));
  EXPECT_THAT(platform_->Status()[0].detail, HasSubstr("first window"));
  Observe(SimTime::Seconds(1));
  EXPECT_EQ(platform_->Status()[0].metrics_age, SimTime::Max());
  EXPECT_THAT(platform_->Status()[0].detail, HasSubstr("kube-state-metrics"));
  // Replicas, of which none is scraped.
  const std::map<std::string, std::string> whole = {{"namespace", "ns"}, {"deployment", "web"}};
  Say({{"replicas_ready", whole, 2}});
  Observe(SimTime::Seconds(1));
  EXPECT_EQ(platform_->Status()[0].metrics_age, SimTime::Max());
  EXPECT_THAT(platform_->Status()[0].detail, HasSubstr("keda.queries.latency"));
  // Scraped, and no request came: zeros that are sound.
  Say({{"replicas_ready", whole, 2},
       {"up == 1", {{"namespace", "ns"}, {"pod", "web-5d9c7b6f4-abcde"}}, 1}});
  Observe(SimTime::Seconds(1));
  EXPECT_EQ(platform_->Status()[0].metrics_age, SimTime());
  // None runs: the same.
  Say({{"replicas_ready", whole, 0}});
  Observe(SimTime::Seconds(1));
  EXPECT_EQ(platform_->Status()[0].metrics_age, SimTime());
  {
    const std::lock_guard lock(mutex_);
    down_ = true;
  }
  Observe(SimTime::Seconds(1));
  EXPECT_EQ(platform_->Status()[0].metrics_age, SimTime::Max());
  EXPECT_NE(platform_->Status()[0].detail, "");
}

TEST_F(KedaPlatformTest, AnAnswerThatWasGivenBeforeIsAsOldAsItWasThen) {
  Create();
  Ask("web");
  Say(Busy(2, 2));
  Observe(SimTime::Seconds(1));
  Observe(SimTime::Seconds(10));
  EXPECT_EQ(platform_->Status()[0].metrics_age, SimTime());
  const auto repeat = [&](bool repeats) {
    const std::lock_guard lock(mutex_);
    repeats_ = repeats;
  };
  repeat(true);
  Observe(SimTime::Seconds(10));
  Observe(SimTime::Seconds(10));
  EXPECT_EQ(platform_->Status()[0].metrics_age, SimTime::Seconds(20));
  repeat(false);
  Observe(SimTime::Seconds(10));
  EXPECT_EQ(platform_->Status()[0].metrics_age, SimTime());
}

TEST_F(KedaPlatformTest, WhatIsDecidedIsToldUntilItIsHandedBack) {
  Say(Busy(2, 2));
  Create();
  EXPECT_EQ(Ask("web", {{"maxReplicas", "6"}}), -1);
  Observe(SimTime::Seconds(1));
  EXPECT_EQ(platform_->Status()[0].actuation, Actuation::kNone);
  Apply(4);
  EXPECT_EQ(Ask("web", {{"maxReplicas", "6"}}), 4);
  Observe(SimTime::Seconds(5));
  EXPECT_EQ(platform_->Status()[0].actuation, Actuation::kPending);
  EXPECT_EQ(platform_->Status()[0].pending_for, SimTime::Seconds(5));
  EXPECT_EQ(snapshot_.functions.replicas_asked[0], 4u);
  Observe(SimTime::Minutes(1));
  EXPECT_THAT(platform_->Status()[0].detail, HasSubstr("4 replicas were asked for"));
  Say(Busy(4, 2));
  Observe(SimTime::Seconds(5));
  EXPECT_EQ(platform_->Status()[0].actuation, Actuation::kDone);
  Apply(100);
  EXPECT_EQ(Ask("web", {{"maxReplicas", "6"}}), 6);  // what its owner allows
  const FunctionId id(0);
  EXPECT_TRUE(platform_->HandBack(std::span(&id, 1)).ok());
  EXPECT_EQ(Ask("web", {{"maxReplicas", "6"}}), -1);
  Observe(SimTime::Seconds(5));
  EXPECT_EQ(platform_->Status()[0].actuation, Actuation::kNone);
  // An empty decision changes nothing and takes nothing over.
  EXPECT_TRUE(platform_->Apply(std::vector<Decision>(1)).ok());
  EXPECT_EQ(Ask("web"), -1);
}

// The HorizontalPodAutoscaler leaves 21 at 20: the ratio is within its tolerance.
TEST_F(KedaPlatformTest, WhatTheAutoscalerLeavesAloneIsDone) {
  Say(Busy(20, 20));
  Create();
  Ask("web");
  Observe(SimTime::Seconds(1));
  Apply(21);
  Observe(SimTime::Seconds(1));
  EXPECT_EQ(platform_->Status()[0].actuation, Actuation::kDone);
  Apply(23);
  Observe(SimTime::Seconds(1));
  EXPECT_EQ(platform_->Status()[0].actuation, Actuation::kPending);
  Apply(0);
  Observe(SimTime::Seconds(1));
  EXPECT_EQ(platform_->Status()[0].actuation, Actuation::kPending);
}

TEST_F(KedaPlatformTest, WhoIsNotAskedAboutIsRefusedThenGoneAndHasItsSlotAgain) {
  Say(Busy(2, 2));
  Create();
  Ask("web");
  Observe(SimTime::Seconds(1));
  Apply(4);
  const uint64_t generation = platform_->catalogue().generation;
  Observe(SimTime::Minutes(3));
  EXPECT_EQ(platform_->Status()[0].actuation, Actuation::kRefused);
  EXPECT_THAT(platform_->Status()[0].detail, HasSubstr("has not asked about it for 181 s"));
  Observe(SimTime::Minutes(8));
  ASSERT_EQ(platform_->catalogue().functions.size(), 1u);
  EXPECT_FALSE(platform_->catalogue().functions[0].present);
  EXPECT_GT(platform_->catalogue().generation, generation);
  EXPECT_EQ(snapshot_.functions.containers_ready[0], 0u);
  Ask("another");
  Ask("web");
  Observe(SimTime::Seconds(1));
  ASSERT_EQ(platform_->catalogue().functions.size(), 2u);
  EXPECT_EQ(platform_->catalogue().functions[0].id, "ns/web");
  EXPECT_TRUE(platform_->catalogue().functions[0].present);
  EXPECT_EQ(platform_->Status()[0].actuation, Actuation::kNone);
}

// A loop: in shadow KEDA gets nothing, active it gets what the policy decides.
TEST_F(KedaPlatformTest, ALoopDecidesForTenantsThatAreActive) {
  Say(Busy(2, 2));
  auto platform = KedaPlatform::Create(config_);
  ASSERT_TRUE(platform.ok()) << platform.status();
  platform_ = *std::move(platform);
  client_ = rpc::ExternalScaler::NewStub(grpc::CreateChannel(
      "127.0.0.1:" + std::to_string(platform_->port()), grpc::InsecureChannelCredentials()));
  LoopOptions options;
  options.spec.period = SimTime::Millis(100);
  options.spec.numbers.sound_for = SimTime();
  std::vector<Shown> shown;
  options.make_policy = options.make_fallback = [&shown](const auto&, const auto&) {
    return absl::StatusOr<LivePolicy>(
        LivePolicy{std::make_unique<FakePolicy>(shown, Always(5)), nullptr});
  };
  TenantModes modes({ControlMode::kShadow, false}, {{"watched", {ControlMode::kShadow, false}}});
  SteadyClock clock;
  ControlLoop loop(options, *platform_, modes, clock);
  std::thread thread([&] { EXPECT_TRUE(loop.Run().ok()); });
  const auto eventually = [](const auto& condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  };
  const std::map<std::string, std::string> watched = {{"tenant", "watched"}, {"deployment", "web"}};
  Ask("web");
  Ask("other", watched);
  EXPECT_TRUE(eventually([&] {
    const auto state = loop.state();
    return state != nullptr && state->functions.size() == 2 &&
           state->functions[0].record.wished.replicas == 5 &&
           state->functions[1].record.wished.replicas == 5;
  }));
  EXPECT_EQ(Ask("web"), -1);
  modes.Set("ns", {ControlMode::kActive, false});
  EXPECT_TRUE(eventually([&] { return Ask("web") == 5; }));
  EXPECT_EQ(Ask("other", watched), -1);
  loop.Stop();
  thread.join();
  EXPECT_EQ(Ask("web"), -1);  // handed back
}

TEST(KedaConfigTest, WhatCannotBeIsNamed) {
  KedaConfig config;
  EXPECT_TRUE(config.Validate().ok());
  config.listen = "nowhere";
  EXPECT_THAT(MessageOf(config.Validate()), HasSubstr("listen"));
  config = {};
  config.tls.certificate = "a.pem";
  EXPECT_THAT(MessageOf(config.Validate()), HasSubstr("tls: certificate and key"));
  config = {};
  config.queries.latency = "";
  EXPECT_THAT(MessageOf(config.Validate()), HasSubstr("queries: latency"));
  config = {};
  config.forget_after = SimTime::Minutes(1);
  EXPECT_THAT(MessageOf(config.Validate()), HasSubstr("forget_after"));
}

}  // namespace
}  // namespace reeve
