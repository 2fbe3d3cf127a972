// Training: rollouts on a VectorEnv and updates by proximal policy optimisation, iteration by
// iteration. Without torch's headers.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/ppo/behaviour_cloning.h"
#include "agents/ppo/collective.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/ppo_spec.h"
#include "agents/ppo/rollout.h"
#include "agents/ppo/training_stats.h"
#include "agents/ppo/workers.h"
#include "envs/vector_env.h"

namespace reeve {

class Learner;

// Every iteration begins with new episodes, so state() is all that a training goes on from: one
// that was restored goes on with the same bits, on the same number of ranks and shards and the same
// machine, whatever the number of threads. Not thread-safe.
class Trainer {
 public:
  // `env` and `collective` outlive the trainer. threads >= 1: used in rollouts and updates, so far
  // as there are environments and shards. With several ranks, every rank makes its own with the
  // same arguments, and an `env` whose episodes differ from those of the other ranks.
  Trainer(VectorEnv& env, const PpoSpec& spec, uint64_t seed, int32_t threads,
          Collective& collective);
  ~Trainer();

  // spec.horizon steps of every environment, and the updates from them. Errors: the environment's
  // or the collective's; a training that diverged. After an error only Restore may be called.
  absl::StatusOr<IterationStats> RunIteration();

  // The same with a demonstrator at the wheel: actors learn to do as it does, critics what its
  // doings return. Its steps do not count for the schedules.
  absl::StatusOr<IterationStats> RunDemonstration(const Demonstrator& demonstrator,
                                                  const BehaviourCloningSpec& options);

  bool done() const { return state_.steps_done >= spec_.total_steps; }
  const PpoSpec& spec() const { return spec_; }
  const PolicyModel& model() const { return state_.model; }
  const TrainerState& state() const { return state_; }

  // Goes on from `state`. InvalidArgument when it is of another environment or other networks.
  absl::Status Restore(const TrainerState& state);

 private:
  std::unique_ptr<Learner> MakeLearner();
  absl::Status Collect(const Demonstrator& demonstrator, IterationTimes& times);
  absl::StatusOr<IterationStats> Iterate(const Demonstrator& demonstrator,
                                         const BehaviourCloningSpec* imitation);
  absl::Status SummariseEpisodes(IterationStats& stats);

  VectorEnv& env_;
  const PpoSpec spec_;
  Collective& collective_;
  TrainerState state_;
  Rollout rollout_;
  Workers workers_;
  std::vector<std::unique_ptr<RolloutWorker>> collectors_;
  std::vector<int32_t> actions_;  // [E, N, H] of the step being taken
  std::unique_ptr<Learner> learner_;
};

}  // namespace reeve
