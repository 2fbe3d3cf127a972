#include "agents/ppo/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

#include "agents/ppo/learner.h"
#include "agents/ppo/value_targets.h"
#include "core/check.h"
#include "core/status.h"

namespace reeve {
namespace {

using Clock = std::chrono::steady_clock;

// Observations of old policies count as at most this many iterations.
constexpr double kObservationMemory = 1000;

TrainerState InitialState(const VectorEnvSpec& env, const PpoSpec& spec, uint64_t seed) {
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

bool SameShape(const ViewShape& a, const ViewShape& b) {
  return a.view == b.view && a.agents == b.agents && a.features == b.features &&
         a.heads == b.heads && a.agent_id == b.agent_id;
}

bool SameShape(const NetworkLayout& a, const NetworkLayout& b) {
  const auto same = [](const ParameterBlock& x, const ParameterBlock& y) {
    return x.name == y.name && x.rows == y.rows && x.columns == y.columns;
  };
  return a.spec.encoder == b.spec.encoder && a.inputs == b.inputs && a.outputs == b.outputs &&
         a.parameters == b.parameters && std::ranges::equal(a.blocks, b.blocks, same);
}

// What about `theirs` keeps it from going on where `ours` is; empty: nothing.
std::string Difference(const TrainerState& ours, const TrainerState& theirs) {
  const PolicyModel& a = ours.model;
  const PolicyModel& b = theirs.model;
  if (a.feature_names != b.feature_names) return "its agents see other features";
  if (a.group_of != b.group_of || a.groups != b.groups) return "it has other agents";
  if (!SameShape(a.actor_view, b.actor_view)) return "its actors see or do something else";
  if (!SameShape(a.critic_view, b.critic_view)) return "its critics see something else";
  if (!SameShape(a.actor, b.actor)) return "its actors are other networks";
  if (!SameShape(a.critic, b.critic)) return "its critics are other networks";
  const auto sizes = [](const TrainerState& s) {
    return std::vector<size_t>{s.model.actor_parameters.size(),
                               s.model.critic_parameters.size(),
                               s.model.observations.mean.size(),
                               s.model.observations.variance.size(),
                               s.model.observations.count.size(),
                               s.model.values.mean.size(),
                               s.model.values.variance.size(),
                               s.model.values.count.size(),
                               s.actor_first_moments.size(),
                               s.actor_second_moments.size(),
                               s.critic_first_moments.size(),
                               s.critic_second_moments.size(),
                               s.actor_updates.size(),
                               s.critic_updates.size()};
  };
  return sizes(ours) == sizes(theirs) ? "" : "its arrays have other sizes";
}

UpdateOptions OptionsOf(const PpoSpec& spec, int64_t steps_done) {
  return {.imitate = false,
          .epochs = spec.epochs,
          .mini_batches = spec.mini_batches,
          .learning_rate = spec.LearningRate(steps_done),
          .entropy = static_cast<float>(spec.Entropy(steps_done)),
          .clip = static_cast<float>(spec.clip),
          .value_clip = static_cast<float>(spec.value_clip),
          .value_weight = static_cast<float>(spec.value_weight),
          .max_gradient_norm = spec.max_gradient_norm,
          .target_kl = spec.target_kl};
}

// From sums over the updates to means.
void Average(std::span<GroupStats> stats) {
  for (GroupStats& stat : stats) {
    if (stat.actor_updates > 0) {
      for (double* sum :
           {&stat.policy_loss, &stat.entropy, &stat.clip_fraction, &stat.actor_gradient_norm}) {
        *sum /= stat.actor_updates;
      }
    }
    if (stat.critic_updates > 0) {
      stat.value_loss /= stat.critic_updates;
      stat.critic_gradient_norm /= stat.critic_updates;
    }
  }
}

}  // namespace

Trainer::Trainer(VectorEnv& env, const PpoSpec& spec, uint64_t seed, int32_t threads,
                 Collective& collective)
    : env_(env),
      spec_(spec),
      collective_(collective),
      state_(InitialState(env.spec(), spec, seed)),
      rollout_(state_.model, env.spec(), spec.horizon),
      workers_(threads),
      actions_(static_cast<size_t>(env.spec().envs) * static_cast<size_t>(env.spec().agents) *
               env.spec().heads.size()),
      learner_(MakeLearner()) {
  const int32_t envs = env.spec().envs;
  const int32_t parts = std::min(threads, envs);
  for (int32_t part = 0; part < parts; ++part) {
    collectors_.push_back(std::make_unique<RolloutWorker>(state_.model, env, envs * part / parts,
                                                          envs * (part + 1) / parts));
  }
}

Trainer::~Trainer() = default;

std::unique_ptr<Learner> Trainer::MakeLearner() {
  return std::make_unique<Learner>(state_, rollout_.envs, rollout_.steps, spec_.shards, workers_,
                                   collective_);
}

absl::StatusOr<IterationStats> Trainer::RunIteration() {
  return Iterate({}, nullptr);
}

absl::StatusOr<IterationStats> Trainer::RunDemonstration(const Demonstrator& demonstrator,
                                                         const BehaviourCloningSpec& options) {
  REEVE_CHECK(demonstrator != nullptr);
  return Iterate(demonstrator, &options);
}

absl::StatusOr<IterationStats> Trainer::Iterate(const Demonstrator& demonstrator,
                                                const BehaviourCloningSpec* imitation) {
  const auto begin = Clock::now();
  IterationStats stats;
  stats.groups.resize(static_cast<size_t>(state_.model.groups));
  UpdateOptions options = OptionsOf(spec_, state_.steps_done);
  TargetOptions targets{.gamma = spec_.gamma,
                        .lambda = spec_.lambda,
                        .normalise_values = spec_.normalise_values,
                        .normalise_advantages = spec_.normalise_advantages};
  if (imitation != nullptr) {
    options.imitate = true;
    options.epochs = imitation->epochs;
    options.learning_rate = imitation->learning_rate;
    options.entropy = 0;
    options.value_clip = 0;
    targets.lambda = 1;  // returns as they were: the critic has no say yet
  }
  RETURN_IF_ERROR(Collect(demonstrator, stats.times));
  RETURN_IF_ERROR(MakeTargets(targets, collective_, state_.model, rollout_, stats.groups));
  RETURN_IF_ERROR(learner_->Update(rollout_, options, stats.groups));
  Average(stats.groups);
  RETURN_IF_ERROR(MergeObservations());

  ++state_.iteration;
  if (imitation == nullptr) {
    state_.steps_done += static_cast<int64_t>(rollout_.envs) * rollout_.steps * collective_.world();
  }
  RETURN_IF_ERROR(SummariseEpisodes(stats));
  stats.iteration = state_.iteration;
  stats.steps_done = state_.steps_done;
  stats.learning_rate = options.learning_rate;
  stats.entropy_coefficient = options.entropy;
  stats.times.network = learner_->network_seconds();
  stats.times.total = std::chrono::duration<double>(Clock::now() - begin).count();
  stats.times.rest =
      stats.times.total - stats.times.environment - stats.times.inference - stats.times.network;
  return stats;
}

absl::Status Trainer::Collect(const Demonstrator& demonstrator, IterationTimes& times) {
  rollout_.ClearSums();
  const RolloutKey key{.seed = state_.seed,
                       .iteration = state_.iteration,
                       .first_global_env = env_.spec().envs * collective_.rank()};
  std::vector<absl::Status> statuses(collectors_.size());
  workers_.Run(static_cast<int32_t>(collectors_.size()), [&](int32_t part) {
    const auto p = static_cast<size_t>(part);
    statuses[p] = collectors_[p]->Collect(key, demonstrator, actions_, rollout_);
  });
  for (size_t part = 0; part < collectors_.size(); ++part) {
    if (!statuses[part].ok()) return statuses[part];
    times.environment += collectors_[part]->times().environment / collectors_.size();
    times.inference += collectors_[part]->times().inference / collectors_.size();
  }
  return absl::OkStatus();
}

// After the update: its inputs were normalised with the moments so far.
absl::Status Trainer::MergeObservations() {
  if (!spec_.normalise_observations) return absl::OkStatus();
  MomentSums total = state_.model.observations.ZeroSums();
  for (const MomentSums& sums : rollout_.observation_sums) {
    for (size_t i = 0; i < total.size(); ++i) total[i] += sums[i];
  }
  RETURN_IF_ERROR(collective_.SumInPlace(std::span<double>(total)));
  state_.model.observations.Merge(total, kObservationMemory);
  return absl::OkStatus();
}

absl::Status Trainer::SummariseEpisodes(IterationStats& stats) {
  const auto agents = static_cast<size_t>(rollout_.agents);
  const size_t figures = env_.spec().figures.size();
  const size_t width = 5 + figures;
  std::vector<double> sums(agents * width);
  for (size_t i = 0; i < rollout_.episodes.size(); ++i) {
    const Rollout::Episodes& e = rollout_.episodes[i];
    double* const sum = sums.data() + i % agents * width;
    sum[0] += e.count;
    sum[1] += e.returns;
    sum[2] += e.squares;
    sum[3] += e.reward;
    sum[4] += e.steps;
    for (size_t m = 0; m < figures; ++m) sum[5 + m] += e.figures[m];
  }
  RETURN_IF_ERROR(collective_.SumInPlace(std::span<double>(sums)));

  double returns = 0, episodes = 0;
  for (size_t agent = 0; agent < agents; ++agent) {
    const double* const sum = sums.data() + agent * width;
    AgentStats& a = stats.agents.emplace_back();
    a.episodes = sum[0];
    a.mean_reward = sum[4] > 0 ? sum[3] / sum[4] : 0;
    a.figures.resize(figures);
    if (a.episodes == 0) continue;
    a.mean_return = sum[1] / sum[0];
    a.return_deviation = std::sqrt(std::max(0.0, sum[2] / sum[0] - a.mean_return * a.mean_return));
    for (size_t m = 0; m < figures; ++m) a.figures[m] = sum[5 + m] / sum[0];
    returns += sum[1];
    episodes += sum[0];
  }
  if (episodes > 0) {
    state_.recent_returns.push_back(returns / episodes);
    if (state_.recent_returns.size() > TrainerState::kReturnsKept) {
      state_.recent_returns.erase(state_.recent_returns.begin());
    }
  }
  return absl::OkStatus();
}

absl::Status Trainer::Restore(const TrainerState& state) {
  if (const std::string difference = Difference(state_, state); !difference.empty()) {
    return absl::InvalidArgumentError("cannot go on from this state: " + difference);
  }
  state_ = state;
  learner_ = MakeLearner();  // it knows where the arrays were
  return absl::OkStatus();
}

}  // namespace reeve
