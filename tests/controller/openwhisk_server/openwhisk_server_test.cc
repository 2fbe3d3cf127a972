// The server over HTTP.
#include "controller/openwhisk_server/openwhisk_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "controller/net/http_client.h"
#include "core/status.h"

namespace reeve::openwhisk_server {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    config_.listen = "127.0.0.1:0";
    config_.namespaces = {
        {"guest",
         {.key = "u:g", .invocations_per_minute = 100000, .concurrent_invocations = 100000}}};
    config_.behaviour.duration_ms = Distribution::Constant(20);
    config_.cluster.cold_start.time_ms = Distribution::Constant(50);
    config_.cluster.prewarm.clear();
  }
  void Start(NetClock& clock = NetClock::Real()) {
    auto server = OpenWhiskServer::Start(config_, nullptr, clock);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  HttpRequest Request(const std::string& method, const std::string& path,
                      const std::string& body = "") const {
    HttpRequest request;
    request.method = method;
    request.url = server_->url() + "/api/v1/namespaces/_/" + path;
    request.headers = {"Authorization: Basic dTpn", "Content-Type: application/json"};
    request.body = body;
    return request;
  }
  HttpResponse Ask(const std::string& method, const std::string& path,
                   const std::string& body = "") {
    const auto response = client_.Perform(Request(method, path, body));
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(HttpResponse());
  }
  void Create(const std::string& name) {
    const HttpResponse created =
        Ask("PUT", "actions/" + name, R"({"exec": {"kind": "nodejs:20", "code": ""}})");
    EXPECT_EQ(created.status, 200) << created.body;
  }

  ServerConfig config_;
  std::unique_ptr<OpenWhiskServer> server_;
  HttpClient client_{"test"};
};

TEST_F(ServerTest, BlocksInRealTime) {
  Start();
  Create("f");
  const HttpResponse cold = Ask("POST", "actions/f?blocking=true", R"({"a": 1})");
  ASSERT_EQ(cold.status, 200) << cold.body;
  EXPECT_EQ(json::parse(cold.body)["response"]["result"], json({{"a", 1}}));
  const HttpResponse accepted = Ask("POST", "actions/f");
  EXPECT_EQ(accepted.status, 202);
  const std::string id = json::parse(accepted.body)["activationId"];
  HttpResponse record;
  for (int i = 0; i < 10000 && record.status != 200; ++i) record = Ask("GET", "activations/" + id);
  EXPECT_EQ(record.status, 200);
  EXPECT_EQ(json::parse(record.body)["duration"], 20);
}

TEST_F(ServerTest, NobodyWithoutAKeySendsABody) {
  Start();
  HttpRequest request = Request("PUT", "actions/f", std::string(100000, 'x'));
  request.headers.clear();
  const auto response = client_.Perform(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 401);
}

// Each takes its container 20 ms; none of them takes a thread.
TEST_F(ServerTest, HundredsWaitAtOnce) {
  config_.cluster.nodes[0] = {.cpu = Millicores::Cores(400), .memory = Mebibytes(200000)};
  config_.behaviour.duration_ms = Distribution::Constant(300);
  Start();
  Create("f");
  const std::vector<HttpRequest> requests(300, Request("POST", "actions/f?blocking=true", "{}"));
  std::set<std::string> ids;
  for (const auto& response : client_.PerformAll(requests, 300)) {
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, 200);
    ids.insert(json::parse(response->body)["activationId"].get<std::string>());
  }
  EXPECT_EQ(ids.size(), 300u);
  EXPECT_EQ(server_->figures().activations, 300u);
}

TEST_F(ServerTest, FaultsReachTheWire) {
  Start();
  Create("f");
  server_->SetFaults({{.kind = FaultKind::kDrop, .method = "GET"}});
  EXPECT_TRUE(absl::IsUnavailable(client_.Perform(Request("GET", "actions")).status()));
  server_->SetFaults({{.kind = FaultKind::kCut, .method = "PUT"}});
  EXPECT_TRUE(absl::IsUnavailable(
      client_.Perform(Request("PUT", "actions/f?overwrite=true", R"({"limits": {"memory": 512}})"))
          .status()));
  EXPECT_EQ(json::parse(Ask("GET", "actions/f").body)["limits"]["memory"], 512);
  server_->SetFaults({{.kind = FaultKind::kThrottleConcurrent}});
  const HttpResponse throttled = Ask("GET", "actions");
  EXPECT_EQ(throttled.status, 429);
  EXPECT_THAT(throttled.body, HasSubstr("Too many concurrent requests in flight"));
  server_->SetFaults({});
  EXPECT_EQ(Ask("GET", "actions").status, 200);
}

// On a clock that the test moves, the same requests give the same records, byte for byte.
TEST_F(ServerTest, TheSameRequestsGiveTheSameActivations) {
  config_.behaviour.duration_ms = Distribution::LognormalFromMoments(200, 300);
  config_.cluster.cold_start.time_ms = Distribution::LognormalFromMoments(500, 300);
  const auto run = [this] {
    ManualClock clock;
    Start(clock);
    Create("f");
    Create("g");
    Ask("PUT", "actions/g?overwrite=true", R"({"limits": {"instances": 1}})");
    for (int i = 0; i < 40; ++i) {
      Ask("POST", i % 3 == 0 ? "actions/g" : "actions/f");
      clock.Advance(SimTime::Millis(37));
      if (i == 20) Ask("PUT", "actions/f?overwrite=true", R"({"limits": {"memory": 512}})");
    }
    clock.Advance(SimTime::Seconds(100));
    server_->CatchUp();
    std::string all = Ask("GET", "activations?docs=true&limit=200").body;
    server_.reset();
    return all;
  };
  const std::string first = run();
  EXPECT_EQ(json::parse(first).size(), 40u);
  EXPECT_EQ(first, run());
}

TEST_F(ServerTest, TimeCanRunFaster) {
  config_.time_scale = 200;
  config_.behaviour.duration_ms = Distribution::Constant(20000);  // 0.1 s of ours
  Start();
  Create("f");
  const HttpResponse answer = Ask("POST", "actions/f?blocking=true", "{}");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_GE(json::parse(answer.body)["duration"], 20000);
}

TEST_F(ServerTest, RefusesWhatCannotBe) {
  const auto why = [this] {
    return MessageOf(OpenWhiskServer::Start(config_, nullptr, NetClock::Real()).status());
  };
  config_.listen = "0.0.0.0:0";
  EXPECT_THAT(why(), HasSubstr("keys would go there in the clear"));
  config_.listen = "127.0.0.1:0";
  config_.namespaces["b"].key = "u:g";
  EXPECT_EQ(why(), "namespaces.guest.key: another namespace has it");
  config_.namespaces["b"].key = "nonsense";
  EXPECT_EQ(why(), "namespaces.b.key: it must be UUID:SECRET");
  config_.namespaces.erase("b");
  config_.actions["nobody/f"] = {};
  EXPECT_EQ(why(), "actions.nobody/f: there is no namespace 'nobody'");
  config_.actions = {{"guest/f", {}}};
  config_.actions["guest/f"].memory = Mebibytes(4096);
  EXPECT_THAT(why(), HasSubstr("actions.guest/f.memory: not between"));
  config_.actions.clear();
  config_.cluster.scaling = ScalingMode::kReplicaTarget;
  EXPECT_THAT(why(), HasSubstr("cluster."));
}

}  // namespace
}  // namespace reeve::openwhisk_server
