#include "agents/ppo/fisher.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "agents/nn/batched_network.h"
#include "agents/nn/torch.h"
#include "agents/ppo/categorical.h"
#include "core/random.h"

namespace reeve {
namespace {

// The steps of each group [A] that are looked at: numbers of cells of the rollout.
std::vector<std::vector<int64_t>> DrawCells(const PolicyModel& model, const Rollout& rollout,
                                            const std::vector<float>& weights,
                                            const FisherOptions& options) {
  std::vector<std::vector<int64_t>> drawn;
  int64_t cell = 0;
  for (int32_t group = 0; group < model.groups; ++group) {  // sequences are ordered by group
    const auto members = std::count(model.group_of.begin(), model.group_of.end(), group);
    const int64_t end = cell + members * rollout.envs * rollout.steps;
    std::vector<int64_t>& cells = drawn.emplace_back();
    for (; cell < end; ++cell) {
      if (weights[static_cast<size_t>(cell)] != 0) cells.push_back(cell);
    }
    const RandomStream stream(options.seed, StreamPurpose::kFisher, options.draw);
    const size_t wanted = std::min(cells.size(), static_cast<size_t>(options.samples));
    for (size_t i = 0; i < wanted; ++i) {  // the beginning of Fisher and Yates' shuffle
      const uint64_t key = (static_cast<uint64_t>(group) << 32) + i;
      std::swap(cells[i], cells[i + stream.Below(key, cells.size() - i)]);
    }
    cells.resize(wanted);
  }
  return drawn;
}

// Squared gradients of one output of each group at a time.
class SquaredGradients {
 public:
  SquaredGradients(const PolicyModel& model, const Rollout& rollout, const NetworkLayout& layout,
                   const std::vector<float>& parameters, const std::vector<float>& inputs)
      : groups_(model.groups),
        rollout_(rollout),
        layout_(layout),
        all_inputs_(inputs),
        parameters_(parameters),
        gradients_(parameters.size()),
        network_(layout, Wrap(parameters_, {groups_, layout.parameters}),
                 Wrap(gradients_, {groups_, layout.parameters})) {}

  // Takes the i-th of `cells` of every group that has so many. slope(cell, outputs [U], slopes
  // [U]): the gradient of what is squared in the outputs of that step.
  template <class Slope>
  void Add(const std::vector<std::vector<int64_t>>& cells, size_t i, Slope&& slope,
           std::vector<float>& sums) {
    // All that a step's outputs depend on: its sequence up to it.
    const bool alone = layout_.state == 0;
    int64_t length = 1;
    for (const auto& own : cells) {
      if (i < own.size() && !alone) length = std::max(length, own[i] % rollout_.steps + 1);
    }
    const auto rows = static_cast<size_t>(groups_ * length);
    inputs_.assign(rows * static_cast<size_t>(layout_.inputs), 0.0F);
    starts_.assign(rows, 1.0F);
    slopes_.assign(rows * static_cast<size_t>(layout_.outputs), 0.0F);
    ForEach(cells, i, alone, [&](int64_t group, int64_t first, int64_t cell) {
      const int64_t count = cell - first + 1;
      std::copy_n(all_inputs_.data() + first * layout_.inputs, count * layout_.inputs,
                  inputs_.data() + group * length * layout_.inputs);
      std::copy_n(rollout_.starts.data() + first, count, starts_.data() + group * length);
    });
    std::fill(gradients_.begin(), gradients_.end(), 0.0F);
    const torch::Tensor outputs =
        network_.Forward(Wrap(inputs_, {groups_, 1, length, layout_.inputs}),
                         Wrap(starts_, {groups_, 1, length}), {});
    const torch::Tensor contiguous = outputs.detach().contiguous();
    ForEach(cells, i, alone, [&](int64_t group, int64_t first, int64_t cell) {
      const int64_t row = (group * length + cell - first) * layout_.outputs;
      slope(cell, contiguous.data_ptr<float>() + row, slopes_.data() + row);
    });
    torch::autograd::backward({outputs}, {Wrap(slopes_, {groups_, 1, length, layout_.outputs})});
    for (size_t p = 0; p < sums.size(); ++p) sums[p] += gradients_[p] * gradients_[p];
  }

