// Experience as a message of learner.proto, and back, with every number checked.
//
// Thread-safe: no state.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/adapt/expert_trainer.h"
#include "agents/adapt/online_spec.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/rollout.h"
#include "controller/learner/learner.pb.h"

namespace reeve {

// `online`: YAML of the OnlineSpec.
void WriteBatch(const OnlineBatch& batch, const std::string& online, learner::v1::Batch& message);

// How a batch is to be learned from. InvalidArgument: no OnlineSpec, or sizes that cannot be.
struct BatchPlan {
  OnlineSpec online;
  int32_t stretches = 0, steps = 0;   // E, T
  double entropy = 0;                 // coefficient
  std::vector<int64_t> environments;  // 1 to E
};
absl::StatusOr<BatchPlan> ReadPlan(const learner::v1::Batch& message);

// The steps, for a model whose state is sound (state_message.h). InvalidArgument names the field
// and what is allowed: another number of elements, NaN, a choice that is none, a stretch without an
// end. What comes back can be learned from without a look at it.
absl::StatusOr<Rollout> ReadRollout(const learner::v1::Batch& message, const PolicyModel& model);

// What an update costs, estimated from its sizes alone; not finite when that is too large a number.
struct UpdateCost {
  double bytes = 0;
  double work = 0;  // multiplications
};
UpdateCost CostOf(const PolicyModel& model, const BatchPlan& plan);

}  // namespace reeve
