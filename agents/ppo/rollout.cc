#include "agents/ppo/rollout.h"

#include <algorithm>

#include "agents/ppo/categorical.h"
#include "core/check.h"
#include "core/random.h"
#include "core/status.h"

namespace reeve {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Rollout::Rollout(const PolicyModel& model, const VectorEnvSpec& env, int32_t horizon)
    : envs(env.envs),
      agents(env.agents),
      steps(horizon),
      heads(static_cast<int32_t>(env.heads.size())),
      choices(env.choices()),
      actor_size(model.actor.inputs),
      critic_size(model.critic.inputs) {
  const size_t cells =
      static_cast<size_t>(envs) * static_cast<size_t>(agents) * static_cast<size_t>(steps);
  actor_inputs.resize(cells * static_cast<size_t>(actor_size));
  critic_inputs.resize(cells * static_cast<size_t>(critic_size));
  legal.resize(cells * static_cast<size_t>(choices));
  actions.resize(cells * static_cast<size_t>(heads));
  for (auto* array : {&starts, &log_probs, &values, &rewards, &bootstraps, &weights, &actor_weights,
                      &advantages, &returns, &old_values, &targets}) {
    array->resize(cells);
  }
  cuts.resize(cells);
  episodes.resize(static_cast<size_t>(envs) * static_cast<size_t>(agents));
  for (Episodes& e : episodes) e.figures.resize(env.figures.size());
  observation_sums.resize(static_cast<size_t>(envs), model.observations.ZeroSums());
}

void Rollout::ClearSums() {
  for (MomentSums& sums : observation_sums) std::fill(sums.begin(), sums.end(), 0.0);
  for (Episodes& e : episodes) {
    e.count = e.returns = e.squares = e.reward = e.steps = 0;
    std::fill(e.figures.begin(), e.figures.end(), 0.0);
  }
}

RolloutWorker::RolloutWorker(const PolicyModel& model, VectorEnv& env, int32_t first, int32_t last)
    : env_(env),
      spec_(env.spec()),
      model_(model),
      first_(first),
      last_(last),
      runner_(model, range(), ModelRunner::Use::kActorAndCritic) {
  const size_t cells = static_cast<size_t>(range()) * static_cast<size_t>(spec_.agents);
  last_actions_.resize(cells * spec_.heads.size());
  was_present_.resize(cells);
  known_.resize(cells);
  returns_.resize(cells);
  took_part_.resize(cells);
  probabilities_.resize(static_cast<size_t>(spec_.choices()));
  peeked_.resize(static_cast<size_t>(spec_.agents));
}

absl::Status RolloutWorker::Collect(const RolloutKey& key, const Demonstrator& demonstrator,
                                    std::span<int32_t> actions, Rollout& rollout) {
  const auto begin = Clock::now();
  times_ = {};
  runner_.Refresh();
  const uint64_t seed = RandomStream(key.seed, StreamPurpose::kEpisodes, 0)
                            .Bits(static_cast<uint64_t>(key.iteration));
  if (absl::Status status = env_.Reset(first_, last_, seed); !status.ok()) return status;
  times_.environment += Seconds(begin, Clock::now());
  for (int32_t env = first_; env < last_; ++env) BeginEpisode(env);

  const EnvBuffers& buffers = env_.buffers();
  const size_t first_agent = static_cast<size_t>(first_) * static_cast<size_t>(spec_.agents);
  for (int32_t step = 0; step < rollout.steps; ++step) {
    NoteArrivals(step, rollout);
    const auto before = Clock::now();
    runner_.Step(buffers.observations.data() + first_agent * static_cast<size_t>(spec_.features),
                 buffers.present.data() + first_agent, last_actions_.data());
    const auto stepped = Clock::now();
    StoreStep(step, rollout);
    if (demonstrator) demonstrator(buffers, first_, last_, actions);
    Choose(key, step, static_cast<bool>(demonstrator), actions, rollout);
    const auto chosen = Clock::now();
    if (absl::Status status = env_.Step(first_, last_, actions); !status.ok()) return status;
    times_.environment += Seconds(chosen, Clock::now());
    times_.inference += Seconds(before, stepped);
    StoreOutcome(step, actions, rollout);
  }
  times_.rest = Seconds(begin, Clock::now()) - times_.environment - times_.inference;
  return absl::OkStatus();
}

void RolloutWorker::BeginEpisode(int32_t env) {
  const auto agents = static_cast<ptrdiff_t>(spec_.agents);
  const auto first = static_cast<ptrdiff_t>(Local(env, 0));
  const auto heads = static_cast<ptrdiff_t>(spec_.heads.size());
  std::fill_n(last_actions_.begin() + first * heads, agents * heads, -1);
  std::fill_n(known_.begin() + first, agents, uint8_t{0});
  std::fill_n(returns_.begin() + first, agents, 0.0);
  std::fill_n(took_part_.begin() + first, agents, uint8_t{0});
}

// Whoever is new, to the episode or after an absence, has no past.
void RolloutWorker::NoteArrivals(int32_t step, Rollout& rollout) {
  const EnvBuffers& buffers = env_.buffers();
  for (int32_t env = first_; env < last_; ++env) {
    for (int32_t agent = 0; agent < spec_.agents; ++agent) {
      const size_t i = Local(env, agent);
      was_present_[i] =
          buffers.present[static_cast<size_t>(env) * static_cast<size_t>(spec_.agents) +
                          static_cast<size_t>(agent)];
      rollout.starts[static_cast<size_t>(Cell(rollout, env, agent, step))] = known_[i] ? 0 : 1;
      if (known_[i] == 0) runner_.Forget(env - first_, agent);
      known_[i] = was_present_[i];
      took_part_[i] |= was_present_[i];
    }
  }
}

void RolloutWorker::StoreStep(int32_t step, Rollout& rollout) {
  const EnvBuffers& buffers = env_.buffers();
  const auto actor_size = static_cast<ptrdiff_t>(rollout.actor_size);
  const auto critic_size = static_cast<ptrdiff_t>(rollout.critic_size);
  const auto choices = static_cast<ptrdiff_t>(rollout.choices);
  for (int32_t env = first_; env < last_; ++env) {
    MomentSums& sums = rollout.observation_sums[static_cast<size_t>(env)];
    for (int32_t agent = 0; agent < spec_.agents; ++agent) {
      const ptrdiff_t cell = Cell(rollout, env, agent, step);
      const ptrdiff_t row = runner_.Row(agent, env - first_);
      const ptrdiff_t source = static_cast<ptrdiff_t>(env) * spec_.agents + agent;
      std::copy_n(runner_.actor_inputs().begin() + row * actor_size, actor_size,
                  rollout.actor_inputs.begin() + cell * actor_size);
      std::copy_n(runner_.critic_inputs().begin() + row * critic_size, critic_size,
                  rollout.critic_inputs.begin() + cell * critic_size);
      std::copy_n(buffers.legal.begin() + source * choices, choices,
                  rollout.legal.begin() + cell * choices);
      const auto c = static_cast<size_t>(cell);
      rollout.values[c] = runner_.values()[static_cast<size_t>(row)];
      const bool here = was_present_[Local(env, agent)] != 0;
      rollout.weights[c] = rollout.actor_weights[c] = here ? 1 : 0;
      if (!here) continue;
      const int32_t group = model_.group_of[static_cast<size_t>(agent)];
      const float* x = buffers.observations.data() + source * spec_.features;
      for (int32_t f = 0; f < spec_.features; ++f) {
        model_.observations.Accumulate(group, f, x[f], sums);
      }
    }
  }
}

void RolloutWorker::Choose(const RolloutKey& key, int32_t step, bool demonstrated,
                           std::span<int32_t> actions, Rollout& rollout) {
  const auto heads = static_cast<ptrdiff_t>(spec_.heads.size());
  const auto choices = static_cast<ptrdiff_t>(rollout.choices);
  for (int32_t env = first_; env < last_; ++env) {
    const RandomStream stream(key.seed, StreamPurpose::kExploration,
                              static_cast<uint32_t>(key.first_global_env + env));
    for (int32_t agent = 0; agent < spec_.agents; ++agent) {
      int32_t* const chosen =
          actions.data() + (static_cast<ptrdiff_t>(env) * spec_.agents + agent) * heads;
      const ptrdiff_t cell = Cell(rollout, env, agent, step);
      float log_prob = 0;
      if (was_present_[Local(env, agent)] == 0) {
        std::fill_n(chosen, heads, 0);
      } else if (!demonstrated) {
        const auto draw = static_cast<uint64_t>(
            ((key.iteration * rollout.steps + step) * spec_.agents + agent) * heads);
        log_prob = SampleHeads(
            spec_.heads, runner_.logits().data() + runner_.Row(agent, env - first_) * choices,
            rollout.legal.data() + cell * choices,
            [&](size_t head) { return stream.Uniform(draw + head); }, probabilities_.data(),
            chosen);
      }
      std::copy_n(chosen, heads, rollout.actions.begin() + cell * heads);
      rollout.log_probs[static_cast<size_t>(cell)] = log_prob;
    }
  }
}

void RolloutWorker::StoreOutcome(int32_t step, std::span<const int32_t> actions, Rollout& rollout) {
  const EnvBuffers& buffers = env_.buffers();
  const auto heads = static_cast<ptrdiff_t>(spec_.heads.size());
  for (int32_t env = first_; env < last_; ++env) {
    const auto e = static_cast<size_t>(env);
    const bool terminated = buffers.terminated[e] != 0;
    const bool ended = terminated || buffers.truncated[e] != 0;
    for (int32_t agent = 0; agent < spec_.agents; ++agent) {
      const size_t i = Local(env, agent);
      const size_t source = e * static_cast<size_t>(spec_.agents) + static_cast<size_t>(agent);
      const auto cell = static_cast<size_t>(Cell(rollout, env, agent, step));
      const bool here = was_present_[i] != 0;
      if (here) {
        std::copy_n(actions.begin() + static_cast<ptrdiff_t>(source) * heads, heads,
                    last_actions_.begin() + static_cast<ptrdiff_t>(i) * heads);
        Rollout::Episodes& sums = rollout.episodes[source];
        sums.reward += buffers.rewards[source];
        sums.steps += 1;
        returns_[i] += buffers.rewards[source];
      } else {
        std::fill_n(last_actions_.begin() + static_cast<ptrdiff_t>(i) * heads, heads, -1);
      }
      rollout.rewards[cell] = here ? buffers.rewards[source] : 0;
      rollout.bootstraps[cell] = 0;
      rollout.cuts[cell] = ended || !here || buffers.present[source] == 0 ? 1 : 0;
    }
    if (ended && !terminated) {
      CutWithValues(env, step, buffers.final_observations.data(),
                    was_present_.data() + Local(env, 0), rollout);
    }
    if (ended) {
      EndEpisode(env, rollout);
    } else if (step + 1 == rollout.steps) {
      CutWithValues(env, step, buffers.observations.data(),
                    buffers.present.data() + e * static_cast<size_t>(spec_.agents), rollout);
    }
  }
}

void RolloutWorker::CutWithValues(int32_t env, int32_t step, const float* observations,
                                  const uint8_t* present, Rollout& rollout) {
  const size_t first = static_cast<size_t>(env) * static_cast<size_t>(spec_.agents);
  runner_.PeekValues(env - first_,
                     {.observations = observations + first * static_cast<size_t>(spec_.features),
                      .present = present,
                      .last_actions = last_actions_.data() + Local(env, 0) * spec_.heads.size()},
                     peeked_);
  for (int32_t agent = 0; agent < spec_.agents; ++agent) {
    const auto a = static_cast<size_t>(agent);
    if (was_present_[Local(env, agent)] == 0 || present[a] == 0) continue;
    const auto cell = static_cast<size_t>(Cell(rollout, env, agent, step));
    rollout.cuts[cell] = 1;
    rollout.bootstraps[cell] = peeked_[a];
  }
}

void RolloutWorker::EndEpisode(int32_t env, Rollout& rollout) {
  const EnvBuffers& buffers = env_.buffers();
  const size_t figures = spec_.figures.size();
  for (int32_t agent = 0; agent < spec_.agents; ++agent) {
    const size_t i = Local(env, agent);
    if (took_part_[i] == 0) continue;
    const size_t source =
        static_cast<size_t>(env) * static_cast<size_t>(spec_.agents) + static_cast<size_t>(agent);
    Rollout::Episodes& sums = rollout.episodes[source];
    sums.count += 1;
    sums.returns += returns_[i];
    sums.squares += returns_[i] * returns_[i];
    for (size_t m = 0; m < figures; ++m) sums.figures[m] += buffers.figures[source * figures + m];
  }
  BeginEpisode(env);
}

}  // namespace reeve
