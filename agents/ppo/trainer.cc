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
  const auto fits = [](const ElasticMemory& memory, const std::vector<float>& parameters) {
    return memory.importance.size() == memory.centre.size() &&
           (memory.empty() || memory.centre.size() == parameters.size());
  };
  const bool remembers = fits(theirs.actor_memory, a.actor_parameters) &&
                         fits(theirs.critic_memory, a.critic_parameters);
  return sizes(ours) == sizes(theirs) && remembers ? "" : "its arrays have other sizes";
}

}  // namespace

Trainer::Trainer(VectorEnv& env, const PpoSpec& spec, uint64_t seed, int32_t threads,
                 Collective& collective)
    : env_(env),
      spec_(spec),
      collective_(collective),
      state_(MakeTrainerState(env.spec(), spec, seed)),
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
  UpdateOptions options = UpdateOptionsOf(spec_, state_.steps_done);
  TargetOptions targets = TargetOptionsOf(spec_);
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
  AverageOverUpdates(stats.groups);
  if (spec_.normalise_observations) {  // after the update: its inputs had the moments so far
    RETURN_IF_ERROR(MergeObservations(collective_, rollout_, state_.model));
  }

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
