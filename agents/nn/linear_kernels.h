// The products of kernels.h for vectors of kLanes floats; internal linkage, as in simd_math.h.
#pragma once

#include "agents/nn/kernels.h"
#include "agents/nn/simd_math.h"

namespace reeve {
namespace {

template <int kLanes>
typename Simd<kLanes>::Float Activate(typename Simd<kLanes>::Float x, Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::kNone:
      return x;
    case Epilogue::kRelu:
      return Simd<kLanes>::Relu(x);
    case Epilogue::kTanh:
      return Simd<kLanes>::Tanh(x);
  }
  return x;
}

// y[r, j] = epilogue(sum over k of x(r, k) weight[k, j] + bias[j]) + residual[r, j], where x(r, k)
// is x[r row_stride + k inner_stride]: rows of x, or its columns. Moved along to the rows worked
// on.
struct ProductTask {
  int64_t inner, outputs;  // k < inner, j < outputs
  const float* x;
  int64_t row_stride, inner_stride;
  const float *weight, *bias;
  Epilogue epilogue;
  const float* residual;
  float* y;
};

// kRows x kVectors vectors of y, from row 0 and column `column`, held in registers.
template <int kLanes, int kRows, int kVectors>
void ProductPanel(const ProductTask& t, int64_t column) {
  using S = Simd<kLanes>;
  typename S::Float sum[kRows][kVectors];
  for (int v = 0; v < kVectors; ++v) {
    const auto bias = t.bias == nullptr ? S::Set(0) : S::Load(t.bias + column + v * kLanes);
    for (int r = 0; r < kRows; ++r) sum[r][v] = bias;
  }
  const float *weight = t.weight + column, *x = t.x;
  for (int64_t k = 0; k < t.inner; ++k, weight += t.outputs, x += t.inner_stride) {
    typename S::Float w[kVectors];
    for (int v = 0; v < kVectors; ++v) w[v] = S::Load(weight + v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) sum[r][v] += x[r * t.row_stride] * w[v];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      const int64_t at = r * t.outputs + column + v * kLanes;
      auto y = Activate<kLanes>(sum[r][v], t.epilogue);
      if (t.residual != nullptr) y = S::Load(t.residual + at) + y;
      S::Store(y, t.y + at);
    }
  }
}

// Fewer than 4 outputs: one at a time, all rows together.
template <int kRows>
void ProductScalar(const ProductTask& t) {
  for (int64_t j = 0; j < t.outputs; ++j) {
    float sum[kRows];
    for (int r = 0; r < kRows; ++r) sum[r] = t.bias == nullptr ? 0.0F : t.bias[j];
    const float *weight = t.weight + j, *x = t.x;
    for (int64_t k = 0; k < t.inner; ++k, weight += t.outputs, x += t.inner_stride) {
      for (int r = 0; r < kRows; ++r) sum[r] += x[r * t.row_stride] * *weight;
    }
    for (int r = 0; r < kRows; ++r) {
      float y = Activate<4>(Simd<4>::Set(sum[r]), t.epilogue)[0];
      if (t.residual != nullptr) y = t.residual[r * t.outputs + j] + y;
      t.y[r * t.outputs + j] = y;
    }
  }
}

// kRows rows, all columns. What a whole vector does not fit is done by one that overlaps the last
// (the same numbers are written twice) or, when there are fewer outputs than lanes, by shorter
// ones.
template <int kLanes, int kRows>
void ProductRows(const ProductTask& t) {
  if (t.outputs < kLanes) {
    if constexpr (kLanes > 4) {
      ProductRows<kLanes / 2, kRows>(t);
    } else {
      ProductScalar<kRows>(t);
    }
    return;
  }
  // Enough independent sums to hide an addition's latency, few enough to stay in registers.
  constexpr int kVectors = kRows == 1 ? 8 : 2;
  int64_t column = 0;
  for (; column + kVectors * kLanes <= t.outputs; column += kVectors * kLanes) {
    ProductPanel<kLanes, kRows, kVectors>(t, column);
  }
  for (; column + kLanes <= t.outputs; column += kLanes) ProductPanel<kLanes, kRows, 1>(t, column);
  if (column < t.outputs) ProductPanel<kLanes, kRows, 1>(t, t.outputs - kLanes);
}

template <int kLanes>
void Product(ProductTask t, int64_t rows) {
  const auto advance = [&t](int64_t by) {
    t.x += by * t.row_stride;
    t.y += by * t.outputs;
    if (t.residual != nullptr) t.residual += by * t.outputs;
  };
  for (; rows >= kPanelRows; rows -= kPanelRows) {
    ProductRows<kLanes, kPanelRows>(t);
    advance(kPanelRows);
  }
  if (rows >= 3) {
    ProductRows<kLanes, 3>(t);
    advance(3);
    rows -= 3;
  }
  for (; rows > 0; --rows) {
    ProductRows<kLanes, 1>(t);
    advance(1);
  }
}

template <int kLanes>
void Linear(int64_t rows, int64_t inputs, int64_t outputs, const float* x, const float* weight,
            const float* bias, Epilogue epilogue, const float* residual, float* y) {
  Product<kLanes>({inputs, outputs, x, inputs, 1, weight, bias, epilogue, residual, y}, rows);
}

template <int kLanes>
void WeightGradient(int64_t rows, int64_t inputs, int64_t outputs, const float* x, const float* g,
                    float* product) {
  Product<kLanes>({rows, outputs, x, 1, inputs, g, nullptr, Epilogue::kNone, nullptr, product},
                  inputs);
}

// The gradient before an activation, from the activation's result and the gradient after it.
template <int kLanes>
typename Simd<kLanes>::Float Before(typename Simd<kLanes>::Float y, typename Simd<kLanes>::Float g,
                                    Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::kNone:
      return g;
    case Epilogue::kRelu:
      return y > 0.0F ? g : Simd<kLanes>::Set(0);
    case Epilogue::kTanh:
      return g * (1.0F - y * y);
  }
  return g;
}

template <int kLanes>
void ActivationBackward(int64_t rows, int64_t n, const float* y, const float* g, Epilogue epilogue,
                        float* z_gradient, float* sums) {
  using S = Simd<kLanes>;
  for (int64_t j = 0; j < n; j += kLanes) {
    const int64_t count = n - j < kLanes ? n - j : kLanes;
    auto sum = S::LoadUpTo(sums + j, count);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t at = r * n + j;
      const auto z =
          Before<kLanes>(S::LoadUpTo(y + at, count), S::LoadUpTo(g + at, count), epilogue);
      S::StoreUpTo(z, z_gradient + at, count);
      sum += z;
    }
    S::StoreUpTo(sum, sums + j, count);
  }
}

}  // namespace
}  // namespace reeve
