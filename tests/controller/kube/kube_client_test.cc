#include "controller/kube/kube_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/status.h"
#include "tests/controller/scripted_server.h"

namespace reeve {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const ObjectRef kPod{kube::kPods, "ns", "pod-1"};

ScriptedReply Refusal(int status, const std::string& reason, const std::string& message = "no") {
  const json body = {{"kind", "Status"},
                     {"status", "Failure"},
                     {"reason", reason},
                     {"message", message},
                     {"code", status}};
  return {.status = status, .body = body.dump()};
}

// A client on a clock that moves when waited on: retries take no time.
struct Fixture {
  explicit Fixture(ScriptedServer::Handler handler,
                   ScriptedServer::Security security = ScriptedServer::Security::kPlain)
      : server(std::move(handler), security) {
    access.server = server.url();
  }
  KubeClient& Client() {
    credentials.emplace(access, clock);
    options.user_agent = "reeve/test";
    client.emplace(*credentials, options, clock);
    return *client;
  }

  ScriptedServer server;
  ManualClock clock;
  KubeAccess access;
  KubeClientOptions options;
  std::optional<KubeCredentials> credentials;
  std::optional<KubeClient> client;
};

TEST(KubeClientTest, RequestsAreWhatTheApiExpects) {
  Fixture f([](const ScriptedRequest&) { return ScriptedReply{.body = R"({"kind":"Pod"})"}; });
  KubeClient& client = f.Client();
  const json patch = {{"metadata", {{"annotations", {{"a", nullptr}}}}}};
  ASSERT_TRUE(client.Get(kPod).ok());
  ASSERT_TRUE(client.Patch(kPod, PatchKind::kMerge, patch, {.dry_run = true}).ok());
  ASSERT_TRUE(
      client.Patch({kube::kPods, "ns", "pod-1", "resize"}, PatchKind::kStrategic, patch).ok());
  ASSERT_TRUE(
      client.Patch(kPod, PatchKind::kApply, patch, {.field_manager = "reeve", .force = true}).ok());
  ASSERT_TRUE(
      client.Patch({kube::kDeployments, "ns", "d", "scale"}, PatchKind::kJson, json::array()).ok());
  ASSERT_TRUE(client.Replace(kPod, patch).ok());
  ASSERT_TRUE(client.Delete(kPod).ok());
  ASSERT_TRUE(client.Create(kube::kPods, "ns", patch).ok());

  const auto seen = f.server.requests();
  ASSERT_EQ(seen.size(), 8u);
  const auto line = [&](size_t i) {
    std::string text = seen[i].method + " " + seen[i].path;
    for (const auto& [key, value] : seen[i].query) text += " " + key + "=" + value;
    const auto type = seen[i].headers.find("content-type");
    return type == seen[i].headers.end() ? text : text + " " + type->second;
  };
  EXPECT_EQ(line(0), "GET /api/v1/namespaces/ns/pods/pod-1");
  EXPECT_EQ(line(1),
            "PATCH /api/v1/namespaces/ns/pods/pod-1 dryRun=All application/merge-patch+json");
  EXPECT_EQ(seen[1].body, R"({"metadata":{"annotations":{"a":null}}})");
  EXPECT_EQ(line(2),
            "PATCH /api/v1/namespaces/ns/pods/pod-1/resize "
            "application/strategic-merge-patch+json");
  EXPECT_EQ(line(3),
            "PATCH /api/v1/namespaces/ns/pods/pod-1 fieldManager=reeve force=true "
            "application/apply-patch+yaml");
  EXPECT_EQ(line(4),
            "PATCH /apis/apps/v1/namespaces/ns/deployments/d/scale application/json-patch+json");
  EXPECT_EQ(line(5), "PUT /api/v1/namespaces/ns/pods/pod-1 application/json");
  EXPECT_EQ(line(6), "DELETE /api/v1/namespaces/ns/pods/pod-1");
  EXPECT_EQ(line(7), "POST /api/v1/namespaces/ns/pods application/json");
  EXPECT_EQ(seen[0].headers.at("accept"), "application/json");
  EXPECT_EQ(seen[0].headers.at("user-agent"), "reeve/test");
}

TEST(KubeClientTest, RefusalsAreNotRepeated) {
  std::atomic<int> status{404};
  Fixture f([&](const ScriptedRequest&) { return Refusal(status, "R"); });
  KubeClient& client = f.Client();
  const std::pair<int, absl::StatusCode> cases[] = {
      {400, absl::StatusCode::kInvalidArgument}, {403, absl::StatusCode::kPermissionDenied},
      {404, absl::StatusCode::kNotFound},        {409, absl::StatusCode::kAborted},
      {410, absl::StatusCode::kOutOfRange},      {422, absl::StatusCode::kInvalidArgument}};
  size_t requests = 0;
  for (const auto& [http, code] : cases) {
    status = http;
    const auto refused = client.Get(kPod);
    EXPECT_EQ(refused.status().code(), code);
    EXPECT_THAT(MessageOf(refused.status()), HasSubstr("GET pods ns/pod-1"));
    EXPECT_EQ(f.server.requests().size(), ++requests);
  }
}

TEST(KubeClientTest, BusyServersAreWaitedForAsLongAsTheySay) {
  std::atomic<int> calls{0};
  Fixture f([&](const ScriptedRequest&) {
    if (++calls == 1) {
      ScriptedReply reply = Refusal(429, "TooManyRequests");
      reply.headers = {{"Retry-After", "5"}};
      return reply;
    }
    return ScriptedReply{.body = "{}"};
  });
  KubeClient& client = f.Client();
  const SimTime begin = f.clock.Now();
  // A creation too: 429 says that nothing was done.
  EXPECT_TRUE(client.Create(kube::kPods, "ns", json::object()).ok());
  EXPECT_EQ(calls, 2);
  EXPECT_GE(f.clock.Now() - begin, SimTime::Seconds(5));
}

TEST(KubeClientTest, AServerThatAsksForMoreThanOurPatienceIsTold) {
  Fixture f([&](const ScriptedRequest&) {
    ScriptedReply reply = Refusal(503, "ServiceUnavailable");
    reply.headers = {{"Retry-After", "60"}};
    return reply;
  });
  EXPECT_EQ(f.Client().Get(kPod).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(f.server.requests().size(), 1u);
}

TEST(KubeClientTest, ReadsAreRepeatedAfterFailuresOfTheServerAndWritesOnlyWhereHarmless) {
  std::atomic<int> calls{0};
  Fixture f([&](const ScriptedRequest&) {
    switch (++calls % 4) {
      case 1:
        return Refusal(500, "InternalError");
      case 2:
        return ScriptedReply{.chunks = {"{\"kind\""}, .cut = true};
      case 3:
        return ScriptedReply{.body = "no json"};
      default:
        return ScriptedReply{.body = "{}"};
    }
  });
  KubeClient& client = f.Client();
  EXPECT_TRUE(client.Get(kPod).ok());
  EXPECT_EQ(calls, 4);
  EXPECT_TRUE(client.Patch(kPod, PatchKind::kMerge, json::object()).ok());
  EXPECT_EQ(calls, 8);
  // A creation, a JSON patch and a patch that names a version may have been done already.
  EXPECT_FALSE(client.Create(kube::kPods, "ns", json::object()).ok());
  EXPECT_EQ(calls, 9);
  calls = 0;
  EXPECT_FALSE(client.Patch(kPod, PatchKind::kJson, json::array()).ok());
  EXPECT_EQ(calls, 1);
  calls = 0;
  const json versioned = {{"metadata", {{"resourceVersion", "4"}}}};
  EXPECT_FALSE(client.Patch(kPod, PatchKind::kMerge, versioned).ok());
  EXPECT_EQ(calls, 1);
}

TEST(KubeClientTest, AServerThatFailsForGoodIsGivenUpAfterOurPatience) {
  Fixture f([&](const ScriptedRequest&) { return Refusal(500, "InternalError"); });
  KubeClient& client = f.Client();
  const SimTime begin = f.clock.Now();
  EXPECT_EQ(client.Get(kPod).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_LE(f.clock.Now() - begin, f.options.patience);
  EXPECT_GE(f.server.requests().size(), 3u);
}

TEST(KubeClientTest, AnExpiredTokenIsReadAgainAndTheRequestRepeatedOnce) {
  const std::string path = ::testing::TempDir() + "/reeve_client_token";
  ASSERT_TRUE(WriteFileAtomically(path, "old").ok());
  std::atomic<int> refused{0};
  Fixture f([&](const ScriptedRequest& request) {
    if (request.headers.at("authorization") == "Bearer new") return ScriptedReply{.body = "{}"};
    ++refused;
    EXPECT_TRUE(WriteFileAtomically(path, "new").ok());
    return Refusal(401, "Unauthorized");
  });
  f.access.token.path = path;
  KubeClient& client = f.Client();
  EXPECT_TRUE(client.Get(kPod).ok());
  EXPECT_EQ(refused, 1);
}

TEST(KubeClientTest, ATokenThatStaysRefusedIsReported) {
  Fixture f([&](const ScriptedRequest&) { return Refusal(401, "Unauthorized"); });
  f.access.token.inline_text = "bad";
  const auto refused = f.Client().Get(kPod);
  EXPECT_TRUE(absl::IsUnauthenticated(refused.status()));
  EXPECT_THAT(MessageOf(refused.status()), HasSubstr("kubeconfig"));
  EXPECT_EQ(f.server.requests().size(), 1u);
}

TEST(KubeClientTest, ListsAreReadPageByPage) {
  Fixture f([&](const ScriptedRequest& request) {
    const auto at = request.query.find("continue");
    const bool second = at != request.query.end();
    if (second) {
      EXPECT_EQ(at->second, "more/+");
    }
    const json body = {
        {"metadata", {{"resourceVersion", "77"}, {"continue", second ? "" : "more/+"}}},
        {"items", {{{"metadata", {{"name", second ? "b" : "a"}}}}}}};
    return ScriptedReply{.body = body.dump()};
  });
  const auto list = f.Client().List(kube::kPods, {.ns = "ns", .label_selector = "x=y", .page = 1});
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->resource_version, "77");
  ASSERT_EQ(list->items.size(), 2u);
  EXPECT_EQ(list->items[1]["metadata"]["name"], "b");
  EXPECT_EQ(f.server.requests()[0].query.at("limit"), "1");
  EXPECT_EQ(f.server.requests()[1].query.at("labelSelector"), "x=y");
}

TEST(KubeClientTest, AListThatExpiresBetweenPagesIsReadWhole) {
  Fixture f([&](const ScriptedRequest& request) {
    if (request.query.count("continue") > 0) return Refusal(410, "Expired");
    const bool whole = request.query.count("limit") == 0;
    json body = {{"metadata", {{"resourceVersion", "8"}}}, {"items", json::array()}};
    if (!whole) body["metadata"]["continue"] = "token";
    if (whole) body["items"].push_back({{"metadata", {{"name", "a"}}}});
    return ScriptedReply{.body = body.dump()};
  });
  const auto list = f.Client().List(kube::kPods);
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->items.size(), 1u);
}

TEST(KubeClientTest, ListsThatAreNoneOrNeverEndAreErrors) {
  std::string body = R"({"kind":"Pod"})";
  Fixture f([&](const ScriptedRequest&) { return ScriptedReply{.body = body}; });
  KubeClient& client = f.Client();
  EXPECT_FALSE(client.List(kube::kPods).ok());
  body = R"({"metadata":{"resourceVersion":"1","continue":"same"},"items":[]})";
  EXPECT_THAT(MessageOf(client.List(kube::kPods).status()), HasSubstr("do not end"));
  // The API writes an empty list as null at times.
  body = R"({"metadata":{"resourceVersion":"1"},"items":null})";
  EXPECT_TRUE(client.List(kube::kPods).ok());
}

TEST(KubeClientTest, OverTlsWithACertificateOfAnotherName) {
  Fixture f([](const ScriptedRequest&) { return ScriptedReply{.body = "{}"}; },
            ScriptedServer::Security::kTlsClientCertificate);
  const TestCertificates& made = TestCertificates::Get();
  f.access.server = "https://localhost:" + std::to_string(f.server.port());
  f.access.tls_server_name = "api.test";
  f.access.authority.inline_text = made.ca_pem;
  f.access.client_certificate.inline_text = made.client_pem;
  f.access.client_key.inline_text = made.client_key_pem;
  const auto got = f.Client().Get(kPod);
  EXPECT_TRUE(got.ok()) << got.status();
}

TEST(KubeClientTest, AnAuthorityThatRotatesIsReadAgain) {
  const std::string path = ::testing::TempDir() + "/reeve_client_ca";
  const TestCertificates& made = TestCertificates::Get();
  ASSERT_TRUE(WriteFileAtomically(path, made.other_ca_pem).ok());
  Fixture f([](const ScriptedRequest&) { return ScriptedReply{.body = "{}"}; },
            ScriptedServer::Security::kTls);
  f.access.authority.path = path;
  KubeClient& client = f.Client();
  EXPECT_TRUE(absl::IsUnauthenticated(client.Get(kPod).status()));
  ASSERT_TRUE(WriteFileAtomically(path, made.ca_pem).ok());
  const auto got = client.Get(kPod);
  EXPECT_TRUE(got.ok()) << got.status();
}

TEST(KubeClientTest, RequestsAreSpacedByTheRateLimit) {
  Fixture f([](const ScriptedRequest&) { return ScriptedReply{.body = "{}"}; });
  f.options.requests_per_second = 5;
  f.options.burst = 10;
  KubeClient& client = f.Client();
  const SimTime begin = f.clock.Now();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client.Get(kPod).ok());
  // Ten at once, ten more at five a second.
  EXPECT_EQ(f.clock.Now() - begin, SimTime::Seconds(2));
}

