#include "agents/ppo/learner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "agents/nn/blas_check.h"
#include "agents/ppo/adam.h"
#include "agents/ppo/anchor_pass.h"
#include "agents/ppo/tensor_views.h"
#include "core/check.h"
#include "core/random.h"
#include "core/status.h"

namespace reeve {
namespace {

using Clock = std::chrono::steady_clock;

std::string_view NameOf(const PolicyModel& model, int32_t group) {
  const auto first = std::find(model.group_of.begin(), model.group_of.end(), group);
  const auto agent = static_cast<size_t>(first - model.group_of.begin());
  return agent < model.agent_names.size() ? model.agent_names[agent] : "?";
}

}  // namespace

// What one part of a mini-batch works with. Gradients of actors and critics lie together, so that
// ranks add them up in one call.
struct Learner::Shard {
  Shard(TrainerState& state, int64_t max_rows)
      : groups(state.model.groups),
        gradients(state.model.actor_parameters.size() + state.model.critic_parameters.size()),
        actor(state.model.actor,
              Wrap(state.model.actor_parameters, {groups, state.model.actor.parameters}),
              torch::from_blob(gradients.data(), {groups, state.model.actor.parameters})),
        critic(state.model.critic,
               Wrap(state.model.critic_parameters, {groups, state.model.critic.parameters}),
               torch::from_blob(gradients.data() + state.model.actor_parameters.size(),
                                {groups, state.model.critic.parameters})),
        sums(static_cast<size_t>(groups)) {
    const auto rows = static_cast<size_t>(groups * max_rows);
    const auto widest = std::max(state.model.actor.inputs, state.model.critic.inputs);
    inputs.resize(rows * static_cast<size_t>(widest));
    starts.resize(rows);
    slopes.resize(rows * static_cast<size_t>(state.model.actor.outputs));
  }

