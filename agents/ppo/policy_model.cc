#include "agents/ppo/policy_model.h"

#include <algorithm>
#include <numeric>

#include "core/check.h"

namespace reeve {
namespace {

std::vector<int32_t> GroupOf(const VectorEnvSpec& env, Sharing sharing) {
  std::vector<int32_t> group_of(static_cast<size_t>(env.agents), 0);
  if (sharing == Sharing::kPerFunction) std::iota(group_of.begin(), group_of.end(), 0);
  if (sharing == Sharing::kPerTenant) group_of = env.tenants;
  return group_of;
}

std::vector<float> InitialParameters(const NetworkLayout& layout, int32_t groups, uint64_t seed,
                                     uint32_t first_stream) {
  const auto size = static_cast<size_t>(layout.parameters);
  std::vector<float> parameters(size * static_cast<size_t>(groups));
  for (int32_t group = 0; group < groups; ++group) {
    const auto g = static_cast<uint32_t>(group);
    Initialise(layout, seed, first_stream + 2 * g, std::span(parameters).subspan(g * size, size));
  }
  return parameters;
}

}  // namespace

PolicyModel MakeModel(const VectorEnvSpec& env, const PpoSpec& spec, uint64_t seed) {
  PolicyModel model;
  model.feature_names = env.feature_names;
  model.agent_names = env.agent_names;
  model.group_of = GroupOf(env, spec.sharing);
  REEVE_CHECK(model.group_of.size() == static_cast<size_t>(env.agents));
  model.groups = 1 + *std::max_element(model.group_of.begin(), model.group_of.end());
  model.actor_view = {.view = spec.actor_view(),
                      .agents = env.agents,
                      .features = env.features,
                      .heads = env.heads,
                      .agent_id = spec.agent_id};
  model.critic_view = model.actor_view;
  model.critic_view.view = spec.critic_view();
  // Policies begin nearly undecided, values near zero: see MakeLayout.
  model.actor = MakeLayout(spec.actor, model.actor_view.size(), env.choices(), 0.01);
  model.critic = MakeLayout(spec.critic, model.critic_view.size(), 1, 1.0);
  model.actor_parameters = InitialParameters(model.actor, model.groups, seed, 0);
  model.critic_parameters = InitialParameters(model.critic, model.groups, seed, 1);
  model.observations = RunningMoments::Identity(model.groups, env.features);
  model.values = RunningMoments::Identity(model.groups, 1);
  return model;
}

TrainerState MakeTrainerState(const VectorEnvSpec& env, const PpoSpec& spec, uint64_t seed) {
  TrainerState state;
  state.model = MakeModel(env, spec, seed);
  state.seed = seed;
  const auto groups = static_cast<size_t>(state.model.groups);
  state.actor_first_moments.resize(state.model.actor_parameters.size());
  state.actor_second_moments.resize(state.model.actor_parameters.size());
  state.critic_first_moments.resize(state.model.critic_parameters.size());
  state.critic_second_moments.resize(state.model.critic_parameters.size());
  state.actor_updates.resize(groups);
  state.critic_updates.resize(groups);
  return state;
}

}  // namespace reeve
