#include "core/portable_math.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/random.h"

namespace reeve {
namespace {

constexpr int kPoints = 1'000'000;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The references are the C library's functions in extended precision (64 bits of mantissa on
// x86-64), so their own error does not count.
double RelativeError(double value, long double reference) {
  return static_cast<double>(std::abs((value - reference) / reference));
}

TEST(PortableMath, LogOverTheWholeRange) {
  const RandomStream stream(1, StreamPurpose::kPolicy, 0);
  double worst = 0;
  for (int i = 0; i < kPoints; ++i) {
    const double x = std::ldexp(1 + stream.Uniform(2 * i),
                                static_cast<int>(stream.Below(2 * i + 1, 2000)) - 1000);
    if (x >= 0.9 && x <= 1.1) continue;
    worst = std::max(worst, RelativeError(PortableLog(x), std::log(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 4e-16);
}

TEST(PortableMath, LogNearOne) {
  const RandomStream stream(2, StreamPurpose::kPolicy, 0);
  double worst = 0;
  for (int i = 0; i < kPoints; ++i) {
    // Distances from 1 of every size: 0.1 down to 2^-52.
    const double distance = 0.1 * std::exp2(-48 * stream.Uniform(2 * i));
    const double x = stream.Below(2 * i + 1, 2) == 0 ? 1 + distance : 1 - distance;
    if (x == 1) continue;
    worst = std::max(worst, RelativeError(PortableLog(x), std::log(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 4e-16);
  EXPECT_EQ(PortableLog(1), 0);
}

TEST(PortableMath, LogOfTheEdges) {
  EXPECT_EQ(PortableLog(0), -kInfinity);
  EXPECT_EQ(PortableLog(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(PortableLog(-1)));
  EXPECT_TRUE(std::isnan(PortableLog(std::nan(""))));
  // Subnormal: the smallest double is 2^-1074, the largest subnormal just below 2^-1022.
  EXPECT_DOUBLE_EQ(PortableLog(std::numeric_limits<double>::denorm_min()), -1074 * std::log(2.0));
  EXPECT_DOUBLE_EQ(PortableLog(0x1.8p-1030), std::log(0x1.8p-1030));
  EXPECT_DOUBLE_EQ(PortableLog(std::numeric_limits<double>::max()), 709.782712893384);
}

TEST(PortableMath, ExpOverTheWholeRange) {
  const RandomStream stream(3, StreamPurpose::kPolicy, 0);
  double worst = 0;
  for (int i = 0; i < kPoints; ++i) {
    const double x = -708 + 1417 * stream.Uniform(i);  // results are normal numbers
    worst = std::max(worst, RelativeError(PortableExp(x), std::exp(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 4e-16);
}

TEST(PortableMath, ExpOfTheEdges) {
  EXPECT_EQ(PortableExp(0), 1);
  EXPECT_EQ(PortableExp(kInfinity), kInfinity);
  EXPECT_EQ(PortableExp(-kInfinity), 0);
  EXPECT_EQ(PortableExp(710), kInfinity);
  EXPECT_EQ(PortableExp(-746), 0);
  EXPECT_TRUE(std::isnan(PortableExp(std::nan(""))));
  // In the subnormal range the spacing of doubles is absolute: 2^-1074.
  EXPECT_NEAR(PortableExp(-740), std::exp(-740.0), 0x1p-1074);
}

TEST(PortableMath, Expm1KeepsItsDigits) {
  const RandomStream stream(4, StreamPurpose::kPolicy, 0);
  double worst = 0;
  for (int i = 0; i < kPoints; ++i) {
    const double size = 40 * std::exp2(-60 * stream.Uniform(2 * i));
    const double x = stream.Below(2 * i + 1, 2) == 0 ? size : -size;
    worst =
        std::max(worst, RelativeError(PortableExpm1(x), std::expm1(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 1e-15);
  EXPECT_EQ(PortableExpm1(0), 0);
}

TEST(PortableMath, LogGamma) {
  const RandomStream stream(5, StreamPurpose::kPolicy, 0);
  double worst = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double x = std::exp2(-20 + 40 * stream.Uniform(i));
    const long double reference = std::lgamma(static_cast<long double>(x));
    const double error = static_cast<double>(std::abs(PortableLogGamma(x) - reference) /
                                             std::max(1.0L, std::abs(reference)));
    worst = std::max(worst, error);
  }
  EXPECT_LT(worst, 3e-14);
  EXPECT_NEAR(PortableLogGamma(1), 0, 1e-14);
  EXPECT_NEAR(PortableLogGamma(2), 0, 1e-14);
  EXPECT_NEAR(PortableLogGamma(0.5), std::log(std::sqrt(M_PI)), 1e-14);
  EXPECT_NEAR(PortableLogGamma(11), std::log(3628800.0), 1e-13);  // 10!
}

// The check values of the paper (Wichura 1988), one for each of the three approximations.
TEST(NormalQuantile, PublishedValues) {
  EXPECT_DOUBLE_EQ(NormalQuantile(0.25), -0.6744897501960817);
  EXPECT_DOUBLE_EQ(NormalQuantile(0.001), -3.090232306167814);
  EXPECT_DOUBLE_EQ(NormalQuantile(1e-20), -9.262340089798408);
}

TEST(NormalQuantile, TabulatedQuantiles) {
  EXPECT_EQ(NormalQuantile(0.5), 0);
  EXPECT_NEAR(NormalQuantile(0.9), 1.2815515655446004, 1e-15);
  EXPECT_NEAR(NormalQuantile(0.95), 1.6448536269514722, 1e-15);
  EXPECT_NEAR(NormalQuantile(0.975), 1.959963984540054, 1e-15);
  EXPECT_NEAR(NormalQuantile(0.99), 2.3263478740408408, 1e-15);
  EXPECT_NEAR(NormalQuantile(0.999), 3.090232306167813, 1e-15);
}

// P(Z <= z) = erfc(-z / sqrt 2) / 2 must give p back. An error e in z moves it by e * density(z),
// which is how the error of z is measured here.
TEST(NormalQuantile, InvertsTheDistributionFunction) {
  const RandomStream stream(6, StreamPurpose::kPolicy, 0);
  double worst = 0;
  for (int i = 0; i < kPoints; ++i) {
    // Half the points in the middle, half far out in the lower tail.
    const double p = i % 2 == 0 ? stream.Uniform(i) : std::exp2(-1000 * stream.Uniform(i) - 1);
    const long double z = NormalQuantile(p);
    const long double back = std::erfc(-z / std::sqrt(2.0L)) / 2;
    const long double density = std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0L));
    if (z != 0) worst = std::max(worst, static_cast<double>(std::abs((back - p) / density / z)));
  }
  EXPECT_LT(worst, 2e-15);
}

TEST(NormalQuantile, IsSymmetric) {
  const RandomStream stream(7, StreamPurpose::kPolicy, 0);
  for (int i = 0; i < 10'000; ++i) {
    // Multiples of 2^-20, so that 1 - p is exact.
    const double p = std::floor(stream.Uniform(i) * 0x1p20) * 0x1p-20;
    if (p == 0) continue;
    EXPECT_EQ(NormalQuantile(p), -NormalQuantile(1 - p)) << p;
  }
}

TEST(CoarseLog2, IsWithinItsError) {
  const RandomStream stream(8, StreamPurpose::kPolicy, 0);
  double worst = 0;
  for (int i = 0; i < kPoints; ++i) {
    const double x = std::exp2(80 * stream.Uniform(i) - 40);
    worst = std::max(worst, std::abs(CoarseLog2(x) - std::log2(x)));
  }
  EXPECT_LT(worst, 1e-7);
  for (const int k : {-1022, -1, 0, 1, 1023}) EXPECT_EQ(CoarseLog2(std::ldexp(1.0, k)), k);
}

TEST(PortableSinTurns, IsWithinItsError) {
  double worst = 0;
  for (int i = 0; i <= 4000; ++i) {
    const double turns = i / 4000.0;
    worst =
        std::max(worst, std::abs(PortableSinTurns(turns) - std::sin(2 * std::acos(-1) * turns)));
  }
  EXPECT_LT(worst, 1e-12);
}

}  // namespace
}  // namespace reeve