  int64_t groups;
  std::vector<float> gradients;  // actors [A, P], then critics [A, P]
  BatchedNetwork actor, critic;
  std::vector<GroupSums> sums;  // [A]
  std::vector<float> inputs;    // [A, B, T, I] of either network
  std::vector<float> starts;    // [A, B, T]
  std::vector<float> slopes;    // [A, B, T, U] gradients in the outputs
  double network_seconds = 0;
  std::string error;  // what torch threw
};

Learner::Learner(TrainerState& state, int32_t envs, int32_t steps, int32_t shards, Workers& workers,
                 Collective& collective)
    : state_(state),
      envs_(envs),
      steps_(steps),
      workers_(workers),
      collective_(collective),
      stopped_(static_cast<size_t>(state.model.groups)) {
  SetSingleThreadedMath();
  group_begin_.push_back(0);
  for (int32_t group = 0; group < state.model.groups; ++group) {
    const auto size = static_cast<int32_t>(
        std::count(state.model.group_of.begin(), state.model.group_of.end(), group));
    group_begin_.push_back(group_begin_.back() + size);
    members_ = std::max(members_, size);
  }
  const int64_t env_rows = static_cast<int64_t>(state.model.groups) * members_ * steps;
  chunk_envs_ = static_cast<int32_t>(
      std::clamp<int64_t>(kChunkRows / env_rows, 1, (envs + shards - 1) / shards));
  for (int32_t shard = 0; shard < shards; ++shard) {
    shards_.push_back(
        std::make_unique<Shard>(state, static_cast<int64_t>(members_) * chunk_envs_ * steps));
  }
}

Learner::~Learner() = default;

absl::Status Learner::Update(const Rollout& rollout, const UpdateOptions& options,
                             std::span<GroupStats> stats) {
  REEVE_CHECK(rollout.envs == envs_ && rollout.steps == steps_);
  std::fill(stopped_.begin(), stopped_.end(), uint8_t{0});
  for (auto& shard : shards_) shard->network_seconds = 0;
  const auto groups = static_cast<size_t>(state_.model.groups);
  const auto parts = static_cast<int32_t>(shards_.size());
  std::vector<GroupSums> sums(groups);
  std::vector<StepCounts> counts;
  RETURN_IF_ERROR(TakeAnchors(options));
  for (int32_t epoch = 0; epoch < options.epochs; ++epoch) {
    const auto mini_batches = CutMiniBatches(options, epoch);
    RETURN_IF_ERROR(CountWeights(rollout, mini_batches, counts));
    for (size_t m = 0; m < mini_batches.size(); ++m) {
      const std::span<const int32_t> envs = mini_batches[m];
      workers_.Run(parts, [&](int32_t part) {
        const size_t first = envs.size() * static_cast<size_t>(part) / shards_.size();
        const size_t last = envs.size() * (static_cast<size_t>(part) + 1) / shards_.size();
        RunShard(part, envs.subspan(first, last - first), rollout, options,
                 counts.data() + m * groups);
      });
      for (const auto& shard : shards_) {
        if (!shard->error.empty()) return absl::InternalError("torch: " + shard->error);
      }
      RETURN_IF_ERROR(AddShardsUp(sums));
      RETURN_IF_ERROR(Step(options, sums, stats));
    }
  }
  anchors_.reset();
  network_seconds_ = 0;
  for (const auto& shard : shards_) network_seconds_ += shard->network_seconds;
  network_seconds_ /= std::min(workers_.threads(), parts);
  return absl::OkStatus();
}

// Local environments of each mini-batch. The order is drawn over the environments of all ranks, so
// that all ranks cut alike.
std::vector<std::vector<int32_t>> Learner::CutMiniBatches(const UpdateOptions& options,
                                                          int32_t epoch) const {
  const auto all = static_cast<int64_t>(envs_) * collective_.world();
  const int64_t count = std::min<int64_t>(options.mini_batches, all);
  std::vector<int64_t> order(static_cast<size_t>(all));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (count > 1) {
    const RandomStream stream(state_.seed, StreamPurpose::kMiniBatches,
                              static_cast<uint32_t>(epoch));
    const auto base = static_cast<uint64_t>(state_.iteration * all);
    for (size_t i = order.size() - 1; i > 0; --i) {  // Fisher and Yates
      std::swap(order[i], order[stream.Below(base + i, i + 1)]);
    }
  }
  std::vector<std::vector<int32_t>> mini_batches(static_cast<size_t>(count));
  const int64_t first_env = static_cast<int64_t>(envs_) * collective_.rank();
  for (int64_t i = 0; i < all; ++i) {
    const int64_t env = order[static_cast<size_t>(i)] - first_env;
    if (env < 0 || env >= envs_) continue;
    mini_batches[static_cast<size_t>(i * count / all)].push_back(static_cast<int32_t>(env));
  }
  return mini_batches;
}

// counts [mini-batches, A]
absl::Status Learner::CountWeights(const Rollout& rollout,
                                   const std::vector<std::vector<int32_t>>& mini_batches,
                                   std::vector<StepCounts>& counts) const {
  const auto groups = static_cast<size_t>(state_.model.groups);
  counts.assign(mini_batches.size() * groups, StepCounts{});
  for (size_t m = 0; m < mini_batches.size(); ++m) {
    ForEachSequence(mini_batches[m], [&](int32_t group, int64_t, int64_t sequence) {
      const auto total = [&](const std::vector<float>& weights) {
        const float* const first = weights.data() + sequence * steps_;
        return std::accumulate(first, first + steps_, 0.0);
      };
      StepCounts& count = counts[m * groups + static_cast<size_t>(group)];
      count.actor += total(rollout.actor_weights);
      count.critic += total(rollout.weights);
    });
  }
  static_assert(sizeof(StepCounts) == 2 * sizeof(double));
  return collective_.SumInPlace(
      std::span<double>(reinterpret_cast<double*>(counts.data()), 2 * counts.size()));
}

// Looks at what the policy does in the anchors before it moves.
absl::Status Learner::TakeAnchors(const UpdateOptions& options) {
  anchors_.reset();
  if (options.anchors == nullptr) return absl::OkStatus();
  const auto parts = static_cast<int32_t>(shards_.size());
  anchors_ =
      std::make_unique<AnchorPass>(state_.model, *options.anchors, options.anchor_weight, parts);
  RETURN_IF_ERROR(collective_.SumInPlace(anchors_->totals()));
  workers_.Run(parts, [&](int32_t part) {
    Shard& shard = *shards_[static_cast<size_t>(part)];
    try {
      anchors_->Remember(part, shard.actor);
    } catch (const std::exception& error) {
      shard.error = error.what();
    }
  });
  for (const auto& shard : shards_) {
    if (!shard->error.empty()) return absl::InternalError("torch: " + shard->error);
  }
  return absl::OkStatus();
}

// use(group, place in [A, B], sequence of the rollout). The places of a group follow one another.
template <class Use>
void Learner::ForEachSequence(std::span<const int32_t> envs, Use&& use) const {
  const auto count = static_cast<int64_t>(envs.size());
  for (int32_t group = 0; group < state_.model.groups; ++group) {
    const int32_t first = group_begin_[static_cast<size_t>(group)];
    const int32_t last = group_begin_[static_cast<size_t>(group) + 1];
    for (int32_t slot = first; slot < last; ++slot) {
      const int64_t place = (static_cast<int64_t>(group) * members_ + slot - first) * count;
      for (int64_t i = 0; i < count; ++i) {
        use(group, place + i, static_cast<int64_t>(slot) * envs_ + envs[static_cast<size_t>(i)]);
      }
    }
  }
}

void Learner::RunShard(int32_t part, std::span<const int32_t> envs, const Rollout& rollout,
                       const UpdateOptions& options, const StepCounts* counts) const {
  Shard& shard = *shards_[static_cast<size_t>(part)];
  std::fill(shard.gradients.begin(), shard.gradients.end(), 0.0F);
  std::fill(shard.sums.begin(), shard.sums.end(), GroupSums{});
  const bool actors = !AllActorsStopped();
  try {
    for (size_t first = 0; first < envs.size(); first += static_cast<size_t>(chunk_envs_)) {
      const auto chunk =
          envs.subspan(first, std::min(static_cast<size_t>(chunk_envs_), envs.size() - first));
      Gather(rollout.starts, 1, chunk, shard.starts);
      if (actors) RunActor(shard, chunk, rollout, options, counts);
      RunCritic(shard, chunk, rollout, options, counts);
    }
    if (actors && anchors_ != nullptr) {
      anchors_->AddGradients(part, shard.actor, [&](int32_t group, const AnchorSums& sums) {
        shard.sums[static_cast<size_t>(group)].anchor.Add(sums);
      });
    }
  } catch (const std::exception& error) {  // no memory, for one
    shard.error = error.what();
  }
}

// Sequences of `envs` to [A, B, T, width]. Places without an agent keep what they had: their
// gradient is 0.
void Learner::Gather(const std::vector<float>& source, int32_t width, std::span<const int32_t> envs,
                     std::vector<float>& target) const {
  const int64_t length = static_cast<int64_t>(steps_) * width;
  ForEachSequence(envs, [&](int32_t, int64_t place, int64_t sequence) {
    std::copy_n(source.data() + sequence * length, length, target.data() + place * length);
  });
}

void Learner::RunActor(Shard& shard, std::span<const int32_t> envs, const Rollout& rollout,
                       const UpdateOptions& options, const StepCounts* counts) const {
  const PolicyModel& model = state_.model;
  const int64_t sequences = static_cast<int64_t>(members_) * static_cast<int64_t>(envs.size());
  const int64_t choices = model.actor.outputs;
  Gather(rollout.actor_inputs, model.actor.inputs, envs, shard.inputs);
  const auto begin = Clock::now();
  const torch::Tensor logits =
      shard.actor.Forward(Wrap(shard.inputs, {model.groups, sequences, steps_, model.actor.inputs}),
                          Wrap(shard.starts, {model.groups, sequences, steps_}), {});
  const auto forward = Clock::now();
  const torch::Tensor contiguous = logits.detach().contiguous();
  const float* const outputs = contiguous.data_ptr<float>();
  std::fill_n(shard.slopes.begin(), model.groups * sequences * steps_ * choices, 0.0F);
  ForEachSequence(envs, [&](int32_t group, int64_t place, int64_t sequence) {
    const auto g = static_cast<size_t>(group);
    if (stopped_[g] != 0 || counts[g].actor == 0) return;
    const int64_t cell = sequence * steps_;
    const PolicyRows rows{.rows = steps_,
                          .heads = model.heads(),
                          .logits = outputs + place * steps_ * choices,
                          .legal = rollout.legal.data() + cell * choices,
                          .actions = rollout.actions.data() + cell * rollout.heads,
                          .old_log_probs = rollout.log_probs.data() + cell,
                          .advantages = rollout.advantages.data() + cell,
                          .weights = rollout.actor_weights.data() + cell};
    const PolicyLossOptions loss{.clip = options.clip,
                                 .entropy = options.entropy,
                                 .scale = static_cast<float>(1 / counts[g].actor)};
    float* const slopes = shard.slopes.data() + place * steps_ * choices;
    shard.sums[g].policy.Add(options.imitate ? ImitationLoss(rows, loss, slopes)
                                             : PolicyLoss(rows, loss, slopes));
  });
  const auto loss_done = Clock::now();
  torch::autograd::backward({logits},
                            {Wrap(shard.slopes, {model.groups, sequences, steps_, choices})});
  shard.network_seconds +=
      std::chrono::duration<double>(forward - begin + (Clock::now() - loss_done)).count();
}

void Learner::RunCritic(Shard& shard, std::span<const int32_t> envs, const Rollout& rollout,
                        const UpdateOptions& options, const StepCounts* counts) const {
  const PolicyModel& model = state_.model;
  const int64_t sequences = static_cast<int64_t>(members_) * static_cast<int64_t>(envs.size());
  Gather(rollout.critic_inputs, model.critic.inputs, envs, shard.inputs);
  const auto begin = Clock::now();
  const torch::Tensor values = shard.critic.Forward(
      Wrap(shard.inputs, {model.groups, sequences, steps_, model.critic.inputs}),
      Wrap(shard.starts, {model.groups, sequences, steps_}), {});
  const auto forward = Clock::now();
  const torch::Tensor contiguous = values.detach().contiguous();
  const float* const outputs = contiguous.data_ptr<float>();
  std::fill_n(shard.slopes.begin(), model.groups * sequences * steps_, 0.0F);
  ForEachSequence(envs, [&](int32_t group, int64_t place, int64_t sequence) {
    const auto g = static_cast<size_t>(group);
    if (counts[g].critic == 0) return;
    const int64_t cell = sequence * steps_;
    const ValueRows rows{.rows = steps_,
                         .values = outputs + place * steps_,
                         .old_values = rollout.old_values.data() + cell,
                         .targets = rollout.targets.data() + cell,
                         .weights = rollout.weights.data() + cell};
    shard.sums[g].value.Add(ValueLoss(rows, options.value_clip,
                                      static_cast<float>(options.value_weight / counts[g].critic),
                                      shard.slopes.data() + place * steps_));
  });
  const auto loss_done = Clock::now();
  torch::autograd::backward({values}, {Wrap(shard.slopes, {model.groups, sequences, steps_, 1})});
  shard.network_seconds +=
      std::chrono::duration<double>(forward - begin + (Clock::now() - loss_done)).count();
}

// Into the first shard's gradients and `sums`, then over the ranks.
absl::Status Learner::AddShardsUp(std::vector<GroupSums>& sums) {
  std::vector<float>& total = shards_.front()->gradients;
  sums = shards_.front()->sums;
  for (size_t shard = 1; shard < shards_.size(); ++shard) {
    const std::vector<float>& part = shards_[shard]->gradients;
    for (size_t i = 0; i < total.size(); ++i) total[i] += part[i];
    for (size_t g = 0; g < sums.size(); ++g) {
      sums[g].policy.Add(shards_[shard]->sums[g].policy);
      sums[g].value.Add(shards_[shard]->sums[g].value);
      sums[g].anchor.Add(shards_[shard]->sums[g].anchor);
    }
  }
  if (collective_.world() == 1) return absl::OkStatus();
  RETURN_IF_ERROR(collective_.SumInPlace(std::span<float>(total)));
  static_assert(sizeof(GroupSums) == 10 * sizeof(double));
  return collective_.SumInPlace(
      std::span<double>(reinterpret_cast<double*>(sums.data()), 10 * sums.size()));
}

namespace {

// One network of one group: what Adam moves. [P] each.
struct Moved {
  std::span<float> gradient, parameters, first, second;
  int64_t& updates;
};

// The gradient's norm before clipping, or -1 where it is not finite.
double Move(const UpdateOptions& options, const Moved& network) {
  const double norm = Norm(network.gradient);
  if (!std::isfinite(norm)) return -1;
  const bool clip = options.max_gradient_norm > 0 && norm > options.max_gradient_norm;
  const auto scale = static_cast<float>(clip ? options.max_gradient_norm / norm : 1.0);
  AdamUpdate({.learning_rate = options.learning_rate}, ++network.updates, scale, network.gradient,
             network.parameters, network.first, network.second);
  return norm;
}

absl::Status NotFinite(const char* network, std::string_view agent) {
  return absl::InternalError("training diverged: the gradient of the " + std::string(network) +
                             " of " + std::string(agent) +
                             " is not finite; look for rewards or observations that are not, "
                             "or take a smaller learning_rate");
}

}  // namespace

absl::Status Learner::Step(const UpdateOptions& options, const std::vector<GroupSums>& sums,
                           std::span<GroupStats> stats) {
  for (size_t g = 0; g < sums.size(); ++g) {
    RETURN_IF_ERROR(StepActor(options, sums[g], g, stats[g]));
    RETURN_IF_ERROR(StepCritic(options, sums[g], g, stats[g]));
  }
  return absl::OkStatus();
}

absl::Status Learner::StepActor(const UpdateOptions& options, const GroupSums& sums, size_t group,
                                GroupStats& stat) {
  const PolicySums& policy = sums.policy;
  if (policy.weight == 0) return absl::OkStatus();
  stat.kl = policy.kl / policy.weight;
  if (options.target_kl > 0 && stat.kl > options.target_kl) stopped_[group] = 1;
  if (stopped_[group] != 0) return absl::OkStatus();
  ++stat.actor_updates;
  stat.policy_loss += policy.loss / policy.weight;
  stat.entropy += policy.entropy / policy.weight;
  stat.clip_fraction += policy.clipped / policy.weight;
  if (sums.anchor.weight > 0) stat.anchor_divergence += sums.anchor.divergence / sums.anchor.weight;

  PolicyModel& model = state_.model;
  const auto size = static_cast<size_t>(model.actor.parameters);
  const auto part = [&](std::vector<float>& all) {
    return std::span(all).subspan(group * size, size);
  };
  const Moved actor{part(shards_.front()->gradients), part(model.actor_parameters),
                    part(state_.actor_first_moments), part(state_.actor_second_moments),
                    state_.actor_updates[group]};
  if (options.elasticity > 0 && !state_.actor_memory.empty()) {
    state_.actor_memory.AddGradient(options.elasticity, static_cast<int64_t>(group),
                                    actor.parameters, actor.gradient);
  }
  const double norm = Move(options, actor);
  if (norm < 0) return NotFinite("actor", NameOf(model, static_cast<int32_t>(group)));
  stat.actor_gradient_norm += norm;
  return absl::OkStatus();
}

absl::Status Learner::StepCritic(const UpdateOptions& options, const GroupSums& sums, size_t group,
                                 GroupStats& stat) {
  const ValueSums& value = sums.value;
  if (value.weight == 0) return absl::OkStatus();
  ++stat.critic_updates;
  stat.value_loss += value.loss / value.weight;

  PolicyModel& model = state_.model;
  const auto size = static_cast<size_t>(model.critic.parameters);
  const auto part = [&](std::vector<float>& all, size_t first = 0) {
    return std::span(all).subspan(first + group * size, size);
  };
  const Moved critic{part(shards_.front()->gradients, model.actor_parameters.size()),
                     part(model.critic_parameters), part(state_.critic_first_moments),
                     part(state_.critic_second_moments), state_.critic_updates[group]};
  if (options.elasticity > 0 && !state_.critic_memory.empty()) {
    state_.critic_memory.AddGradient(options.elasticity, static_cast<int64_t>(group),
                                     critic.parameters, critic.gradient);
  }
  const double norm = Move(options, critic);
  if (norm < 0) return NotFinite("critic", NameOf(model, static_cast<int32_t>(group)));
  stat.critic_gradient_norm += norm;
  return absl::OkStatus();
}

bool Learner::AllActorsStopped() const {
  return std::all_of(stopped_.begin(), stopped_.end(), [](uint8_t s) { return s != 0; });
}

}  // namespace reeve
