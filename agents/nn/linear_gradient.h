// The backward pass of a linear layer for one group of agents.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "agents/nn/kernels.h"

namespace reeve {

// y = epilogue(x weight + bias) with weight [inputs, outputs]. Not thread-safe (scratch).
template <class T>
class LinearGradient {
 public:
  LinearGradient(int64_t inputs, int64_t outputs, Epilogue epilogue)
      : inputs_(inputs),
        outputs_(outputs),
        epilogue_(epilogue),
        z_(static_cast<size_t>(kChunk * outputs)),
        product_(static_cast<size_t>(inputs * outputs)),
        transposed_(static_cast<size_t>(inputs * outputs)) {}

  // Rows of x and y with gradient g of y. Adds to weight_gradient and bias_gradient; writes
  // x_gradient
  // + residual, unless x_gradient is null. residual [rows, inputs] may be null.
  void Run(int64_t rows, const T* x, const T* weight, const T* y, const T* g, T* weight_gradient,
           T* bias_gradient, const T* residual, T* x_gradient) {
    const BasicKernels<T>& kernels = KernelsFor<T>();
    if (x_gradient != nullptr) Transpose(weight);
    for (int64_t row = 0; row < rows; row += kChunk) {
      const int64_t count = std::min(kChunk, rows - row);
      const int64_t in = row * inputs_, out = row * outputs_;
      kernels.activation_backward(count, outputs_, y + out, g + out, epilogue_, z_.data(),
                                  bias_gradient);
      kernels.weight_gradient(count, inputs_, outputs_, x + in, z_.data(), product_.data());
      for (int64_t i = 0; i < inputs_ * outputs_; ++i) {
        weight_gradient[i] += product_[static_cast<size_t>(i)];
      }
      if (x_gradient == nullptr) continue;
      kernels.linear(count, outputs_, inputs_, z_.data(), transposed_.data(), nullptr,
                     Epilogue::kNone, residual == nullptr ? nullptr : residual + in,
                     x_gradient + in);
    }
  }

 private:
  // Rows that go through all of the pass together: what lies between its parts stays in cache, and
  // sums over many rows are sums of sums, which round less.
  static constexpr int64_t kChunk = 16 * kPanelRows;

  void Transpose(const T* weight) {
    for (int64_t k = 0; k < inputs_; ++k) {
      for (int64_t j = 0; j < outputs_; ++j) {
        transposed_[static_cast<size_t>(j * inputs_ + k)] = weight[k * outputs_ + j];
      }
    }
  }

  int64_t inputs_, outputs_;
  Epilogue epilogue_;
  std::vector<T> z_;           // [kChunk, outputs]: the gradient before the activation
  std::vector<T> product_;     // [inputs, outputs]
  std::vector<T> transposed_;  // [outputs, inputs]
};

}  // namespace reeve
