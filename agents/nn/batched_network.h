// Networks of equal shape for A groups of agents as one differentiable tensor program: every layer
// is one node of torch's graph for all groups (agents/nn/batched_layers.h).
#pragma once

#include <vector>

#include "agents/nn/batched_layers.h"
#include "agents/nn/network_plan.h"
#include "agents/nn/network_spec.h"
#include "agents/nn/torch.h"

namespace reeve {

// Shapes: A groups, B sequences of a group, T steps, I inputs, U outputs, P parameters, S state.
// The parameters belong to the caller: `parameters` [A, P] float32 (float64 for checking
// gradients), contiguous. Gradients are accumulated into `gradients` [A, P], by the backward pass
// of torch's autograd, in place (the caller zeroes it). Not thread-safe: for several threads, one
// object each on the same parameters with gradients of its own.
class BatchedNetwork {
 public:
  BatchedNetwork(const NetworkLayout& layout, torch::Tensor parameters, torch::Tensor gradients);

  const NetworkLayout& layout() const { return layout_; }

  // x [A, B, T, I] float32; starts [A, B, T] float32, 1 where an episode begins at this step (the
  // past before it is not seen); state [A, B, S], the past before the first step (undefined:
  // zeros). The latest encoder looks at neither. Returns [A, B, T, U], differentiable in the
  // parameters and in x, not in state. The same function of the past as StreamingNetwork, in
  // float32 to the bit.
  torch::Tensor Forward(const torch::Tensor& x, const torch::Tensor& starts,
                        const torch::Tensor& state);

 private:
  // Shapes as above; h [A, B, T, channels]; keep [A, B, T] is 1 - starts; before [A, B, S].
  torch::Tensor Encode(const torch::Tensor& x, const torch::Tensor& starts,
                       const torch::Tensor& state);
  torch::Tensor Shift(const torch::Tensor& lifted, const torch::Tensor& keep,
                      const torch::Tensor& before);
  torch::Tensor Gru(const torch::Tensor& lifted, const torch::Tensor& keep,
                    const torch::Tensor& before);
  torch::Tensor Linear(const BlockPair& blocks, const torch::Tensor& h, bool hidden);
  torch::Tensor Norm(const BlockPair& blocks, const torch::Tensor& h);
  const Parameter& parameter(int block) const { return parameters_[static_cast<size_t>(block)]; }

  NetworkLayout layout_;
  NetworkPlan plan_;
  std::vector<Parameter> parameters_;  // of each block: views into what the caller gave
};

}  // namespace reeve
