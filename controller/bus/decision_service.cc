#include "controller/bus/decision_service.h"

#include <google/protobuf/stubs/logging.h>

#include <utility>

#include "controller/live_policies.h"
#include "core/status.h"

namespace reeve {

absl::StatusOr<std::unique_ptr<DecisionService>> DecisionService::Bind(
    const DecisionServiceSpec& spec, std::function<void(const SessionDecision&)> on_decision) {
  // Protobuf would write a line to standard error for what peers send.
  google::protobuf::SetLogHandler(nullptr);
  ASSIGN_OR_RETURN(LivePolicyMaker make_policy,
                   MakeLivePolicies(spec.policy, spec.period, spec.seed));
  ASSIGN_OR_RETURN(std::unique_ptr<RouterServer> server, RouterServer::Bind(spec.socket));
  return std::unique_ptr<DecisionService>(
      new DecisionService(std::move(server), {.limits = spec.sessions,
                                              .make_policy = std::move(make_policy),
                                              .policy_name = spec.policy.name,
                                              .period = spec.period,
                                              .possible = spec.possible,
                                              .on_decision = std::move(on_decision)}));
}

DecisionService::DecisionService(std::unique_ptr<RouterServer> server,
                                 DecisionSessions::Options options)
    : server_(std::move(server)), sessions_(std::move(options)) {}

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
