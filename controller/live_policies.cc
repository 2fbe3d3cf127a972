#include "controller/live_policies.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "agents/adapt/safeguarded_policy.h"
#include "agents/ppo/learned_policy.h"
#include "core/status.h"

namespace reeve {
namespace {

PolicySpec Alone(const PolicySpec& spec) {
  PolicySpec alone = spec;
  alone.flap_budget.reset();
  alone.rate_limit.reset();
  alone.bounds.reset();
  alone.safeguard.reset();
  return alone;
}

absl::StatusOr<std::shared_ptr<const TrainedPolicy>> ReadTrained(const PolicySpec& spec,
                                                                 SimTime period) {
  ASSIGN_OR_RETURN(TrainedPolicy trained, LoadTrainedPolicy(spec.learned.checkpoint));
  if (trained.control_period != period) {
    return absl::InvalidArgumentError(
        fmt::format("{}: the policy was trained to decide every {} s, the loop's period is {} s: "
                    "set loop.period "
                    "to the first",
                    spec.learned.checkpoint, trained.control_period.seconds(), period.seconds()));
  }
  return std::make_shared<const TrainedPolicy>(std::move(trained));
}

absl::StatusOr<LivePolicy> Make(const PolicySpec& spec,
                                const std::shared_ptr<const TrainedPolicy>& trained, uint64_t seed,
                                const std::vector<std::string>& functions,
                                const std::vector<std::string>& tenants) {
  const PolicyMaker named =
      [&](const PolicySpec& which) -> absl::StatusOr<std::unique_ptr<Policy>> {
    if (which.name != "learned") return MakePolicy(Alone(which));
    absl::StatusOr<std::vector<int32_t>> groups = GroupsFor(*trained, functions, tenants);
    if (!groups.ok()) {
      return absl::Status(groups.status().code(),
                          which.learned.checkpoint + ": " + MessageOf(groups.status()));
    }
    return std::make_unique<LearnedPolicy>(trained, *std::move(groups), which.learned.choose, seed);
  };
  LivePolicy live;
  ASSIGN_OR_RETURN(live.policy, MakeWrapped(spec, named));
  if (const auto* guarded = dynamic_cast<const SafeguardedPolicy*>(live.policy.get())) {
    live.by_safeguard = [guarded](FunctionId function) { return guarded->engaged(function); };
  }
  return live;
}

}  // namespace

absl::StatusOr<LivePolicyMaker> MakeLivePolicies(const PolicySpec& spec, SimTime period,
                                                 uint64_t seed) {
  RETURN_IF_ERROR(spec.Validate());
  std::shared_ptr<const TrainedPolicy> trained;
  if (spec.Uses("learned")) {
    ASSIGN_OR_RETURN(trained, ReadTrained(spec, period));
  }
  // What cannot be made for anybody is found now, not when the first function comes.
  for (const std::string& name :
       {spec.name, spec.safeguard ? spec.safeguard->fallback : spec.name}) {
    if (name == "learned") continue;
    PolicySpec tried = Alone(spec);
    tried.name = name;
    RETURN_IF_ERROR(MakePolicy(tried).status());
  }
  return LivePolicyMaker([spec, trained, seed](const std::vector<std::string>& functions,
                                               const std::vector<std::string>& tenants) {
    return Make(spec, trained, seed, functions, tenants);
  });
}

}  // namespace reeve
