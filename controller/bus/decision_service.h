// Decisions as a service: any program sends snapshots and gets what a policy decides on them. The
// messages are in bus.proto; what users must know is in docs/bus.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/policy_factory.h"
#include "controller/bus/bus_spec.h"
#include "controller/bus/decision_sessions.h"
#include "controller/bus/publisher.h"
#include "controller/bus/router_server.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

struct DecisionServiceSpec {
  BusSocketSpec socket;
  SessionSpec sessions;
  PolicySpec policy;
  SimTime period = SimTime::Seconds(2);
  MetricsTrigger possible;
  uint64_t seed = 0;
  std::optional<PublisherSpec> stream;

  template <class V>
  static void Fields(V& v) {
    using S = DecisionServiceSpec;
    v.Field("socket", &S::socket, "Where it listens, and who may connect");
    v.Field("sessions", &S::sessions, "What clients are allowed");
    v.Field("policy", &S::policy, "What decides; every session has one of its own");
    v.Field("period", &S::period,
            "Time between two decisions that policies are told; for a learned policy the one it "
            "was trained with. Windows of another length are brought to it",
            Between(0.01, 86400));
    v.Field("possible", &S::possible, "Which numbers cannot be");
    v.Field("seed", &S::seed, "Seed of learned policies that choose at random");
    v.Field("stream", &S::stream, "A stream of what came in and what was decided, for subscribers");
  }
};

class DecisionService {
 public:
  struct Counts {
    RouterServer::Counts socket;
    DecisionSessions::Counts sessions;
    size_t open_sessions = 0;
  };

  // Listens.
  static absl::StatusOr<std::unique_ptr<DecisionService>> Bind(const DecisionServiceSpec& spec);

  const RouterServer& server() const { return *server_; }
  const Publisher* stream() const { return stream_.get(); }  // null: there is none
  // Decides until `stop`, which is asked at least ten times a second. On this thread.
  absl::Status Run(const std::function<bool()>& stop);
  Counts counts() const;  // the thread of Run, or when it has ended

 private:
  DecisionService(std::unique_ptr<RouterServer> server, std::unique_ptr<Publisher> stream,
                  DecisionSessions::Options options);

  std::unique_ptr<Publisher> stream_;
  std::unique_ptr<RouterServer> server_;
  DecisionSessions sessions_;
};

}  // namespace reeve
