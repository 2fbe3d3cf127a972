#include "controller/learner/state_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "agents/ppo/checkpoint.h"
#include "agents/ppo/collective.h"
#include "agents/ppo/tensor_file.h"
#include "agents/ppo/value_targets.h"
#include "core/config.h"
#include "core/status.h"

namespace reeve {
namespace {

namespace wire = learner::v1;

constexpr size_t kVersionBytes = 16;  // XXH3-128, at a file's end

// Counts of steps and updates beyond these come from nowhere, and would overflow one day.
constexpr int64_t kMostCounted = int64_t{1} << 50;
// Of a mean or a variance of observations: a float32 still holds what normalising makes of it.
constexpr double kMostMoment = 1e30;

// Adam's first moment is at most this many times the root of its second, and a parameter moves by
// at most this many learning rates in an update: by Cauchy and Schwarz
// (1 - b1) / sqrt(1 - b2) / sqrt(1 - b1^2 / b2) = 7.27 for b1 = 0.9, b2 = 0.999.
constexpr double kAdamReach = 8;
// What rounding and underflow of squares may add.
constexpr double kSlack = 1e-15;

absl::Status Wrong(std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("state: {}", what));
}

template <class T>
bool AllFinite(const std::vector<T>& values) {
  return std::all_of(values.begin(), values.end(), [](T v) { return std::isfinite(v); });
}

absl::Status CheckParameters(std::string_view whose, const std::vector<float>& parameters,
                             const std::vector<float>& first, const std::vector<float>& second,
                             const std::vector<int64_t>& updates, const ElasticMemory& memory) {
  for (const auto* values : {&parameters, &first, &second, &memory.importance, &memory.centre}) {
    if (!AllFinite(*values)) return Wrong(fmt::format("a number of the {} is not finite", whose));
  }
  for (size_t i = 0; i < second.size(); ++i) {
    if (second[i] < 0 ||
        std::abs(first[i]) > kAdamReach * std::sqrt(static_cast<double>(second[i])) + kSlack) {
      return Wrong(fmt::format("the {}'s moments are none that Adam comes to", whose));
    }
  }
  for (const float importance : memory.importance) {
    if (importance < 0) return Wrong(fmt::format("a negative importance in the {}", whose));
  }
  for (const int64_t count : updates) {
    if (count < 0 || count > kMostCounted) {
      return Wrong(fmt::format("the {} has been updated {} times", whose, count));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckMoments(std::string_view of, const RunningMoments& moments) {
  for (size_t i = 0; i < moments.mean.size(); ++i) {
    const bool sound = std::abs(moments.mean[i]) <= kMostMoment && moments.variance[i] >= 0 &&
                       moments.variance[i] <= kMostMoment && moments.count[i] >= 0 &&
                       std::isfinite(moments.count[i]);
    if (!sound) return Wrong(fmt::format("mean, variance or count of {} cannot be", of));
  }
  return absl::OkStatus();
}

bool SameNetwork(const NetworkLayout& a, const NetworkLayout& b) {
  return a.inputs == b.inputs && a.outputs == b.outputs && a.parameters == b.parameters &&
         WriteConfig(a.spec) == WriteConfig(b.spec);
}

bool SameView(const ViewShape& a, const ViewShape& b) {
  return a.view == b.view && a.agents == b.agents && a.features == b.features &&
         a.heads == b.heads && a.agent_id == b.agent_id;
}

bool SameModel(const PolicyModel& a, const PolicyModel& b) {
  return a.feature_names == b.feature_names && a.agent_names == b.agent_names &&
         a.group_of == b.group_of && a.groups == b.groups && SameView(a.actor_view, b.actor_view) &&
         SameView(a.critic_view, b.critic_view) && SameNetwork(a.actor, b.actor) &&
         SameNetwork(a.critic, b.critic);
}

bool CountedOn(const std::vector<int64_t>& before, const std::vector<int64_t>& after,
               int64_t most) {
  for (size_t g = 0; g < before.size(); ++g) {
    if (after[g] < before[g] || after[g] - before[g] > most) return false;
  }
  return true;
}

// Networks of A groups: parameters [A, P] from where they began, in updates [A].
struct Moves {
  std::string_view whose;
  const std::vector<float>& from;
  const std::vector<float>& to;
  const std::vector<int64_t>& updates_before;
  const std::vector<int64_t>& updates_after;
};

absl::Status CheckMoves(const Moves& moves, double learning_rate) {
  const size_t groups = moves.updates_before.size();
  const size_t parameters = moves.from.size() / groups;
  for (size_t g = 0; g < groups; ++g) {
    const auto updates = static_cast<double>(moves.updates_after[g] - moves.updates_before[g]);
    const double reach = kAdamReach * learning_rate * updates;
    for (size_t i = g * parameters; i < (g + 1) * parameters; ++i) {
      const double from = moves.from[i];
      const double moved = std::abs(moves.to[i] - from);
      const double rounding = 1e-6 * updates * (std::abs(from) + reach);
      if (moved > reach + rounding + kSlack) {
        return Wrong(
            fmt::format("the {} of group {} has moved by {:g} in {} updates: at most {:g} can be",
                        moves.whose, g, moved, updates, reach));
      }
    }
  }
  return absl::OkStatus();
}

bool SameMoments(const RunningMoments& a, const RunningMoments& b) {
  return a.mean == b.mean && a.variance == b.variance && a.count == b.count;
}

}  // namespace

std::string WriteState(const TrainerState& state) {
  return SerialiseTensorFile(TrainingToTensors({}, state));
}

std::string StateVersion(std::string_view file) {
  if (file.size() < kVersionBytes) return "";
  return std::string(file.substr(file.size() - kVersionBytes));
}

absl::StatusOr<TrainerState> ReadState(const std::string& file) {
  ASSIGN_OR_RETURN(TrainingCheckpoint training, ParseTraining(file, "state"));
  RETURN_IF_ERROR(CheckNumbers(training.state));
  return std::move(training.state);
}

absl::Status CheckNumbers(const TrainerState& state) {
  RETURN_IF_ERROR(CheckParameters("actor", state.model.actor_parameters, state.actor_first_moments,
                                  state.actor_second_moments, state.actor_updates,
                                  state.actor_memory));
  RETURN_IF_ERROR(CheckParameters("critic", state.model.critic_parameters,
                                  state.critic_first_moments, state.critic_second_moments,
                                  state.critic_updates, state.critic_memory));
  RETURN_IF_ERROR(CheckMoments("observations", state.model.observations));
  RETURN_IF_ERROR(CheckMoments("values", state.model.values));
  if (state.iteration < 0 || state.iteration > kMostCounted || state.steps_done < 0 ||
      state.steps_done > kMostCounted) {
    return Wrong(fmt::format("{} iterations, {} steps", state.iteration, state.steps_done));
  }
  if (!AllFinite(state.recent_returns)) return Wrong("a return that is not finite");
  return absl::OkStatus();
}

absl::StatusOr<ExpectedUpdate> ExpectUpdate(const PolicyModel& before, const PpoSpec& ppo,
                                            Rollout& rollout) {
  Collective alone;
  ExpectedUpdate expected;
  expected.model = before;
  std::vector<GroupStats> stats(static_cast<size_t>(before.groups));
  RETURN_IF_ERROR(MakeTargets(TargetOptionsOf(ppo), alone, expected.model, rollout, stats));
  if (ppo.normalise_observations) {
    RETURN_IF_ERROR(MergeObservations(alone, rollout, expected.model));
  }
  expected.steps = int64_t{rollout.envs} * rollout.steps;
  expected.updates = int64_t{ppo.epochs} * std::min(ppo.mini_batches, rollout.envs);
  expected.learning_rate = ppo.LearningRate(0);
  return expected;
}

absl::Status CheckGoesOn(const TrainerState& before, const TrainerState& after,
                         const ExpectedUpdate& expected) {
  if (!SameModel(before.model, after.model)) {
    return Wrong("of other networks, features or agents than what was sent");
  }
  if (after.seed != before.seed) return Wrong("of another seed than what was sent");
  if (after.iteration - before.iteration != 1 ||
      after.steps_done - before.steps_done != expected.steps) {
    return Wrong(fmt::format("{} iterations and {} steps further than what was sent, not 1 and {}",
                             after.iteration - before.iteration,
                             after.steps_done - before.steps_done, expected.steps));
  }
  if (!CountedOn(before.actor_updates, after.actor_updates, expected.updates) ||
      !CountedOn(before.critic_updates, after.critic_updates, expected.updates)) {
    return Wrong(fmt::format("more than {} updates further than what was sent, or fewer than none",
                             expected.updates));
  }
  if (!SameMoments(after.model.observations, expected.model.observations) ||
      !SameMoments(after.model.values, expected.model.values)) {
    return Wrong("means and variances that do not follow from the batch that was sent");
  }
  RETURN_IF_ERROR(CheckMoves({"actor", before.model.actor_parameters, after.model.actor_parameters,
                              before.actor_updates, after.actor_updates},
                             expected.learning_rate));
  return CheckMoves({"critic", expected.model.critic_parameters, after.model.critic_parameters,
                     before.critic_updates, after.critic_updates},
                    expected.learning_rate);
}

void TakeNumbers(TrainerState after, TrainerState& into) {
  PolicyModel& model = into.model;
  model.actor_parameters = std::move(after.model.actor_parameters);
  model.critic_parameters = std::move(after.model.critic_parameters);
  model.observations = std::move(after.model.observations);
  model.values = std::move(after.model.values);
  after.model = std::move(model);
  into = std::move(after);
}

void WriteUpdate(const OnlineUpdate& update, wire::Update& message) {
  message.set_mean_reward(update.mean_reward);
  message.set_value_error(update.value_error);
  for (const GroupStats& group : update.groups) {
    wire::Group& to = *message.add_groups();
    to.set_policy_loss(group.policy_loss);
    to.set_value_loss(group.value_loss);
    to.set_entropy(group.entropy);
    to.set_clip_fraction(group.clip_fraction);
    to.set_kl(group.kl);
    to.set_explained_variance(group.explained_variance);
    to.set_actor_gradient_norm(group.actor_gradient_norm);
    to.set_critic_gradient_norm(group.critic_gradient_norm);
    to.set_anchor_divergence(group.anchor_divergence);
    to.set_actor_updates(group.actor_updates);
    to.set_critic_updates(group.critic_updates);
  }
}

absl::StatusOr<OnlineUpdate> ReadUpdate(const wire::Update& message, int32_t groups) {
  if (message.groups_size() != groups) {
    return absl::InvalidArgumentError(fmt::format("update.groups has {} elements: {} are expected",
                                                  message.groups_size(), groups));
  }
  OnlineUpdate update;
  update.mean_reward = message.mean_reward();
  update.value_error = message.value_error();
  bool finite = std::isfinite(update.mean_reward) && std::isfinite(update.value_error) &&
                update.value_error >= 0;
  for (const wire::Group& from : message.groups()) {
    GroupStats group;
    group.policy_loss = from.policy_loss();
    group.value_loss = from.value_loss();
    group.entropy = from.entropy();
    group.clip_fraction = from.clip_fraction();
    group.kl = from.kl();
    group.explained_variance = from.explained_variance();
    group.actor_gradient_norm = from.actor_gradient_norm();
    group.critic_gradient_norm = from.critic_gradient_norm();
    group.anchor_divergence = from.anchor_divergence();
    group.actor_updates = from.actor_updates();
    group.critic_updates = from.critic_updates();
    for (const double figure :
         {group.policy_loss, group.value_loss, group.entropy, group.clip_fraction, group.kl,
          group.explained_variance, group.actor_gradient_norm, group.critic_gradient_norm,
          group.anchor_divergence}) {
      finite = finite && std::isfinite(figure);
    }
    update.groups.push_back(group);
  }
  if (!finite) return absl::InvalidArgumentError("update: a figure that is not finite");
  return update;
}

}  // namespace reeve
