#include "agents/adapt/experience.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "core/check.h"

namespace reeve {
namespace {

constexpr size_t kLargestCopiedCritic = 1'000'000;  // floats
constexpr size_t kSummedAtOnce = 64;                // features
constexpr size_t kAgentsAtOnce = 32;                // their observations stay in the nearest cache
constexpr size_t kWidth = 4;                        // features whose sums stay in registers

VectorEnvSpec WithStretches(VectorEnvSpec shape, const ExperienceSpec& spec) {
  shape.envs = spec.stretches * spec.patience;
  shape.figures.clear();
  return shape;
}

bool SameInputs(const PolicyModel& model) {
  return model.actor_view.view == model.critic_view.view &&
         model.actor_view.agent_id == model.critic_view.agent_id;
}

PolicyModel SizesOf(PolicyModel model) {
  model.actor_parameters = {};
  model.critic_parameters = {};
  return model;
}

// Adds `agents` rows of W numbers, `stride` apart, to the sums of d = x - mean and of d^2, row
// after row.
template <size_t W>
void AddMoments(const float* x, size_t agents, size_t stride, const double* mean, double* first,
                double* second) {
  std::array<double, W> centre, sum, square;
  std::copy_n(mean, W, centre.begin());
  std::copy_n(first, W, sum.begin());
  std::copy_n(second, W, square.begin());
  for (size_t a = 0; a < agents; ++a, x += stride) {
    for (size_t i = 0; i < W; ++i) {
      const double d = x[i] - centre[i];
      sum[i] += d;
      square[i] += d * d;
    }
  }
  std::copy_n(sum.begin(), W, first);
  std::copy_n(square.begin(), W, second);
}

template <class T>
void Put(std::span<const T> from, size_t step, std::vector<T>& to) {
  std::copy(from.begin(), from.end(), to.begin() + static_cast<ptrdiff_t>(step * from.size()));
}

}  // namespace

bool CanValueLater(const PolicyModel& model) {
  return SameInputs(model) && model.critic.state == 0 &&
         model.critic_parameters.size() <= kLargestCopiedCritic;
}

Experience::Experience(const PolicyModel& model, const VectorEnvSpec& shape,
                       const ExperienceSpec& spec)
    : spec_(spec),
      shape_(WithStretches(shape, spec)),
      sizes_(SizesOf(model)),
      envs_(shape_.envs),
      same_inputs_(SameInputs(model)),
      actor_size_(static_cast<size_t>(model.actor.inputs)),
      critic_size_(static_cast<size_t>(model.critic.inputs)),
      choices_(static_cast<size_t>(shape.choices())),
      heads_(shape.heads.size()),
      group_begin_(static_cast<size_t>(model.groups) + 1) {
  const ModelRunner order(model, 1, ModelRunner::Use::kActor);
  for (int32_t agent = 0; agent < shape.agents; ++agent) {
    slot_of_.push_back(order.slot(agent));
    ++group_begin_[static_cast<size_t>(order.group(agent)) + 1];
  }
  std::partial_sum(group_begin_.begin(), group_begin_.end(), group_begin_.begin());
  const auto stretches = static_cast<size_t>(envs_);
  const size_t cells = stretches * static_cast<size_t>(spec.steps) * agents();
  actor_inputs_.resize(cells * actor_size_);
  if (!same_inputs_) critic_inputs_.resize(cells * critic_size_);
  legal_.resize(cells * choices_);
  actions_.resize(cells * heads_);
  for (auto* array : {&log_probs_, &rewards_, &values_}) array->resize(cells);
  for (auto* array : {&starts_, &present_, &own_}) array->resize(cells);
  value_later_.resize(stretches * static_cast<size_t>(spec.steps));
  stretch_steps_.resize(stretches);
  cut_.resize(stretches);
  bootstraps_.resize(stretches * agents());
  sums_.resize(stretches, model.observations.ZeroSums());
  environments_.resize(stretches);
}

void Experience::Add(const ModelRunner& runner, const PolicyModel& model,
                     const ExperienceStep& step) {
  REEVE_CHECK(completed_ && !stretch_full() && stretch_ < envs_);
  environments_[static_cast<size_t>(stretch_)] = step.environment;
  const auto at = static_cast<size_t>(stretch_ * spec_.steps + filled_);
  Put(runner.actor_inputs(), at, actor_inputs_);
  if (!same_inputs_) Put(runner.critic_inputs(), at, critic_inputs_);
  Put(step.legal, at, legal_);
  Put(step.actions, at, actions_);
  Put(step.starts, at, starts_);
  Put(step.log_probs, at, log_probs_);
  Put(step.present, at, present_);
  const std::span<const float> values = runner.values();
  value_later_[at] = values.empty() ? 1 : 0;
  if (!values.empty()) {
    Put(values, at, values_);
  } else {
    NoteCritic(model, at);
  }
  NoteSums(model, step);
  stretch_steps_[static_cast<size_t>(stretch_)] = ++filled_;
  completed_ = false;
  made_ = false;
}

void Experience::NoteCritic(const PolicyModel& model, size_t step) {
  if (!critic_changed_) return;
  REEVE_CHECK(CanValueLater(model));
  if (critics_.size() == critic_count_) critics_.emplace_back();
  Critic& critic = critics_[critic_count_++];  // in the memory of one from before
  critic.first_step = step;
  critic.parameters = model.critic_parameters;
  critic.values = model.values;
  critic_changed_ = false;
}

// Adds the observations to the stretch's sums, agent by agent; with one group in registers, in the
// same order.
void Experience::NoteSums(const PolicyModel& model, const ExperienceStep& step) {
  const auto features = static_cast<size_t>(model.features());
  MomentSums& sums = sums_[static_cast<size_t>(stretch_)];
  if (model.groups > 1 || features > kSummedAtOnce) {
    for (size_t a = 0; a < agents(); ++a) {
      if (step.present[a] == 0) continue;
      const float* const x = step.observations.data() + a * features;
      for (size_t f = 0; f < features; ++f) {
        model.observations.Accumulate(model.group_of[a], static_cast<int32_t>(f), x[f], sums);
      }
    }
    return;
  }
  std::array<double, kSummedAtOnce> first, second;
  for (size_t f = 0; f < features; ++f) {
    first[f] = sums[3 * f + 1];
    second[f] = sums[3 * f + 2];
  }
  const double* const mean = model.observations.mean.data();
  double count = 0;
  for (size_t a = 0; a < agents();) {
    if (step.present[a] == 0) {
      ++a;
      continue;
    }
    size_t end = a + 1;
    while (end < agents() && end - a < kAgentsAtOnce && step.present[end] != 0) ++end;
    const float* const x = step.observations.data() + a * features;
    size_t f = 0;
    for (; f + kWidth <= features; f += kWidth) {
      AddMoments<kWidth>(x + f, end - a, features, mean + f, &first[f], &second[f]);
    }
    for (; f < features; ++f) {
      AddMoments<1>(x + f, end - a, features, mean + f, &first[f], &second[f]);
    }
    count += static_cast<double>(end - a);
    a = end;
  }
  for (size_t f = 0; f < features; ++f) {
    sums[3 * f] += count;
    sums[3 * f + 1] = first[f];
    sums[3 * f + 2] = second[f];
  }
}

void Experience::Complete(const ExperienceOutcome& outcome) {
  REEVE_CHECK(!completed_);
  const auto at = static_cast<size_t>(stretch_ * spec_.steps + filled_ - 1);
  Put(outcome.rewards, at, rewards_);
  Put(outcome.own, at, own_);
  const uint8_t* const here = &present_[at * agents()];
  uint32_t own = 0, present = 0;
  for (size_t a = 0; a < agents(); ++a) {
    const auto is_here = static_cast<uint8_t>(here[a] != 0);
    present += is_here;
    own += is_here & static_cast<uint8_t>(outcome.own[a] != 0);
  }
  if (present > 0) own_steps_ += static_cast<double>(own) / static_cast<double>(present);
  completed_ = true;
  made_ = false;
}

void Experience::Cut(std::span<const float> values, std::span<const uint8_t> present) {
  if (!can_cut()) return;
  const auto e = static_cast<size_t>(stretch_);
  cut_[e] = 1;
  for (size_t a = 0; a < agents(); ++a) {
    bootstraps_[e * agents() + a] = present[a] != 0 ? values[a] : 0;
  }
  ++stretch_;
  filled_ = 0;
  made_ = false;
}

bool Experience::full() const {
  if (filled_ > 0) return false;
  return stretch_ == envs_ || own_steps_ >= static_cast<double>(spec_.steps) * spec_.stretches;
}

int32_t Experience::StepsOf(int32_t stretch) const {
  if (stretch > stretch_ || (stretch == stretch_ && filled_ == 0)) return 0;
  return stretch_steps_[static_cast<size_t>(stretch)];
}

int64_t Experience::steps() const {
  int64_t steps = 0;
  for (int32_t stretch = 0; stretch < envs_; ++stretch) {
    const auto first = static_cast<size_t>(stretch * spec_.steps) * agents();
    const size_t last = first + static_cast<size_t>(StepsOf(stretch)) * agents();
    for (size_t i = first; i < last; ++i) steps += present_[i] != 0;
  }
  return steps;
}

void Experience::Clear() {
  stretch_ = filled_ = 0;
  completed_ = true;
  own_steps_ = 0;
  std::ranges::fill(cut_, uint8_t{0});
  for (MomentSums& sums : sums_) std::ranges::fill(sums, 0.0);
  critic_count_ = 0;
  critic_changed_ = true;
  made_ = false;
}

void Experience::TakeRollout(Experience& from) {
  if (rollout_ || !from.rollout_) return;
  rollout_ = std::move(from.rollout_);
  from.rollout_.reset();
  from.made_ = made_ = false;
}

// ---- making the rollout

Rollout& Experience::rollout() {
  if (made_) return *rollout_;
  if (rollout_) {
    ResetRollout();
  } else {
    rollout_.emplace(sizes_, shape_, spec_.steps);
    ResetRollout();
  }
  ComputeValues();
  for (int32_t stretch = 0; stretch < envs_; ++stretch) FillStretch(stretch);
  for (size_t e = 0; e < sums_.size(); ++e) rollout_->observation_sums[e] = sums_[e];
  made_ = true;
  return *rollout_;
}

// As if no step had come.
void Experience::ResetRollout() {
  Rollout& r = *rollout_;
  r.ClearSums();
  for (auto* zeros : {&r.weights, &r.actor_weights, &r.rewards, &r.values, &r.bootstraps,
                      &r.log_probs, &r.actor_inputs, &r.critic_inputs}) {
    std::ranges::fill(*zeros, 0.0F);
  }
  std::ranges::fill(r.starts, 1.0F);
  std::ranges::fill(r.cuts, uint8_t{1});
  std::ranges::fill(r.legal, uint8_t{1});
  std::ranges::fill(r.actions, 0);
}

void Experience::ComputeValues() {
  if (critic_count_ == 0) return;
  StreamingNetwork network(sizes_.critic);
  const int64_t parameters = sizes_.critic.parameters;
  float no_state = 0;
  size_t critic = 0;
  const size_t end = value_later_.size();
  for (size_t at = critics_.front().first_step; at < end; ++at) {
    const auto stretch = static_cast<int32_t>(at / static_cast<size_t>(spec_.steps));
    const auto step = static_cast<int32_t>(at % static_cast<size_t>(spec_.steps));
    if (step >= StepsOf(stretch) || value_later_[at] == 0) continue;
    while (critic + 1 < critic_count_ && critics_[critic + 1].first_step <= at) ++critic;
    const Critic& by = critics_[critic];
    const float* const inputs = &actor_inputs_[at * agents() * actor_size_];
    float* const values = &values_[at * agents()];
    for (int32_t group = 0; group < sizes_.groups; ++group) {
      const auto g = static_cast<size_t>(group);
      const int64_t first = group_begin_[g], last = group_begin_[g + 1];
      if (first == last) continue;
      network.Step(by.parameters.data() + group * parameters, last - first,
                   inputs + first * static_cast<int64_t>(actor_size_), &no_state, values + first);
      const auto mean = static_cast<float>(by.values.mean[g]);
      const auto deviation = static_cast<float>(by.values.deviation(group, 0));
      for (int64_t row = first; row < last; ++row) values[row] = values[row] * deviation + mean;
    }
    value_later_[at] = 0;
  }
}

void Experience::FillStretch(int32_t stretch) {
  const int32_t steps = StepsOf(stretch);
  if (steps == 0) return;
  Rollout& r = *rollout_;
  const auto e = static_cast<size_t>(stretch);
  const std::vector<float>& critic_inputs = same_inputs_ ? actor_inputs_ : critic_inputs_;
  for (size_t a = 0; a < agents(); ++a) {
    const auto slot = static_cast<size_t>(slot_of_[a]);
    auto c = static_cast<size_t>(r.Sequence(slot_of_[a], stretch) * r.steps);
    auto at = static_cast<size_t>(stretch * spec_.steps);
    const size_t first = c;
    for (int32_t step = 0; step < steps; ++step, ++c, ++at) {
      const size_t row = at * agents() + slot, i = at * agents() + a;
      std::copy_n(&actor_inputs_[row * actor_size_], actor_size_, &r.actor_inputs[c * actor_size_]);
      std::copy_n(&critic_inputs[row * critic_size_], critic_size_,
                  &r.critic_inputs[c * critic_size_]);
      std::copy_n(&legal_[i * choices_], choices_, &r.legal[c * choices_]);
      std::copy_n(&actions_[i * heads_], heads_, &r.actions[c * heads_]);
      const bool here = present_[i] != 0;
      r.starts[c] = step == 0 ? 1 : starts_[i];
      r.values[c] = values_[row];
      r.log_probs[c] = log_probs_[i];
      r.weights[c] = here ? 1 : 0;
      r.rewards[c] = r.weights[c] * rewards_[i];
      r.actor_weights[c] = own_[i] != 0 ? r.weights[c] : 0;
      r.cuts[c] = here ? 0 : 1;
      if (!here && step > 0) r.cuts[c - 1] = 1;  // it left: nothing follows
    }
    if (cut_[e] == 0) continue;
    const size_t last = first + static_cast<size_t>(steps) - 1;
    r.cuts[last] = 1;
    r.bootstraps[last] = r.weights[last] != 0 ? bootstraps_[e * agents() + a] : 0;
  }
}

}  // namespace reeve
