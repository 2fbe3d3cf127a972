// A policy that was trained, with everything it takes to let it act: what it sees, what it may do,
// how often it decides. Plain data, without torch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agents/ppo/policy_model.h"
#include "core/units.h"
#include "envs/action.h"
#include "envs/observation.h"

namespace reeve {

struct TrainedPolicy {
  PolicyModel model;
  ObservationSpec observation;
  ActionSpec action;
  SimTime control_period;
  std::vector<std::string> tenant_of_agent;  // [N] names
};

// Reads the policy of a checkpoint. Errors name the file; those of LoadPolicy, and InvalidArgument
// for features or actions that this program does not know.
absl::StatusOr<TrainedPolicy> LoadTrainedPolicy(const std::string& path);

// Which of the policy's groups of parameters each function uses: [F]. Where all agents share their
// parameters any function can be served; where they are a function's or a tenant's own, only those
// that were trained: NotFound names the first that was not. InvalidArgument where actors see all
// agents side by side, or which they are, and the functions are not those of the training in their
// order. `functions` and `tenants` are [F].
absl::StatusOr<std::vector<int32_t>> GroupsFor(const TrainedPolicy& policy,
                                               const std::vector<std::string>& functions,
                                               const std::vector<std::string>& tenants);

}  // namespace reeve
