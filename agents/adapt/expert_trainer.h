// The learning half of an expert: its state, and the update from one batch of experience.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/rollout.h"
#include "agents/ppo/training_stats.h"

namespace reeve {

// What an update came to.
struct OnlineUpdate {
  std::vector<GroupStats> groups;  // [A]
  double mean_reward = 0;          // of a step of an agent, in the batch
  double value_error = 0;          // root mean square of return - value, before the update
};

// What an update is told beside the steps.
struct OnlineBatch {
  Rollout& rollout;                            // advantages and targets are filled in
  std::span<const int64_t> environments = {};  // of the stretches that there are
  double entropy = 0;                          // coefficient
};

// An interface, so that what acts and hands batches over is free of torch. May be used from any
// thread, one at a time.
class ExpertTrainer {
 public:
  virtual ~ExpertTrainer() = default;

  // Moves state(). Errors: Unavailable, when who learns is out of reach: the batch is lost, state()
  // is as it was, and a later batch may be learned from. Any other: a training that diverged; the
  // state is then of no use.
  virtual absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch& batch) = 0;
  virtual const TrainerState& state() const = 0;

  // From now on nothing that Learn has to wait for is worth waiting for: it returns soon, with
  // Unavailable. Unlike the rest, from any thread at any time.
  virtual void Stop() {}
};

// Goes on from a state, with batches of `stretches` stretches of `steps`.
using ExpertTrainerFactory = std::function<std::unique_ptr<ExpertTrainer>(
    TrainerState state, int32_t stretches, int32_t steps)>;

}  // namespace reeve
