// Requests of the decision service: any bytes get a reply that can be read, and a session that
// others have begun is served as before.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agents/policy_factory.h"
#include "controller/bus/decision_sessions.h"
#include "controller/bus/messages.h"
#include "core/check.h"

namespace reeve {
namespace {

DecisionSessions MakeSessions() {
  DecisionSessions::Options options;
  options.limits.functions = 100;
  options.period = SimTime::Seconds(2);
  options.make_policy = [](const auto&, const auto&) -> absl::StatusOr<LivePolicy> {
    LivePolicy live;
    absl::StatusOr<std::unique_ptr<Policy>> policy = MakePolicy({});
    if (!policy.ok()) return policy.status();
    live.policy = *std::move(policy);
    return live;
  };
  return DecisionSessions(std::move(options));
}

bus::v1::Reply Ask(DecisionSessions& sessions, std::string_view peer, std::string_view bytes) {
  bus::v1::Reply reply;
  REEVE_CHECK(reply.ParseFromString(sessions.Handle(peer, bytes, SimTime::Seconds(1))));
  REEVE_CHECK(reply.version() == kBusVersion);
  REEVE_CHECK(reply.body_case() != bus::v1::Reply::BODY_NOT_SET);
  return reply;
}

std::string Hello(const std::string& session) {
  bus::v1::Request request;
  request.set_version(kBusVersion);
  request.set_id(1);
  request.set_session(session);
  request.mutable_hello()->add_functions("f");
  request.mutable_hello()->add_functions("g");
  return request.SerializeAsString();
}

void FuzzOne(std::string_view input) {
  DecisionSessions sessions = MakeSessions();
  REEVE_CHECK(Ask(sessions, "fuzz", Hello("s")).has_welcome());
  REEVE_CHECK(Ask(sessions, "good", Hello("s")).has_welcome());
  for (int i = 0; i < 2; ++i) {
    const bus::v1::Reply reply = Ask(sessions, "fuzz", input);
    for (const bus::v1::Decision& decision : reply.decisions().decisions()) {
      REEVE_CHECK(!decision.has_replicas() || decision.replicas() >= 0);
    }
  }
  bus::v1::Request sound;
  sound.set_version(kBusVersion);
  sound.set_id(2);
  sound.set_session("s");
  sound.mutable_snapshot()->set_time_us(2'000'000);
  sound.mutable_snapshot()->set_window_us(2'000'000);
  REEVE_CHECK(Ask(sessions, "good", sound.SerializeAsString()).decisions().decisions_size() == 2);
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
