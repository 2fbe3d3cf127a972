#include "controller/openwhisk/whisk_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "controller/net/clock.h"
#include "core/files.h"
#include "tests/controller/openwhisk/fake_whisk.h"

namespace reeve {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class WhiskClientTest : public ::testing::Test {
 protected:
  WhiskClientTest()
      : folder_(::testing::TempDir() + "/reeve_whisk_client_" + std::to_string(getpid())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    WriteKey(FakeWhisk::kKey);
  }
  ~WhiskClientTest() override { std::filesystem::remove_all(folder_); }
  std::string key_file() const { return folder_ + "/key"; }
  void WriteKey(const std::string& key) {
    ASSERT_TRUE(WriteFileAtomically(key_file(), key + "\n").ok());
  }
  WhiskClient& Client(std::shared_ptr<const TlsIdentity> tls = nullptr) {
    if (client_ == nullptr) {
      client_ = std::make_unique<WhiskClient>(
          WhiskClientOptions{whisk_.url() + "/", std::move(tls), SimTime::Seconds(2), {}, 1}, key_,
          clock_);
    }
    return *client_;
  }

  std::string folder_;
  FakeWhisk whisk_;
  ManualClock clock_;
  WhiskKey key_{::testing::TempDir() + "/reeve_whisk_client_" + std::to_string(getpid()) + "/key",
                clock_};
  std::unique_ptr<WhiskClient> client_;
};

TEST_F(WhiskClientTest, ReadsAndChanges) {
  whisk_.AddAction("tools/hello there");
  const auto names = Client().Get("/api/v1/namespaces");
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_EQ(*names, json::array({"guest"}));
  const std::string path = WhiskActionPath("_", "tools/hello there");
  EXPECT_EQ(path, "/api/v1/namespaces/_/actions/tools/hello%20there");
  const auto changed = Client().Put(path, {{"overwrite", "true"}}, {{"limits", {{"memory", 512}}}});
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(whisk_.Limits("tools/hello there")["memory"], 512);
  EXPECT_EQ(whisk_.Limits("tools/hello there")["timeout"], 60000);
  EXPECT_EQ(whisk_.requests().back().query.at("overwrite"), "true");
}

TEST_F(WhiskClientTest, InvokesSeveralAtOnceWithoutWaiting) {
  whisk_.AddAction("hello");
  const auto [ids, status] = Client().InvokeAtOnce(WhiskActionPath("_", "hello"), {{"x", true}}, 5);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(ids.size(), 5u);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 5u);
  EXPECT_EQ(whisk_.requests().back().query.at("blocking"), "false");
  EXPECT_EQ(json::parse(whisk_.requests().back().body), (json{{"x", true}}));
}

TEST_F(WhiskClientTest, SaysWhatTheServerSaid) {
  const auto absent = Client().Get(WhiskActionPath("_", "nobody"));
  EXPECT_TRUE(absl::IsNotFound(absent.status()));
  EXPECT_THAT(std::string(absent.status().message()),
              HasSubstr("GET /api/v1/namespaces/_/actions/nobody: HTTP 404: The requested resource "
                        "does not exist."));
  const auto foreign = Client().Get("/api/v1/namespaces/other/limits");
  EXPECT_TRUE(absl::IsPermissionDenied(foreign.status())) << foreign.status();
  whisk_.AddAction("hello");
  const auto refused =
      Client().Put(WhiskActionPath("_", "hello"), {}, {{"limits", {{"memory", 9}}}});
  EXPECT_TRUE(absl::IsInvalidArgument(refused.status())) << refused.status();
  // None of these is a server in trouble.
  EXPECT_FALSE(Client().quiet_until());
}