TEST(KubeClientTest, AWatchHandsItsBytesOnAndTellsHowItEnded) {
  std::atomic<int> calls{0};
  Fixture f([&](const ScriptedRequest&) {
    switch (++calls) {
      case 1:
        return ScriptedReply{.chunks = {"one\n", "two\n"}};
      case 2:
        return ScriptedReply{.chunks = {"one\n"}, .cut = true};
      default:
        return Refusal(410, "Gone");
    }
  });
  KubeClient& client = f.Client();
  std::string seen;
  const auto watch = [&] {
    WatchOptions options;
    options.ns = "ns";
    options.resource_version = "a/b";
    options.length = SimTime::Seconds(301);
    return client.Watch(kube::kPods, options, [&](std::string_view chunk) {
      seen += chunk;
      return absl::OkStatus();
    });
  };
  EXPECT_TRUE(watch().ok());
  EXPECT_EQ(seen, "one\ntwo\n");
  EXPECT_TRUE(absl::IsUnavailable(watch()));
  EXPECT_TRUE(absl::IsOutOfRange(watch()));
  const auto query = f.server.requests()[0].query;
  EXPECT_EQ(query.at("watch"), "1");
  EXPECT_EQ(query.at("allowWatchBookmarks"), "true");
  EXPECT_EQ(query.at("resourceVersion"), "a/b");
  EXPECT_EQ(query.at("timeoutSeconds"), "301");
}

}  // namespace
}  // namespace reeve
