// OpenWhisk as a live platform, with the control loop, on our OpenWhisk server over HTTP.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "controller/control_loop.h"
#include "controller/net/http_client.h"
#include "controller/openwhisk/openwhisk_platform.h"
#include "controller/openwhisk_server/openwhisk_server.h"
#include "core/files.h"

namespace reeve {

// `search` needs 20 ms of a whole core; a GiB is given one. So it takes 20 ms / (MiB / 1024).
inline constexpr int64_t kSearchMs = 20;
constexpr double LatencyMs(int mebibytes) {
  return static_cast<double>(kSearchMs) * 1024 / mebibytes;
}

inline Decision Memory(int mebibytes) {
  Decision decision;
  decision.memory_limit = Mebibytes(mebibytes);
  return decision;
}

// Decides the same in every window.
class Always : public Policy {
 public:
  explicit Always(Decision decision) : decision_(decision) {}
  std::string_view name() const override { return "always"; }
  absl::Status Decide(const Snapshot&, std::span<Decision> decisions) override {
    for (Decision& decision : decisions) decision = decision_;
    return absl::OkStatus();
  }

 private:
  const Decision decision_;
};

// The rows that the loop has seen last, and what was counted of each function in all.
class Rows : public LoopSink {
 public:
  struct Row {
    bool sound = false;
    float latency_p50_ms = 0;  // of the last window with completions
    int64_t memory = 0;
    int32_t concurrency = 0;
    uint64_t arrivals = 0, cold_starts = 0;  // of all sound windows
    uint64_t unsound = 0;                    // windows
  };
  void OnTick(const TickRecord& tick) override {
    if (!tick.observed) return;
    const std::lock_guard lock(mutex_);
    for (const FunctionRecord& record : tick.functions) {
      const FunctionWindows& w = tick.snapshot->functions;
      Row& row = rows_[tick.catalogue->functions[record.slot].id];
      row.sound = record.sound;
      row.unsound += !record.sound;
      row.memory = w.memory_limit[record.slot].value();
      row.concurrency = w.concurrency_limit[record.slot];
      if (!record.sound) continue;
      if (w.completions[record.slot] > 0) row.latency_p50_ms = w.latency_p50_ms[record.slot];
      row.arrivals += w.arrivals[record.slot];
      row.cold_starts += w.cold_starts[record.slot];
    }
  }
  void OnEvent(const EventRecord&) override {}
  Row Of(const std::string& function) {
    const std::lock_guard lock(mutex_);
    return rows_[function];
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Row> rows_;
};

class OpenWhiskAdapterTest : public ::testing::Test {
 protected:
  OpenWhiskAdapterTest()
      : folder_(::testing::TempDir() + "/reeve_openwhisk_adapter_" + std::to_string(getpid()) +
                "_" + ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    EXPECT_TRUE(WriteFileAtomically(folder_ + "/key", "u:g").ok());
    server_config_.listen = "127.0.0.1:0";
    server_config_.namespaces = {{"guest", {.key = "u:g"}}};
    server_config_.actions["guest/search"].memory = Mebibytes(256);
    server_config_.actions["guest/search"].behaviour.duration_ms =
        Distribution::Constant(kSearchMs);
    server_config_.limits.concurrency_max = 16;
    ClusterSpec& cluster = server_config_.cluster;
    cluster.containers.cpu_limit_per_gib = Millicores::Cores(1);
    cluster.cold_start.time_ms = Distribution::Constant(100);
    cluster.prewarm.clear();

    config_.tenants["alice"] = {folder_ + "/key"};
    config_.changes.must_pay = false;
    config_.actions_period = SimTime::Millis(500);
    options_.spec.period = SimTime::Millis(250);
    options_.spec.mode = ControlMode::kActive;
    options_.spec.numbers.sound_for = SimTime();
    options_.sinks = {&rows_};
    Decide(Memory(512));
  }
  ~OpenWhiskAdapterTest() override {
    End();
    std::filesystem::remove_all(folder_);
  }

