#include "agents/ppo/categorical.h"

#include <cmath>
#include <vector>

#include "core/random.h"
#include "gtest/gtest.h"

namespace reeve {
namespace {

TEST(MaskedSoftmax, ByHand) {
  const float logits[] = {std::log(1.0F), std::log(2.0F), 50, std::log(5.0F)};
  const uint8_t legal[] = {1, 1, 0, 1};
  float p[4];
  const float normaliser = MaskedSoftmax(logits, legal, 4, p);
  EXPECT_NEAR(normaliser, std::log(8.0), 1e-6);
  EXPECT_NEAR(p[0], 0.125, 1e-6);
  EXPECT_NEAR(p[1], 0.25, 1e-6);
  EXPECT_EQ(p[2], 0);
  EXPECT_NEAR(p[3], 0.625, 1e-6);
  EXPECT_EQ(MostProbable(p, 4), 3);
}

TEST(MaskedSoftmax, LargeLogitsStayFinite) {
  const float logits[] = {1000, 999, -1000};
  const uint8_t legal[] = {1, 1, 1};
  float p[3];
  EXPECT_NEAR(MaskedSoftmax(logits, legal, 3, p), 1000 + std::log1p(std::exp(-1.0)), 1e-3);
  EXPECT_NEAR(p[0], 1 / (1 + std::exp(-1.0)), 1e-6);
}

TEST(Sample, NeverWhatHasNoProbability) {
  const float p[] = {0, 0.5F, 0, 0.5F, 0};
  EXPECT_EQ(Sample(p, 5, 1e-300), 1);
  EXPECT_EQ(Sample(p, 5, 0.4999), 1);
  EXPECT_EQ(Sample(p, 5, 0.5), 3);
  EXPECT_EQ(Sample(p, 5, 1 - 1e-16), 3);
  const float short_of_one[] = {0.5F, 0.4F, 0};
  EXPECT_EQ(Sample(short_of_one, 3, 0.99), 1);
}

// Counts of 100,000 draws against probabilities: the deviation of a share p is sqrt(p (1 - p) / n)
// <= 0.0016, so five of them are 0.008. The masked choice has count 0 exactly.
TEST(SampleHeads, FrequenciesAreTheProbabilities) {
  const std::vector<int32_t> heads = {4, 2};
  const float logits[] = {std::log(1.0F), std::log(2.0F), 50, std::log(5.0F), 0, std::log(3.0F)};
  const uint8_t legal[] = {1, 1, 0, 1, 1, 1};
  const double expected[] = {0.125, 0.25, 0, 0.625, 0.25, 0.75};
  const RandomStream stream(5, StreamPurpose::kExploration, 0);
  constexpr int kDraws = 100000;
  int counts[6] = {};
  for (uint64_t i = 0; i < kDraws; ++i) {
    float p[6];
    int32_t choices[2];
    const float log_prob = SampleHeads(
        heads, logits, legal, [&](size_t head) { return stream.Uniform(2 * i + head); }, p,
        choices);
    ++counts[choices[0]];
    ++counts[4 + choices[1]];
    ASSERT_NEAR(log_prob, std::log(expected[choices[0]] * expected[4 + choices[1]]), 1e-5);
  }
  EXPECT_EQ(counts[2], 0);
  for (int k = 0; k < 6; ++k) EXPECT_NEAR(counts[k] / double{kDraws}, expected[k], 0.008);
}

}  // namespace
}  // namespace reeve
