// The kernels for vectors of kLanes floats: included by one file per processor, each compiled for
// it. Internal linkage, as in simd_math.h.
#pragma once

#include "agents/nn/gru_kernels.h"
#include "agents/nn/linear_kernels.h"
#include "agents/nn/norm_kernels.h"

namespace reeve {
namespace {

template <int kLanes>
constexpr Kernels MakeKernels(const char* name) {
  return {.name = name,
          .linear = Linear<kLanes>,
          .weight_gradient = WeightGradient<kLanes>,
          .activation_backward = ActivationBackward<kLanes>,
          .layer_norm = LayerNorm<kLanes>,
          .layer_norm_backward = LayerNormBackward<kLanes>,
          .gru = Gru<kLanes>,
          .gru_backward = GruBackward<kLanes>};
}

}  // namespace
}  // namespace reeve
