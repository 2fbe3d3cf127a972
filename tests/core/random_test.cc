#include "core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <vector>

namespace reeve {
namespace {

// Bounds of a chi-square statistic that a uniform source leaves with probability 1e-4 on each side
// (Wilson and Hilferty's approximation, z = 3.719). The seeds are fixed, so a test that passes once
// passes always; the bounds say that passing is no accident, and nor would failing be.
void ExpectChiSquare(const std::vector<uint64_t>& counts, const char* what) {
  double total = 0;
  for (uint64_t c : counts) total += static_cast<double>(c);
  const double expected = total / static_cast<double>(counts.size());
  double statistic = 0;
  for (uint64_t c : counts) {
    const double difference = static_cast<double>(c) - expected;
    statistic += difference * difference / expected;
  }
  const double freedom = static_cast<double>(counts.size() - 1);
  const double v = 2 / (9 * freedom);
  EXPECT_GT(statistic, freedom * std::pow(1 - v - 3.719 * std::sqrt(v), 3)) << what;
  EXPECT_LT(statistic, freedom * std::pow(1 - v + 3.719 * std::sqrt(v), 3)) << what;
}

// Largest distance between the empirical distribution of `samples` and `cdf`.
double KolmogorovDistance(std::vector<double> samples, const std::function<double(double)>& cdf) {
  std::sort(samples.begin(), samples.end());
  const double n = static_cast<double>(samples.size());
  double distance = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const double p = cdf(samples[i]);
    distance =
        std::max({distance, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return distance;
}

// The three "philox4x32 10" lines of tests/kat_vectors in Random123, the generator's own library.
TEST(Philox, KnownAnswers) {
  using Counter = std::array<uint32_t, 4>;
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// What a seed means must never change: the third known answer, seen through a stream whose counter
// words are (index low, index high, purpose, id) and whose key is the seed.
TEST(RandomStream, DrawsAreTheDocumentedBlocks) {
  const RandomStream stream(0x299f31d0a4093822, static_cast<StreamPurpose>(0x13198a2e), 0x03707344);
  const uint64_t index = 0x85a308d3243f6a88;
  EXPECT_EQ(stream.Bits(index), 0x94fdccebd16cfe09u);
  const auto [first, second] = stream.UniformPair(index);
  EXPECT_EQ(first, stream.Uniform(index));
  EXPECT_EQ(second, RandomStream::ToUnit(0x24126ea15001e420));
}

TEST(RandomStream, PurposesKeepTheirNumbers) {
  EXPECT_EQ(static_cast<uint32_t>(StreamPurpose::kArrivals), 1u);
  EXPECT_EQ(static_cast<uint32_t>(StreamPurpose::kServiceTime), 2u);
  EXPECT_EQ(static_cast<uint32_t>(StreamPurpose::kColdStart), 3u);
  EXPECT_EQ(static_cast<uint32_t>(StreamPurpose::kFailure), 4u);
  EXPECT_EQ(static_cast<uint32_t>(StreamPurpose::kPlacement), 5u);
  EXPECT_EQ(static_cast<uint32_t>(StreamPurpose::kGenerator), 6u);
  EXPECT_EQ(static_cast<uint32_t>(StreamPurpose::kPolicy), 7u);
  EXPECT_EQ(static_cast<uint32_t>(StreamPurpose::kPerturbation), 8u);
}

TEST(RandomStream, UnitIntervalIsOpen) {
  EXPECT_EQ(RandomStream::ToUnit(0), 0x1p-53);
  EXPECT_EQ(RandomStream::ToUnit(~uint64_t{0}), 1 - 0x1p-53);
  EXPECT_LT(RandomStream::ToUnit(~uint64_t{0}), 1.0);
}

TEST(RandomStream, UniformPassesChiSquare) {
  const RandomStream stream(1, StreamPurpose::kArrivals, 0);
  std::vector<uint64_t> single(256), pairs(256), second(256);
  double previous = stream.Uniform(0);
  for (uint64_t i = 1; i <= 400'000; ++i) {
    const auto [u, v] = stream.UniformPair(i);
    ++single[static_cast<size_t>(u * 256)];
    ++second[static_cast<size_t>(v * 256)];
    // Successive draws in the plane; every second one, so that the pairs do not overlap.
    if (i % 2 == 1) ++pairs[static_cast<size_t>(previous * 16) * 16 + static_cast<size_t>(u * 16)];
    previous = u;
  }
  ExpectChiSquare(single, "one draw");
  ExpectChiSquare(pairs, "two draws in a row");
  ExpectChiSquare(second, "second of a pair");
}

// Correlation of streams that differ in the least: one id, one purpose, one bit of the seed. With n
// independent pairs it has standard deviation 1/sqrt(n).
TEST(RandomStream, NeighbouringStreamsAreUncorrelated) {
  constexpr int kDraws = 100'000;
  const RandomStream base(7, StreamPurpose::kArrivals, 3);
  const RandomStream others[] = {{7, StreamPurpose::kArrivals, 4},
                                 {7, StreamPurpose::kServiceTime, 3},
                                 {6, StreamPurpose::kArrivals, 3},
                                 {7 + (uint64_t{1} << 32), StreamPurpose::kArrivals, 3}};
  for (const RandomStream& other : others) {
    double sum = 0;
    for (int i = 0; i < kDraws; ++i) sum += (base.Uniform(i) - 0.5) * (other.Uniform(i) - 0.5);
    const double correlation = sum / kDraws * 12;  // the variance of a uniform is 1/12
    EXPECT_LT(std::abs(correlation), 4 / std::sqrt(kDraws));
    EXPECT_NE(base.Bits(0), other.Bits(0));
  }
}

TEST(RandomStream, DrawsDoNotRepeatAcrossStreams) {
  std::set<uint64_t> seen;
  for (uint32_t id = 0; id < 100; ++id) {
    const RandomStream stream(42, StreamPurpose::kColdStart, id);
    for (uint64_t i = 0; i < 100; ++i) seen.insert(stream.Bits(i));
  }
  EXPECT_EQ(seen.size(), 10'000u);  // 10^8 / 2^65 chance of any repetition
}

TEST(RandomStream, BelowStaysBelowAndIsUniform) {
  const RandomStream stream(3, StreamPurpose::kPlacement, 9);
  std::vector<uint64_t> counts(7);
  for (uint64_t i = 0; i < 70'000; ++i) {
    const uint64_t value = stream.Below(i, 7);
    ASSERT_LT(value, 7u);
    ++counts[value];
  }
  ExpectChiSquare(counts, "Below(7)");
  for (uint64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(stream.Below(i, 1), 0u);
    EXPECT_LT(stream.Below(i, uint64_t{1} << 63), uint64_t{1} << 63);
    EXPECT_LT(stream.Below(i, ~uint64_t{0}), ~uint64_t{0});
  }
}

// The distance times sqrt(n) exceeds 2.23 with probability 2 exp(-2 * 2.23^2) = 1e-4.
TEST(RandomStream, ExponentialAndNormalHaveTheirDistributions) {
  constexpr int kDraws = 100'000;
  const RandomStream stream(11, StreamPurpose::kServiceTime, 0);
  std::vector<double> exponential, normal;
  for (int i = 0; i < kDraws; ++i) {
    exponential.push_back(stream.Exponential(i));
    normal.push_back(stream.Normal(i));
  }
  EXPECT_LT(KolmogorovDistance(exponential, [](double x) { return 1 - std::exp(-x); }),
            2.23 / std::sqrt(kDraws));
  EXPECT_LT(KolmogorovDistance(normal, [](double z) { return std::erfc(-z / std::sqrt(2)) / 2; }),
            2.23 / std::sqrt(kDraws));
}

TEST(RandomCursor, WalksItsStream) {
  const RandomStream stream(5, StreamPurpose::kGenerator, 1);
  RandomCursor cursor(stream);
  EXPECT_EQ(cursor.Uniform(), stream.Uniform(0));
  EXPECT_EQ(cursor.Exponential(), stream.Exponential(1));
  EXPECT_EQ(cursor.Normal(), stream.Normal(2));
  EXPECT_EQ(cursor.Below(10), stream.Below(3, 10));
  EXPECT_EQ(cursor.Uniform(), stream.Uniform(4));
}

}  // namespace
}  // namespace reeve
