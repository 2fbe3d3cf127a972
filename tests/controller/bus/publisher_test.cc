#include "controller/bus/publisher.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "controller/bus/socket_setup.h"
#include "controller/bus/stream.pb.h"
#include "tests/controller/bus/bus_testing.h"
#include "tests/controller/bus/scratch_folder.h"

namespace reeve {
namespace {

using std::chrono::milliseconds;

struct Subscriber {
  Subscriber(const std::string& endpoint, const std::string& wanted, const std::string& server = "",
             const CurveKeys& keys = {})
      : socket(context, zmq::socket_type::sub) {
    SetUpCaller(server, keys, socket);
    socket.set(zmq::sockopt::rcvhwm, 2);
    socket.set(zmq::sockopt::subscribe, wanted);
    socket.connect(endpoint);
  }
  std::optional<bus::v1::Event> Receive(int wait_ms = 10'000) {
    socket.set(zmq::sockopt::rcvtimeo, wait_ms);
    zmq::message_t frame;
    if (!socket.recv(frame)) return std::nullopt;
    topic = frame.to_string();
    if (!socket.recv(frame)) return std::nullopt;
    bus::v1::Event event;
    EXPECT_TRUE(event.ParseFromString(frame.to_string()));
    return event;
  }
  zmq::context_t context;
  zmq::socket_t socket;
  std::string topic;
};

PublisherSpec Anywhere() {
  PublisherSpec spec;
  spec.socket.bind = "tcp://127.0.0.1:*";
  return spec;
}

const std::vector<std::string> kNames = {"f", "g"};

// Publishes until the subscriber has got something: a subscription takes a moment to arrive.
std::optional<bus::v1::Event> FirstEvent(Publisher& publisher, Subscriber& subscriber, int tries) {
  std::vector<Decision> decisions(2);
  decisions[1].replicas = 4;
  for (int k = 1; k <= tries; ++k) {
    publisher.Publish("test", kNames, MakeWindow(k, 2), decisions);
    if (auto event = subscriber.Receive(100)) return event;
  }
  return std::nullopt;
}

TEST(Publisher, SnapshotsAndDecisionsArrive) {
  const auto publisher = Publisher::Bind(Anywhere());
  ASSERT_TRUE(publisher.ok()) << publisher.status();
  Subscriber snapshots((*publisher)->endpoint(), "snapshot");
  const auto event = FirstEvent(**publisher, snapshots, 100);
  ASSERT_TRUE(event);
  EXPECT_EQ(snapshots.topic, "snapshot");
  EXPECT_EQ(event->source(), "test");
  ASSERT_EQ(event->functions_size(), 2);
  EXPECT_EQ(event->functions(1), "g");
  Snapshot read;
  ASSERT_TRUE(ReadSnapshot(event->snapshot(), 2, read).ok());
  const int k = static_cast<int>(read.time.seconds()) / 2;
  EXPECT_EQ(read.functions.arrivals, MakeWindow(k, 2).functions.arrivals);
  EXPECT_EQ(event->sequence(), static_cast<uint64_t>(k));

  Subscriber decisions((*publisher)->endpoint(), "decisions");
  const auto decided = FirstEvent(**publisher, decisions, 100);
  ASSERT_TRUE(decided);
  ASSERT_EQ(decided->decisions().decisions_size(), 2);
  EXPECT_FALSE(decided->decisions().decisions(0).has_replicas());
  EXPECT_EQ(decided->decisions().decisions(1).replicas(), 4);
}

TEST(Publisher, WhoNeverReadsHoldsNobodyUp) {
  PublisherSpec spec = Anywhere();
  spec.queue = 4;
  spec.subscriber_queue = 4;
  const auto publisher = Publisher::Bind(spec);
  ASSERT_TRUE(publisher.ok());
  Subscriber deaf((*publisher)->endpoint(), "snapshot");
  ASSERT_TRUE(FirstEvent(**publisher, deaf, 100));
  Subscriber good((*publisher)->endpoint(), "snapshot");
  ASSERT_TRUE(FirstEvent(**publisher, good, 100));
  const Snapshot big = MakeWindow(1, 2000);
  const std::vector<std::string> names(2000, "function");
  const std::vector<Decision> decisions(2000);
  uint64_t last = 0;
  for (int k = 0; k < 200; ++k) {
    const auto begin = std::chrono::steady_clock::now();
    (*publisher)->Publish("test", names, big, decisions);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(2000));
    const auto event = good.Receive(50);
    if (event) last = event->sequence();
  }
  EXPECT_GT(last, 0u);
  const auto counts = (*publisher)->counts();
  EXPECT_GE(counts.published + counts.dropped, 200u);
}

TEST(Publisher, WithKeysOnlyTheAllowedHear) {
  const ScratchFolder folder;
  const CurveKeys server = *MakeCurveKeys(), alice = *MakeCurveKeys(), mallory = *MakeCurveKeys();
  ASSERT_TRUE(WriteCurveKeys(server, folder.path, "server").ok());
  ASSERT_TRUE(WriteCurveKeys(alice, folder.path + "/all", "alice").ok());
  std::filesystem::create_directories(folder.path + "/allowed");
  std::filesystem::copy(folder.path + "/all/alice.key", folder.path + "/allowed/alice.key");
  PublisherSpec spec = Anywhere();
  spec.socket.key = folder.path + "/server.key_secret";
  spec.socket.allowed = folder.path + "/allowed";
  const auto publisher = Publisher::Bind(spec);
  ASSERT_TRUE(publisher.ok()) << publisher.status();
  Subscriber hears((*publisher)->endpoint(), "", server.public_key, alice);
  Subscriber refused((*publisher)->endpoint(), "", server.public_key, mallory);
  Subscriber plain((*publisher)->endpoint(), "");
  EXPECT_TRUE(FirstEvent(**publisher, hears, 100));
  EXPECT_FALSE(FirstEvent(**publisher, refused, 3));
  EXPECT_FALSE(FirstEvent(**publisher, plain, 3));
}

}  // namespace
}  // namespace reeve
