// The differentiable pieces of agents/nn/batched_network.h: each a torch::autograd::Function around
// the loops of agents/nn/kernels.h, which touch every row as few times as they can.
//
// Shapes: A groups, N rows of a group, K inputs, M outputs, B sequences, T steps, W channels.
// Tensors of rows are contiguous. float32, and float64 by simple loops, for checking gradients.
// Double backward is not supported.
#pragma once

#include "agents/nn/kernels.h"
#include "agents/nn/torch.h"

namespace reeve {

// One block of parameters of A groups, [A, rows, columns], contiguous within a group. `value`
// requires a gradient, which the backward pass adds to `gradient` itself: torch's own accumulation
// would first make a tensor of its own for it.
struct Parameter {
  torch::Tensor value, gradient;
};

// epilogue(x weight + bias): x [A, N, K], weight [A, K, M], bias [A, 1, M] -> [A, N, M].
torch::Tensor LinearLayer(const torch::Tensor& x, const Parameter& weight, const Parameter& bias,
                          Epilogue epilogue);

// LayerNorm over the channels of x [A, B, T, W] with gain and bias [A, 1, W], then the temporal
// shift of the first `fold` channels (0: none) along T:
//   y[.., t, c] = n[.., t - 1, c] keep[.., t] for c < fold, n[.., t, c] otherwise,
// where keep [A, B, T] is 0 where an episode begins, else 1, and n[.., -1, :] is `before`
// [A, B, fold] (no gradient). keep and before may be undefined when fold is 0.
torch::Tensor ShiftedLayerNorm(const torch::Tensor& x, const Parameter& gain, const Parameter& bias,
                               int64_t fold, const torch::Tensor& keep,
                               const torch::Tensor& before);

// A gated recurrent unit along T (formula in network_spec.h), time first: from_input [A, T, B, 3 W]
// are the parts linear in the input, in the order r, z, n; weight [A, W, 3 W] and bias [A, 1, 3 W]
// act on the state; keep [A, T, B] as above; before [A, B, W] (no gradient) is the state before the
// first step. Returns the states [A, T, B, W].
torch::Tensor GruLayer(const torch::Tensor& from_input, const Parameter& weight,
                       const Parameter& bias, const torch::Tensor& keep,
                       const torch::Tensor& before);

}  // namespace reeve
