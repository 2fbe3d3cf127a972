// Experience of one running system, as it comes: a Rollout (agents/ppo/rollout.h) whose
// "environments" are stretches of time, so that one stream can be learned from in mini-batches.
//
// Shape letters as in envs/vector_env.h; E stretches of T steps.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agents/ppo/model_runner.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/rollout.h"
#include "envs/vector_env.h"

namespace reeve {

struct ExperienceSpec {
  int32_t steps = 64;     // T of a stretch
  int32_t stretches = 4;  // E that a batch is meant to have
  // A batch is full when it holds `stretches` x `steps` steps that the policy itself drove (the
  // length of a batch counts only those: FACTS of LCPO's code), but at the latest after so many
  // times as long.
  int32_t patience = 2;
};

// What agents saw and chose in one control period.
struct ExperienceStep {
  std::span<const float> observations;  // [N, O] raw
  std::span<const uint8_t> legal;       // [N, K]
  std::span<const uint8_t> present;     // [N]
  std::span<const uint8_t> starts;      // [N] 1: the agent's past is not seen from here on
  std::span<const int32_t> actions;     // [N, H]
  std::span<const float> log_probs;     // [N] of the actions
  int64_t environment = 0;              // all steps of a stretch are of one
};

// What came of it.
struct ExperienceOutcome {
  std::span<const float> rewards;  // [N]
  std::span<const uint8_t> own;    // [N] 1: the agent's choice was carried out; 0: a fallback drove
};

// Collects one batch. After Add comes Complete, then the next Add; a stretch that ends, or that is
// ended by Cut, is worth from there on what the critic says. Not thread-safe; allocates only when
// made and cleared.
class Experience {
 public:
  // `model` gives sizes and groups; it need not live on.
  Experience(const PolicyModel& model, const VectorEnvSpec& shape, const ExperienceSpec& spec);

  // `runner` has just stepped on `step` (one environment, with a critic).
  void Add(const ModelRunner& runner, const PolicyModel& model, const ExperienceStep& step);
  void Complete(const ExperienceOutcome& outcome);
  // The last complete step ends its stretch: the following one does not go on from it. `values`
  // [N] of the state after it, in rewards; `present` [N] there. Nothing when no step is open to be
  // followed.
  void Cut(std::span<const float> values, std::span<const uint8_t> present);

  // The next Add begins a stretch: a Cut is due before it, if there is a step to cut.
  bool stretch_full() const { return filled_ == spec_.steps; }
  bool can_cut() const { return filled_ > 0 && completed_; }
  // Enough for an update; true only between stretches.
  bool full() const;
  double own_steps() const { return own_steps_; }  // mean over agents that were present
  int64_t steps() const;                           // of all kinds

  // The batch; steps that never came weigh nothing. A stretch that is open must be cut first.
  const Rollout& rollout() const { return rollout_; }
  Rollout& rollout() { return rollout_; }
  // Of each stretch that was begun.
  std::span<const int64_t> environments() const {
    return std::span(environments_).first(static_cast<size_t>(stretch_ + (filled_ > 0 ? 1 : 0)));
  }
  // Of the stretch that is open (can_cut()).
  int64_t environment() const { return environments_[static_cast<size_t>(stretch_)]; }
  void Clear();

 private:
  int64_t Cell(int32_t slot, int32_t step) const {
    return rollout_.Sequence(slot, stretch_) * rollout_.steps + step;
  }

  ExperienceSpec spec_;
  Rollout rollout_;
  std::vector<int32_t> slot_of_;       // [N] see ModelRunner
  std::vector<int64_t> environments_;  // [E]
  int32_t stretch_ = 0;                // that is being filled
  int32_t filled_ = 0;                 // steps of it
  bool completed_ = true;              // the last step has its outcome
  double own_steps_ = 0;
};

}  // namespace reeve