  void Decide(Decision decision) {
    options_.make_policy = options_.make_fallback =
        [decision](const std::vector<std::string>&,
                   const std::vector<std::string>&) -> absl::StatusOr<LivePolicy> {
      LivePolicy policy;
      policy.policy = std::make_unique<Always>(decision);
      return policy;
    };
  }
  // With a request for `search` every 50 ms, if it is to be called.
  void StartServer(bool called = true) {
    std::unique_ptr<const Trace> load;
    if (called) {
      TraceBuilder builder;
      FunctionProfile profile;
      profile.name = "search";
      profile.tenant = builder.Tenant("alice");
      profile.app = builder.App("shop");
      const FunctionId id = builder.AddFunction(profile);
      for (SimTime at; at < SimTime::Minutes(5); at += SimTime::Millis(50)) {
        builder.AddInvocation({at.micros(), kSearchMs * 1000, id.index(), 0});
      }
      load = std::make_unique<const Trace>(builder.Build().value());
    }
    auto server = openwhisk_server::OpenWhiskServer::Start(server_config_, std::move(load));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    config_.endpoint = server_->url();
  }
  void Begin() {
    loop_.reset();  // an earlier one, before its platform
    auto platform = OpenWhiskPlatform::Create(config_);
    ASSERT_TRUE(platform.ok()) << platform.status();
    platform_ = *std::move(platform);
    modes_ =
        std::make_unique<TenantModes>(TenantMode{options_.spec.mode, false}, options_.spec.tenants);
    loop_ = std::make_unique<ControlLoop>(options_, *platform_, *modes_, clock_);
    thread_ = std::thread([this] { ended_ = loop_->Run(); });
  }
  void End() {
    if (!thread_.joinable()) return;
    loop_->Stop();
    thread_.join();
    EXPECT_TRUE(ended_.ok()) << ended_;
  }
  template <class Condition>
  ::testing::AssertionResult Eventually(const Condition& condition) {
    for (int i = 0; i < 1500; ++i) {
      if (condition()) return ::testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return ::testing::AssertionFailure() << "not within half a minute";
  }
  uint64_t Ticks() {
    const auto state = loop_->state();
    return state == nullptr || state->functions.empty() ? 0 : state->ticks;
  }
  // How the loop shows a function; only after a tick.
  FunctionState Shown(const std::string& function) {
    const auto state = loop_->state();  // held: the loop puts another in its place
    for (const FunctionState& shown : state->functions) {
      if (shown.function.id == function) return shown;
    }
    ADD_FAILURE() << function << " is not shown";
    return {};
  }

  // What the server says to others.
  HttpResponse Ask(const std::string& method, const std::string& path,
                   const std::string& body = "") {
    HttpRequest request;
    request.method = method;
    request.url = server_->url() + path;
    request.headers = {"Authorization: Basic dTpn", "Content-Type: application/json"};
    request.body = body;
    const auto response = client_.Perform(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(HttpResponse());
  }
  nlohmann::json Action(const std::string& name) {
    return nlohmann::json::parse(Ask("GET", "/api/v1/namespaces/_/actions/" + name).body);
  }
  static nlohmann::json Attached(const nlohmann::json& action) {
    for (const nlohmann::json& entry : action["annotations"]) {
      if (entry["key"] == "reeve-attached") return entry["value"];
    }
    return nullptr;
  }
  // The last activation's own time, cold starts aside; -1: there is none.
  int64_t LastDuration(const std::string& name) {
    const nlohmann::json list = nlohmann::json::parse(
        Ask("GET", "/api/v1/namespaces/_/activations?limit=1&docs=false&name=" + name).body);
    if (list.empty()) return -1;
    for (const nlohmann::json& entry : list[0]["annotations"]) {
      if (entry["key"] == "initTime") return -1;
    }
    return list[0]["duration"];
  }

  const std::string folder_;
  openwhisk_server::ServerConfig server_config_;
  std::unique_ptr<openwhisk_server::OpenWhiskServer> server_;
  HttpClient client_{"test"};
  OpenWhiskConfig config_;
  LoopOptions options_;
  Rows rows_;
  SteadyClock clock_;
  std::unique_ptr<OpenWhiskPlatform> platform_;
  std::unique_ptr<TenantModes> modes_;
  std::unique_ptr<ControlLoop> loop_;
  std::thread thread_;
  absl::Status ended_;
};

}  // namespace reeve
