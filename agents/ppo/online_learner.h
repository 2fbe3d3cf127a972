// Learning from rollouts that somebody else collects, such as a control loop that runs a live
// system: what Trainer does between its rollouts. Without torch's headers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/ppo_spec.h"
#include "agents/ppo/rollout.h"
#include "agents/ppo/training_stats.h"
#include "agents/ppo/update_options.h"

namespace reeve {

// Not thread-safe: one thread, which need not be the one that acts. It moves the state in place, so
// what acts meanwhile acts on a copy of the model. Deterministic: the same state, rollouts and
// options give the same bits whatever the number of threads.
class OnlineLearner {
 public:
  // Rollouts are of `steps` steps of `envs` environments. threads >= 1.
  OnlineLearner(TrainerState state, const PpoSpec& spec, int32_t envs, int32_t steps,
                int32_t threads);
  ~OnlineLearner();

  // Advantages and targets, the update, and the rollout's observations taken into the normaliser
  // (if the spec says so; rollout.observation_sums as RolloutWorker fills them). Begin with
  // UpdateOptionsOf(spec, …) and set entropy (agents/ppo/exploration.h), anchors, elasticity.
  // Adds the rollout's steps to the state's, as seen by one process. Returns one entry per group,
  // losses as means over the updates. Errors: a training that diverged; the state is then of no
  // more use.
  absl::StatusOr<std::vector<GroupStats>> Update(Rollout& rollout, const UpdateOptions& options);

  // At the end of an environment: what the actors do in `rollout` is from now on what elasticity
  // holds them to, beside what was remembered before, times `decay` (ElasticMemory::Consolidate).
  absl::Status Consolidate(const Rollout& rollout, int32_t samples, double decay);

  const TrainerState& state() const { return state_; }
  const PpoSpec& spec() const { return spec_; }

  // Goes on from another state of the same networks: another expert's.
  void SetState(TrainerState state);

 private:
  struct Parts;

  const PpoSpec spec_;
  const int32_t envs_, steps_, threads_;
  TrainerState state_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace reeve
