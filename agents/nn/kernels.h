// The inner loops of networks, by hand, in versions for vectors of 4, 8 and 16 floats. All versions
// give the same bits: every element is summed in the order of its inputs, products are rounded
// before they are added (no fused multiply-add), and exponentials are polynomials of +, -, * and /.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace reeve {

constexpr float kLayerNormEpsilon = 1e-5F;

// Rows that products take at a time: numbers of rows that divide by it have no rest.
constexpr int64_t kPanelRows = 6;

enum class Epilogue : uint8_t { kNone, kRelu, kTanh };

// All matrices are row-major and contiguous; pointers need no alignment; outputs do not overlap
// inputs unless said. A row's result does not depend on the other rows. Thread-safe.
template <class T>
struct BasicKernels {
  std::string_view name;

  // y [rows, outputs] = epilogue(x [rows, inputs] weight [inputs, outputs] + bias [outputs])
  // + residual [rows, outputs]. bias and residual may be null.
  void (*linear)(int64_t rows, int64_t inputs, int64_t outputs, const T* x, const T* weight,
                 const T* bias, Epilogue epilogue, const T* residual, T* y);

  // product [inputs, outputs] = transposed x [rows, inputs] times g [rows, outputs].
  void (*weight_gradient)(int64_t rows, int64_t inputs, int64_t outputs, const T* x, const T* g,
                          T* product);

  // Of y = epilogue(z) with gradient g [rows, n]: z_gradient [rows, n], whose columns are added to
  // sums [n].
  void (*activation_backward)(int64_t rows, int64_t n, const T* y, const T* g, Epilogue epilogue,
                              T* z_gradient, T* sums);

  // y [rows, n] = (x - mean) scale gain + bias, row by row, where scale is 1 / sqrt(variance +
  // kLayerNormEpsilon). statistics [rows, 2] keeps mean and scale; may be null.
  void (*layer_norm)(int64_t rows, int64_t n, const T* x, const T* gain, const T* bias,
                     T* statistics, T* y);

  // x_gradient [rows, n] for the gradient g of y; adds to gain_gradient and bias_gradient [n].
  void (*layer_norm_backward)(int64_t rows, int64_t n, const T* x, const T* statistics,
                              const T* gain, const T* g, T* x_gradient, T* gain_gradient,
                              T* bias_gradient);

  // h [rows, n] = (1 - z) c + z before, with r, z, c as in network_spec.h (c is called n there);
  // the linear parts are from_input and from_state [rows, 3 n] in the order r, z, c. gates [rows, 4
  // n] keeps r, z, c and the last third of from_state; may be null. h may be `before`.
  void (*gru)(int64_t rows, int64_t n, const T* from_input, const T* from_state, const T* before,
              T* gates, T* h);

  // From the gradient g [rows, n] of h those of the linear parts [rows, 3 n], and the part of that
  // of `before` [rows, n] that does not go through from_state.
  void (*gru_backward)(int64_t rows, int64_t n, const T* gates, const T* before, const T* g,
                       T* input_gradient, T* state_gradient, T* before_gradient);
};
using Kernels = BasicKernels<float>;

// The fastest that this processor runs, and all of them.
const Kernels& BestKernels();
std::span<const Kernels* const> SupportedKernels();

// The simplest loops, in double precision: what the others are tested against.
const BasicKernels<double>& ReferenceKernels();

// The kernels for a type of numbers.
template <class T>
const BasicKernels<T>& KernelsFor();
template <>
inline const BasicKernels<float>& KernelsFor<float>() {
  return BestKernels();
}
template <>
inline const BasicKernels<double>& KernelsFor<double>() {
  return ReferenceKernels();
}

}  // namespace reeve