TEST_F(WhiskClientTest, AStormOf429IsWaitedForAndNotFedOn) {
  bool storm = true;
  whisk_.SetHooks([&](const ScriptedRequest&) -> std::optional<ScriptedReply> {
    if (!storm) return std::nullopt;
    return WhiskError(429, "Too many requests in the last minute (count: 121, allowed: 120).");
  });
  // Asked ten times a second for two minutes. Waits of 0.8 s that double to 30 s, each at least
  // half of that: at most 2 + 2 + ... requests: 0.4 0.8 1.6 3.2 6.4 12.8 15 15 15 ... s.
  for (int i = 0; i < 1200; ++i) {
    const auto answer = Client().Get("/api/v1/namespaces");
    EXPECT_TRUE(absl::IsResourceExhausted(answer.status())) << answer.status();
    EXPECT_THAT(std::string(answer.status().message()), HasSubstr("Too many requests"));
    clock_.Advance(SimTime::Millis(100));
  }
  EXPECT_LE(whisk_.requests().size(), 14u);
  EXPECT_GE(whisk_.requests().size(), 5u);
  storm = false;
  const SimTime begin = clock_.Now();
  while (!Client().Get("/api/v1/namespaces").ok()) {
    clock_.Advance(SimTime::Millis(100));
    ASSERT_LT(clock_.Now() - begin, SimTime::Seconds(31));
  }
  EXPECT_TRUE(Client().Get("/api/v1/namespaces").ok());  // and at once again
}

TEST_F(WhiskClientTest, RetryAfterIsHeeded) {
  whisk_.SetHooks([&](const ScriptedRequest&) -> std::optional<ScriptedReply> {
    ScriptedReply reply = WhiskError(503, "no");
    reply.headers = {{"Retry-After", "40"}};
    return reply;
  });
  EXPECT_TRUE(absl::IsUnavailable(Client().Get("/").status()));
  EXPECT_EQ(Client().quiet_until(), clock_.Now() + SimTime::Seconds(40));
}

TEST_F(WhiskClientTest, AnswersThatAreNone) {
  whisk_.SetHooks([&](const ScriptedRequest&) -> std::optional<ScriptedReply> {
    return ScriptedReply{.body = "{\"half\":"};
  });
  EXPECT_TRUE(absl::IsUnavailable(Client().Get("/").status()));
  EXPECT_TRUE(Client().quiet_until().has_value());
}

TEST_F(WhiskClientTest, AKeyThatWasReplacedIsReadAtOnce) {
  EXPECT_TRUE(Client().Get("/api/v1/namespaces").ok());
  whisk_.SetKey("another:secret");
  EXPECT_TRUE(absl::IsUnauthenticated(Client().Get("/api/v1/namespaces").status()));
  WriteKey("another:secret");
  EXPECT_TRUE(Client().Get("/api/v1/namespaces").ok());
}

TEST_F(WhiskClientTest, AKeyFileThatIsDamagedLeavesTheLastKey) {
  EXPECT_TRUE(Client().Get("/api/v1/namespaces").ok());
  WriteKey("");
  clock_.Advance(SimTime::Minutes(1));
  EXPECT_TRUE(Client().Get("/api/v1/namespaces").ok());
}

TEST_F(WhiskClientTest, KeysAreOneWordWithAColon) {
  EXPECT_EQ(*ParseWhiskKey(" a:b\n"), "a:b");
  for (const char* text : {"", "\n", "ab", ":b", "a:", "a:b c", "a:b\nX-Header: 1", "a:\x7f"}) {
    EXPECT_FALSE(ParseWhiskKey(text).ok()) << text;
  }
  WhiskKey absent(folder_ + "/nothing", clock_);
  EXPECT_THAT(std::string(absent.Current().status().message()), HasSubstr("/nothing"));
}

TEST_F(WhiskClientTest, OnlyAServerOfTheAuthorityIsTalkedTo) {
  FakeWhisk secure(ScriptedServer::Security::kTls);
  const TestCertificates& certificates = TestCertificates::Get();
  for (const bool right : {true, false}) {
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/ca.pem",
                                    right ? certificates.ca_pem : certificates.other_ca_pem)
                    .ok());
    const auto tls = ReadWhiskTls({.ca_file = folder_ + "/ca.pem"});
    ASSERT_TRUE(tls.ok()) << tls.status();
    WhiskClient client({secure.url(), *tls, SimTime::Seconds(2), {}, 1}, key_, clock_);
    EXPECT_EQ(client.Get("/api/v1/namespaces").ok(), right);
  }
  EXPECT_FALSE(ReadWhiskTls({.ca_file = folder_ + "/nothing.pem"}).ok());
}

}  // namespace
}  // namespace reeve
