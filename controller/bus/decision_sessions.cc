#include "controller/bus/decision_sessions.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "agents/adapt/metrics_check.h"
#include "controller/bus/messages.h"
#include "controller/bus/presentable.h"
#include "controller/bus/refusal.h"
#include "core/status.h"

namespace reeve {
namespace {

namespace wire = bus::v1;

constexpr size_t kSessionBytes = 64;

Catalogue CatalogueOf(const wire::Hello& hello) {
  Catalogue catalogue;
  catalogue.generation = 1;
  for (int i = 0; i < hello.functions_size(); ++i) {
    LiveFunction function;
    function.id = function.name = hello.functions(i);
    function.tenant = hello.tenants_size() > 0 ? hello.tenants(i) : "default";
    catalogue.functions.push_back(std::move(function));
  }
  return catalogue;
}

}  // namespace

struct DecisionSessions::Session {
  Session(const wire::Hello& hello, SimTime period)
      : client(Presentable(hello.client())), view(CatalogueOf(hello), period) {
    decisions.resize(view.size());
  }

  std::string peer, client;
  PolicyView view;
  LivePolicy policy;
  Snapshot received, seen;
  std::vector<Decision> decisions;
  SimTime last_time, last_wake;  // the client's
  bool first = true;             // no snapshot yet
  SimTime heard;                 // on the service's clock
  // The last request that was answered, for one that comes again.
  uint64_t last_id = 0;
  std::string last_reply;
};

DecisionSessions::DecisionSessions(Options options) : options_(std::move(options)) {}
DecisionSessions::~DecisionSessions() = default;

std::string DecisionSessions::Handle(std::string_view peer, std::string_view bytes, SimTime now) {
  ++counts_.requests;
  const std::string owner(peer);
  wire::Request request;
  wire::Reply reply;
  absl::Status status;
  if (bytes.size() > std::numeric_limits<int>::max() ||
      !request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    request.Clear();
    status = Refuse(wire::MALFORMED, "this is not a Request of bus.proto");
  } else {
    const auto known = sessions_.find(Key(owner, request.session()));
    if (known != sessions_.end() && request.version() == kBusVersion && request.id() != 0 &&
        request.id() == known->second->last_id) {
      ++counts_.repeated;
      known->second->heard = now;
      return known->second->last_reply;
    }
    status = Answer(owner, request, now, reply);
  }
  if (!status.ok()) {
    ++counts_.errors;
    reply.Clear();
    reply.mutable_error()->set_code(RefusalCode(status, wire::INVALID));
    reply.mutable_error()->set_message(Presentable(MessageOf(status), kRefusalBytes));
  }
  reply.set_version(kBusVersion);
  reply.set_id(request.id());
  reply.set_session(request.session().substr(0, kSessionBytes));
  std::string out = reply.SerializeAsString();
  // What was refused changed nothing, and may be asked again.
  const auto session = sessions_.find(Key(owner, request.session()));
  if (status.ok() && session != sessions_.end()) {
    session->second->last_id = request.id();
    session->second->last_reply = out;
  }
  return out;
}

absl::Status DecisionSessions::Answer(const std::string& peer, const wire::Request& request,
                                      SimTime now, wire::Reply& reply) {
  if (request.version() != kBusVersion) {
    return Refuse(wire::VERSION, fmt::format("version {} of the protocol: this service speaks {}",
                                             request.version(), kBusVersion));
  }
  if (request.id() == 0) return Refuse(wire::MALFORMED, "a request needs an id other than 0");
  if (request.session().empty() || request.session().size() > kSessionBytes) {
    return Refuse(wire::MALFORMED, fmt::format("session has {} bytes: 1 to {} are allowed",
                                               request.session().size(), kSessionBytes));
  }
  const Key key(peer, request.session());
  if (request.has_hello()) return Begin(key, request, now, reply);
  const auto found = sessions_.find(key);
  if (found == sessions_.end()) {
    return Refuse(wire::UNKNOWN_SESSION,
                  "no such session: it was never begun, has ended or expired: say Hello");
  }
  Session& session = *found->second;
  session.heard = now;
  switch (request.body_case()) {
    case wire::Request::kSnapshot:
      return Decide(session, request.snapshot(), reply);
    case wire::Request::kWake:
      return Wake(session, request.wake(), reply);
    case wire::Request::kHeartbeat:
      reply.mutable_heartbeat();
      return absl::OkStatus();
    case wire::Request::kGoodbye:
      reply.mutable_goodbye();
      ++counts_.ended;
      sessions_.erase(found);
      return absl::OkStatus();
    default:
      return Refuse(wire::MALFORMED, "a request without a body that this version knows");
  }
}

absl::Status DecisionSessions::CheckHello(const wire::Hello& hello) const {
  const SessionSpec& limits = options_.limits;
  if (hello.functions_size() == 0) {
    return Refuse(wire::INVALID, "hello.functions is empty: at least one function is needed");
  }
  if (hello.functions_size() > limits.functions) {
    return Refuse(wire::LIMIT, fmt::format("{} functions: at most {} are allowed",
                                           hello.functions_size(), limits.functions));
  }
  if (hello.tenants_size() != 0 && hello.tenants_size() != hello.functions_size()) {
    return Refuse(wire::INVALID, fmt::format("hello.tenants has {} elements: {} (one a function) "
                                             "or none are allowed",
                                             hello.tenants_size(), hello.functions_size()));
  }
  std::unordered_set<std::string_view> names;
  for (int i = 0; i < hello.functions_size(); ++i) {
    for (const std::string* name :
         {&hello.functions(i), hello.tenants_size() > 0 ? &hello.tenants(i) : nullptr}) {
      if (name == nullptr) continue;
      if (name->empty() || name->size() > static_cast<size_t>(limits.name_bytes)) {
        return Refuse(wire::LIMIT, fmt::format("names of function {} have 1 to {} bytes, not {}", i,
                                               limits.name_bytes, name->size()));
      }
    }
    if (!names.insert(hello.functions(i)).second) {
      return Refuse(wire::INVALID, fmt::format("hello.functions[{}] is there twice: {}", i,
                                               Presentable(hello.functions(i))));
    }
  }
  return absl::OkStatus();
}

absl::Status DecisionSessions::CheckRoom(const Key& key) const {
  if (sessions_.contains(key)) return absl::OkStatus();
  const SessionSpec& limits = options_.limits;
  if (sessions_.size() >= static_cast<size_t>(limits.most)) {
    return Refuse(wire::LIMIT, fmt::format("{} sessions are open, no more are allowed: try again "
                                           "when one has ended",
                                           sessions_.size()));
  }
  const auto first = sessions_.lower_bound(Key(key.first, ""));
  int32_t of_this_one = 0;
  for (auto at = first; at != sessions_.end() && at->first.first == key.first; ++at) ++of_this_one;
  if (of_this_one >= limits.most_of_one) {
    return Refuse(wire::LIMIT, fmt::format("{} sessions of this client are open, no more are "
                                           "allowed: end one with Goodbye",
                                           of_this_one));
  }
  return absl::OkStatus();
}

absl::Status DecisionSessions::Begin(const Key& key, const wire::Request& request, SimTime now,
                                     wire::Reply& reply) {
  const wire::Hello& hello = request.hello();
  RETURN_IF_ERROR(CheckRoom(key));
  RETURN_IF_ERROR(CheckHello(hello));
  auto session = std::make_unique<Session>(hello, options_.period);
  absl::StatusOr<LivePolicy> policy =
      options_.make_policy(session->view.names(), session->view.tenants());
  if (!policy.ok()) return Refuse(wire::POLICY, MessageOf(policy.status()));
  session->policy = *std::move(policy);
  session->peer = key.first;
  session->heard = now;
  sessions_[key] = std::move(session);
  ++counts_.begun;
  wire::Welcome& welcome = *reply.mutable_welcome();
  welcome.set_policy(options_.policy_name);
  welcome.set_period_us(options_.period.micros());
  welcome.set_session_timeout_us(options_.limits.timeout.micros());
  return absl::OkStatus();
}

absl::Status DecisionSessions::Decide(Session& session, const wire::Snapshot& message,
                                      wire::Reply& reply) {
  RETURN_IF_ERROR(ReadSnapshot(message, session.view.size(), session.received));
  if (const MetricsFault fault = CheckMetrics(session.received, session.view.size(),
                                              session.last_time, session.first, options_.possible);
      fault != MetricsFault::kNone) {
    return Refuse(wire::INVALID,
                  fmt::format("these numbers cannot be: {}", MetricsFaultName(fault)));
  }
  if (session.received.time < session.last_wake) {
    return Refuse(wire::INVALID, "time_us is before the last wake's");
  }
  session.view.Project(session.received, session.seen);
  session.last_time = session.received.time;
  session.first = false;
  std::fill(session.decisions.begin(), session.decisions.end(), Decision{});
  if (const absl::Status status = session.policy.policy->Decide(session.seen, session.decisions);
      !status.ok()) {
    return Refuse(wire::POLICY, MessageOf(status));
  }
  wire::Decisions& decisions = *reply.mutable_decisions();
  decisions.mutable_decisions()->Reserve(static_cast<int>(session.decisions.size()));
  for (const Decision& decision : session.decisions) {
    WriteDecision(decision, *decisions.add_decisions());
  }
  ++counts_.decisions;
  if (options_.on_decision) {
    options_.on_decision(
        {session.peer, session.client, session.view.names(), session.received, session.decisions});
  }
  return absl::OkStatus();
}

absl::Status DecisionSessions::Wake(Session& session, const wire::Wake& message,
                                    wire::Reply& reply) {
  if (message.function() >= session.view.size()) {
    return Refuse(wire::INVALID, fmt::format("wake.function is {}: 0 to {} is allowed",
                                             message.function(), session.view.size() - 1));
  }
  if (session.first) return Refuse(wire::INVALID, "wake before the first snapshot");
  const SimTime time = SimTime::Micros(message.time_us());
  const SimTime least = std::max(session.last_time, session.last_wake);
  if (time < least || static_cast<double>(message.time_us()) > kMostMicros) {
    return Refuse(wire::INVALID, fmt::format("wake.time_us is {}: {} to {:g} is allowed",
                                             message.time_us(), least.micros(), kMostMicros));
  }
  session.last_wake = time;
  Decision decision;
  session.policy.policy->Wake(FunctionId(message.function()), time, decision);
  WriteDecision(decision, *reply.mutable_decisions()->add_decisions());
  return absl::OkStatus();
}

void DecisionSessions::Expire(SimTime now) {
  counts_.expired += std::erase_if(sessions_, [&](const auto& entry) {
    return now - entry.second->heard > options_.limits.timeout;
  });
}

}  // namespace reeve
