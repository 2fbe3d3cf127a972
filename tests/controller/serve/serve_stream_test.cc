// What `reeve serve` publishes, as a subscriber gets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>
#include <zmq.hpp>

#include "controller/bus/messages.h"
#include "controller/bus/socket_setup.h"
#include "controller/bus/stream.pb.h"
#include "controller/serve/serve.h"
#include "core/status.h"
#include "tests/controller/bus/scratch_folder.h"
#include "traces/trace_file.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A function that 60 requests a minute come for, for an hour, at 600 times the world's speed.
ServeConfig Config(const std::string& folder) {
  TraceBuilder builder;
  FunctionProfile profile;
  profile.name = "f";
  profile.tenant = builder.Tenant("t");
  profile.app = builder.App("app");
  profile.memory = Mebibytes(128);
  profile.duration_ms = Distribution::Constant(200);
  const FunctionId id = builder.AddFunction(profile);
  for (int minute = 0; minute < 60; ++minute) builder.AddCount(minute, id, 60);
  EXPECT_TRUE(TraceFile::Write(*builder.Build(), folder + "/a.rtrace").ok());
  ServeConfig config;
  config.sim.trace = folder + "/a.rtrace";
  config.sim.speed = 600;
  config.http.listen = "";
  config.log.level = LogLevel::kWarning;
  config.loop.mode = ControlMode::kActive;
  config.bus.stream.emplace();
  config.bus.stream->socket.bind = "ipc://" + folder + "/stream";
  return config;
}

struct Heard {
  std::vector<bus::v1::Event> snapshots, decisions;
};

// Until there are 20 of each, or it is over.
void Listen(const std::string& endpoint, const std::atomic<bool>& over, Heard& heard) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::sub);
  SetUpCaller("", {}, socket);
  socket.set(zmq::sockopt::subscribe, "");
  socket.set(zmq::sockopt::rcvtimeo, 50);
  socket.connect(endpoint);
  zmq::message_t topic, body;
  while (!over && (heard.snapshots.size() < 20 || heard.decisions.size() < 20)) {
    if (!socket.recv(topic) || !socket.recv(body)) continue;
    bus::v1::Event event;
    ASSERT_TRUE(event.ParseFromString(body.to_string()));
    (topic.to_string() == "snapshot" ? heard.snapshots : heard.decisions).push_back(event);
  }
}

TEST(ServeStream, SubscribersSeeWhatTheLoopSeesAndDecides) {
  const ScratchFolder folder;
  const ServeConfig config = Config(folder.path);
  std::atomic<bool> over{false}, done{false};
  Heard heard;
  std::thread listener([&] {
    Listen(config.bus.stream->socket.bind, over, heard);
    done = true;
  });
  ServeHooks hooks;
  hooks.stop = [&] { return done.load(); };
  const auto summary = Serve(config, hooks);
  over = true;
  listener.join();
  ASSERT_TRUE(summary.ok()) << summary.status();
  ASSERT_GE(heard.snapshots.size(), 20u);
  int64_t last = -1;
  double arrivals = 0, windows = 0;
  for (const bus::v1::Event& event : heard.snapshots) {
    EXPECT_EQ(event.source(), "loop");
    EXPECT_THAT(event.functions(), ElementsAre("f"));
    Snapshot snapshot;
    ASSERT_TRUE(ReadSnapshot(event.snapshot(), 1, snapshot).ok());
    EXPECT_GT(snapshot.time.micros(), last);
    last = snapshot.time.micros();
    if (snapshot.window == SimTime()) continue;
    EXPECT_EQ(snapshot.window % SimTime::Seconds(2), SimTime());
    arrivals += snapshot.functions.arrivals[0];
    windows += snapshot.window.seconds();
  }
  // One a second; within a minute they come at random, so 6 deviations of as many draws.
  EXPECT_NEAR(arrivals, windows, 6 * std::sqrt(windows));
  for (const bus::v1::Event& event : heard.decisions) {
    EXPECT_EQ(event.decisions().decisions_size(), 1);
  }
}

TEST(ServeStream, AnAddressThatOthersReachNeedsKeys) {
  const ScratchFolder folder;
  ServeConfig config = Config(folder.path);
  config.bus.stream->socket.bind = "tcp://*:5591";
  EXPECT_THAT(MessageOf(Serve(config, {}).status()), HasSubstr("bus.stream.socket.bind: others"));
}

}  // namespace
}  // namespace reeve
