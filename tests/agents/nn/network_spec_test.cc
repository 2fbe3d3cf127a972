#include "agents/nn/network_spec.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/agents/nn/network_cases.h"

namespace reeve {
namespace {

TEST(NetworkSpec, CountsParametersAndState) {
  NetworkSpec spec;  // latest, 64-64
  EXPECT_EQ(MakeLayout(spec, 6, 5, 1).parameters, 6 * 64 + 64 + 64 * 64 + 64 + 64 * 5 + 5);
  EXPECT_EQ(MakeLayout(spec, 6, 5, 1).state, 0);
  spec.layer_norm = true;  // of 6 and of 64 channels
  EXPECT_EQ(MakeLayout(spec, 6, 5, 1).parameters,
            6 * 64 + 64 + 64 * 64 + 64 + 64 * 5 + 5 + 2 * 6 + 2 * 64);
  spec.layer_norm = false;
  spec.encoder = EncoderKind::kStack;
  EXPECT_EQ(MakeLayout(spec, 6, 5, 1).parameters, 24 * 64 + 64 + 64 * 64 + 64 + 64 * 5 + 5);
  EXPECT_EQ(MakeLayout(spec, 6, 5, 1).state, 18);
  spec.encoder = EncoderKind::kShift;
  EXPECT_EQ(MakeLayout(spec, 6, 5, 1).parameters,
            6 * 64 + 64 + 2 * (128 + 2 * (64 * 64 + 64)) + 128 + 64 * 5 + 5);
  EXPECT_EQ(MakeLayout(spec, 6, 5, 1).state, 2 * 8);
  spec.encoder = EncoderKind::kGru;
  EXPECT_EQ(MakeLayout(spec, 6, 5, 1).parameters,
            6 * 64 + 64 + 2 * (64 * 192 + 192) + 64 * 64 + 64 + 64 * 5 + 5);
  EXPECT_EQ(MakeLayout(spec, 6, 5, 1).state, 64);
}

TEST(NetworkSpec, FoldIsAtLeastOneChannelAndAtMostAll) {
  NetworkSpec spec;
  spec.encoder = EncoderKind::kShift;
  const auto fold = [&](int32_t width, double fraction) {
    spec.width = width;
    spec.shift_fraction = fraction;
    return ShiftFold(spec);
  };
  EXPECT_EQ(fold(64, 0.125), 8);
  EXPECT_EQ(fold(64, 0.5), 32);
  EXPECT_EQ(fold(20, 0.125), 3);  // 2.5 rounds up
  EXPECT_EQ(fold(64, 0), 1);
  EXPECT_EQ(fold(4, 0.125), 1);
  EXPECT_EQ(fold(4, 1), 4);
}

class NetworkSpecCases : public testing::TestWithParam<NetworkCase> {};
INSTANTIATE_TEST_SUITE_P(All, NetworkSpecCases, testing::ValuesIn(NetworkCases()), CaseName);

TEST_P(NetworkSpecCases, BlocksLieOneAfterTheOther) {
  const NetworkLayout layout = LayoutOf(GetParam().spec);
  int64_t end = 0;
  for (const ParameterBlock& block : layout.blocks) {
    EXPECT_EQ(block.offset, end) << block.name;
    end += block.size();
    EXPECT_EQ(&layout.block(block.name), &block);
  }
  EXPECT_EQ(layout.parameters, end);
}

TEST_P(NetworkSpecCases, NearestWidthIsNearest) {
  const NetworkSpec& spec = GetParam().spec;
  const auto count = [&](int32_t width) {
    NetworkSpec other = spec;
    other.width = width;
    return MakeLayout(other, kInputs, kOutputs, 1).parameters;
  };
  for (const int64_t wished : {int64_t{1}, int64_t{777}, count(spec.width), int64_t{5000}}) {
    const int32_t width = NearestWidth(spec, kInputs, kOutputs, wished);
    int32_t best = 1;
    for (int32_t w = 2; w < 600; ++w) {
      if (std::abs(count(w) - wished) < std::abs(count(best) - wished)) best = w;
    }
    EXPECT_EQ(width, best) << wished;
  }
}

TEST_P(NetworkSpecCases, WeightsAreOrthogonalWithTheirGain) {
  const NetworkLayout layout = LayoutOf(GetParam().spec);
  std::vector<float> parameters(static_cast<size_t>(layout.parameters), 99);
  Initialise(layout, 1, 2, parameters);
  for (const ParameterBlock& block : layout.blocks) {
    const float* w = parameters.data() + block.offset;
    if (block.gain == 0) {
      for (int64_t i = 0; i < block.size(); ++i) EXPECT_EQ(w[i], block.fill) << block.name;
      continue;
    }
    const int32_t columns = block.columns / block.panels;
    const bool tall = block.rows >= columns;
    const int32_t count = tall ? columns : block.rows, length = tall ? block.rows : columns;
    for (int32_t panel = 0; panel < block.panels; ++panel) {
      const auto at = [&](int32_t vector, int32_t k) -> double {
        const int32_t row = tall ? k : vector, column = (tall ? vector : k) + panel * columns;
        return w[row * block.columns + column];
      };
      for (int32_t i = 0; i < count; ++i) {
        for (int32_t j = 0; j <= i; ++j) {
          double dot = 0;
          for (int32_t k = 0; k < length; ++k) dot += at(i, k) * at(j, k);
          // Numbers are stored with 24 bits.
          EXPECT_NEAR(dot, i == j ? block.gain * block.gain : 0, 2e-7 * length) << block.name;
        }
      }
    }
  }
}

TEST(Initialise, GainsByActivationAndOfTheOutput) {
  NetworkSpec spec;
  EXPECT_DOUBLE_EQ(MakeLayout(spec, 3, 2, 0.01).block("hidden1.weight").gain, std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(MakeLayout(spec, 3, 2, 0.01).block("output.weight").gain, 0.01);
  spec.activation = Activation::kTanh;
  EXPECT_DOUBLE_EQ(MakeLayout(spec, 3, 2, 0.01).block("hidden0.weight").gain, 5.0 / 3);
}

TEST(Initialise, DependsOnSeedAndStreamAlone) {
  const NetworkLayout layout = LayoutOf(NetworkSpec());
  const auto fill = [&](uint64_t seed, uint32_t stream) {
    std::vector<float> parameters(static_cast<size_t>(layout.parameters));
    Initialise(layout, seed, stream, parameters);
    return parameters;
  };
  EXPECT_EQ(fill(1, 1), fill(1, 1));
  EXPECT_NE(fill(1, 1), fill(2, 1));
  EXPECT_NE(fill(1, 1), fill(1, 2));
}

}  // namespace
}  // namespace reeve
