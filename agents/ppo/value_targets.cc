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

// Sums over the steps of one group that count: of returns (around the mean so far) and advantages.
struct TargetSums {
  double count = 0;
  double returns = 0, return_squares = 0;
  double advantages = 0, advantage_squares = 0;

  double Variance(double sum, double squares) const {
    return std::max(0.0, squares / count - (sum / count) * (sum / count));
  }
  double return_variance() const { return Variance(returns, return_squares); }
  double advantage_variance() const { return Variance(advantages, advantage_squares); }
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

absl::Status MakeTargets(const TargetOptions& options, Collective& collective, PolicyModel& model,
                         Rollout& rollout, std::span<GroupStats> stats) {
  EstimateAll(options, rollout);
  std::vector<TargetSums> sums(static_cast<size_t>(model.groups));
  ForEachStep(model, rollout, [&](size_t g, size_t cell) {
    if (rollout.weights[cell] == 0) return;
    const double gain = rollout.returns[cell] - model.values.mean[g];
    const double advantage = rollout.advantages[cell];
    sums[g].count += 1;
    sums[g].returns += gain;
    sums[g].return_squares += gain * gain;
    sums[g].advantages += advantage;
    sums[g].advantage_squares += advantage * advantage;
  });
  static_assert(sizeof(TargetSums) == 5 * sizeof(double));
  RETURN_IF_ERROR(collective.SumInPlace(
      std::span<double>(reinterpret_cast<double*>(sums.data()), 5 * sums.size())));

  RunningMoments before = model.values;  // what the critics' outputs are in, once moved
  if (options.normalise_values) {
    MomentSums moments = model.values.ZeroSums();
    for (size_t g = 0; g < sums.size(); ++g) {
      moments[3 * g] = sums[g].count;
      moments[3 * g + 1] = sums[g].returns;
      moments[3 * g + 2] = sums[g].return_squares;
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
    if (sums[g].count == 0) continue;
    if (options.normalise_advantages) {
      scales[g].advantage_mean = sums[g].advantages / sums[g].count;
      scales[g].advantage_deviation = std::sqrt(sums[g].advantage_variance()) + 1e-8;
    }
    // An advantage is the error of a value: return - value.
    if (sums[g].return_variance() > 0) {
      stats[g].explained_variance = 1 - sums[g].advantage_variance() / sums[g].return_variance();
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

}  // namespace reeve
