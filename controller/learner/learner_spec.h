// Where a learner in another process is, and what it allows those it learns for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controller/bus/bus_spec.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

// What a client is allowed, so that none can take all memory or time.
struct LearnerLimits {
  int32_t experts = 64;
  int32_t experts_of_one = 16;
  int64_t held_bytes = int64_t{2} << 30;
  int32_t waiting = 8;
  SimTime unasked = SimTime::Seconds(30);
  SimTime timeout = SimTime::Hours(24);
  int64_t update_bytes = int64_t{4} << 30;
  double update_work = 1e13;

  template <class V>
  static void Fields(V& v) {
    using S = LearnerLimits;
    v.Field("experts", &S::experts,
            "Experts whose states are held; of those that do not learn just now the longest unused "
            "makes room, which costs its owner to send it again",
            Between(1, 100000));
    v.Field("experts_of_one", &S::experts_of_one, "Of one key", Between(1, 100000));
    v.Field("held_bytes", &S::held_bytes,
            "Bytes of all states that are held, as they are sent; they take about three times as "
            "much memory. The longest unused makes room",
            Between(1 << 20, 1e15));
    v.Field("waiting", &S::waiting, "Batches that wait for their turn; more are refused",
            Between(1, 100000));
    v.Field("unasked", &S::unasked,
            "A batch whose result nobody has asked for in this time is not learned from",
            Between(1, 86400));
    v.Field("timeout", &S::timeout, "An expert of which nothing is heard for so long is forgotten",
            Between(1, 1e8));
    v.Field("update_bytes", &S::update_bytes,
            "Memory that an update may take, as estimated from its sizes", Between(1 << 20, 1e15));
    v.Field(
        "update_work", &S::update_work,
        "Multiplications of an update, as estimated from its sizes; a processor does about 1e10 "
        "in a second",
        Between(1e6, 1e18));
  }
};

// The learner's side.
struct LearnerServiceSpec {
  LearnerServiceSpec() {
    socket.bind = "tcp://127.0.0.1:5592";
    socket.message_bytes = 64 << 20;
    // Strangers may send that much each, for as long as they have time to show a key.
    socket.connections = 16;
  }

  BusSocketSpec socket;
  LearnerLimits limits;

  template <class V>
  static void Fields(V& v) {
    using S = LearnerServiceSpec;
    v.Field("socket", &S::socket, "Where it listens, and who may connect");
    v.Field("limits", &S::limits, "What clients are allowed");
  }
};

// The control loop's side.
struct RemoteLearnerSpec {
  std::string connect = "tcp://127.0.0.1:5592";
  std::string server_key;
  std::string key;
  SimTime answer = SimTime::Seconds(5);
  int32_t tries = 3;
  SimTime deadline = SimTime::Minutes(2);
  SimTime retry = SimTime::Seconds(2);
  SimTime retry_most = SimTime::Minutes(2);
  int64_t message_bytes = 64 << 20;

  // `learner: tcp://127.0.0.1:5592`
  static constexpr std::string_view kScalarField = "connect";
  template <class V>
  static void Fields(V& v) {
    using S = RemoteLearnerSpec;
    v.Field("connect", &S::connect,
            "Address of the learner (`reeve learner`): tcp://HOST:PORT or ipc://PATH; without keys "
            "only this machine's own");
    v.Field("server_key", &S::server_key, "File with the learner's public key (NAME.key)");
    v.Field("key", &S::key, "File with our secret key (NAME.key_secret; `reeve bus keygen`)");
    v.Field("answer", &S::answer,
            "Time to wait for an answer; then the same is sent again over another connection",
            Between(0.01, 3600));
    v.Field("tries", &S::tries, "How often in all, before the learner counts as gone",
            Between(1, 1000));
    v.Field("deadline", &S::deadline,
            "Time from a batch to what was learned from it; then the batch is lost",
            Between(0.01, 86400));
    v.Field("retry", &S::retry,
            "After a failure the learner is left alone for about so long, and batches that come "
            "meanwhile are lost; twice as long after each further failure",
            Between(0.001, 86400));
    v.Field("retry_most", &S::retry_most, "But never longer than this", Between(0.001, 86400));
    v.Field("message_bytes", &S::message_bytes,
            "Longest batch or state; no more than the learner's socket.message_bytes",
            Between(1024, 1 << 30));
  }
};

}  // namespace reeve
