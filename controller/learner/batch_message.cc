#include "controller/learner/batch_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/status.h"

namespace reeve {
namespace {

namespace wire = learner::v1;

// YAML of an OnlineSpec has about 3 KB.
constexpr size_t kMostYaml = 1 << 16;
// OnlineSpec allows 4096 stretches with a patience of 100, and stretches of 100,000 steps.
constexpr int32_t kMostStretches = 409'600, kMostSteps = 100'000;
constexpr double kMostEntropy = 10;
// Rows that the learner sends through a network at once (agents/ppo/learner.cc).
constexpr double kChunkRows = 4096;

absl::Status Wrong(std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("batch.{}: {}", field, what));
}

std::string Flags(std::span<const float> values) {
  std::string bytes(values.size(), '\0');
  for (size_t i = 0; i < values.size(); ++i) bytes[i] = values[i] != 0 ? 1 : 0;
  return bytes;
}

std::string Bytes(const std::vector<uint8_t>& values) {
  return {values.begin(), values.end()};
}

// Takes fields out; the first that is wrong is remembered, and nothing is done after it.
class Reader {
 public:
  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }
  void Fail(std::string_view field, std::string_view what) {
    if (ok()) status_ = Wrong(field, what);
  }

  // Before memory is taken for it.
  void Size(std::string_view field, int64_t size, int64_t expected) {
    if (size != expected) {
      Fail(field, fmt::format("{} elements, {} are expected", size, expected));
    }
  }
  template <class Field, class T>
  void Finite(std::string_view field, const Field& from, std::vector<T>& to) {
    if (!ok()) return;
    for (const T value : from) {
      if (!std::isfinite(value)) return Fail(field, "a number that is not finite");
    }
    std::copy(from.begin(), from.end(), to.begin());
  }
  template <class T>
  void Flags(std::string_view field, const std::string& from, std::vector<T>& to) {
    if (!ok()) return;
    for (const char value : from) {
      if (value != 0 && value != 1) return Fail(field, "a byte that is neither 0 nor 1");
    }
    std::copy(from.begin(), from.end(), to.begin());
  }

 private:
  absl::Status status_;
};

void CheckSizes(const wire::Batch& message, const PolicyModel& model, int64_t cells,
                Reader& reader) {
  reader.Size("actor_inputs", message.actor_inputs_size(), cells * model.actor.inputs);
  if (message.critic_inputs_size() > 0 || model.critic.inputs != model.actor.inputs) {
    reader.Size("critic_inputs", message.critic_inputs_size(), cells * model.critic.inputs);
  }
  const auto bytes = [&](std::string_view field, const std::string& value, int64_t expected) {
    reader.Size(field, static_cast<int64_t>(value.size()), expected);
  };
  bytes("starts", message.starts(), cells);
  bytes("legal", message.legal(), cells * model.choices());
  bytes("cuts", message.cuts(), cells);
  bytes("weights", message.weights(), cells);
  bytes("actor_weights", message.actor_weights(), cells);
  reader.Size("actions", message.actions_size(),
              cells * static_cast<int64_t>(model.heads().size()));
  reader.Size("values", message.values_size(), cells);
  reader.Size("rewards", message.rewards_size(), cells);
  reader.Size("bootstraps", message.bootstraps_size(), cells);
  reader.Size("observation_sums", message.observation_sums_size(),
              int64_t{message.stretches()} * model.groups * model.features() * 3);
}

// Choices are of their head, and legal where the agent was present; each head has a legal one.
void CheckChoices(const PolicyModel& model, const Rollout& rollout, Reader& reader) {
  const size_t heads = model.heads().size();
  const uint8_t* legal = rollout.legal.data();
  for (size_t cell = 0; reader.ok() && cell < rollout.weights.size(); ++cell) {
    for (size_t h = 0; h < heads; ++h) {
      const int32_t size = model.heads()[h];
      const int32_t action = rollout.actions[cell * heads + h];
      if (action < 0 || action >= size) {
        return reader.Fail("actions", fmt::format("choice {} of a head with {}", action, size));
      }
      if (std::find(legal, legal + size, uint8_t{1}) == legal + size) {
        return reader.Fail("legal", "a head without a legal choice");
      }
      if (rollout.weights[cell] != 0 && legal[action] == 0) {
        return reader.Fail("actions", "a choice that was not legal");
      }
      legal += size;
    }
  }
}

