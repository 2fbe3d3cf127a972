#include "agents/ppo/integrated_gradients.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "agents/nn/batched_network.h"
#include "agents/nn/torch.h"
#include "core/check.h"

namespace reeve {
namespace {

constexpr int32_t kFewestSteps = 256, kMostSteps = 16384;
constexpr int64_t kChunk = 512;  // points that pass through the network together
constexpr double kTolerance = 1e-3;

torch::Tensor Doubles(std::span<const float> numbers, torch::IntArrayRef shape) {
  return torch::tensor(at::ArrayRef<float>(numbers.data(), numbers.size()))
      .to(torch::kFloat64)
      .view(shape);
}

// The log-probability of one choice, as a function of the input alone.
class LogProbability {
 public:
  LogProbability(const NetworkLayout& layout, const ChoiceSeen& choice)
      : parameters_(Doubles(choice.parameters, {1, layout.parameters})),
        network_(layout, parameters_, torch::zeros_like(parameters_)),
        state_(Doubles(choice.state, {1, 1, layout.state})),
        choice_(choice.choice) {
    for (size_t head = 0; head < choice.head; ++head) first_ += choice.heads[head];
    choices_ = choice.heads[choice.head];
    illegal_ = torch::empty({choices_}, torch::kBool);
    for (int64_t c = 0; c < choices_; ++c) {
      illegal_[c] = choice.legal[static_cast<size_t>(first_ + c)] == 0;
    }
    REEVE_CHECK(choice_ >= 0 && choice_ < choices_);
    REEVE_CHECK(choice.legal[static_cast<size_t>(first_ + choice_)] != 0);
  }

  // x [B, I] to [B].
  torch::Tensor operator()(const torch::Tensor& x) {
    const int64_t rows = x.size(0);
    const torch::Tensor logits = network_.Forward(x.view({1, rows, 1, x.size(1)}),
                                                  torch::zeros({1, rows, 1}, torch::kFloat64),
                                                  state_.expand({1, rows, state_.size(2)}));
    return logits.view({rows, logits.size(3)})
        .narrow(1, first_, choices_)
        .masked_fill(illegal_, -std::numeric_limits<double>::infinity())
        .log_softmax(1)
        .select(1, choice_);
  }

 private:
  torch::Tensor parameters_;
  BatchedNetwork network_;
  torch::Tensor state_;  // [1, 1, S]
  int64_t first_ = 0, choices_ = 0, choice_ = 0;
  torch::Tensor illegal_;  // [choices_]
};

// The gradient along the path, times the path: [I]. The midpoint rule in t, where a = t^3 is the
// place on the path (see the header).
torch::Tensor Integrate(LogProbability& f, const torch::Tensor& baseline, const torch::Tensor& path,
                        int32_t steps) {
  torch::Tensor sum = torch::zeros_like(path);
  for (int64_t begin = 0; begin < steps; begin += kChunk) {
    const int64_t end = std::min<int64_t>(steps, begin + kChunk);
    const torch::Tensor t =
        ((torch::arange(begin, end, torch::kFloat64) + 0.5) / steps).unsqueeze(1);
    torch::Tensor x = (baseline + t.pow(3) * path).requires_grad_(true);
    // Rows do not depend on each other: the gradient of their sum is the gradient of each.
    sum += (torch::autograd::grad({f(x).sum()}, {x})[0] * (3 * t.square())).sum(0);
  }
  return sum * path / steps;
}

}  // namespace

double Attribution::Sum() const {
  return std::accumulate(inputs.begin(), inputs.end(), 0.0);
}

Attribution IntegratedGradients(const NetworkLayout& layout, const ChoiceSeen& choice) {
  const auto inputs = static_cast<size_t>(layout.inputs);
  REEVE_CHECK(choice.input.size() == inputs && choice.baseline.size() == inputs);
  REEVE_CHECK(choice.parameters.size() == static_cast<size_t>(layout.parameters));
  REEVE_CHECK(choice.state.size() == static_cast<size_t>(layout.state));

  LogProbability f(layout, choice);
  const torch::Tensor baseline = Doubles(choice.baseline, {layout.inputs});
  const torch::Tensor seen = Doubles(choice.input, {layout.inputs});
  Attribution result;
  {
    const torch::NoGradGuard no_grad;
    const torch::Tensor ends = f(torch::stack({seen, baseline}));
    result.seen = ends[0].item<double>();
    result.baseline = ends[1].item<double>();
  }
  for (result.steps = kFewestSteps;; result.steps *= 2) {
    const torch::Tensor moved = Integrate(f, baseline, seen - baseline, result.steps).contiguous();
    result.inputs.assign(moved.data_ptr<double>(), moved.data_ptr<double>() + inputs);
    const double in_all = moved.abs().sum().item<double>();
    if (std::abs(result.Gap()) <= kTolerance * in_all || result.steps == kMostSteps) return result;
  }
}

}  // namespace reeve
