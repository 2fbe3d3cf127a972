// The inner loops of networks, by hand, in versions for vectors of 4, 8 and 16 floats. All versions
// give the same bits: every element is summed in the order of its inputs, products are rounded
// before they are added (no fused multiply-add), and exponentials are polynomials of +, -, * and /.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace reeve {

constexpr float kLayerNormEpsilon = 1e-5F;

enum class Epilogue : uint8_t { kNone, kRelu, kTanh };

// All matrices are row-major and contiguous; pointers need no alignment; outputs do not overlap
// inputs unless said. A row's result does not depend on the other rows. Thread-safe.
struct Kernels {
  std::string_view name;

  // y [rows, outputs] = epilogue(x [rows, inputs] weight [inputs, outputs] + bias [outputs])
  // + residual [rows, outputs] (null: none).
  void (*linear)(int64_t rows, int64_t inputs, int64_t outputs, const float* x, const float* weight,
                 const float* bias, Epilogue epilogue, const float* residual, float* y);

  // y [rows, n] = (x - mean) / sqrt(variance + kLayerNormEpsilon) * gain + bias, row by row.
  void (*layer_norm)(int64_t rows, int64_t n, const float* x, const float* gain, const float* bias,
                     float* y);

  // h [rows, n] becomes (1 - z) c + z h with r, z, c as in network_spec.h; the linear parts are
  // from_input and from_state [rows, 3 n] in the order r, z, c.
  void (*gru)(int64_t rows, int64_t n, const float* from_input, const float* from_state, float* h);
};

// The fastest that this processor runs, and all of them.
const Kernels& BestKernels();
std::span<const Kernels* const> SupportedKernels();

}  // namespace reeve
