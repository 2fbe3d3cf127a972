#include "agents/ppo/anchor_pass.h"

#include <algorithm>
#include <numeric>

#include "agents/ppo/tensor_views.h"
#include "core/check.h"

namespace reeve {

AnchorPass::AnchorPass(const PolicyModel& model, const AnchorSet& anchors, float weight,
                       int32_t shards)
    : model_(model),
      anchors_(anchors),
      weight_(weight),
      totals_(static_cast<size_t>(model.groups)),
      parts_(static_cast<size_t>(shards)) {
  const auto cells = static_cast<size_t>(anchors.size() * anchors.steps);
  const auto inputs = static_cast<size_t>(model.actor.inputs);
  const auto choices = static_cast<size_t>(model.choices());
  REEVE_CHECK(anchors.actor_inputs.size() == cells * inputs && anchors.starts.size() == cells);
  REEVE_CHECK(anchors.legal.size() == cells * choices && anchors.weights.size() == cells);
  references_.resize(cells * choices);

  std::vector<std::vector<int64_t>> by_group(totals_.size());
  for (int64_t s = 0; s < anchors.size(); ++s) {
    const auto group = static_cast<size_t>(anchors.groups[static_cast<size_t>(s)]);
    REEVE_CHECK(group < by_group.size());
    by_group[group].push_back(s);
    const float* const first = anchors.weights.data() + s * anchors.steps;
    totals_[group] += std::accumulate(first, first + anchors.steps, 0.0);
  }
  const int64_t rows = static_cast<int64_t>(model.groups) * std::max(anchors.steps, 1);
  chunk_ = std::max<int64_t>(1, kChunkRows / rows);
  for (size_t p = 0; p < parts_.size(); ++p) {
    Part& part = parts_[p];
    for (const auto& all : by_group) {
      const auto cut = [&](size_t place) {
        return all.begin() + static_cast<ptrdiff_t>(all.size() * place / parts_.size());
      };
      part.sequences.emplace_back(cut(p), cut(p + 1));
      part.longest = std::max(part.longest, static_cast<int64_t>(part.sequences.back().size()));
    }
    const auto room = static_cast<size_t>(rows * std::min(chunk_, part.longest));
    part.inputs.resize(room * inputs);
    part.starts.resize(room);
    part.slopes.resize(room * choices);
  }
}

template <class Use>
void AnchorPass::ForEachSequence(Part& part, BatchedNetwork& actor, bool backward, Use&& use) {
  const int64_t groups = model_.groups, steps = anchors_.steps;
  const int64_t inputs = model_.actor.inputs, choices = model_.choices();
  for (int64_t first = 0; first < part.longest; first += chunk_) {
    const int64_t count = std::min(chunk_, part.longest - first);
    // each(group, sequence, place in [A, count])
    const auto for_each = [&](auto&& each) {
      for (int64_t g = 0; g < groups; ++g) {
        const auto& own = part.sequences[static_cast<size_t>(g)];
        const int64_t last = std::min(first + count, static_cast<int64_t>(own.size()));
        for (int64_t i = first; i < last; ++i) {
          each(static_cast<int32_t>(g), own[static_cast<size_t>(i)], g * count + i - first);
        }
      }
    };
    for_each([&](int32_t, int64_t sequence, int64_t place) {
      std::copy_n(anchors_.actor_inputs.data() + sequence * steps * inputs, steps * inputs,
                  part.inputs.data() + place * steps * inputs);
      std::copy_n(anchors_.starts.data() + sequence * steps, steps,
                  part.starts.data() + place * steps);
    });
    const torch::Tensor logits = actor.Forward(Wrap(part.inputs, {groups, count, steps, inputs}),
                                               Wrap(part.starts, {groups, count, steps}), {});
    const torch::Tensor contiguous = logits.detach().contiguous();
    const float* const outputs = contiguous.data_ptr<float>();
    std::fill_n(part.slopes.begin(), groups * count * steps * choices, 0.0F);  // also of padding
    for_each([&](int32_t group, int64_t sequence, int64_t place) {
      use(group, sequence, outputs + place * steps * choices,
          part.slopes.data() + place * steps * choices);
    });
    if (!backward) continue;
    torch::autograd::backward({logits}, {Wrap(part.slopes, {groups, count, steps, choices})});
  }
}

void AnchorPass::Remember(int32_t shard, BatchedNetwork& actor) {
  const int64_t width = static_cast<int64_t>(anchors_.steps) * model_.choices();
  ForEachSequence(parts_[static_cast<size_t>(shard)], actor, false,
                  [&](int32_t, int64_t sequence, const float* logits, float*) {
                    Probabilities(anchors_.steps, model_.heads(), logits,
                                  anchors_.legal.data() + sequence * width,
                                  references_.data() + sequence * width);
                  });
}

void AnchorPass::AddGradients(int32_t shard, BatchedNetwork& actor, const UseSums& use) {
  const int64_t width = static_cast<int64_t>(anchors_.steps) * model_.choices();
  ForEachSequence(parts_[static_cast<size_t>(shard)], actor, true,
                  [&](int32_t group, int64_t sequence, const float* logits, float* slopes) {
                    const double total = totals_[static_cast<size_t>(group)];
                    if (total == 0) return;
                    const AnchorRows rows{
                        .rows = anchors_.steps,
                        .heads = model_.heads(),
                        .logits = logits,
                        .legal = anchors_.legal.data() + sequence * width,
                        .references = references_.data() + sequence * width,
                        .weights = anchors_.weights.data() + sequence * anchors_.steps};
                    use(group, AnchorLoss(rows, static_cast<float>(weight_ / total), slopes));
                  });
}

}  // namespace reeve
