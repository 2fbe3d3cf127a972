// Vectors of kLanes floats on the compiler's vector extension, and tanh, exp and the logistic
// function on them, the same bits for any kLanes. Everything has internal linkage, because files
// that include this are compiled for different processors and must not share code.
#pragma once

#include <cstdint>
#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace reeve {
namespace {

template <int kLanes>
struct Vectors;
template <>
struct Vectors<4> {
  typedef float Float __attribute__((vector_size(16)));
  typedef int32_t Int __attribute__((vector_size(16)));
};
template <>
struct Vectors<8> {
  typedef float Float __attribute__((vector_size(32)));
  typedef int32_t Int __attribute__((vector_size(32)));
};
template <>
struct Vectors<16> {
  typedef float Float __attribute__((vector_size(64)));
  typedef int32_t Int __attribute__((vector_size(64)));
};

template <int kLanes>
struct Simd {
  using Float = typename Vectors<kLanes>::Float;
  using Int = typename Vectors<kLanes>::Int;

  static Float Load(const float* p) {
    Float v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
  }
  static void Store(Float v, float* p) { __builtin_memcpy(p, &v, sizeof(v)); }

  // Of a vector's lanes only the first `count` in 1..kLanes: the others are 0, and not touched in
  // memory.
  static Float LoadUpTo(const float* p, int64_t count) {
    if (count == kLanes) return Load(p);
#ifdef __AVX2__
    if constexpr (kLanes == 8) return _mm256_maskload_ps(p, Mask(count));
#endif
    Float v = {};
    for (int64_t i = 0; i < count; ++i) v[i] = p[i];
    return v;
  }
  static void StoreUpTo(Float v, float* p, int64_t count) {
    if (count == kLanes) return Store(v, p);
#ifdef __AVX2__
    if constexpr (kLanes == 8) return _mm256_maskstore_ps(p, Mask(count), v);
#endif
    for (int64_t i = 0; i < count; ++i) p[i] = v[i];
  }
  static Float First(Float v, int64_t count) {
    if (count == kLanes) return v;
    return Lanes() < static_cast<int32_t>(count) ? v : Set(0);
  }

  // 0, 1, 2, …
  static Int Lanes() {
    constexpr int32_t kIndex[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    Int v;
    __builtin_memcpy(&v, kIndex, sizeof(v));
    return v;
  }
#ifdef __AVX2__
  static __m256i Mask(int64_t count) {
    return __builtin_bit_cast(__m256i, Lanes() < static_cast<int32_t>(count));
  }
#endif

  static Float Set(float x) {
    return Float{} + x;
  }
  static Float Min(Float a, Float b) {
    return a > b ? b : a;
  }  // NaN in a stays
  static Float Max(Float a, Float b) {
    return a < b ? b : a;
  }
  static Float Relu(Float x) {
    return Max(x, Float{});
  }

  // Relative error below 2e-7 where the result is a normal number; -> 0 below -87.
  // Reduction and polynomial of Cephes' expf (S. L. Moshier).
  static Float Exp(Float x) {
    x = Min(Max(x, Set(-87.0F)), Set(88.0F));
    constexpr float kRound = 0x1.8p23F;  // adding it leaves an integer in the low bits
    const Float n = (x * 1.44269504F + kRound) - kRound;
    const Float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
    Float p = Set(1.9875691500e-4F);
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    const Float e = p * (r * r) + r + 1.0F;
    const Int power = (__builtin_convertvector(n, Int) + 127) << 23;
    return e * __builtin_bit_cast(Float, power);
  }

  static Float Logistic(Float x) {
    return 1.0F / (1.0F + Exp(-x));
  }

  // Absolute error below 2e-7, relative below 3e-7. Cephes' tanhf: an odd polynomial for
  // |x| < 0.625, else by the exponential.
  static Float Tanh(Float x) {
    const Float magnitude = x < 0.0F ? -x : x;
    const Float far = 1.0F - 2.0F / (Exp(magnitude + magnitude) + 1.0F);
    const Float z = x * x;
    Float p = Set(-5.70498872745e-3F);
    p = p * z + 2.06390887954e-2F;
    p = p * z - 5.37397155531e-2F;
    p = p * z + 1.33314422036e-1F;
    p = p * z - 3.33332819422e-1F;
    const Float near = p * z * x + x;
    return magnitude < 0.625F ? near : (x < 0.0F ? -far : far);
  }
};

}  // namespace
}  // namespace reeve
