#include "agents/adapt/experience.h"

#include <algorithm>
#include <vector>

#include "core/check.h"

namespace reeve {
namespace {

VectorEnvSpec WithStretches(VectorEnvSpec shape, const ExperienceSpec& spec) {
  shape.envs = spec.stretches * spec.patience;
  shape.figures.clear();
  return shape;
}

}  // namespace

Experience::Experience(const PolicyModel& model, const VectorEnvSpec& shape,
                       const ExperienceSpec& spec)
    : spec_(spec), rollout_(model, WithStretches(shape, spec), spec.steps) {
  const ModelRunner order(model, 1, ModelRunner::Use::kActor);
  for (int32_t agent = 0; agent < shape.agents; ++agent) slot_of_.push_back(order.slot(agent));
  environments_.resize(static_cast<size_t>(rollout_.envs));
  Clear();
}

void Experience::Add(const ModelRunner& runner, const PolicyModel& model,
                     const ExperienceStep& step) {
  REEVE_CHECK(completed_ && !stretch_full() && stretch_ < rollout_.envs);
  environments_[static_cast<size_t>(stretch_)] = step.environment;
  const auto actor_size = static_cast<ptrdiff_t>(rollout_.actor_size);
  const auto critic_size = static_cast<ptrdiff_t>(rollout_.critic_size);
  const auto choices = static_cast<ptrdiff_t>(rollout_.choices);
  const auto heads = static_cast<ptrdiff_t>(rollout_.heads);
  const int32_t features = model.features();
  MomentSums& sums = rollout_.observation_sums[static_cast<size_t>(stretch_)];
  for (int32_t agent = 0; agent < rollout_.agents; ++agent) {
    const auto a = static_cast<size_t>(agent);
    const ptrdiff_t cell = Cell(slot_of_[a], filled_);
    const ptrdiff_t row = runner.Row(agent, 0);
    std::copy_n(runner.actor_inputs().begin() + row * actor_size, actor_size,
                rollout_.actor_inputs.begin() + cell * actor_size);
    std::copy_n(runner.critic_inputs().begin() + row * critic_size, critic_size,
                rollout_.critic_inputs.begin() + cell * critic_size);
    std::copy_n(step.legal.begin() + agent * choices, choices,
                rollout_.legal.begin() + cell * choices);
    std::copy_n(step.actions.begin() + agent * heads, heads,
                rollout_.actions.begin() + cell * heads);
    const auto c = static_cast<size_t>(cell);
    rollout_.starts[c] = filled_ == 0 ? 1 : step.starts[a];
    rollout_.values[c] = runner.values()[static_cast<size_t>(row)];
    rollout_.log_probs[c] = step.log_probs[a];
    rollout_.weights[c] = step.present[a] ? 1 : 0;
    if (step.present[a] == 0) {
      if (filled_ > 0) rollout_.cuts[c - 1] = 1;  // it left: nothing follows
      continue;
    }
    const float* x = step.observations.data() + static_cast<ptrdiff_t>(agent) * features;
    for (int32_t f = 0; f < features; ++f) {
      model.observations.Accumulate(model.group_of[a], f, x[f], sums);
    }
  }
  ++filled_;
  completed_ = false;
}

void Experience::Complete(const ExperienceOutcome& outcome) {
  REEVE_CHECK(!completed_);
  double own = 0, present = 0;
  for (int32_t agent = 0; agent < rollout_.agents; ++agent) {
    const auto a = static_cast<size_t>(agent);
    const auto c = static_cast<size_t>(Cell(slot_of_[a], filled_ - 1));
    const float here = rollout_.weights[c];
    rollout_.rewards[c] = here * outcome.rewards[a];
    rollout_.actor_weights[c] = outcome.own[a] ? here : 0;
    rollout_.bootstraps[c] = 0;
    rollout_.cuts[c] = here == 0 ? 1 : 0;
    own += rollout_.actor_weights[c];
    present += here;
  }
  if (present > 0) own_steps_ += own / present;
  completed_ = true;
}

void Experience::Cut(std::span<const float> values, std::span<const uint8_t> present) {
  if (!can_cut()) return;
  for (int32_t agent = 0; agent < rollout_.agents; ++agent) {
    const auto a = static_cast<size_t>(agent);
    const auto c = static_cast<size_t>(Cell(slot_of_[a], filled_ - 1));
    rollout_.cuts[c] = 1;
    rollout_.bootstraps[c] = rollout_.weights[c] != 0 && present[a] ? values[a] : 0;
  }
  ++stretch_;
  filled_ = 0;
}

bool Experience::full() const {
  if (filled_ > 0) return false;
  return stretch_ == rollout_.envs ||
         own_steps_ >= static_cast<double>(spec_.steps) * spec_.stretches;
}

int64_t Experience::steps() const {
  int64_t steps = 0;
  const int64_t cells = static_cast<int64_t>(rollout_.envs) * rollout_.steps;
  for (int64_t c = 0; c < cells; ++c) steps += rollout_.weights[static_cast<size_t>(c)] != 0;
  return steps;
}

void Experience::Clear() {
  rollout_.ClearSums();
  for (auto* zeros : {&rollout_.weights, &rollout_.actor_weights, &rollout_.rewards,
                      &rollout_.values, &rollout_.bootstraps, &rollout_.log_probs,
                      &rollout_.actor_inputs, &rollout_.critic_inputs}) {
    std::fill(zeros->begin(), zeros->end(), 0.0F);
  }
  std::fill(rollout_.starts.begin(), rollout_.starts.end(), 1.0F);
  std::fill(rollout_.cuts.begin(), rollout_.cuts.end(), uint8_t{1});
  std::fill(rollout_.legal.begin(), rollout_.legal.end(), uint8_t{1});
  std::fill(rollout_.actions.begin(), rollout_.actions.end(), 0);
  stretch_ = filled_ = 0;
  completed_ = true;
  own_steps_ = 0;
}

}  // namespace reeve
