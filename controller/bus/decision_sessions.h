// The decision service without its sockets: requests in, replies out.
//
//   Hello ──> a policy of the session's own ──> Snapshot, Wake, Heartbeat, … ──> Goodbye or expiry
//
// A session belongs to the key of the client that began it; others cannot see it. A request whose
// number is that of the session's last one gets the same reply once more: a client that heard
// nothing sends again, over another connection if need be, and the policy sees each window once.
// What a peer sends cannot harm another's session nor its own: what cannot be is refused before a
// policy sees it.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/adapt/safeguard_spec.h"
#include "controller/bus/bus.pb.h"
#include "controller/bus/bus_spec.h"
#include "controller/control_loop.h"
#include "controller/policy_view.h"
#include "core/decision.h"
#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

// What was decided in a session. Valid during the call that it is passed to.
struct SessionDecision {
  std::string_view peer, client;           // key, and what the client calls itself
  std::span<const std::string> functions;  // [F]
  const Snapshot& snapshot;                // [F] as it was sent
  std::span<const Decision> decisions;     // [F]
};

class DecisionSessions {
 public:
  struct Options {
    SessionSpec limits;
    LivePolicyMaker make_policy;
    std::string policy_name;
    SimTime period;           // of the windows that policies are shown
    MetricsTrigger possible;  // which numbers cannot be
    std::function<void(const SessionDecision&)> on_decision;  // may be empty
  };
  struct Counts {
    uint64_t requests = 0, decisions = 0, errors = 0, repeated = 0;
    uint64_t begun = 0, ended = 0, expired = 0;
  };

  explicit DecisionSessions(Options options);
  ~DecisionSessions();

  // The reply (a bus.v1.Reply) to a message of the client with that key. `now` is of any steady
  // clock and does not fall. Any bytes get a reply.
  std::string Handle(std::string_view peer, std::string_view request, SimTime now);

  // Forgets sessions of which nothing was heard. Handle does not.
  void Expire(SimTime now);

  size_t size() const { return sessions_.size(); }
  const Counts& counts() const { return counts_; }

 private:
  struct Session;
  using Key = std::pair<std::string, std::string>;  // peer, session

  absl::Status Answer(const std::string& peer, const bus::v1::Request& request, SimTime now,
                      bus::v1::Reply& reply);
  absl::Status Begin(const Key& key, const bus::v1::Request& request, SimTime now,
                     bus::v1::Reply& reply);
  absl::Status Decide(Session& session, const bus::v1::Snapshot& message, bus::v1::Reply& reply);
  absl::Status Wake(Session& session, const bus::v1::Wake& message, bus::v1::Reply& reply);
  absl::Status CheckHello(const bus::v1::Hello& hello) const;
  absl::Status CheckRoom(const Key& key) const;

  const Options options_;
  std::map<Key, std::unique_ptr<Session>> sessions_;
  Counts counts_;
};

}  // namespace reeve