// The end of a stretch is a cut, and actors learn only where they were.
void CheckEnds(const Rollout& rollout, Reader& reader) {
  const auto steps = static_cast<size_t>(rollout.steps);
  for (size_t last = steps - 1; last < rollout.cuts.size(); last += steps) {
    if (rollout.cuts[last] == 0) return reader.Fail("cuts", "a stretch without an end");
  }
  for (size_t cell = 0; cell < rollout.weights.size(); ++cell) {
    if (rollout.actor_weights[cell] > rollout.weights[cell]) {
      return reader.Fail("actor_weights", "a step that an absent agent is to learn from");
    }
  }
}

void ReadSums(const wire::Batch& message, Rollout& rollout, Reader& reader) {
  const double* from = message.observation_sums().data();
  for (MomentSums& sums : rollout.observation_sums) {
    for (size_t i = 0; i < sums.size(); ++i) {
      sums[i] = *from++;
      const bool signless = i % 3 != 1;  // counts and squares
      if (!std::isfinite(sums[i]) || (signless && sums[i] < 0)) {
        return reader.Fail("observation_sums", "counts, sums or squares that cannot be");
      }
    }
  }
}

int32_t LargestGroup(const PolicyModel& model) {
  std::vector<int32_t> sizes(static_cast<size_t>(model.groups));
  for (const int32_t group : model.group_of) ++sizes[static_cast<size_t>(group)];
  return *std::max_element(sizes.begin(), sizes.end());
}

}  // namespace

void WriteBatch(const OnlineBatch& batch, const std::string& online, wire::Batch& message) {
  const Rollout& r = batch.rollout;
  message.set_online(online);
  message.set_stretches(r.envs);
  message.set_steps(r.steps);
  message.set_entropy(batch.entropy);
  message.mutable_environments()->Assign(batch.environments.begin(), batch.environments.end());
  message.mutable_actor_inputs()->Assign(r.actor_inputs.begin(), r.actor_inputs.end());
  if (r.critic_inputs != r.actor_inputs) {
    message.mutable_critic_inputs()->Assign(r.critic_inputs.begin(), r.critic_inputs.end());
  }
  message.set_starts(Flags(r.starts));
  message.set_legal(Bytes(r.legal));
  message.mutable_actions()->Assign(r.actions.begin(), r.actions.end());
  message.mutable_log_probs()->Assign(r.log_probs.begin(), r.log_probs.end());
  message.mutable_values()->Assign(r.values.begin(), r.values.end());
  message.mutable_rewards()->Assign(r.rewards.begin(), r.rewards.end());
  message.mutable_bootstraps()->Assign(r.bootstraps.begin(), r.bootstraps.end());
  message.set_cuts(Bytes(r.cuts));
  message.set_weights(Flags(r.weights));
  message.set_actor_weights(Flags(r.actor_weights));
  for (const MomentSums& sums : r.observation_sums) {
    message.mutable_observation_sums()->Add(sums.begin(), sums.end());
  }
}

absl::StatusOr<BatchPlan> ReadPlan(const wire::Batch& message) {
  if (message.online().size() > kMostYaml) return Wrong("online", "too long");
  BatchPlan plan;
  ASSIGN_OR_RETURN(const ConfigNode node, ConfigNode::Parse(message.online(), "batch.online"));
  RETURN_IF_ERROR(ReadConfig(node, plan.online));
  plan.stretches = message.stretches();
  plan.steps = message.steps();
  if (plan.stretches < 1 || plan.stretches > kMostStretches) {
    return Wrong("stretches",
                 fmt::format("{}: 1 to {} are allowed", plan.stretches, kMostStretches));
  }
  if (plan.steps < 1 || plan.steps > kMostSteps) {
    return Wrong("steps", fmt::format("{}: 1 to {} are allowed", plan.steps, kMostSteps));
  }
  plan.entropy = message.entropy();
  if (!(plan.entropy >= 0 && plan.entropy <= kMostEntropy)) {
    return Wrong("entropy", fmt::format("0 to {} is allowed", kMostEntropy));
  }
  plan.environments.assign(message.environments().begin(), message.environments().end());
  if (plan.environments.empty() || plan.environments.size() > static_cast<size_t>(plan.stretches)) {
    return Wrong("environments", fmt::format("{} elements: 1 to {} are allowed",
                                             plan.environments.size(), plan.stretches));
  }
  return plan;
}

