#include "agents/adapt/expert_comparison.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "agents/ppo/categorical.h"
#include "agents/ppo/model_runner.h"
#include "core/config.h"
#include "core/random.h"

namespace reeve {
namespace {

std::string Difference(const PolicyModel& a, const PolicyModel& b) {
  if (a.feature_names != b.feature_names) return "they see other features";
  if (a.agent_names != b.agent_names || a.group_of != b.group_of) return "they have other agents";
  if (a.heads() != b.heads()) return "they choose among other things";
  if (a.actor.inputs != b.actor.inputs || WriteConfig(a.actor.spec) != WriteConfig(b.actor.spec)) {
    return "their actors are other networks";
  }
  if (a.critic.inputs != b.critic.inputs ||
      WriteConfig(a.critic.spec) != WriteConfig(b.critic.spec)) {
    return "their critics are other networks";
  }
  return "";
}

void AddBlocks(const char* network, const NetworkLayout& layout, int32_t groups,
               const std::vector<float>& a, const std::vector<float>& b,
               std::vector<BlockDistance>& out) {
  for (const ParameterBlock& block : layout.blocks) {
    double squares = 0, norm = 0;
    for (int64_t group = 0; group < groups; ++group) {
      const auto first = static_cast<size_t>(group * layout.parameters + block.offset);
      for (size_t i = first; i < first + static_cast<size_t>(block.size()); ++i) {
        const double moved = static_cast<double>(b[i]) - a[i];
        squares += moved * moved;
        norm += static_cast<double>(a[i]) * a[i];
      }
    }
    out.push_back({.network = network,
                   .block = block.name,
                   .distance = std::sqrt(squares),
                   .relative = norm > 0 ? std::sqrt(squares / norm) : 0});
  }
}

// Observations [N, O] of one moment, around where the model's normaliser is.
void DrawObservations(const PolicyModel& model, RandomCursor& draw, std::vector<float>& out) {
  size_t i = 0;
  for (const int32_t group : model.group_of) {
    for (int32_t f = 0; f < model.features(); ++f) {
      const double mean = model.observations.mean[model.observations.Index(group, f)];
      out[i++] = static_cast<float>(mean + model.observations.deviation(group, f) * draw.Normal());
    }
  }
}

}  // namespace

absl::StatusOr<ExpertComparison> CompareExperts(const Expert& a, const Expert& b, int32_t samples,
                                                uint64_t seed) {
  const PolicyModel& first = a.state.model;
  const PolicyModel& second = b.state.model;
  if (const std::string difference = Difference(first, second); !difference.empty()) {
    return absl::InvalidArgumentError("the experts cannot be compared: " + difference);
  }
  ExpertComparison comparison;
  AddBlocks("actor", first.actor, first.groups, first.actor_parameters, second.actor_parameters,
            comparison.blocks);
  AddBlocks("critic", first.critic, first.groups, first.critic_parameters, second.critic_parameters,
            comparison.blocks);

  ModelRunner one(first, 1, ModelRunner::Use::kActor), other(second, 1, ModelRunner::Use::kActor);
  const auto agents = static_cast<size_t>(first.agents());
  std::vector<float> observations(agents * static_cast<size_t>(first.features()));
  const std::vector<uint8_t> present(agents, 1);
  const std::vector<int32_t> none(agents * first.heads().size(), -1);
  RandomCursor draw(RandomStream(seed, StreamPurpose::kBootstrap, 0));
  int64_t differ = 0;
  for (int32_t sample = 0; sample < samples; ++sample) {
    DrawObservations(first, draw, observations);
    for (ModelRunner* runner : {&one, &other}) {
      for (int32_t agent = 0; agent < first.agents(); ++agent) runner->Forget(0, agent);
      runner->Step(observations.data(), present.data(), none.data());
    }
    for (int64_t row = 0; row < one.rows(); ++row) {
      int64_t at = row * first.choices();
      for (const int32_t n : first.heads()) {
        const float* const x = one.logits().data() + at;
        const float* const y = other.logits().data() + at;
        differ += MostProbable(x, n) != MostProbable(y, n) ? 1 : 0;
        ++comparison.choices_compared;
        at += n;
      }
    }
  }
  if (comparison.choices_compared > 0) {
    comparison.choices_differ =
        static_cast<double>(differ) / static_cast<double>(comparison.choices_compared);
  }
  return comparison;
}

}  // namespace reeve
