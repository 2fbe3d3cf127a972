// Peers that send slowly, too much, nothing, or nonsense, over plain sockets and TLS.
#include "controller/serve/http_listener.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "controller/net/http_client.h"
#include "controller/serve/http_server.h"
#include "core/files.h"
#include "tests/controller/fake_platform.h"
#include "tests/controller/scripted_server.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A connection that a test writes to as it likes.
class RawPeer {
 public:
  explicit RawPeer(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    timeval patience{.tv_sec = 20, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~RawPeer() { ::close(socket_); }
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  bool connected() const { return connected_; }
  bool Send(const std::string& bytes) {
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // Until the other side ends; what came.
  std::string ReadToEnd() {
    std::string all;
    char piece[4096];
    for (;;) {
      const ssize_t n = ::recv(socket_, piece, sizeof piece, 0);
      if (n <= 0) {
        ended_ = n == 0 || errno == ECONNRESET;
        return all;
      }
      all.append(piece, static_cast<size_t>(n));
    }
  }
  bool ended() const { return ended_; }  // by the other side, and not by our patience

 private:
  const int socket_;
  bool connected_ = false, ended_ = false;
};

class HttpListenerTest : public ::testing::Test {
 protected:
  void Start(const HttpLimits& limits = {}) {
    HttpHandlers handlers;
    handlers.judge = [](const ServedRequest& head) -> std::optional<ServedAnswer> {
      if (head.path == "/secret") return ServedAnswer{401, "no", "text/plain", true};
      return std::nullopt;
    };
    handlers.answer = [this](const ServedRequest& request) -> ServedAnswer {
      ++answered_;
      if (request.path == "/throws") throw std::runtime_error("x");
      return {200, request.method + " " + request.path + " " + QueryParameter(request.query, "a") +
                       " " + std::to_string(request.body.size())};
    };
    auto listener = HttpListener::Start("127.0.0.1", 0, nullptr, std::move(handlers), limits);
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
  }
  std::string Ask(const std::string& bytes) {
    RawPeer peer(listener_->port());
    EXPECT_TRUE(peer.Send(bytes));
    return peer.ReadToEnd();
  }

  std::atomic<int> answered_ = 0;
  std::unique_ptr<HttpListener> listener_;
};

TEST_F(HttpListenerTest, AnswersAndKeepsTheConnection) {
  Start();
  const std::string both =
      Ask("GET /x%20y?a=1%202&b=3 HTTP/1.1\r\nHost: h\r\n\r\n"
          "POST /p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(both, HasSubstr("GET /x y 1 2 0"));
  EXPECT_THAT(both, HasSubstr("POST /p  3"));
  EXPECT_THAT(Ask("GET /throws HTTP/1.0\r\n\r\n"), HasSubstr(" 500 "));
  const std::string head = Ask("HEAD /h HTTP/1.0\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 10\r\n"));  // of "HEAD /h  0"
  EXPECT_THAT(head, ::testing::EndsWith("\r\n\r\n"));
}

// Answers that are given on another thread, in another order than asked for, twice, and when nobody
// listens any more.
TEST_F(HttpListenerTest, AnswersLater) {
  std::mutex mutex;
  std::condition_variable came;
  std::vector<Reply> replies;
  HttpHandlers handlers;
  handlers.judge = [](const ServedRequest&) { return std::nullopt; };
  handlers.answer_later = [&](const ServedRequest& request, Reply reply) {
    if (request.path == "/throws") throw std::runtime_error("x");
    if (request.path == "/now") {
      ServedAnswer answer{200, "now"};
      answer.headers = {{"X-A", "b"}};
      return reply(std::move(answer));
    }
    const std::lock_guard lock(mutex);
    replies.push_back(std::move(reply));
    came.notify_all();
  };
  auto listener = HttpListener::Start("127.0.0.1", 0, nullptr, std::move(handlers));
  ASSERT_TRUE(listener.ok()) << listener.status();
  listener_ = *std::move(listener);
  const std::string now = Ask("GET /now HTTP/1.0\r\n\r\n");
  EXPECT_THAT(now, HasSubstr("X-A: b\r\n"));
  EXPECT_THAT(now, ::testing::EndsWith("now"));
  EXPECT_THAT(Ask("GET /throws HTTP/1.0\r\n\r\n"), HasSubstr(" 500 "));

  const auto wait_for = [&](size_t count) {
    std::unique_lock lock(mutex);
    return came.wait_for(lock, std::chrono::seconds(20), [&] { return replies.size() == count; });
  };
  RawPeer first(listener_->port()), second(listener_->port()), gone(listener_->port());
  ASSERT_TRUE(first.Send("GET /1 HTTP/1.0\r\n\r\n"));
  ASSERT_TRUE(wait_for(1));
  ASSERT_TRUE(second.Send("GET /2 HTTP/1.0\r\n\r\n"));
  ASSERT_TRUE(wait_for(2));
  ASSERT_TRUE(gone.Send("GET /3 HTTP/1.0\r\n\r\n"));
  ASSERT_TRUE(wait_for(3));
  replies[1]({200, "two"});
  EXPECT_THAT(second.ReadToEnd(), ::testing::EndsWith("two"));
  replies[1]({200, "again"});
  replies[0]({200, "one"});
  EXPECT_THAT(first.ReadToEnd(), ::testing::EndsWith("one"));
  listener_.reset();
  EXPECT_EQ(gone.ReadToEnd(), "");
  replies[2]({200, "three"});
}

TEST_F(HttpListenerTest, AnswersBreakOffWhenTheyAreTold) {
  HttpHandlers handlers;
  handlers.judge = [](const ServedRequest&) { return std::nullopt; };
  handlers.answer = [](const ServedRequest& request) {
    ServedAnswer answer{200, "0123456789"};
    answer.cut = request.path == "/none" ? AnswerCut::kBeforeHead : AnswerCut::kInBody;
    return answer;
  };
  auto listener = HttpListener::Start("127.0.0.1", 0, nullptr, std::move(handlers));
  ASSERT_TRUE(listener.ok()) << listener.status();
  listener_ = *std::move(listener);
  EXPECT_EQ(Ask("GET /none HTTP/1.1\r\nHost: h\r\n\r\n"), "");
  const std::string half = Ask("GET /half HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(half, HasSubstr("Content-Length: 10\r\n"));
  EXPECT_THAT(half, ::testing::EndsWith("\r\n\r\n01234"));
}

TEST_F(HttpListenerTest, WhoMayNotAskIsRefusedBeforeTheBody) {
  Start();
  // Nothing of the body is sent: whoever waited for it would wait for the time limit.
  const auto begin = std::chrono::steady_clock::now();
  const std::string answer =
      Ask("POST /secret HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(answer, HasSubstr("WWW-Authenticate: Bearer\r\n"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8));
  EXPECT_EQ(answered_, 0);
}

TEST_F(HttpListenerTest, WhatIsTooLargeOrNoRequestIsRefused) {
  Start();
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nX: " + std::string(9000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Ask("GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  // 17 chunks of 4096 bytes are more than 64 KiB.
  std::string chunks = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 17; ++i) chunks += "1000\r\n" + std::string(4096, 'c') + "\r\n";
  EXPECT_THAT(Ask(chunks), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Ask("\x16\x03\x01 hello\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(answered_, 0);
  EXPECT_THAT(Ask("POST / HTTP/1.0\r\nContent-Length: 65536\r\n\r\n" + std::string(65536, 'b')),
              HasSubstr("65536"));
}

TEST_F(HttpListenerTest, SlowPeersAreLeftAndHoldUpNobody) {
  HttpLimits limits;
  limits.request_time = SimTime::Millis(1000);
  Start(limits);
  std::vector<std::unique_ptr<RawPeer>> slow;
  for (int i = 0; i < 50; ++i) {
    slow.push_back(std::make_unique<RawPeer>(listener_->port()));
    ASSERT_TRUE(slow.back()->Send("GET / HTTP/1.1\r\nX-Slow: "));
  }
  EXPECT_THAT(Ask("GET /now HTTP/1.0\r\n\r\n"), HasSubstr("GET /now"));
  // A byte now and then earns no more time.
  std::atomic<bool> done = false;
  std::thread trickle([&] {
    while (!done) {
      slow[0]->Send("x");
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  const auto begin = std::chrono::steady_clock::now();
  slow[0]->ReadToEnd();
  done = true;
  trickle.join();
  EXPECT_TRUE(slow[0]->ended());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
  EXPECT_EQ(slow[49]->ReadToEnd(), "");
  EXPECT_TRUE(slow[49]->ended());
}

TEST_F(HttpListenerTest, ManyConnectionsMakeRoomForNewOnes) {
  HttpLimits limits;
  limits.connections = 8;
  limits.request_time = SimTime::Minutes(10);
  Start(limits);
  std::vector<std::unique_ptr<RawPeer>> idle;
  for (int i = 0; i < 40; ++i) idle.push_back(std::make_unique<RawPeer>(listener_->port()));
  EXPECT_THAT(Ask("GET /last HTTP/1.0\r\n\r\n"), HasSubstr("GET /last"));
  // The first have been dropped for it.
  EXPECT_EQ(idle[0]->ReadToEnd(), "");
  EXPECT_TRUE(idle[0]->ended());
}

TEST(HttpTextTest, QueriesAreDecoded) {
  EXPECT_EQ(QueryParameter("tenant=a%2Fb&x=1", "tenant"), "a/b");
  EXPECT_EQ(QueryParameter("x&tenant=a+b=c", "tenant"), "a b=c");
  EXPECT_EQ(QueryParameter("ten%61nt=1&tenant=2", "tenant"), "1");
  EXPECT_EQ(QueryParameter("", "tenant"), "");
  EXPECT_EQ(PercentDecoded("%", false), "%");
  EXPECT_EQ(PercentDecoded("%4", false), "%4");
  EXPECT_EQ(PercentDecoded("%zz%41+", false), "%zzA+");
}

// ---- TLS, with the whole server

class TlsServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("reeve_tls_" + std::to_string(getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    Put("server.pem", made_.server_pem);
    Put("server.key", made_.server_key_pem);
    Put("ca.pem", made_.ca_pem);
    Put("token", "secret");
    ASSERT_TRUE(f_.Run(2).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  void Put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(Path(name), text).ok());
    // Later than whatever was there, whatever the clock of the file system says.
    std::filesystem::last_write_time(
        Path(name), std::filesystem::file_time_type::clock::now() + std::chrono::seconds(++puts_));
  }
  HttpSpec Spec(const std::string& token_file, const std::string& client_ca) {
    HttpSpec spec;
    spec.listen = "0.0.0.0:0";
    spec.token_file = token_file;
    spec.tls = {Path("server.pem"), Path("server.key"), client_ca};
    return spec;
  }
  absl::Status Start(const HttpSpec& spec) {
    HttpSources sources;
    sources.loop = &*f_.loop;
    sources.clock = &f_.clock;
    sources.modes = &f_.modes;
    sources.period = SimTime::Seconds(2);
    sources.metrics = [] { return std::string("reeve_ticks_total 2\n"); };
    sources.trouble = [this](const absl::Status&) { ++troubles_; };
    auto server = HttpServer::Start(spec, std::move(sources));
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    return absl::OkStatus();
  }
  // The status of the answer, or the code of the error as a negative number.
  int Get(const std::string& path, const TlsIdentity& identity, const std::string& token = "") {
    HttpRequest request;
    request.url = "https://127.0.0.1:" + std::to_string(server_->port()) + path;
    request.tls = std::make_shared<const TlsIdentity>(identity);
    if (!token.empty()) request.headers = {"Authorization: Bearer " + token};
    HttpClient client("test");  // a new one: a new connection
    const auto answer = client.Perform(request);
    return answer.ok() ? answer->status : -static_cast<int>(answer.status().code());
  }

  const TestCertificates& made_ = TestCertificates::Get();
  const TlsIdentity trusting_{.ca_pem = made_.ca_pem};
  const TlsIdentity known_{made_.ca_pem, made_.client_pem, made_.client_key_pem};
  std::filesystem::path folder_;
  int puts_ = 0;
  std::atomic<int> troubles_ = 0;
  LoopFixture f_{{"t"}, ControlMode::kShadow};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(TlsServerTest, TheTokenIsAskedForOverTls) {
  ASSERT_TRUE(Start(Spec(Path("token"), "")).ok());
  EXPECT_EQ(Get("/metrics", trusting_, "secret"), 200);
  EXPECT_EQ(Get("/metrics", trusting_), 401);
  EXPECT_EQ(Get("/healthz", trusting_), 200);
  EXPECT_LT(Get("/healthz", {.ca_pem = made_.other_ca_pem}), 0);
  // Who does not speak TLS learns nothing.
  RawPeer plain(server_->port());
  ASSERT_TRUE(plain.Send("GET /healthz HTTP/1.0\r\n\r\n"));
  EXPECT_THAT(plain.ReadToEnd(), ::testing::Not(HasSubstr("HTTP")));
}

TEST_F(TlsServerTest, ClientsShowACertificate) {
  ASSERT_TRUE(Start(Spec("", Path("ca.pem"))).ok());
  EXPECT_EQ(Get("/metrics", known_), 200);
  EXPECT_EQ(Get("/metrics", trusting_), 403);
  EXPECT_EQ(Get("/healthz", trusting_), 200);  // probes have none
  // One that another authority has signed: here the other authority's clients are the known ones.
  Put("other.pem", made_.other_ca_pem);
  ASSERT_TRUE(Start(Spec("", Path("other.pem"))).ok());
  EXPECT_LT(Get("/healthz", known_), 0);
}

TEST_F(TlsServerTest, ATokenAndACertificateWhereBothAreSet) {
  ASSERT_TRUE(Start(Spec(Path("token"), Path("ca.pem"))).ok());
  EXPECT_EQ(Get("/metrics", known_, "secret"), 200);
  EXPECT_EQ(Get("/metrics", known_), 401);
  EXPECT_EQ(Get("/metrics", trusting_, "secret"), 403);
}

TEST_F(TlsServerTest, RenewedCertificatesAreReadAgain) {
  ASSERT_TRUE(Start(Spec("", Path("ca.pem"))).ok());
  EXPECT_EQ(Get("/metrics", known_), 200);
  Put("ca.pem", made_.other_ca_pem);
  EXPECT_LT(Get("/metrics", known_), 0);
  EXPECT_EQ(troubles_, 0);
  Put("ca.pem", "no certificate");
  EXPECT_LT(Get("/metrics", known_), 0);  // as before
  EXPECT_EQ(troubles_, 1);
  Put("ca.pem", made_.ca_pem);
  EXPECT_EQ(Get("/metrics", known_), 200);
}

TEST_F(TlsServerTest, FilesThatCannotBeAreSaid) {
  Put("noise.pem", "noise");
  HttpSpec spec = Spec("", Path("ca.pem"));
  spec.tls.certificate = Path("noise.pem");
  EXPECT_THAT(std::string(Start(spec).message()), HasSubstr("http.tls.certificate: "));
  spec = Spec("", Path("ca.pem"));
  Put("client.key", made_.client_key_pem);
  spec.tls.key = Path("client.key");  // of another certificate
  EXPECT_THAT(std::string(Start(spec).message()), HasSubstr("http.tls.key: "));
  spec = Spec("", Path("nowhere.pem"));
  EXPECT_EQ(Start(spec).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Start(Spec("", "")).code(), absl::StatusCode::kFailedPrecondition);
}

// The handshake is part of the time that a peer has.
TEST_F(TlsServerTest, SilenceInTheHandshakeHoldsUpNobody) {
  ASSERT_TRUE(Start(Spec(Path("token"), "")).ok());
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (int i = 0; i < 60; ++i) {
    silent.push_back(std::make_unique<RawPeer>(server_->port()));
    ASSERT_TRUE(silent.back()->connected());
  }
  EXPECT_EQ(Get("/metrics", trusting_, "secret"), 200);
}

}  // namespace
}  // namespace reeve
