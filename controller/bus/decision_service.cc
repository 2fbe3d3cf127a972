#include "controller/bus/decision_service.h"

#include <google/protobuf/stubs/logging.h>

#include <utility>

#include "controller/live_policies.h"
#include "core/status.h"

namespace reeve {

absl::StatusOr<std::unique_ptr<DecisionService>> DecisionService::Bind(
    const DecisionServiceSpec& spec) {
  // Protobuf would write a line to standard error for what peers send.
  google::protobuf::SetLogHandler(nullptr);
  ASSIGN_OR_RETURN(LivePolicyMaker make_policy,
                   MakeLivePolicies(spec.policy, spec.period, spec.seed));
  ASSIGN_OR_RETURN(std::unique_ptr<RouterServer> server, RouterServer::Bind(spec.socket));
  DecisionSessions::Options options;
  options.limits = spec.sessions;
  options.make_policy = std::move(make_policy);
  options.policy_name = spec.policy.name;
  options.period = spec.period;
  options.possible = spec.possible;
  std::unique_ptr<Publisher> stream;
  if (spec.stream) {
    ASSIGN_OR_RETURN(stream, Publisher::Bind(*spec.stream));
    options.on_decision = [to = stream.get()](const SessionDecision& d) {
      to->Publish(d.client, d.functions, d.snapshot, d.decisions);
    };
  }
  return std::unique_ptr<DecisionService>(
      new DecisionService(std::move(server), std::move(stream), std::move(options)));
}

DecisionService::DecisionService(std::unique_ptr<RouterServer> server,
                                 std::unique_ptr<Publisher> stream,
                                 DecisionSessions::Options options)
    : stream_(std::move(stream)), server_(std::move(server)), sessions_(std::move(options)) {}

absl::Status DecisionService::Run(const std::function<bool()>& stop) {
  return server_->Run([this](std::string_view peer, std::string_view message,
                             SimTime now) { return sessions_.Handle(peer, message, now); },
                      [&](SimTime now) {
                        sessions_.Expire(now);
                        return stop();
                      });
}

DecisionService::Counts DecisionService::counts() const {
  return {server_->counts(), sessions_.counts(), sessions_.size()};
}

}  // namespace reeve
