// Logarithm, exponential and normal quantile built from +, -, *, / and comparisons only, so that
// every IEEE-754 machine gives the same bits. The C library's versions differ between releases and
// processors in the last bit, which is enough to make two simulations part ways.
//
// Build without floating-point contraction (-ffp-contract=off): a fused multiply-add rounds once
// where two operations round twice.
#pragma once

#include <bit>
#include <cstdint>

namespace reeve {

// Natural logarithm of x > 0; relative error below 4e-16, near 1 as well. Log(0) is -infinity;
// negative x gives NaN.
double PortableLog(double x);

// e^x; relative error below 4e-16. Overflows to infinity, underflows to 0.
double PortableExp(double x);

// e^x - 1 without cancellation for small |x|; relative error below 1e-15.
double PortableExpm1(double x);

// Binary logarithm of a positive, normal x; error below 1e-7. A quarter of PortableLog's time and
// without branches: for numbers that a network sees.
inline double CoarseLog2(double x) {
  constexpr uint64_t kSqrtHalfBits = 0x3fe6a09e667f3bcd;
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  const int64_t k = static_cast<int64_t>(bits - kSqrtHalfBits) >> 52;
  // m in [sqrt(1/2), sqrt(2)): log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.1716.
  const double m = std::bit_cast<double>(bits - (static_cast<uint64_t>(k) << 52));
  const double s = (m - 1) / (m + 1);
  const double z = s * s;
  constexpr double kTwoOverLn2 = 2.8853900817779268;
  const double log2_m = kTwoOverLn2 * s * (1 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7))));
  return static_cast<double>(k) + log2_m;
}

// Sine of an angle in full turns, 0 <= turns <= 1; error below 1e-12.
double PortableSinTurns(double turns);

// The z with P(Z <= z) = p for a standard normal Z, 0 < p < 1; relative error about 1e-16.
// Algorithm AS 241 (PPND16): M. J. Wichura, Applied Statistics 37 (1988), 477-484.
double NormalQuantile(double p);

// log of the gamma function, x > 0; error below 3e-14 relative to the larger of 1 and the value.
// (The C library's writes a global variable, so it is not thread-safe either.)
double PortableLogGamma(double x);

}  // namespace reeve
