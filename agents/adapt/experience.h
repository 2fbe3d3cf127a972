// Experience of one running system, as it comes: a Rollout (agents/ppo/rollout.h) whose
// "environments" are stretches of time, so that one stream can be learned from in mini-batches.
//
// What the control loop pays for is a copy of each control period, one behind the other. A rollout
// is ordered by agents, far apart in memory, and is made of the copies when it is asked for, by
// whoever learns. So may be the critic's values, which acting does not need.
//
// Shape letters as in envs/vector_env.h; E stretches of T steps, S = E T, R = N rows by slot
// (ModelRunner::Row).
#pragma once

#include <cstdint>
#include <optional>
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

// Whether values can be left for later: the critic has no past, sees what the actor sees, and is
// small enough to be copied whenever it changes.
bool CanValueLater(const PolicyModel& model);

// Collects one batch. After Add comes Complete, then the next Add; a stretch that ends, or that is
// ended by Cut, is worth from there on what the critic says. Not thread-safe; allocates only when
// made, and when a rollout is asked for or the critic has changed.
class Experience {
 public:
  // `model` gives sizes and groups; it need not live on.
  Experience(const PolicyModel& model, const VectorEnvSpec& shape, const ExperienceSpec& spec);

  // `runner` has just stepped on `step` (one environment), by the parameters of `model`. If it has
  // no critic, values are computed when the rollout is asked for, by the critic that `model` has
  // now, to the same bits; REQUIRES then CanValueLater(model).
  void Add(const ModelRunner& runner, const PolicyModel& model, const ExperienceStep& step);
  void Complete(const ExperienceOutcome& outcome);
  // The last complete step ends its stretch: the following one does not go on from it. `values`
  // [N] of the state after it, in rewards; `present` [N] there. Nothing when no step is open to be
  // followed.
  void Cut(std::span<const float> values, std::span<const uint8_t> present);
  // The critic that Add is given is another from now on.
  void CriticChanges() { critic_changed_ = true; }

  // The next Add begins a stretch: a Cut is due before it, if there is a step to cut.
  bool stretch_full() const { return filled_ == spec_.steps; }
  bool can_cut() const { return filled_ > 0 && completed_; }
  // Enough for an update; true only between stretches.
  bool full() const;
  double own_steps() const { return own_steps_; }  // mean over agents that were present
  int64_t steps() const;                           // of all kinds
  int32_t stretches() const { return envs_; }      // E that there is room for

  // The batch; steps that never came weigh nothing. A stretch that is open must be cut first. Made
  // now if something came since it was made last.
  Rollout& rollout();
  // Uses the memory of the other's rollout, which that one makes anew if it has to.
  void TakeRollout(Experience& from);
  // Of each stretch that was begun.
  std::span<const int64_t> environments() const {
    return std::span(environments_).first(static_cast<size_t>(stretch_ + (filled_ > 0 ? 1 : 0)));
  }
  // Of the stretch that is open (can_cut()).
  int64_t environment() const { return environments_[static_cast<size_t>(stretch_)]; }
  void Clear();

 private:
  // What values are computed by, from a step on.
  struct Critic {
    size_t first_step = 0;
    std::vector<float> parameters;
    RunningMoments values;
  };

  void NoteCritic(const PolicyModel& model, size_t step);
  void NoteSums(const PolicyModel& model, const ExperienceStep& step);
  void ComputeValues();
  void ResetRollout();
  void FillStretch(int32_t stretch);
  int32_t StepsOf(int32_t stretch) const;  // that were taken
  size_t agents() const { return slot_of_.size(); }

  ExperienceSpec spec_;
  VectorEnvSpec shape_;
  PolicyModel sizes_;  // no parameters
  int32_t envs_ = 0;   // E
  bool same_inputs_ = false;
  size_t actor_size_ = 0, critic_size_ = 0, choices_ = 0, heads_ = 0;
  std::vector<int32_t> slot_of_;      // [N] see ModelRunner
  std::vector<int64_t> group_begin_;  // [A + 1] rows

  // The copies; of the steps of a stretch, one behind the other.
  std::vector<float> actor_inputs_, critic_inputs_;  // [S, R, I]; critic: empty with same_inputs_
  std::vector<uint8_t> legal_;                       // [S, N, K]
  std::vector<int32_t> actions_;                     // [S, N, H]
  std::vector<float> log_probs_, rewards_;           // [S, N]
  std::vector<float> values_;                        // [S, R] in rewards
  std::vector<uint8_t> starts_, present_, own_;      // [S, N]
  std::vector<uint8_t> value_later_;                 // [S]
  std::vector<int32_t> stretch_steps_;               // [E]
  std::vector<uint8_t> cut_;                         // [E] the stretch is at its end
  std::vector<float> bootstraps_;                    // [E, N] where it was cut
  std::vector<MomentSums> sums_;                     // [E]
  std::vector<Critic> critics_;                      // by rising step; the first critic_count_
  size_t critic_count_ = 0;
  bool critic_changed_ = true;

  std::vector<int64_t> environments_;  // [E]
  int32_t stretch_ = 0;                // that is being filled
  int32_t filled_ = 0;                 // steps of it
  bool completed_ = true;              // the last step has its outcome
  double own_steps_ = 0;

  std::optional<Rollout> rollout_;
  bool made_ = false;  // rollout_ is of all that came
};

}  // namespace reeve
