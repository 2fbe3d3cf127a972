// The decision service on real sockets, with peers that behave and peers that do not.
#include "controller/bus/decision_service.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "controller/bus/curve_keys.h"
#include "controller/bus/socket_setup.h"
#include "core/status.h"
#include "tests/controller/bus/bus_testing.h"
#include "tests/controller/bus/scratch_folder.h"

namespace reeve {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
namespace wire = bus::v1;

// A service in a thread.
class Running {
 public:
  explicit Running(DecisionServiceSpec spec) {
    auto service = DecisionService::Bind(spec);
    EXPECT_TRUE(service.ok()) << service.status();
    service_ = *std::move(service);
    thread_ =
        std::thread([this] { EXPECT_TRUE(service_->Run([this] { return stop_.load(); }).ok()); });
  }
  ~Running() { Stop(); }
  DecisionService::Counts Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return service_->counts();
  }
  std::string endpoint() const { return service_->server().endpoint(); }
  const Publisher* stream() const { return service_->stream(); }
  RouterServer::Counts socket() const { return service_->server().counts(); }
  int port() const { return std::stoi(endpoint().substr(endpoint().rfind(':') + 1)); }

 private:
  std::unique_ptr<DecisionService> service_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

DecisionServiceSpec Plain() {
  DecisionServiceSpec spec;
  spec.socket.bind = "tcp://127.0.0.1:*";
  spec.socket.message_bytes = 1 << 20;
  return spec;
}

struct Caller {
  Caller(const std::string& endpoint, zmq::socket_type type = zmq::socket_type::dealer,
         const std::string& server = "", const CurveKeys& keys = {})
      : socket(context, type) {
    SetUpCaller(server, keys, socket);
    socket.set(zmq::sockopt::rcvhwm, 2);
    // A socket that was refused has nowhere to send to, and would wait for ever.
    socket.set(zmq::sockopt::sndtimeo, 5000);
    socket.connect(endpoint);
  }
  void Send(const std::string& bytes) { socket.send(zmq::buffer(bytes), zmq::send_flags::none); }
  std::optional<wire::Reply> Receive(milliseconds wait = milliseconds(10000)) {
    socket.set(zmq::sockopt::rcvtimeo, static_cast<int>(wait.count()));
    zmq::message_t frame;
    if (!socket.recv(frame)) return std::nullopt;
    return ParseReply(frame.to_string());
  }
  std::optional<wire::Reply> Ask(const std::string& bytes,
                                 milliseconds wait = milliseconds(10000)) {
    Send(bytes);
    return Receive(wait);
  }

