#include "agents/ppo/value_targets.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "agents/ppo/gae.h"
#include "core/status.h"

namespace reeve {
namespace {

// Returns of old policies count as at most this many iterations.
constexpr double kValueMemory = 10;
// Observations of old policies, at most this many.
constexpr double kObservationMemory = 1000;

// A number of values, their sum and that of their squares.
struct Spread {
  double count = 0, sum = 0, squares = 0;

  void Add(double x) {
    count += 1;
    sum += x;
    squares += x * x;
  }
  double mean() const { return sum / count; }
  double variance() const { return std::max(0.0, squares / count - mean() * mean()); }
};

// Over the steps of one group: of returns (around the mean so far) and advantages of all steps that
// count, and of advantages of those that the actor learns from.
struct TargetSums {
  Spread returns, advantages, actor_advantages;
};

// use(group, index of a step)
template <class Use>
void ForEachStep(const PolicyModel& model, const Rollout& rollout, Use&& use) {
  int64_t cell = 0;
  for (int32_t group = 0; group < model.groups; ++group) {  // sequences are ordered by group
    const auto members = std::count(model.group_of.begin(), model.group_of.end(), group);
    const int64_t end = cell + members * rollout.envs * rollout.steps;
    for (; cell < end; ++cell) use(static_cast<size_t>(group), static_cast<size_t>(cell));
  }
}

void EstimateAll(const TargetOptions& options, Rollout& rollout) {
  const auto steps = static_cast<size_t>(rollout.steps);
  const size_t sequences = rollout.weights.size() / steps;
  for (size_t s = 0; s < sequences; ++s) {
    const auto part = [&](const auto& all) { return std::span(all).subspan(s * steps, steps); };
    EstimateAdvantages({.rewards = part(rollout.rewards),
                        .values = part(rollout.values),
                        .bootstraps = part(rollout.bootstraps),
                        .cuts = part(rollout.cuts),
                        .weights = part(rollout.weights)},
                       options.gamma, options.lambda,
                       std::span(rollout.advantages).subspan(s * steps, steps),
                       std::span(rollout.returns).subspan(s * steps, steps));
  }
}

// The outputs y of a critic's last layer become (y * from.deviation + from.mean - to.mean) /
// to.deviation.
void MoveLastLayer(const RunningMoments& from, const RunningMoments& to, int32_t group,
                   PolicyModel& model) {
  const auto g = static_cast<size_t>(group);
  const auto scale = static_cast<float>(from.deviation(group, 0) / to.deviation(group, 0));
  const auto shift = static_cast<float>((from.mean[g] - to.mean[g]) / to.deviation(group, 0));
  float* const parameters = model.critic_parameters.data() + group * model.critic.parameters;
  const ParameterBlock& weight = model.critic.block("output.weight");
  for (int64_t i = 0; i < weight.size(); ++i) parameters[weight.offset + i] *= scale;
  float& bias = parameters[model.critic.block("output.bias").offset];
  bias = bias * scale + shift;
}

}  // namespace

TargetOptions TargetOptionsOf(const PpoSpec& spec) {
  return {.gamma = spec.gamma,
          .lambda = spec.lambda,
          .normalise_values = spec.normalise_values,
          .normalise_advantages = spec.normalise_advantages};
}

absl::Status MakeTargets(const TargetOptions& options, Collective& collective, PolicyModel& model,
                         Rollout& rollout, std::span<GroupStats> stats) {
  EstimateAll(options, rollout);
  std::vector<TargetSums> sums(static_cast<size_t>(model.groups));
  ForEachStep(model, rollout, [&](size_t g, size_t cell) {
    if (rollout.weights[cell] == 0) return;
    sums[g].returns.Add(rollout.returns[cell] - model.values.mean[g]);
    sums[g].advantages.Add(rollout.advantages[cell]);
    if (rollout.actor_weights[cell] != 0) sums[g].actor_advantages.Add(rollout.advantages[cell]);
  });
  static_assert(sizeof(TargetSums) == 9 * sizeof(double));
  RETURN_IF_ERROR(collective.SumInPlace(
      std::span<double>(reinterpret_cast<double*>(sums.data()), 9 * sums.size())));

  RunningMoments before = model.values;  // what the critics' outputs are in, once moved
  if (options.normalise_values) {
    MomentSums moments = model.values.ZeroSums();
    for (size_t g = 0; g < sums.size(); ++g) {
      moments[3 * g] = sums[g].returns.count;
      moments[3 * g + 1] = sums[g].returns.sum;
      moments[3 * g + 2] = sums[g].returns.squares;
    }
    model.values.Merge(moments, kValueMemory);
    for (int32_t group = 0; group < model.groups; ++group) {
      const auto g = static_cast<size_t>(group);
      if (before.count[g] == 0) continue;
      MoveLastLayer(before, model.values, group, model);
      before.mean[g] = model.values.mean[g];
      before.variance[g] = model.values.variance[g];
    }
  }

  struct Scale {
    double old_mean, old_deviation, mean, deviation, advantage_mean, advantage_deviation;
  };
  std::vector<Scale> scales;
  for (int32_t group = 0; group < model.groups; ++group) {
    const auto g = static_cast<size_t>(group);
    scales.push_back({before.mean[g], before.deviation(group, 0), model.values.mean[g],
                      model.values.deviation(group, 0), 0, 1});
    const TargetSums& sum = sums[g];
    if (options.normalise_advantages && sum.actor_advantages.count > 0) {
      scales[g].advantage_mean = sum.actor_advantages.mean();
      scales[g].advantage_deviation = std::sqrt(sum.actor_advantages.variance()) + 1e-8;
    }
    // An advantage is the error of a value: return - value.
    if (sum.returns.count > 0 && sum.returns.variance() > 0) {
      stats[g].explained_variance = 1 - sum.advantages.variance() / sum.returns.variance();
    }
  }
  ForEachStep(model, rollout, [&](size_t g, size_t cell) {
    const Scale& s = scales[g];
    rollout.old_values[cell] =
        static_cast<float>((rollout.values[cell] - s.old_mean) / s.old_deviation);
    rollout.targets[cell] = static_cast<float>((rollout.returns[cell] - s.mean) / s.deviation);
    rollout.advantages[cell] =
        static_cast<float>((rollout.advantages[cell] - s.advantage_mean) / s.advantage_deviation);
  });
  return absl::OkStatus();
}

absl::Status MergeObservations(Collective& collective, const Rollout& rollout, PolicyModel& model) {
  MomentSums total = model.observations.ZeroSums();
  for (const MomentSums& sums : rollout.observation_sums) {
    for (size_t i = 0; i < total.size(); ++i) total[i] += sums[i];
  }
  RETURN_IF_ERROR(collective.SumInPlace(std::span<double>(total)));
  model.observations.Merge(total, kObservationMemory);
  return absl::OkStatus();
}

}  // namespace reeve
