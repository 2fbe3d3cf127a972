#include "core/portable_math.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace reeve {
namespace {

// ln 2 split so that k * kLn2High is exact for |k| <= 2^11.
constexpr double kLn2High = 0x1.62e42fefa3800p-1;
constexpr double kLn2Low = 0x1.ef35793c76730p-45;
constexpr double kInverseLn2 = 1.4426950408889634;
constexpr double kSqrtHalf = 0.70710678118654752440;

}  // namespace

double PortableLog(double x) {
  if (!(x > 0)) {
    return x == 0 ? -std::numeric_limits<double>::infinity()
                  : std::numeric_limits<double>::quiet_NaN();
  }
  if (x == std::numeric_limits<double>::infinity()) return x;
  int exponent = 0;
  if (x < std::numeric_limits<double>::min()) {  // subnormal: scale into range first
    x *= 0x1p54;
    exponent = -54;
  }
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  exponent += static_cast<int>(bits >> 52) - 1022;
  double m = std::bit_cast<double>((bits & 0x000fffffffffffffULL) | 0x3fe0000000000000ULL);
  if (m < kSqrtHalf) {
    m *= 2;
    exponent -= 1;
  }
  // m in [sqrt(1/2), sqrt(2)): log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.1716.
  const double f = m - 1;
  const double s = f / (m + 1);
  const double z = s * s;
  const double series =
      z * (1.0 / 3 +
           z * (1.0 / 5 +
                z * (1.0 / 7 +
                     z * (1.0 / 9 +
                          z * (1.0 / 11 +
                               z * (1.0 / 13 +
                                    z * (1.0 / 15 +
                                         z * (1.0 / 17 + z * (1.0 / 19 + z * (1.0 / 21))))))))));
  // 2s = f - s f, which keeps the leading term exact.
  const double log_m = f - s * (f - 2 * series);
  const double k = exponent;
  return k * kLn2High + (log_m + k * kLn2Low);
}

double PortableExpm1(double x) {
  if (x > 0.35 || x < -0.35) return PortableExp(x) - 1;
  // Taylor series; the last term is below 0.35^16 / 16! relative to x.
  double sum = 0;
  for (int n = 16; n >= 2; --n) sum = (sum + 1) * x / n;
  return x + x * sum;
}

double PortableExp(double x) {
  if (x != x) return x;
  if (x > 709.782712893384) return std::numeric_limits<double>::infinity();
  if (x < -745.2) return 0;
  // The nearest whole number: at this size a double has no room for a fraction.
  constexpr double kRound = 0x1.8p52;
  const double k = (x * kInverseLn2 + kRound) - kRound;
  const double r = (x - k * kLn2High) - k * kLn2Low;  // |r| <= 0.35
  // Taylor series; the first omitted term is below 1e-17. Pairs of pairs (Estrin's scheme), since
  // this is called for every invocation and every action: no long chain, no division.
  const auto pair = [r](double low, double high) { return low + high * r; };
  const double r2 = r * r, r4 = r2 * r2;
  const double low = pair(1.0 / 2, 1.0 / 6) + pair(1.0 / 24, 1.0 / 120) * r2;
  const double middle = pair(1.0 / 720, 1.0 / 5040) + pair(1.0 / 40320, 1.0 / 362880) * r2;
  const double high =
      pair(1.0 / 3628800, 1.0 / 39916800) + pair(1.0 / 479001600, 1.0 / 6227020800) * r2;
  const double e = 1 + (r + r2 * (low + r4 * (middle + r4 * high)));
  // 2^k in two steps, so that results in the subnormal range round once.
  const int half = static_cast<int>(k) / 2;
  const int rest = static_cast<int>(k) - half;
  const auto power = [](int p) {
    return std::bit_cast<double>(static_cast<uint64_t>(p + 1023) << 52);
  };
  return e * power(half) * power(rest);
}

double PortableSinTurns(double turns) {
  // Folded to a quarter of a turn on either side of 0, where 11 terms of the Taylor series do.
  double x = turns;
  if (x > 0.75) {
    x -= 1;
  } else if (x > 0.25) {
    x = 0.5 - x;
  }
  x *= 6.283185307179586;
  const double z = x * x;
  double sum = 0;
  for (int n = 21; n >= 3; n -= 2) sum = -(1 + sum) * z / ((n - 1) * n);
  return x + x * sum;
}

double NormalQuantile(double p) {
  const double q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) {
    const double r = 0.180625 - q * q;
    const double numerator = (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r +
                                   6.7265770927008700853e4) *
                                      r +
                                  4.5921953931549871457e4) *
                                     r +
                                 1.3731693765509461125e4) *
                                    r +
                                1.9715909503065514427e3) *
                                   r +
                               1.3314166789178437745e2) *
                                  r +
                              3.3871328727963666080e0);
    const double denominator = (((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r +
                                     3.9307895800092710610e4) *
                                        r +
                                    2.1213794301586595867e4) *
                                       r +
                                   5.3941960214247511077e3) *
                                      r +
                                  6.8718700749205790830e2) *
                                     r +
                                 4.2313330701600911252e1) *
                                    r +
                                1.0);
    return q * numerator / denominator;
  }
  double r = q < 0 ? p : 1 - p;
  r = std::sqrt(-PortableLog(r));
  double value;
  if (r <= 5) {
    r -= 1.6;
    value = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r +
                  2.41780725177450611770e-1) *
                     r +
                 1.27045825245236838258e0) *
                    r +
                3.64784832476320460504e0) *
                   r +
               5.76949722146069140550e0) *
                  r +
              4.63033784615654529590e0) *
                 r +
             1.42343711074968357734e0) /
            (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r +
                  1.51986665636164571966e-2) *
                     r +
                 1.48103976427480074590e-1) *
                    r +
                6.89767334985100004550e-1) *
                   r +
               1.67638483018380384940e0) *
                  r +
              2.05319162663775882187e0) *
                 r +
             1.0);
  } else {
    r -= 5;
    value = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r +
                  1.24266094738807843860e-3) *
                     r +
                 2.65321895265761230930e-2) *
                    r +
                2.96560571828504891230e-1) *
                   r +
               1.78482653991729133580e0) *
                  r +
              5.46378491116411436990e0) *
                 r +
             6.65790464350110377720e0) /
            (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r +
                  1.84631831751005468180e-5) *
                     r +
                 7.86869131145613259100e-4) *
                    r +
                1.48753612908506148525e-2) *
                   r +
               1.36929880922735805310e-1) *
                  r +
              5.99832206555887937690e-1) *
                 r +
             1.0);
  }
  return q < 0 ? -value : value;
}

double PortableLogGamma(double x) {
  // Stirling's series (Abramowitz & Stegun 6.1.41) where its first omitted term, below
  // 0.01 / x^13, does not matter; smaller x are moved up by gamma(x + 1) = x gamma(x).
  constexpr double kLargeEnough = 16;
  constexpr double kHalfLog2Pi = 0.91893853320467274178;
  if (x == std::numeric_limits<double>::infinity()) return x;
  double product = 1;
  while (x < kLargeEnough) {
    product *= x;
    x += 1;
  }
  const double z = 1 / (x * x);
  const double series =
      (1.0 / 12 -
       z * (1.0 / 360 -
            z * (1.0 / 1260 - z * (1.0 / 1680 - z * (1.0 / 1188 - z * 691.0 / 360360))))) /
      x;
  return (x - 0.5) * PortableLog(x) - x + kHalfLog2Pi + series - PortableLog(product);
}

}  // namespace reeve
