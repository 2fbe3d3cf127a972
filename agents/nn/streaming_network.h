// One step of a network for many rows, without torch, without autograd, without allocation: what
// acts, in rollouts and live. Its numbers are those of agents/nn/batched_network.h to the bit. A
// row's result depends on that row alone: not on how many rows there are, nor on threads or the
// processor's vector width.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agents/nn/kernels.h"
#include "agents/nn/network_plan.h"
#include "agents/nn/network_spec.h"

namespace reeve {

// Shapes: R rows, I inputs, S state, U outputs. Not thread-safe (scratch); one per thread.
class StreamingNetwork {
 public:
  // `kernels`: for tests; all give the same bits.
  explicit StreamingNetwork(const NetworkLayout& layout, const Kernels& kernels = BestKernels());

  const NetworkLayout& layout() const { return layout_; }

  // parameters [P]; x [R, I]; state [R, S] (all zero before a row's first step; updated in place);
  // out [R, U]. Allocates nothing.
  void Step(const float* parameters, int64_t rows, const float* x, float* state, float* out);

 private:
  // Rows that pass through all layers together, so that what is between layers stays in cache.
  static constexpr int64_t kChunk = 8 * kPanelRows;

  void StepChunk(const float* parameters, int64_t rows, const float* x, float* state, float* out);
  // The encoders: what the hidden layers are given, [rows, channels].
  const float* Stack(int64_t rows, const float* x, float* state);
  const float* Shift(const float* parameters, int64_t rows, const float* lifted, float* state);
  const float* Gru(const float* parameters, int64_t rows, const float* lifted, float* state);

  void Linear(const float* parameters, const BlockPair& blocks, int64_t rows, const float* x,
              Epilogue epilogue, const float* residual, float* y) const;
  void Norm(const float* parameters, const BlockPair& blocks, int64_t rows, const float* x,
            float* y) const;

  NetworkLayout layout_;
  NetworkPlan plan_;
  const Kernels* kernels_;
  Epilogue activation_;
  int64_t fold_;  // of encoder shift
  // Between layers, [kChunk, widest] each; gates: [2, kChunk, 3 width] for encoder gru.
  std::vector<float> a_, b_, c_, d_, gates_;
};

}  // namespace reeve
