// LayerNorm of kernels.h for vectors of kLanes floats; internal linkage, as in simd_math.h.
#pragma once

#include "agents/nn/kernels.h"
#include "agents/nn/simd_math.h"

namespace reeve {
namespace {

// Sums over 0..n-1 of vectors that come kLanes at a time: always 16 partial sums, whatever kLanes,
// so that the order of additions is the same.
template <int kLanes>
class LaneSum {
 public:
  // The vector at index i, a multiple of kLanes; lanes beyond n must be 0.
  void Add(int64_t i, typename Simd<kLanes>::Float v) { sum_[i / kLanes % kVectors] += v; }
  // Partial sums j and j + 8 first, then j and j + 4, and so on.
  float Total() const {
    const auto four = Four();
    return (four[0] + four[2]) + (four[1] + four[3]);
  }

 private:
  using Float4 = Simd<4>::Float;
  static Float4 Halve(Simd<8>::Float v) {
    return __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
  }
  Float4 Four() const {
    if constexpr (kLanes == 4) {
      return (sum_[0] + sum_[2]) + (sum_[1] + sum_[3]);
    } else if constexpr (kLanes == 8) {
      return Halve(sum_[0] + sum_[1]);
    } else {
      const auto v = sum_[0];
      return Halve(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                   __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15));
    }
  }

  static constexpr int kVectors = 16 / kLanes;
  typename Simd<kLanes>::Float sum_[kVectors] = {};
};

// Calls f(i, lanes that count) along 0..n-1.
template <int kLanes, class F>
void ForEachVector(int64_t n, const F& f) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) f(i, static_cast<int64_t>(kLanes));
  if (i < n) f(i, n - i);
}

template <int kLanes>
void LayerNorm(int64_t rows, int64_t n, const float* x, const float* gain, const float* bias,
               float* statistics, float* y) {
  using S = Simd<kLanes>;
  const auto length = static_cast<float>(n);
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    LaneSum<kLanes> sum, squares;
    ForEachVector<kLanes>(n,
                          [&](int64_t i, int64_t count) { sum.Add(i, S::LoadUpTo(x + i, count)); });
    const float mean = sum.Total() / length;
    ForEachVector<kLanes>(n, [&](int64_t i, int64_t count) {
      const auto d = S::First(S::LoadUpTo(x + i, count) - mean, count);
      squares.Add(i, d * d);
    });
    const float scale = 1.0F / __builtin_sqrtf(squares.Total() / length + kLayerNormEpsilon);
    ForEachVector<kLanes>(n, [&](int64_t i, int64_t count) {
      const auto z = (S::LoadUpTo(x + i, count) - mean) * scale;
      S::StoreUpTo(z * S::LoadUpTo(gain + i, count) + S::LoadUpTo(bias + i, count), y + i, count);
    });
    if (statistics != nullptr) {
      statistics[2 * r] = mean;
      statistics[2 * r + 1] = scale;
    }
  }
}

// With z = (x - mean) scale and u = g gain: dx = scale (u - mean(u) - z mean(u z)).
template <int kLanes>
void LayerNormBackward(int64_t rows, int64_t n, const float* x, const float* statistics,
                       const float* gain, const float* g, float* x_gradient, float* gain_gradient,
                       float* bias_gradient) {
  using S = Simd<kLanes>;
  const auto length = static_cast<float>(n);
  for (int64_t r = 0; r < rows; ++r, x += n, g += n, x_gradient += n) {
    const float mean = statistics[2 * r], scale = statistics[2 * r + 1];
    LaneSum<kLanes> sum_u, sum_uz;
    ForEachVector<kLanes>(n, [&](int64_t i, int64_t count) {
      const auto z = (S::LoadUpTo(x + i, count) - mean) * scale,
                 gradient = S::LoadUpTo(g + i, count);
      const auto u = gradient * S::LoadUpTo(gain + i, count);  // 0 in lanes beyond n, as g is
      sum_u.Add(i, u);
      sum_uz.Add(i, u * z);
      S::StoreUpTo(S::LoadUpTo(gain_gradient + i, count) + gradient * z, gain_gradient + i, count);
      S::StoreUpTo(S::LoadUpTo(bias_gradient + i, count) + gradient, bias_gradient + i, count);
    });
    const float mean_u = sum_u.Total() / length, mean_uz = sum_uz.Total() / length;
    ForEachVector<kLanes>(n, [&](int64_t i, int64_t count) {
      const auto z = (S::LoadUpTo(x + i, count) - mean) * scale;
      const auto u = S::LoadUpTo(g + i, count) * S::LoadUpTo(gain + i, count);
      S::StoreUpTo((u - mean_u - z * mean_uz) * scale, x_gradient + i, count);
    });
  }
}

}  // namespace
}  // namespace reeve
