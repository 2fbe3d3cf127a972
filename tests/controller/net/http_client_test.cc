#include "controller/net/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/status.h"
#include "tests/controller/scripted_server.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

HttpRequest GetFrom(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.timeout = SimTime::Seconds(20);
  return request;
}

std::shared_ptr<const TlsIdentity> Trusting(const std::string& ca_pem) {
  return std::make_shared<const TlsIdentity>(
      TlsIdentity{.ca_pem = ca_pem, .certificate_pem = "", .key_pem = ""});
}

TEST(HttpClientTest, SendsMethodHeadersAndBodyAndReadsTheAnswer) {
  ScriptedServer server([](const ScriptedRequest& request) {
    ScriptedReply reply;
    reply.status = 201;
    reply.body = request.method + " " + request.headers.at("x-test") + " " + request.body;
    reply.headers = {{"Retry-After", "7"}};
    return reply;
  });
  HttpClient client("reeve/test");
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    HttpRequest request = GetFrom(server.url() + "/a");
    request.method = method;
    request.headers = {"X-Test: yes"};
    request.body = "hello";
    const auto response = client.Perform(request);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, 201);
    EXPECT_EQ(response->body, std::string(method) + " yes hello");
    EXPECT_EQ(response->content_type, "application/json");
    EXPECT_EQ(response->retry_after, SimTime::Seconds(7));
  }
  EXPECT_EQ(server.requests()[0].headers.at("user-agent"), "reeve/test");
}

