#include "agents/ppo/online_learner.h"

#include <utility>

#include "agents/ppo/collective.h"
#include "agents/ppo/fisher.h"
#include "agents/ppo/learner.h"
#include "agents/ppo/value_targets.h"
#include "agents/ppo/workers.h"
#include "core/check.h"
#include "core/status.h"

namespace reeve {

struct OnlineLearner::Parts {
  Parts(TrainerState& state, const PpoSpec& spec, int32_t envs, int32_t steps, int32_t threads)
      : workers(threads), learner(state, envs, steps, spec.shards, workers, alone) {}

  Collective alone;
  Workers workers;
  Learner learner;
};

OnlineLearner::OnlineLearner(TrainerState state, const PpoSpec& spec, int32_t envs, int32_t steps,
                             int32_t threads)
    : spec_(spec), envs_(envs), steps_(steps), threads_(threads) {
  SetState(std::move(state));
}

OnlineLearner::~OnlineLearner() = default;

void OnlineLearner::SetState(TrainerState state) {
  parts_.reset();  // it points into the old one
  state_ = std::move(state);
  parts_ = std::make_unique<Parts>(state_, spec_, envs_, steps_, threads_);
}

absl::StatusOr<std::vector<GroupStats>> OnlineLearner::Update(Rollout& rollout,
                                                              const UpdateOptions& options) {
  std::vector<GroupStats> stats(static_cast<size_t>(state_.model.groups));
  RETURN_IF_ERROR(MakeTargets(TargetOptionsOf(spec_), parts_->alone, state_.model, rollout, stats));
  RETURN_IF_ERROR(parts_->learner.Update(rollout, options, stats));
  AverageOverUpdates(stats);
  if (spec_.normalise_observations) {
    RETURN_IF_ERROR(MergeObservations(parts_->alone, rollout, state_.model));
  }
  ++state_.iteration;
  state_.steps_done += static_cast<int64_t>(rollout.envs) * rollout.steps;
  return stats;
}

absl::Status OnlineLearner::Consolidate(const Rollout& rollout, int32_t samples, double decay) {
  ASSIGN_OR_RETURN(const std::vector<float> fisher,
                   ActorFisher(state_.model, rollout,
                               {.samples = samples,
                                .seed = state_.seed,
                                .draw = static_cast<uint32_t>(state_.iteration)}));
  state_.actor_memory.Consolidate(fisher, state_.model.actor_parameters, decay);
  return absl::OkStatus();
}

}  // namespace reeve
