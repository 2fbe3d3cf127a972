// One step of a network for many rows, without torch, without autograd, without allocation: what
// acts, in rollouts and live. Its numbers are those of agents/nn/batched_network.h to rounding
// (tests hold both together). A row's result depends on that row alone, to the bit: not on how many
// rows there are, nor on threads or the processor's vector width.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agents/nn/network_spec.h"

namespace reeve {

// Shapes: R rows, I inputs, S state, U outputs. Not thread-safe (scratch); one per thread.
class StreamingNetwork {
 public:
  explicit StreamingNetwork(const NetworkLayout& layout);

  const NetworkLayout& layout() const { return layout_; }

  // parameters [P]; x [R, I]; state [R, S] (all zero before a row's first step; updated in place);
  // out [R, U]. Allocates nothing.
  void Step(const float* parameters, int64_t rows, const float* x, float* state, float* out);

 private:
  NetworkLayout layout_;
  std::vector<float> scratch_;
};

}  // namespace reeve
