#include "agents/nn/batched_network.h"

#include <utility>

#include "core/check.h"

namespace reeve {
namespace {

// The last `stack` observations side by side, oldest first: x [A, B, T, I], keep [A, B, T], before
// [A, B, (stack - 1) I] -> [A, B, T, stack I]. What lies before an episode's start is 0.
torch::Tensor StackFrames(const torch::Tensor& x, int64_t stack, const torch::Tensor& keep,
                          const torch::Tensor& before) {
  const int64_t steps = x.size(2), past = stack - 1;
  const torch::Tensor history =
      torch::cat({before.view({x.size(0), x.size(1), past, x.size(3)}), x}, 2);
  // Lag l is seen where no episode began in the last l steps. Before the first step nothing is cut:
  // the state has its zeros.
  const torch::Tensor padded_keep =
      torch::cat({torch::ones({x.size(0), x.size(1), past}, keep.options()), keep}, 2);
  std::vector<torch::Tensor> frames(static_cast<size_t>(stack));
  frames.back() = x;
  torch::Tensor seen;
  for (int64_t lag = 1; lag <= past; ++lag) {
    const torch::Tensor kept = padded_keep.narrow(2, past - lag + 1, steps);
    seen = lag == 1 ? kept : seen * kept;
    frames[static_cast<size_t>(past - lag)] =
        history.narrow(2, past - lag, steps) * seen.unsqueeze(-1);
  }
  return torch::cat(frames, 3);
}

}  // namespace

BatchedNetwork::BatchedNetwork(const NetworkLayout& layout, torch::Tensor parameters,
                               torch::Tensor gradients)
    : layout_(layout), plan_(MakePlan(layout)) {
  REEVE_CHECK(parameters.dim() == 2 && parameters.size(1) == layout.parameters &&
              parameters.is_contiguous());
  REEVE_CHECK(gradients.sizes() == parameters.sizes() && gradients.is_contiguous() &&
              gradients.dtype() == parameters.dtype());
  for (const ParameterBlock& block : layout.blocks) {
    const auto view = [&block](const torch::Tensor& all) {
      return all.narrow(1, block.offset, block.size())
          .view({all.size(0), block.rows, block.columns});
    };
    Parameter parameter = {view(parameters.detach()), view(gradients.detach())};
    parameter.value.set_requires_grad(true);
    parameters_.push_back(std::move(parameter));
  }
}

torch::Tensor BatchedNetwork::Forward(const torch::Tensor& x, const torch::Tensor& starts,
                                      const torch::Tensor& state) {
  REEVE_CHECK(x.dim() == 4 && x.size(3) == layout_.inputs);
  torch::Tensor h = Encode(x.contiguous(), starts, state);
  for (const NetworkPlan::Hidden& layer : plan_.hidden) {
    if (layer.norm.present()) h = Norm(layer.norm, h);
    h = Linear(layer.linear, h, true);
  }
  return Linear(plan_.output, h, false);
}

torch::Tensor BatchedNetwork::Encode(const torch::Tensor& x, const torch::Tensor& starts,
                                     const torch::Tensor& state) {
  if (layout_.spec.encoder == EncoderKind::kLatest) return x;
  REEVE_CHECK(starts.dim() == 3);
  const torch::Tensor keep = (1 - starts).contiguous();
  const torch::Tensor before =
      state.defined() ? state.detach().contiguous()
                      : torch::zeros({x.size(0), x.size(1), layout_.state}, x.options());
  REEVE_CHECK(before.size(2) == layout_.state);
  if (layout_.spec.encoder == EncoderKind::kStack) {
    return layout_.spec.stack == 1 ? x : StackFrames(x, layout_.spec.stack, keep, before);
  }
  const torch::Tensor lifted = Linear(plan_.lift, x, true);
  return layout_.spec.encoder == EncoderKind::kShift ? Shift(lifted, keep, before)
                                                     : Gru(lifted, keep, before);
}

torch::Tensor BatchedNetwork::Shift(const torch::Tensor& lifted, const torch::Tensor& keep,
                                    const torch::Tensor& before) {
  const int64_t fold = ShiftFold(layout_.spec);
  torch::Tensor h = lifted;
  for (size_t i = 0; i < plan_.residual.size(); ++i) {
    const NetworkPlan::Residual& block = plan_.residual[i];
    const torch::Tensor shifted =
        ShiftedLayerNorm(h, parameter(block.norm.scale), parameter(block.norm.bias), fold, keep,
                         before.narrow(2, static_cast<int64_t>(i) * fold, fold));
    h = h + Linear(block.outer, Linear(block.inner, shifted, true), false);
  }
  return Norm(plan_.final_norm, h);
}

torch::Tensor BatchedNetwork::Gru(const torch::Tensor& lifted, const torch::Tensor& keep,
                                  const torch::Tensor& before) {
  // Time first: a step's rows lie together.
  const auto swap_time = [](const torch::Tensor& t) { return t.transpose(1, 2).contiguous(); };
  torch::Tensor h = swap_time(lifted);
  if (plan_.gru_norm.present()) h = Norm(plan_.gru_norm, h);
  return swap_time(GruLayer(Linear(plan_.gru_input, h, false), parameter(plan_.gru_state.scale),
                            parameter(plan_.gru_state.bias), swap_time(keep), before));
}

// h [A, B, T, C].
torch::Tensor BatchedNetwork::Linear(const BlockPair& blocks, const torch::Tensor& h, bool hidden) {
  Epilogue epilogue = Epilogue::kNone;
  if (hidden && layout_.spec.activation == Activation::kRelu) epilogue = Epilogue::kRelu;
  if (hidden && layout_.spec.activation == Activation::kTanh) epilogue = Epilogue::kTanh;
  const torch::Tensor y = LinearLayer(h.view({h.size(0), h.size(1) * h.size(2), h.size(3)}),
                                      parameter(blocks.scale), parameter(blocks.bias), epilogue);
  return y.view({h.size(0), h.size(1), h.size(2), y.size(2)});
}

torch::Tensor BatchedNetwork::Norm(const BlockPair& blocks, const torch::Tensor& h) {
  return ShiftedLayerNorm(h, parameter(blocks.scale), parameter(blocks.bias), 0, {}, {});
}

}  // namespace reeve
