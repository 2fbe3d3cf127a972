// The differentiable pieces of agents/nn/batched_network.h: each a torch::autograd::Function that
// does beside its matrix products as few passes over memory as it can.
//
// Shapes: A groups, N rows of a group, K inputs, M outputs, B sequences, T steps, W channels.
// Tensors of rows are contiguous; parameters may be views with a stride between groups. float32 and
// float64 (which is for checking gradients). Double backward is not supported.
#pragma once

#include "agents/nn/torch.h"

#include "agents/nn/network_spec.h"

namespace reeve {

enum class LayerActivation : int64_t { kNone, kRelu, kTanh };

// act(x weight + bias): x [A, N, K], weight [A, K, M], bias [A, 1, M] -> [A, N, M].
torch::Tensor LinearLayer(const torch::Tensor& x, const torch::Tensor& weight,
                          const torch::Tensor& bias, LayerActivation activation);

// LayerNorm over the channels of x [A, B, T, W] with gain and bias [A, 1, W], then the temporal
// shift of the first `fold` channels (0: none) along T:
//   y[.., t, c] = n[.., t - 1, c] keep[.., t] for c < fold, n[.., t, c] otherwise,
// where keep [A, B, T] is 0 where an episode begins, else 1, and n[.., -1, :] is `before`
// [A, B, fold] (no gradient). keep and before may be undefined when fold is 0.
torch::Tensor ShiftedLayerNorm(const torch::Tensor& x, const torch::Tensor& gain,
                               const torch::Tensor& bias, int64_t fold, const torch::Tensor& keep,
                               const torch::Tensor& before);

// A gated recurrent unit along T (formula in network_spec.h): from_input [A, B, T, 3 W] are the
// parts linear in the input, in the order r, z, n; weight [A, W, 3 W] and bias [A, 1, 3 W] act on
// the state; keep [A, B, T] as above; before [A, B, W] (no gradient) is the state before the first
// step. Returns the states [A, B, T, W].
torch::Tensor GruLayer(const torch::Tensor& from_input, const torch::Tensor& weight,
                       const torch::Tensor& bias, const torch::Tensor& keep,
                       const torch::Tensor& before);

}  // namespace reeve
