// A model at work: normalises what agents see, makes their views, and steps actors and critics, in
// rollouts and live. Without torch; allocates nothing after construction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "agents/nn/streaming_network.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/views.h"

namespace reeve {

// For E environments (live: 1) of N agents. Rows are agents ordered by their group, E of each:
// Row(agent, environment). Not thread-safe (scratch and the past of recurrent networks); several
// may share a model that does not change meanwhile.
class ModelRunner {
 public:
  enum class Use { kActor, kActorAndCritic };

  // The agents of the model, or `group_of` [N] others with parameters of the given groups: any
  // number, where no view depends on it (joint and agent_id do; only those of networks in use
  // count).
  ModelRunner(const PolicyModel& model, int32_t envs, Use use);
  ModelRunner(const PolicyModel& model, std::span<const int32_t> group_of, int32_t envs, Use use);

  // To be called when the model's normalisers have changed. Parameters are read where they are.
  void Refresh();

  int32_t envs() const { return envs_; }
  int32_t agents() const { return agents_; }
  int64_t rows() const { return static_cast<int64_t>(agents_) * envs_; }
  int64_t Row(int32_t agent, int32_t env) const {
    return static_cast<int64_t>(slot_of_[static_cast<size_t>(agent)]) * envs_ + env;
  }
  int32_t group(int32_t agent) const { return group_of_[static_cast<size_t>(agent)]; }
  // The place of an agent in the order of groups.
  int32_t slot(int32_t agent) const { return slot_of_[static_cast<size_t>(agent)]; }

  // The agent's past is not seen by later steps: a new episode, or an agent that has just come.
  void Forget(int32_t env, int32_t agent);

  // One step of all rows. observations [E, N, O] raw; present [E, N]; last_actions [E, N, H], -1
  // for none. Rows of absent agents are computed, and mean nothing.
  void Step(const float* observations, const uint8_t* present, const int32_t* last_actions);
  // After Step:
  std::span<const float> logits() const { return logits_; }              // [rows, K]
  std::span<const float> values() const { return values_; }              // [rows], in rewards
  std::span<const float> actor_inputs() const { return actor_.inputs; }  // [rows, I]
  // The past with which the actor's next Step begins (agents/nn/network_spec.h). [S]
  std::span<const float> actor_state(int32_t agent, int32_t env) const {
    return RowOf(actor_.states, agent, env, actor_.state_size);
  }
  // What the actor was given at the last Step. [I]
  std::span<const float> actor_input(int32_t agent, int32_t env) const {
    return RowOf(actor_.inputs, agent, env, actor_.size);
  }
  // With Use::kActorAndCritic.
  std::span<const float> critic_inputs() const { return critic_->inputs; }  // [rows, I]

  // The critic's values [N] of one more moment of one environment, from the past so far, which
  // stays as it is: what the state at a time limit is worth.
  void PeekValues(int32_t env, const Moment& raw, std::span<float> values);

 private:
  // One kind of network for all groups.
  struct Net {
    Net(const NetworkLayout& layout, const std::vector<float>& parameters, ViewShape shape,
        int64_t rows);

    StreamingNetwork network;
    const std::vector<float>& parameters;
    ViewBuilder view;
    int32_t size = 0, state_size = 0;
    std::vector<float> inputs;     // [rows, I]
    std::vector<float> states;     // [rows, S]
    std::vector<float*> row_ptrs;  // [N]
  };

  std::span<const float> RowOf(const std::vector<float>& rows, int32_t agent, int32_t env,
                               int32_t size) const {
    return std::span(rows).subspan(static_cast<size_t>(Row(agent, env) * size),
                                   static_cast<size_t>(size));
  }
  void NormaliseAgents(const float* observations, const uint8_t* present);  // one environment
  void BuildViews(Net& net, const Moment& moment, int32_t env);
  void StepGroups(Net& net, float* out);

  const PolicyModel& model_;
  int32_t envs_ = 1, agents_ = 1, features_ = 1;
  std::vector<int32_t> group_of_;        // [N]
  std::vector<int32_t> slot_of_;         // [N]
  std::vector<int32_t> group_begin_;     // [A + 1] slots
  std::vector<Normaliser> normalisers_;  // [A]
  std::vector<float> normalised_;        // [N, O] of one environment
  Net actor_;
  std::optional<Net> critic_;  // with Use::kActorAndCritic
  std::vector<float> logits_, values_;
  std::vector<float> peek_inputs_, peek_states_, peek_values_;  // [N, …] by slot
};

}  // namespace reeve
