// The gated recurrent unit of kernels.h for vectors of kLanes floats; internal linkage, as in
// simd_math.h.
#pragma once

#include "agents/nn/kernels.h"
#include "agents/nn/simd_math.h"

namespace reeve {
namespace {

template <int kLanes>
void Gru(int64_t rows, int64_t n, const float* from_input, const float* from_state,
         const float* before, float* gates, float* h) {
  using S = Simd<kLanes>;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < n; i += kLanes) {
      const int64_t count = n - i < kLanes ? n - i : kLanes;
      const auto input = [&](int64_t gate) {
        return S::LoadUpTo(from_input + gate * n + i, count);
      };
      const auto state = [&](int64_t gate) {
        return S::LoadUpTo(from_state + gate * n + i, count);
      };
      const auto r = S::Logistic(input(0) + state(0));
      const auto z = S::Logistic(input(1) + state(1));
      const auto linear = state(2);
      const auto c = S::Tanh(input(2) + r * linear);
      S::StoreUpTo(c + z * (S::LoadUpTo(before + i, count) - c), h + i, count);
      if (gates != nullptr) {
        S::StoreUpTo(r, gates + i, count);
        S::StoreUpTo(z, gates + n + i, count);
        S::StoreUpTo(c, gates + 2 * n + i, count);
        S::StoreUpTo(linear, gates + 3 * n + i, count);
      }
    }
    from_input += 3 * n;
    from_state += 3 * n;
    before += n;
    h += n;
    if (gates != nullptr) gates += 4 * n;
  }
}

template <int kLanes>
void GruBackward(int64_t rows, int64_t n, const float* gates, const float* before, const float* g,
                 float* input_gradient, float* state_gradient, float* before_gradient) {
  using S = Simd<kLanes>;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < n; i += kLanes) {
      const int64_t count = n - i < kLanes ? n - i : kLanes;
      const auto gate = [&](int64_t k) { return S::LoadUpTo(gates + k * n + i, count); };
      const auto r = gate(0), z = gate(1), c = gate(2), gradient = S::LoadUpTo(g + i, count);
      const auto dc = gradient * (1.0F - z) * (1.0F - c * c);
      const auto dz = gradient * (S::LoadUpTo(before + i, count) - c) * z * (1.0F - z);
      const auto dr = dc * gate(3) * r * (1.0F - r);
      S::StoreUpTo(dr, input_gradient + i, count);
      S::StoreUpTo(dr, state_gradient + i, count);
      S::StoreUpTo(dz, input_gradient + n + i, count);
      S::StoreUpTo(dz, state_gradient + n + i, count);
      S::StoreUpTo(dc, input_gradient + 2 * n + i, count);
      S::StoreUpTo(dc * r, state_gradient + 2 * n + i, count);
      S::StoreUpTo(gradient * z, before_gradient + i, count);
    }
    gates += 4 * n;
    before += n;
    g += n;
    input_gradient += 3 * n;
    state_gradient += 3 * n;
    before_gradient += n;
  }
}

}  // namespace
}  // namespace reeve