absl::StatusOr<Rollout> ReadRollout(const wire::Batch& message, const PolicyModel& model) {
  Reader reader;
  // At most 4e5 stretches, 1e5 steps and 1e6 agents (agents/ppo/checkpoint.cc): no overflow.
  const int64_t cells = int64_t{message.stretches()} * message.steps() * model.agents();
  reader.Size("log_probs", message.log_probs_size(), cells);
  if (reader.ok()) CheckSizes(message, model, cells, reader);
  if (!reader.ok()) return reader.status();

  VectorEnvSpec shape;
  shape.envs = message.stretches();
  shape.agents = model.agents();
  shape.features = model.features();
  shape.heads = model.heads();
  Rollout rollout(model, shape, message.steps());
  reader.Finite("actor_inputs", message.actor_inputs(), rollout.actor_inputs);
  if (message.critic_inputs_size() > 0) {
    reader.Finite("critic_inputs", message.critic_inputs(), rollout.critic_inputs);
  } else {
    rollout.critic_inputs = rollout.actor_inputs;
  }
  reader.Finite("log_probs", message.log_probs(), rollout.log_probs);
  reader.Finite("values", message.values(), rollout.values);
  reader.Finite("rewards", message.rewards(), rollout.rewards);
  reader.Finite("bootstraps", message.bootstraps(), rollout.bootstraps);
  reader.Flags("starts", message.starts(), rollout.starts);
  reader.Flags("legal", message.legal(), rollout.legal);
  reader.Flags("cuts", message.cuts(), rollout.cuts);
  reader.Flags("weights", message.weights(), rollout.weights);
  reader.Flags("actor_weights", message.actor_weights(), rollout.actor_weights);
  std::copy(message.actions().begin(), message.actions().end(), rollout.actions.begin());
  CheckChoices(model, rollout, reader);
  if (reader.ok()) CheckEnds(rollout, reader);
  if (reader.ok()) ReadSums(message, rollout, reader);
  if (!reader.ok()) return reader.status();
  return rollout;
}

UpdateCost CostOf(const PolicyModel& model, const BatchPlan& plan) {
  const PpoSpec& ppo = plan.online.learner;
  const double groups = model.groups, shards = ppo.shards;
  const double actor = static_cast<double>(model.actor.parameters);
  const double parameters = actor + static_cast<double>(model.critic.parameters);
  // Groups are padded to the largest.
  const double rows_of_one = groups * LargestGroup(model) * plan.steps;
  const double rows = rows_of_one * plan.stretches;
  const double chunk =
      std::clamp(std::floor(kChunkRows / rows_of_one), 1.0, std::ceil(plan.stretches / shards));
  const auto layers = [](const NetworkLayout& net) {
    return net.inputs + net.outputs + 4.0 * net.spec.width * (net.spec.layers + 1);
  };
  const double inputs = 1.0 * model.actor.inputs + model.critic.inputs;
  const double cell = 4 * inputs + model.choices() + 64;  // bytes of a step of an agent

  UpdateCost cost;
  // Forwards, and backwards twice.
  cost.work = 3 * ppo.epochs * rows * parameters;
  cost.bytes = 4 * shards *
                   (groups * parameters +
                    chunk * rows_of_one * (layers(model.actor) + layers(model.critic))) +
               40 * groups * parameters +  // two states: parameters, moments, memory
               3 * cell * plan.stretches * plan.steps * model.agents();
  if (plan.online.method == OnlineMethod::kEwc) {
    cost.work += 3.0 * plan.online.ewc.samples * rows * actor;
  }
  if (plan.online.method == OnlineMethod::kLcpo) {
    const LcpoSpec& lcpo = plan.online.lcpo;
    const double drawn = 1.0 * groups * lcpo.drawn * lcpo.steps;
    cost.work += 3 * ppo.epochs * drawn * actor;
    cost.bytes += 4 * groups * lcpo.kept * lcpo.steps * (model.actor.inputs + model.choices() + 2) +
                  4 * drawn * layers(model.actor);
  }
  return cost;
}

}  // namespace reeve
