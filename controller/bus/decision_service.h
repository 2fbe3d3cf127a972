// Decisions as a service: any program sends snapshots and gets what a policy decides on them. The
// messages are in bus.proto; what users must know is in docs/bus.md.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/policy_factory.h"
#include "controller/bus/bus_spec.h"
#include "controller/bus/decision_sessions.h"
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
  }
};

class DecisionService {
 public:
  struct Counts {
    RouterServer::Counts socket;
    DecisionSessions::Counts sessions;
    size_t open_sessions = 0;
  };

  // Listens; `on_decision` may be empty.
  static absl::StatusOr<std::unique_ptr<DecisionService>> Bind(
      const DecisionServiceSpec& spec,
      std::function<void(const SessionDecision&)> on_decision = {});

  const RouterServer& server() const { return *server_; }
  // Decides until `stop`, which is asked at least ten times a second. On this thread.
  absl::Status Run(const std::function<bool()>& stop);
  Counts counts() const;  // the thread of Run, or when it has ended

 private:
  DecisionService(std::unique_ptr<RouterServer> server, DecisionSessions::Options options);

  std::unique_ptr<RouterServer> server_;
  DecisionSessions sessions_;
};

}  // namespace reeve
