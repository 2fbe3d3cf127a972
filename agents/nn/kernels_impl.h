// The kernels for vectors of kLanes floats: included by one file per processor, each compiled for
// it. Internal linkage, as in simd_math.h.
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

// The operands of one linear layer, moved to the rows and columns that are worked on.
struct LinearTask {
  int64_t inputs, outputs;
  const float *x, *weight, *bias;
  Epilogue epilogue;
  const float* residual;
  float* y;
};

// kRows x kVectors vectors of y, from row 0 and column `column`, held in registers.
template <int kLanes, int kRows, int kVectors>
void LinearPanel(const LinearTask& t, int64_t column) {
  using S = Simd<kLanes>;
  typename S::Float sum[kRows][kVectors];
  for (int v = 0; v < kVectors; ++v) {
    const auto bias = S::Load(t.bias + column + v * kLanes);
    for (int r = 0; r < kRows; ++r) sum[r][v] = bias;
  }
  const float* weight = t.weight + column;
  for (int64_t k = 0; k < t.inputs; ++k, weight += t.outputs) {
    typename S::Float w[kVectors];
    for (int v = 0; v < kVectors; ++v) w[v] = S::Load(weight + v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const float x = t.x[r * t.inputs + k];
      for (int v = 0; v < kVectors; ++v) sum[r][v] += x * w[v];
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

// Fewer than 4 outputs: one at a time.
template <int kRows>
void LinearScalar(const LinearTask& t) {
  for (int r = 0; r < kRows; ++r) {
    for (int64_t j = 0; j < t.outputs; ++j) {
      float sum = t.bias[j];
      for (int64_t k = 0; k < t.inputs; ++k) {
        sum += t.x[r * t.inputs + k] * t.weight[k * t.outputs + j];
      }
      float y = Activate<4>(Simd<4>::Set(sum), t.epilogue)[0];
      if (t.residual != nullptr) y = t.residual[r * t.outputs + j] + y;
      t.y[r * t.outputs + j] = y;
    }
  }
}

// kRows rows, all columns. What a whole vector does not fit is done by one that overlaps the last
// (the same numbers are written twice) or, when there are fewer outputs than lanes, by shorter
// ones.
template <int kLanes, int kRows>
void LinearRows(const LinearTask& t) {
  if (t.outputs < kLanes) {
    if constexpr (kLanes > 4) {
      LinearRows<kLanes / 2, kRows>(t);
    } else {
      LinearScalar<kRows>(t);
    }
    return;
  }
  // Enough independent sums to hide an addition's latency, few enough to stay in registers.
  constexpr int kVectors = kRows == 1 ? 8 : 2;
  int64_t column = 0;
  for (; column + kVectors * kLanes <= t.outputs; column += kVectors * kLanes) {
    LinearPanel<kLanes, kRows, kVectors>(t, column);
  }
  for (; column + kLanes <= t.outputs; column += kLanes) LinearPanel<kLanes, kRows, 1>(t, column);
  if (column < t.outputs) LinearPanel<kLanes, kRows, 1>(t, t.outputs - kLanes);
}

template <int kLanes>
void Linear(int64_t rows, int64_t inputs, int64_t outputs, const float* x, const float* weight,
            const float* bias, Epilogue epilogue, const float* residual, float* y) {
  LinearTask t{inputs, outputs, x, weight, bias, epilogue, residual, y};
  const auto advance = [&t](int64_t by) {
    t.x += by * t.inputs;
    t.y += by * t.outputs;
    if (t.residual != nullptr) t.residual += by * t.outputs;
  };
  constexpr int kRows = 4;
  for (; rows >= kRows; rows -= kRows) {
    LinearRows<kLanes, kRows>(t);
    advance(kRows);
  }
  for (; rows > 0; --rows) {
    LinearRows<kLanes, 1>(t);
    advance(1);
  }
}

// Sum of f(0..n-1), where f gives the vector that starts at an index, or its first `count` lanes
// and 0: always 16 partial sums, whatever kLanes, so that the order of additions is the same.
template <int kLanes, class F>
float Sum(int64_t n, const F& f) {
  constexpr int kPartial = 16, kVectors = kPartial / kLanes;
  typename Simd<kLanes>::Float sum[kVectors] = {};
  int64_t i = 0;
  for (; i + kPartial <= n; i += kPartial) {
    for (int v = 0; v < kVectors; ++v) sum[v] += f(i + v * kLanes, kLanes);
  }
  for (int v = 0; i < n; ++v, i += kLanes) sum[v] += f(i, n - i < kLanes ? n - i : kLanes);
  float partial[kPartial];
  for (int v = 0; v < kVectors; ++v) Simd<kLanes>::Store(sum[v], partial + v * kLanes);
  for (int half = kPartial / 2; half >= 1; half /= 2) {
    for (int j = 0; j < half; ++j) partial[j] += partial[j + half];
  }
  return partial[0];
}

template <int kLanes>
void LayerNorm(int64_t rows, int64_t n, const float* x, const float* gain, const float* bias,
               float* y) {
  using S = Simd<kLanes>;
  const auto load = [](const float* p, int64_t count) {
    return count == kLanes ? S::Load(p) : S::LoadPart(p, count);
  };
  const auto length = static_cast<float>(n);
  for (; rows > 0; --rows, x += n, y += n) {
    const float mean =
        Sum<kLanes>(n, [&](int64_t i, int64_t count) { return load(x + i, count); }) / length;
    const float squares = Sum<kLanes>(n, [&](int64_t i, int64_t count) {
      const auto d = load(x + i, count) - mean;
      auto square = d * d;
      for (int64_t j = count; j < kLanes; ++j) square[j] = 0;
      return square;
    });
    const float scale = 1.0F / __builtin_sqrtf(squares / length + kLayerNormEpsilon);
    for (int64_t i = 0; i < n; i += kLanes) {
      const int64_t count = n - i < kLanes ? n - i : kLanes;
      const auto z = (load(x + i, count) - mean) * scale;
      const auto out = z * load(gain + i, count) + load(bias + i, count);
      count == kLanes ? S::Store(out, y + i) : S::StorePart(out, y + i, count);
    }
  }
}

template <int kLanes>
void Gru(int64_t rows, int64_t n, const float* from_input, const float* from_state, float* h) {
  using S = Simd<kLanes>;
  for (; rows > 0; --rows, from_input += 3 * n, from_state += 3 * n, h += n) {
    for (int64_t i = 0; i < n; i += kLanes) {
      const int64_t count = n - i < kLanes ? n - i : kLanes;
      const auto load = [&](const float* p) {
        return count == kLanes ? S::Load(p + i) : S::LoadPart(p + i, count);
      };
      const auto reset = S::Logistic(load(from_input) + load(from_state));
      const auto keep = S::Logistic(load(from_input + n) + load(from_state + n));
      const auto candidate = S::Tanh(load(from_input + 2 * n) + reset * load(from_state + 2 * n));
      const auto next = candidate + keep * (load(h) - candidate);
      count == kLanes ? S::Store(next, h + i) : S::StorePart(next, h + i, count);
    }
  }
}

template <int kLanes>
constexpr Kernels MakeKernels(std::string_view name) {
  return {
      .name = name, .linear = Linear<kLanes>, .layer_norm = LayerNorm<kLanes>, .gru = Gru<kLanes>};
}

}  // namespace
}  // namespace reeve
