// A stream of snapshots and decisions for whoever subscribes: plots, recorders, learners. The
// messages are in stream.proto.
//
// Who publishes never waits: windows go through a queue of bounded length to a thread, and from
// there through one of bounded length for each subscriber. What does not fit is dropped: at the
// first queue it is counted here, at the second the subscriber sees a gap in the sequence.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/bus/bus_spec.h"
#include "controller/loop_records.h"
#include "core/config.h"
#include "core/decision.h"
#include "core/snapshot.h"

namespace reeve {

struct PublisherSpec {
  PublisherSpec() { socket.bind = "tcp://127.0.0.1:5591"; }

  BusSocketSpec socket;
  int32_t queue = 16;
  int32_t subscriber_queue = 64;

  template <class V>
  static void Fields(V& v) {
    using S = PublisherSpec;
    v.Field("socket", &S::socket, "Where it listens, and who may subscribe");
    v.Field("queue", &S::queue, "Windows that wait to be sent; more are dropped",
            Between(1, 100000));
    v.Field("subscriber_queue", &S::subscriber_queue,
            "Messages that wait for one subscriber, there are two a window; more are dropped",
            Between(1, 1000000));
  }
};

class Publisher {
 public:
  struct Counts {
    uint64_t published = 0;  // windows handed to the sockets
    uint64_t dropped = 0;    // windows that found the queue full
    uint64_t refused = 0;    // connections whose key is not allowed
    int32_t connections = 0;
  };

  static absl::StatusOr<std::unique_ptr<Publisher>> Bind(const PublisherSpec& spec);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  const std::string& endpoint() const { return endpoint_; }

  // Copies what it is given and returns; never waits for a subscriber. False: it was dropped.
  // Thread-safe.
  bool Publish(std::string_view source, std::span<const std::string> functions,
               const Snapshot& snapshot, std::span<const Decision> decisions);

  Counts counts() const;  // any thread

 private:
  struct Sockets;
  struct Window {
    int64_t wall_us = 0;
    std::string source;
    std::vector<std::string> functions;
    Snapshot snapshot;  // without histograms, which do not outlive the call
    std::vector<Decision> decisions;
  };

  Publisher(const PublisherSpec& spec, std::unique_ptr<Sockets> sockets);
  void Run();
  void Send(const Window& window);

  const size_t most_waiting_;
  std::string endpoint_;
  std::unique_ptr<Sockets> sockets_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<Window> waiting_;
  bool stop_ = false;

  std::atomic<uint64_t> published_{0}, dropped_{0};
  uint64_t sequence_ = 0;  // the thread's
  std::thread thread_;
};

// Publishes what a control loop saw and wished, as source "loop". `publisher` outlives it.
class PublishingSink : public LoopSink {
 public:
  explicit PublishingSink(Publisher& publisher) : publisher_(publisher) {}
  void OnTick(const TickRecord& tick) override;
  void OnEvent(const EventRecord& /*event*/) override {}

 private:
  Publisher& publisher_;
  uint64_t generation_ = 0;
  std::vector<std::string> functions_;  // [N] names of the last catalogue
  std::vector<Decision> decisions_;     // [N]
};

}  // namespace reeve