  zmq::context_t context;
  zmq::socket_t socket;
};

// A connection that speaks what it likes.
struct RawConnection {
  explicit RawConnection(int port) : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RawConnection() { ::close(fd); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  // False when the other end has closed.
  bool Send(const std::string& bytes) const {
    return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // Waits for the other end's greeting and READY: before them it takes no message.
  void ShakeHands() const;
  // Whether the other end closes within a time.
  bool ClosedWithin(milliseconds time) const {
    const auto end = std::chrono::steady_clock::now() + time;
    char buffer[4096];
    while (std::chrono::steady_clock::now() < end) {
      const ssize_t n = ::recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN)) return true;
      if (n < 0) std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }
  int fd;
  bool connected = false;
};

// Greeting of ZMTP 3.1 with mechanism NULL, and READY of a DEALER (RFC 37).
std::string NullHandshake() {
  std::string bytes("\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01", 12);
  bytes += std::string("NULL").append(16, '\0');  // 20 bytes
  bytes += std::string(32, '\0');                 // not a server; filler
  const std::string ready = std::string(
      "\x05READY\x0bSocket-Type\0\0\0\x06"
      "DEALER",
      6 + 12 + 4 + 6);
  bytes += std::string("\x04", 1) + static_cast<char>(ready.size()) + ready;
  return bytes;
}

void RawConnection::ShakeHands() const {
  ASSERT_TRUE(Send(NullHandshake()));
  char buffer[256];
  ssize_t got = 0;
  while (got <= 64) {
    const ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
    ASSERT_GT(n, 0);
    got += n;
  }
}

// Zero under AddressSanitizer, which keeps what was freed.
int64_t ResidentBytes() {
#ifdef __SANITIZE_ADDRESS__
  return 0;
#endif
  std::ifstream statm("/proc/self/statm");
  int64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

bool Within(milliseconds time, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return true;
}

void ExpectServed(Caller& caller, const std::string& session) {
  const auto welcome = caller.Ask(HelloBytes(session, 1, 2));
  ASSERT_TRUE(welcome && welcome->has_welcome());
  const auto reply = caller.Ask(SnapshotRequest(session, 2, MakeWindow(1, 2)).SerializeAsString());
  ASSERT_TRUE(reply && reply->has_decisions());
  EXPECT_EQ(reply->decisions().decisions_size(), 2);
}

TEST(DecisionService, DealersAndRequestersAreAnswered) {
  Running service(Plain());
  for (const auto type : {zmq::socket_type::dealer, zmq::socket_type::req}) {
    Caller caller(service.endpoint(), type);
    ExpectServed(caller, type == zmq::socket_type::req ? "req" : "dealer");
  }
  EXPECT_EQ(service.Stop().sessions.decisions, 2u);
}

TEST(DecisionService, ASessionOutlivesItsConnection) {
  Running service(Plain());
  {
    Caller caller(service.endpoint());
    ExpectServed(caller, "s");
  }
  Caller caller(service.endpoint());
  const auto reply = caller.Ask(SnapshotRequest("s", 3, MakeWindow(2, 2)).SerializeAsString());
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->has_decisions());
}

TEST(DecisionService, WhatIsDecidedIsPublished) {
  DecisionServiceSpec spec = Plain();
  spec.stream.emplace();
  spec.stream->socket.bind = "tcp://127.0.0.1:*";
  Running service(spec);
  Caller caller(service.endpoint());
  ExpectServed(caller, "s");
  EXPECT_TRUE(
      Within(milliseconds(5000), [&] { return service.stream()->counts().published == 1; }));
}

TEST(DecisionService, WithoutKeysOnlyThisMachineIsListenedTo) {
  DecisionServiceSpec spec = Plain();
  for (const char* address : {"tcp://*:5590", "tcp://0.0.0.0:*", "tcp://192.0.2.1:5590"}) {
    spec.socket.bind = address;
    const absl::Status status = DecisionService::Bind(spec).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << address;
    EXPECT_THAT(MessageOf(status), HasSubstr("set key and allowed"));
  }
}

TEST(DecisionService, GarbageAndMultipartsDoNotDisturbOthers) {
  Running service(Plain());
  Caller good(service.endpoint());
  ExpectServed(good, "good");

  RawConnection garbage(service.port());
  ASSERT_TRUE(garbage.connected);
  garbage.Send(std::string(100'000, 'x'));
  EXPECT_TRUE(garbage.ClosedWithin(milliseconds(5000)));

  // Three frames where one is expected: no answer.
  Caller many(service.endpoint());
  many.socket.send(zmq::str_buffer("a"), zmq::send_flags::sndmore);
  many.socket.send(zmq::str_buffer("b"), zmq::send_flags::sndmore);
  many.Send("c");
  EXPECT_FALSE(many.Receive(milliseconds(300)));
  // And bytes that are no request: an error.
  const auto error = many.Ask("garbage");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->error().code(), wire::MALFORMED);

  // Half of a multipart, and then gone.
  {
    RawConnection half(service.port());
    half.ShakeHands();
    half.Send(
        std::string("\x01\x03"
                    "abc",
                    5));  // a short frame, more to follow
    std::this_thread::sleep_for(milliseconds(100));
  }
  const auto reply = good.Ask(SnapshotRequest("good", 3, MakeWindow(2, 2)).SerializeAsString());
  ASSERT_TRUE(reply && reply->has_decisions());
  EXPECT_EQ(service.Stop().socket.malformed, 1u);
}

// What the test above relies on: the handshake by hand is one.
TEST(DecisionService, AHandWrittenConnectionIsAnswered) {
  Running service(Plain());
  RawConnection raw(service.port());
  const std::string hello = HelloBytes("raw", 1, 1);
  ASSERT_LT(hello.size(), 256u);
  raw.ShakeHands();
  raw.Send(std::string(1, '\0') + static_cast<char>(hello.size()) + hello);
  EXPECT_TRUE(Within(milliseconds(5000), [&] { return service.socket().answered == 1; }));
}

TEST(DecisionService, WhoSendsTooMuchIsDisconnectedAndCostsNothing) {
  Running service(Plain());
  const int64_t before = ResidentBytes();
  // A header that promises 1 TB, and 64 MB that come.
  RawConnection raw(service.port());
  raw.ShakeHands();
  raw.Send(std::string("\x02\0\0\x01\0\0\0\0\0", 9));
  const std::string piece(1 << 20, 'x');
  int sent = 0;
  while (sent < 64 && raw.Send(piece)) ++sent;
  EXPECT_LT(sent, 64);
  EXPECT_TRUE(raw.ClosedWithin(milliseconds(5000)));
  EXPECT_LT(ResidentBytes() - before, 16 << 20);
  Caller good(service.endpoint());
  ExpectServed(good, "good");
}

TEST(DecisionService, PeersThatSayNothingAreDisconnected) {
  DecisionServiceSpec spec = Plain();
  spec.socket.handshake = SimTime::Millis(300);
  Running service(spec);
  RawConnection silent(service.port());
  ASSERT_TRUE(silent.connected);
  EXPECT_TRUE(silent.ClosedWithin(milliseconds(10000)));
  EXPECT_TRUE(Within(milliseconds(5000), [&] { return service.socket().connections == 0; }));
}

TEST(DecisionService, ConnectionsBeyondTheMostAreTurnedAway) {
  DecisionServiceSpec spec = Plain();
  spec.socket.connections = 20;
  spec.socket.handshake = SimTime::Seconds(60);
  Running service(spec);
  Caller good(service.endpoint());
  ExpectServed(good, "good");
  {
    std::vector<std::unique_ptr<RawConnection>> storm;
    for (int i = 0; i < 100; ++i) {
      storm.push_back(std::make_unique<RawConnection>(service.port()));
      ASSERT_TRUE(storm.back()->connected);
    }
    EXPECT_TRUE(Within(milliseconds(10000), [&] { return service.socket().turned_away == 81; }));
    EXPECT_TRUE(Within(milliseconds(10000), [&] { return service.socket().connections == 20; }));
    int closed = 0;
    for (const auto& raw : storm) closed += raw->ClosedWithin(milliseconds(1)) ? 1 : 0;
    EXPECT_EQ(closed, 81);
    // Who was there is served all the while.
    const auto reply = good.Ask(SnapshotRequest("good", 3, MakeWindow(2, 2)).SerializeAsString());
    EXPECT_TRUE(reply && reply->has_decisions());
  }
  Caller later(service.endpoint());
  ExpectServed(later, "later");
}

TEST(DecisionService, AStormOfReconnectionsLeavesNothingBehind) {
  Running service(Plain());
  Caller good(service.endpoint());
  ExpectServed(good, "good");
  const int64_t before = ResidentBytes();
  for (int i = 0; i < 300; ++i) {
    RawConnection raw(service.port());
    if (i % 2 == 0) raw.Send(NullHandshake());
  }
  EXPECT_TRUE(Within(milliseconds(10000), [&] { return service.socket().connections == 1; }));
  EXPECT_LT(ResidentBytes() - before, 16 << 20);
  const auto reply = good.Ask(SnapshotRequest("good", 3, MakeWindow(2, 2)).SerializeAsString());
  EXPECT_TRUE(reply && reply->has_decisions());
}

// Answers of tens of kB each to who never reads them: what does not fit is thrown away.
TEST(DecisionService, WhoNeverReadsIsNotWaitedFor) {
  Running service(Plain());
  constexpr int kFunctions = 10'000;
  Caller deaf(service.endpoint());
  ASSERT_TRUE(deaf.Ask(HelloBytes("deaf", 1, kFunctions)));
  const auto decisions =
      deaf.Ask(SnapshotRequest("deaf", 2, MakeWindow(1, kFunctions)).SerializeAsString());
  ASSERT_TRUE(decisions && decisions->ByteSizeLong() > 20'000);
  // The same number again is answered from memory: short to ask, long to read.
  const std::string again = MakeRequest("deaf", 2).SerializeAsString();
  const int64_t before = ResidentBytes();
  for (int i = 0; i < 2000; ++i) deaf.Send(again);
  Caller good(service.endpoint());
  ExpectServed(good, "good");
  EXPECT_TRUE(Within(milliseconds(20000), [&] { return service.socket().undelivered > 0; }));
  EXPECT_LT(ResidentBytes() - before, 32 << 20);
}

struct Curve {
  Curve() {
    for (auto& [name, keys] : {std::pair("server", &server), std::pair("alice", &alice),
                               std::pair("mallory", &mallory)}) {
      *keys = *MakeCurveKeys();
      EXPECT_TRUE(WriteCurveKeys(*keys, folder.path, name).ok());
    }
    std::filesystem::create_directories(allowed);
    Allow("alice");
    spec = Plain();
    spec.socket.key = folder.path + "/server.key_secret";
    spec.socket.allowed = allowed;
  }
  void Allow(const std::string& name) const {
    std::filesystem::copy(folder.path + "/" + name + ".key", allowed + "/" + name + ".key");
  }

  const ScratchFolder folder;
  const std::string allowed = folder.path + "/allowed";
  CurveKeys server, alice, mallory;
  DecisionServiceSpec spec;
};

constexpr auto kDealer = zmq::socket_type::dealer;

TEST(DecisionServiceCurve, WhoHoldsAnAllowedKeyIsServedAndNobodyElse) {
  const Curve curve;
  Running service(curve.spec);
  Caller alice(service.endpoint(), kDealer, curve.server.public_key, curve.alice);
  ExpectServed(alice, "s");
  Caller mallory(service.endpoint(), kDealer, curve.server.public_key, curve.mallory);
  Caller stranger(service.endpoint());  // no CURVE at all
  Caller fooled(service.endpoint(), kDealer, curve.mallory.public_key,
                curve.alice);  // other server
  for (Caller* caller : {&mallory, &stranger, &fooled}) {
    EXPECT_FALSE(caller->Ask(HelloBytes("s", 1, 2), milliseconds(500)));
  }
  const auto counts = service.Stop();
  EXPECT_EQ(counts.sessions.requests, 2u);
  EXPECT_GE(counts.socket.refused, 1u);
  EXPECT_GE(counts.socket.failed, 2u);
}

TEST(DecisionServiceCurve, SessionsAreOfTheKeyThatBeganThem) {
  const Curve curve;
  curve.Allow("mallory");
  Running service(curve.spec);
  Caller alice(service.endpoint(), kDealer, curve.server.public_key, curve.alice);
  ExpectServed(alice, "s");
  Caller mallory(service.endpoint(), kDealer, curve.server.public_key, curve.mallory);
  const auto reply = mallory.Ask(SnapshotRequest("s", 3, MakeWindow(2, 2)).SerializeAsString());
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->error().code(), wire::UNKNOWN_SESSION);
}

TEST(DecisionServiceCurve, KeysComeAndGoWhileItRuns) {
  const Curve curve;
  Running service(curve.spec);
  {
    Caller alice(service.endpoint(), kDealer, curve.server.public_key, curve.alice);
    ExpectServed(alice, "s");
  }
  std::this_thread::sleep_for(milliseconds(1100));  // it looks once a second
  std::filesystem::remove(curve.allowed + "/alice.key");
  curve.Allow("mallory");
  Caller mallory(service.endpoint(), kDealer, curve.server.public_key, curve.mallory);
  ExpectServed(mallory, "m");
  Caller alice(service.endpoint(), kDealer, curve.server.public_key, curve.alice);
  EXPECT_FALSE(alice.Ask(HelloBytes("s", 9, 2), milliseconds(500)));
}

// Strangers by the hundred, each with the most bytes it can send before it must show a key.
TEST(DecisionServiceCurve, StrangersCostNothing) {
  Curve curve;
  curve.spec.socket.handshake = SimTime::Millis(500);
  Running service(curve.spec);
  Caller alice(service.endpoint(), kDealer, curve.server.public_key, curve.alice);
  ExpectServed(alice, "s");
  const int64_t before = ResidentBytes();
  {
    std::vector<std::unique_ptr<RawConnection>> strangers;
    for (int i = 0; i < 100; ++i) {
      strangers.push_back(std::make_unique<RawConnection>(service.port()));
      strangers.back()->Send(NullHandshake() + std::string(50'000, 'x'));
    }
    const auto reply = alice.Ask(SnapshotRequest("s", 3, MakeWindow(2, 2)).SerializeAsString());
    EXPECT_TRUE(reply && reply->has_decisions());
    EXPECT_TRUE(Within(milliseconds(10000), [&] { return service.socket().connections == 1; }));
  }
  EXPECT_LT(ResidentBytes() - before, 16 << 20);
  EXPECT_EQ(service.Stop().sessions.requests, 3u);
}

}  // namespace
}  // namespace reeve
