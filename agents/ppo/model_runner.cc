#include "agents/ppo/model_runner.h"

#include <algorithm>

#include "core/check.h"

namespace reeve {
namespace {

ViewShape WithAgents(ViewShape shape, int32_t agents) {
  if (shape.agents != agents) REEVE_CHECK(shape.view != View::kJoint && !shape.agent_id);
  shape.agents = agents;
  return shape;
}

}  // namespace

ModelRunner::Net::Net(const NetworkLayout& layout, const std::vector<float>& all, ViewShape shape,
                      int64_t rows)
    : network(layout),
      parameters(all),
      view(std::move(shape)),
      size(view.shape().size()),
      state_size(layout.state),
      inputs(static_cast<size_t>(rows * size)),
      states(static_cast<size_t>(rows * state_size)),
      row_ptrs(static_cast<size_t>(view.shape().agents)) {
  REEVE_CHECK(size == layout.inputs);
}

ModelRunner::ModelRunner(const PolicyModel& model, int32_t envs, Use use)
    : ModelRunner(model, model.group_of, envs, use) {}

ModelRunner::ModelRunner(const PolicyModel& model, std::span<const int32_t> group_of, int32_t envs,
                         Use use)
    : model_(model),
      envs_(envs),
      agents_(static_cast<int32_t>(group_of.size())),
      features_(model.features()),
      group_of_(group_of.begin(), group_of.end()),
      slot_of_(group_of.size()),
      normalised_(group_of.size() * static_cast<size_t>(features_)),
      actor_(model.actor, model.actor_parameters, WithAgents(model.actor_view, agents_), rows()) {
  // A policy that only acts may have been stored without its critic.
  if (use == Use::kActorAndCritic) {
    critic_.emplace(model.critic, model.critic_parameters, WithAgents(model.critic_view, agents_),
                    rows());
  }
  int32_t slot = 0;
  for (int32_t group = 0; group < model.groups; ++group) {
    group_begin_.push_back(slot);
    for (size_t agent = 0; agent < group_of_.size(); ++agent) {
      if (group_of_[agent] == group) slot_of_[agent] = slot++;
    }
  }
  group_begin_.push_back(slot);
  REEVE_CHECK(slot == agents_);  // every agent has a group of the model
  logits_.resize(static_cast<size_t>(rows() * model.choices()));
  if (critic_) {
    values_.resize(static_cast<size_t>(rows()));
    peek_inputs_.resize(group_of_.size() * static_cast<size_t>(critic_->size));
    peek_states_.resize(group_of_.size() * static_cast<size_t>(critic_->state_size));
    peek_values_.resize(group_of_.size());
  }
  Refresh();
}

void ModelRunner::Refresh() {
  normalisers_.clear();
  for (int32_t group = 0; group < model_.groups; ++group) {
    normalisers_.emplace_back(model_.observations, group);
  }
}

void ModelRunner::Forget(int32_t env, int32_t agent) {
  for (Net* net : {&actor_, critic_ ? &*critic_ : nullptr}) {
    if (net == nullptr) continue;
    if (net->states.empty()) continue;
    std::fill_n(net->states.begin() + Row(agent, env) * net->state_size, net->state_size, 0.0F);
  }
}

void ModelRunner::NormaliseAgents(const float* observations, const uint8_t* present) {
  for (size_t agent = 0; agent < group_of_.size(); ++agent) {
    float* const out = normalised_.data() + agent * static_cast<size_t>(features_);
    if (present[agent] != 0) {
      normalisers_[static_cast<size_t>(group_of_[agent])].Apply(
          observations + agent * static_cast<size_t>(features_), out);
    } else {
      std::fill_n(out, features_, 0.0F);  // not what the normaliser makes of zeros
    }
  }
}

void ModelRunner::BuildViews(Net& net, const Moment& moment, int32_t env) {
  for (int32_t agent = 0; agent < agents_; ++agent) {
    net.row_ptrs[static_cast<size_t>(agent)] = net.inputs.data() + Row(agent, env) * net.size;
  }
  net.view.Build(moment, net.row_ptrs.data());
}

void ModelRunner::StepGroups(Net& net, float* out) {
  for (int32_t group = 0; group < model_.groups; ++group) {
    const auto g = static_cast<size_t>(group);
    const int64_t first = static_cast<int64_t>(group_begin_[g]) * envs_;
    const int64_t last = static_cast<int64_t>(group_begin_[g + 1]) * envs_;
    if (first == last) continue;
    const NetworkLayout& layout = net.network.layout();
    net.network.Step(net.parameters.data() + group * layout.parameters, last - first,
                     net.inputs.data() + first * net.size,
                     net.states.data() + first * net.state_size, out + first * layout.outputs);
  }
}

void ModelRunner::Step(const float* observations, const uint8_t* present,
                       const int32_t* last_actions) {
  const auto heads = static_cast<ptrdiff_t>(model_.heads().size());
  for (int32_t env = 0; env < envs_; ++env) {
    const ptrdiff_t first = static_cast<ptrdiff_t>(env) * agents_;
    NormaliseAgents(observations + first * features_, present + first);
    const Moment moment{.observations = normalised_.data(),
                        .present = present + first,
                        .last_actions = last_actions + first * heads};
    BuildViews(actor_, moment, env);
    if (critic_) BuildViews(*critic_, moment, env);
  }
  StepGroups(actor_, logits_.data());
  if (!critic_) return;
  StepGroups(*critic_, values_.data());
  for (int32_t group = 0; group < model_.groups; ++group) {
    const auto g = static_cast<size_t>(group);
    const auto mean = static_cast<float>(model_.values.mean[g]);
    const auto deviation = static_cast<float>(model_.values.deviation(group, 0));
    const int64_t last = static_cast<int64_t>(group_begin_[g + 1]) * envs_;
    for (int64_t row = static_cast<int64_t>(group_begin_[g]) * envs_; row < last; ++row) {
      float& value = values_[static_cast<size_t>(row)];
      value = value * deviation + mean;
    }
  }
}

void ModelRunner::PeekValues(int32_t env, const Moment& raw, std::span<float> values) {
  REEVE_CHECK(critic_.has_value());
  NormaliseAgents(raw.observations, raw.present);
  for (int32_t agent = 0; agent < agents_; ++agent) {
    critic_->row_ptrs[static_cast<size_t>(agent)] =
        peek_inputs_.data() + static_cast<ptrdiff_t>(slot(agent)) * critic_->size;
    std::copy_n(critic_->states.begin() + Row(agent, env) * critic_->state_size,
                critic_->state_size,
                peek_states_.begin() + static_cast<ptrdiff_t>(slot(agent)) * critic_->state_size);
  }
  critic_->view.Build({.observations = normalised_.data(),
                       .present = raw.present,
                       .last_actions = raw.last_actions},
                      critic_->row_ptrs.data());
  for (int32_t group = 0; group < model_.groups; ++group) {
    const int32_t first = group_begin_[static_cast<size_t>(group)];
    const int32_t last = group_begin_[static_cast<size_t>(group) + 1];
    if (first == last) continue;
    critic_->network.Step(critic_->parameters.data() + group * model_.critic.parameters,
                          last - first,
                          peek_inputs_.data() + static_cast<ptrdiff_t>(first) * critic_->size,
                          peek_states_.data() + static_cast<ptrdiff_t>(first) * critic_->state_size,
                          peek_values_.data() + first);
  }
  for (int32_t agent = 0; agent < agents_; ++agent) {
    const int32_t group = group_of_[static_cast<size_t>(agent)];
    values[static_cast<size_t>(agent)] =
        peek_values_[static_cast<size_t>(slot(agent))] *
            static_cast<float>(model_.values.deviation(group, 0)) +
        static_cast<float>(model_.values.mean[static_cast<size_t>(group)]);
  }
}

}  // namespace reeve
