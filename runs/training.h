// A training that goes on iteration by iteration: its scenario's environments, the learner, and
// the rule that may drive first.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/ppo/collective.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/trained_policy.h"
#include "agents/ppo/training_stats.h"
#include "runs/training_config.h"

namespace reeve {

// Not thread-safe; works on `threads` threads inside, and results do not depend on how many.
class Training {
 public:
  // Builds the environments; `collective` (null: this process alone) outlives the training.
  // Errors: the scenario's; InvalidArgument for a rule to learn from where there is no cluster.
  static absl::StatusOr<std::unique_ptr<Training>> Create(const TrainingConfig& config,
                                                          int32_t threads,
                                                          Collective* collective = nullptr);
  ~Training();
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  const TrainingConfig& config() const;
  const VectorEnvSpec& env_spec() const;

  // The budget is spent, or the monitor saw returns good and steady.
  bool Done() const;
  int64_t steps_done() const;  // of environments, over all processes
  int64_t steps_planned() const;
  bool bootstrapping() const;  // the next iteration is driven by the rule

  // Whether any of the processes says yes: all of them must ask, and all get the same answer.
  absl::StatusOr<bool> AnyProcess(bool yes);

  // One iteration: every environment plays `learner.horizon` steps, and the learner learns.
  absl::StatusOr<IterationStats> RunIteration();

  // The policy as it is now. Of one learned on the straggler environment nothing but the model says
  // what it sees and chooses: LoadTrainedPolicy refuses it, LoadPolicy (agents/ppo/checkpoint.h)
  // does not.
  TrainedPolicy Policy() const;

  // What a checkpoint keeps, and going on from it: afterwards everything is, to the bit, as if the
  // training had not been interrupted. InvalidArgument for a state of another shape.
  const TrainerState& state() const;
  absl::Status Restore(TrainerState state);

 private:
  struct Impl;
  explicit Training(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace reeve