TEST(HttpClientTest, ConnectionsThatAreResetOrCutShortAreUnavailable) {
  HttpClient client("reeve");
  RawServer silent("");
  EXPECT_EQ(client.Perform(GetFrom(silent.url())).status().code(), absl::StatusCode::kUnavailable);
  RawServer half("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  EXPECT_EQ(client.Perform(GetFrom(half.url())).status().code(), absl::StatusCode::kUnavailable);
  RawServer garbage("\x01\x02\x03 no HTTP at all\r\n\r\n");
  EXPECT_EQ(client.Perform(GetFrom(garbage.url())).status().code(), absl::StatusCode::kUnavailable);
  ScriptedServer cut(
      [](const ScriptedRequest&) { return ScriptedReply{.chunks = {"some"}, .cut = true}; });
  EXPECT_EQ(client.Perform(GetFrom(cut.url())).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(client.Perform(GetFrom("http://127.0.0.1:1/")).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(HttpClientTest, OnlyHttp) {
  HttpClient client("reeve");
  EXPECT_EQ(client.Perform(GetFrom("file:///etc/passwd")).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(HttpClientTest, AnAnswerThatIsTooLongIsGivenUp) {
  ScriptedServer server(
      [](const ScriptedRequest&) { return ScriptedReply{.body = std::string(5000, 'x')}; });
  HttpClient client("reeve");
  HttpRequest request = GetFrom(server.url());
  request.max_body_bytes = 4999;
  const auto refused = client.Perform(request);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(MessageOf(refused.status()), HasSubstr("longer than 4999 bytes"));
  request.max_body_bytes = 5000;
  EXPECT_TRUE(client.Perform(request).ok());
}

TEST(HttpClientTest, SlowAnswersRunIntoTheTimeout) {
  ScriptedServer server([](const ScriptedRequest&) { return ScriptedReply{.hold = true}; });
  HttpClient client("reeve");
  HttpRequest request = GetFrom(server.url());
  request.timeout = SimTime::Millis(50);
  EXPECT_EQ(client.Perform(request).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(HttpClientTest, SilenceInAStreamRunsIntoTheIdleTimeout) {
  ScriptedServer server(
      [](const ScriptedRequest&) { return ScriptedReply{.chunks = {"a"}, .hold = true}; });
  HttpClient client("reeve");
  HttpRequest request = GetFrom(server.url());
  request.timeout = SimTime::Max();
  request.idle_timeout = SimTime::Seconds(1);
  std::string seen;
  const auto ended = client.Stream(request, [&](std::string_view chunk) {
    seen += chunk;
    return absl::OkStatus();
  });
  EXPECT_EQ(ended.status().code(), absl::StatusCode::kDeadlineExceeded) << ended.status();
  EXPECT_EQ(seen, "a");
}

TEST(HttpClientTest, StopEndsARequestThatWaits) {
  std::atomic<bool> reached{false};
  ScriptedServer server([&](const ScriptedRequest&) {
    reached = true;
    return ScriptedReply{.hold = true};
  });
  StopSignal stop;
  const SimTime begin = NetClock::Real().Now();
  std::thread stopper([&] {
    while (!reached) std::this_thread::yield();
    stop.Stop();
  });
  HttpClient client("reeve");
  EXPECT_EQ(client.Perform(GetFrom(server.url()), &stop).status().code(),
            absl::StatusCode::kCancelled);
  stopper.join();
  EXPECT_LT(NetClock::Real().Now() - begin, SimTime::Seconds(15));
}

TEST(HttpClientTest, AStreamHandsChunksOnAndEndsWithTheSinksError) {
  ScriptedServer server([](const ScriptedRequest&) {
    return ScriptedReply{.chunks = {"one\n", "two\n"}, .pause = SimTime::Millis(2)};
  });
  HttpClient client("reeve");
  std::string seen;
  const auto whole = client.Stream(GetFrom(server.url()), [&](std::string_view chunk) {
    seen += chunk;
    return absl::OkStatus();
  });
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(seen, "one\ntwo\n");
  EXPECT_EQ(whole->body, "");
  const auto ended = client.Stream(GetFrom(server.url()),
                                   [&](std::string_view) { return absl::DataLossError("enough"); });
  EXPECT_EQ(ended.status(), absl::DataLossError("enough"));
}

TEST(HttpClientTest, AStreamWithAnErrorStatusCollectsTheBody) {
  ScriptedServer server(
      [](const ScriptedRequest&) { return ScriptedReply{.status = 410, .body = "gone"}; });
  HttpClient client("reeve");
  bool called = false;
  const auto response = client.Stream(GetFrom(server.url()), [&](std::string_view) {
    called = true;
    return absl::OkStatus();
  });
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->status, 410);
  EXPECT_EQ(response->body, "gone");
  EXPECT_FALSE(called);
}

TEST(HttpClientTest, ManyAtOnceInTheOrderOfTheRequests) {
  std::atomic<int> now{0}, most{0};
  ScriptedServer server([&](const ScriptedRequest& request) {
    const int running = ++now;
    int before = most;
    while (running > before && !most.compare_exchange_weak(before, running)) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    --now;
    return ScriptedReply{.body = request.path};
  });
  std::vector<HttpRequest> requests;
  for (int i = 0; i < 40; ++i) {
    requests.push_back(GetFrom(server.url() + "/" + std::to_string(i)));
  }
  requests.push_back(GetFrom("http://127.0.0.1:1/"));
  HttpClient client("reeve");
  const auto responses = client.PerformAll(requests, 4);
  ASSERT_EQ(responses.size(), 41u);
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(responses[static_cast<size_t>(i)].ok());
    EXPECT_EQ(responses[static_cast<size_t>(i)]->body, "/" + std::to_string(i));
  }
  EXPECT_FALSE(responses[40].ok());
  EXPECT_LE(most, 4);
  EXPECT_GE(most, 2);
}

TEST(HttpClientTest, TheServersCertificateMustVerify) {
  ScriptedServer server([](const ScriptedRequest&) { return ScriptedReply{.body = "{}"}; },
                        ScriptedServer::Security::kTls);
  const TestCertificates& made = TestCertificates::Get();
  HttpClient client("reeve");
  HttpRequest request = GetFrom(server.url());
  EXPECT_EQ(client.Perform(request).status().code(), absl::StatusCode::kUnauthenticated);
  request.tls = Trusting(made.other_ca_pem);
  EXPECT_EQ(client.Perform(request).status().code(), absl::StatusCode::kUnauthenticated);
  request.tls = Trusting(made.ca_pem);
  const auto response = client.Perform(request);
  EXPECT_TRUE(response.ok()) << response.status();
  // The right authority, but a name the certificate does not hold.
  request.url = "https://localhost:" + std::to_string(server.port());
  EXPECT_EQ(client.Perform(request).status().code(), absl::StatusCode::kUnauthenticated);
  // That name is reached at another address.
  request.url = "https://api.test:1";
  request.connect_to = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_TRUE(client.Perform(request).ok());
}

TEST(HttpClientTest, AClientCertificateIsShown) {
  ScriptedServer server([](const ScriptedRequest&) { return ScriptedReply{.body = "{}"}; },
                        ScriptedServer::Security::kTlsClientCertificate);
  const TestCertificates& made = TestCertificates::Get();
  HttpRequest request = GetFrom(server.url());
  request.tls = Trusting(made.ca_pem);
  EXPECT_FALSE(HttpClient("reeve").Perform(request).ok());
  request.tls = std::make_shared<const TlsIdentity>(
      TlsIdentity{made.ca_pem, made.client_pem, made.client_key_pem});
  const auto response = HttpClient("reeve").Perform(request);
  EXPECT_TRUE(response.ok()) << response.status();
}

TEST(HttpClientTest, QueriesAreEncoded) {
  EXPECT_EQ(PercentEncode("a b/c?&=%~-._Z9"), "a%20b%2Fc%3F%26%3D%25~-._Z9");
  EXPECT_EQ(QueryString({{"labelSelector", "a=b,c"}, {"x", ""}}), "labelSelector=a%3Db%2Cc&x=");
}

}  // namespace
}  // namespace reeve
