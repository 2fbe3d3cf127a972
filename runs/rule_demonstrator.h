// A rule at the wheel of training environments, for learners to learn from.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/policy_factory.h"
#include "agents/ppo/rollout.h"
#include "core/decision.h"
#include "core/policy.h"
#include "envs/cluster_env.h"

namespace reeve {

// Each environment has a policy of its own, made anew with each episode. What the rule decides
// becomes the choices that come nearest to it (ActionCodec::Nearest), so a rule may want what
// agents cannot do; then they learn as much of it as they can do.
class RuleDemonstrator {
 public:
  // `env` outlives this. InvalidArgument for a rule that cannot be made without its workload.
  static absl::StatusOr<std::unique_ptr<RuleDemonstrator>> Create(const PolicySpec& spec,
                                                                  const ClusterEnv& env);

  // See Demonstrator (agents/ppo/rollout.h). Errors of the rule are kept for status().
  void Choose(int32_t first, int32_t last, std::span<int32_t> choices);

  absl::Status status() const;

 private:
  struct Driver {
    std::unique_ptr<Policy> policy;
    std::vector<Decision> decisions;  // [N]
    absl::Status status;
  };
  RuleDemonstrator(const PolicySpec& spec, const ClusterEnv& env);

  const PolicySpec spec_;
  const ClusterEnv& env_;
  const ActionCodec codec_;
  std::vector<Driver> drivers_;  // [E]; each used by the thread that steps its environment
};

}  // namespace reeve
