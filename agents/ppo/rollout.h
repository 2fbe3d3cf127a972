// An iteration's steps, and who collects them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "agents/ppo/model_runner.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/running_moments.h"
#include "envs/vector_env.h"

namespace reeve {

// Shape letters as in envs/vector_env.h. A sequence is one agent in one environment: sequences are
// ordered [N, E], the agents by group (ModelRunner::slot), so that a group's are contiguous. All
// arrays are [N, E, T, …], so that a sequence's steps are, too.
struct Rollout {
  int32_t envs = 0, agents = 0, steps = 0;  // E, N, T
  int32_t heads = 0, choices = 0;           // H, K
  int32_t actor_size = 0, critic_size = 0;  // inputs of the networks

  std::vector<float> actor_inputs, critic_inputs;  // [N, E, T, I]
  std::vector<float> starts;      // [N, E, T] 1: the agent's past is not seen from here on
  std::vector<uint8_t> legal;     // [N, E, T, K]
  std::vector<int32_t> actions;   // [N, E, T, H]
  std::vector<float> log_probs;   // [N, E, T] of the actions
  std::vector<float> values;      // [N, E, T] in rewards
  std::vector<float> rewards;     // [N, E, T]
  std::vector<float> bootstraps;  // [N, E, T] see agents/ppo/gae.h
  std::vector<uint8_t> cuts;      // [N, E, T]
  std::vector<float> weights;     // [N, E, T] 1: the agent was present
  // [N, E, T] 1: the actor learns from the step; 0 where the agent was absent, or where something
  // else (a safeguard) acted in the actor's place. Such steps stay in the trajectory: advantages
  // run through them and the critic learns from them, the actor does not.
  std::vector<float> actor_weights;
  // Filled in by the trainer.
  std::vector<float> advantages, returns;  // [N, E, T] in rewards; advantages may be normalised
  std::vector<float> old_values, targets;  // [N, E, T] values and returns, normalised

  // Of each environment, so that sums do not depend on threads.
  std::vector<MomentSums> observation_sums;  // [E]
  struct Episodes {
    double count = 0, returns = 0, squares = 0, reward = 0, steps = 0;
    std::vector<double> figures;  // [M] sums over finished episodes
  };
  std::vector<Episodes> episodes;  // [E, N], by agent

  Rollout(const PolicyModel& model, const VectorEnvSpec& env, int32_t steps);
  int64_t Sequence(int32_t slot, int32_t env) const {
    return static_cast<int64_t>(slot) * envs + env;
  }
  void ClearSums();
};

// Chooses instead of the actor: fills choices [E, N, H] of the environments of [first, last) from
// what they show. Disjoint ranges may be asked for from different threads at once.
using Demonstrator = std::function<void(const EnvBuffers& buffers, int32_t first, int32_t last,
                                        std::span<int32_t> choices)>;

// What draws and episodes of an iteration are keyed by.
struct RolloutKey {
  uint64_t seed = 0;
  int64_t iteration = 0;
  int32_t first_global_env = 0;  // number of environment 0, over all ranks
};

struct RolloutTimes {
  double environment = 0, inference = 0, rest = 0;  // seconds
};

// Collects the steps of the environments [first, last) into their part of a rollout. One a thread;
// several may run at once on one rollout and environment when their ranges are disjoint.
class RolloutWorker {
 public:
  RolloutWorker(const PolicyModel& model, VectorEnv& env, int32_t first, int32_t last);

  // New episodes, then rollout.steps steps. `demonstrator` may be empty: actors choose.
  absl::Status Collect(const RolloutKey& key, const Demonstrator& demonstrator,
                       std::span<int32_t> actions, Rollout& rollout);

  const RolloutTimes& times() const { return times_; }  // of the last Collect

 private:
  int32_t range() const { return last_ - first_; }
  size_t Local(int32_t env, int32_t agent) const {
    return static_cast<size_t>(env - first_) * static_cast<size_t>(spec_.agents) +
           static_cast<size_t>(agent);
  }
  int64_t Cell(const Rollout& rollout, int32_t env, int32_t agent, int32_t step) const {
    return rollout.Sequence(runner_.slot(agent), env) * rollout.steps + step;
  }

  void BeginEpisode(int32_t env);
  void NoteArrivals(int32_t step, Rollout& rollout);
  void Choose(const RolloutKey& key, int32_t step, bool demonstrated, std::span<int32_t> actions,
              Rollout& rollout);
  void StoreStep(int32_t step, Rollout& rollout);
  void StoreOutcome(int32_t step, std::span<const int32_t> actions, Rollout& rollout);
  void EndEpisode(int32_t env, Rollout& rollout);
  // What comes after this step is worth what the critic says of observations [E, N, O] for those
  // of `present` [N].
  void CutWithValues(int32_t env, int32_t step, const float* observations, const uint8_t* present,
                     Rollout& rollout);

  VectorEnv& env_;
  const VectorEnvSpec& spec_;
  const PolicyModel& model_;
  int32_t first_, last_;
  ModelRunner runner_;
  // [E of the range, N, …]
  std::vector<int32_t> last_actions_;  // of the step before; -1: none
  std::vector<uint8_t> was_present_;   // at the step that is being taken
  std::vector<uint8_t> known_;         // present at the step before, in this episode
  std::vector<double> returns_;        // of the episode so far
  std::vector<uint8_t> took_part_;     // in the episode so far
  std::vector<float> probabilities_;   // [K]
  std::vector<float> peeked_;          // [N]
  RolloutTimes times_;
};

}  // namespace reeve
