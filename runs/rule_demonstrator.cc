#include "runs/rule_demonstrator.h"

#include <algorithm>

#include "core/status.h"

namespace reeve {

RuleDemonstrator::RuleDemonstrator(const PolicySpec& spec, const ClusterEnv& env)
    : spec_(spec),
      env_(env),
      codec_(env.scenario().spec.action),
      drivers_(static_cast<size_t>(env.spec().envs)) {
  for (Driver& driver : drivers_) {
    driver.decisions.resize(static_cast<size_t>(env.spec().agents));
  }
}

absl::StatusOr<std::unique_ptr<RuleDemonstrator>> RuleDemonstrator::Create(const PolicySpec& spec,
                                                                           const ClusterEnv& env) {
  RETURN_IF_ERROR(MakePolicy(spec).status());
  return std::unique_ptr<RuleDemonstrator>(new RuleDemonstrator(spec, env));
}

void RuleDemonstrator::Choose(int32_t first, int32_t last, std::span<int32_t> choices) {
  const size_t per_env = static_cast<size_t>(env_.spec().agents) * env_.spec().heads.size();
  for (int32_t e = first; e < last; ++e) {
    Driver& driver = drivers_[static_cast<size_t>(e)];
    const Snapshot& snapshot = env_.snapshot(e);
    if (driver.policy == nullptr || snapshot.time == SimTime()) {
      driver.policy = *MakePolicy(spec_);  // Create saw that it can be made
    }
    std::fill(driver.decisions.begin(), driver.decisions.end(), Decision{});
    if (const absl::Status decided = driver.policy->Decide(snapshot, driver.decisions);
        !decided.ok()) {
      driver.status = decided;
    }
    codec_.Nearest(snapshot, driver.decisions,
                   choices.subspan(static_cast<size_t>(e) * per_env, per_env));
  }
}

absl::Status RuleDemonstrator::status() const {
  for (const Driver& driver : drivers_) RETURN_IF_ERROR(driver.status);
  return absl::OkStatus();
}

}  // namespace reeve