 private:
  static torch::Tensor Wrap(std::vector<float>& data, std::initializer_list<int64_t> shape) {
    return torch::from_blob(data.data(), shape, torch::kFloat32);
  }
  template <class Use>
  void ForEach(const std::vector<std::vector<int64_t>>& cells, size_t i, bool alone,
               Use&& use) const {
    for (size_t group = 0; group < cells.size(); ++group) {
      if (i >= cells[group].size()) continue;
      const int64_t cell = cells[group][i];
      use(static_cast<int64_t>(group), alone ? cell : cell - cell % rollout_.steps, cell);
    }
  }

  const int64_t groups_;
  const Rollout& rollout_;
  const NetworkLayout& layout_;
  const std::vector<float>& all_inputs_;       // [N, E, T, I]
  std::vector<float> parameters_, gradients_;  // [A, P]
  BatchedNetwork network_;
  std::vector<float> inputs_, starts_, slopes_;  // [A, 1, L, …]
};

// slope(variant, cell, outputs, slopes) for each of `variants`, whose squares are added up.
template <class Slope>
absl::StatusOr<std::vector<float>> MeanOfSquares(SquaredGradients& squares,
                                                 const std::vector<std::vector<int64_t>>& cells,
                                                 size_t parameters, int32_t variants,
                                                 Slope&& slope) {
  std::vector<float> sums(parameters);
  size_t most = 0;
  for (const auto& own : cells) most = std::max(most, own.size());
  try {
    for (size_t i = 0; i < most; ++i) {
      for (int32_t variant = 0; variant < variants; ++variant) {
        squares.Add(
            cells, i,
            [&](int64_t cell, const float* outputs, float* slopes) {
              slope(variant, cell, outputs, slopes);
            },
            sums);
      }
    }
  } catch (const std::exception& error) {  // no memory, for one
    return absl::InternalError("torch: " + std::string(error.what()));
  }
  const size_t size = parameters / cells.size();
  for (size_t group = 0; group < cells.size(); ++group) {
    const auto count = static_cast<float>(std::max<size_t>(cells[group].size(), 1));
    for (size_t p = group * size; p < (group + 1) * size; ++p) sums[p] /= count;
  }
  return sums;
}

// Choice `choice` of all heads [K]: the root of its probability p times the gradient of log p in
// the logits, so that squares of what follows are weighted by p. The heads are independent given
// what the agent sees, so their squares add up.
void RootWeightedSlope(std::span<const int32_t> heads, const float* logits, const uint8_t* legal,
                       int32_t choice, float* slopes) {
  for (const int32_t n : heads) {
    if (choice >= 0 && choice < n) {
      MaskedSoftmax(logits, legal, n, slopes);
      const float root = std::sqrt(slopes[choice]);
      for (int32_t k = 0; k < n; ++k) slopes[k] = root * ((k == choice ? 1.0F : 0.0F) - slopes[k]);
    }
    choice -= n;
    logits += n;
    legal += n;
    slopes += n;
  }
}

}  // namespace

absl::StatusOr<std::vector<float>> ActorFisher(const PolicyModel& model, const Rollout& rollout,
                                               const FisherOptions& options) {
  const auto cells = DrawCells(model, rollout, rollout.actor_weights, options);
  SquaredGradients squares(model, rollout, model.actor, model.actor_parameters,
                           rollout.actor_inputs);
  return MeanOfSquares(squares, cells, model.actor_parameters.size(), model.choices(),
                       [&](int32_t choice, int64_t cell, const float* logits, float* slopes) {
                         RootWeightedSlope(model.heads(), logits,
                                           rollout.legal.data() + cell * rollout.choices, choice,
                                           slopes);
                       });
}

absl::StatusOr<std::vector<float>> CriticFisher(const PolicyModel& model, const Rollout& rollout,
                                                const FisherOptions& options) {
  const auto cells = DrawCells(model, rollout, rollout.weights, options);
  SquaredGradients squares(model, rollout, model.critic, model.critic_parameters,
                           rollout.critic_inputs);
  return MeanOfSquares(squares, cells, model.critic_parameters.size(), 1,
                       [](int32_t, int64_t, const float*, float* slopes) { *slopes = 1; });
}

}  // namespace reeve
