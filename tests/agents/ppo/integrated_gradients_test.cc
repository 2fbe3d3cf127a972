#include "agents/ppo/integrated_gradients.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "agents/nn/blas_check.h"
#include "agents/nn/streaming_network.h"
#include "agents/ppo/categorical.h"
#include "tests/agents/nn/network_cases.h"

namespace reeve {
namespace {

// Two heads, of 3 and 4 choices; one choice of each is illegal.
constexpr std::array<int32_t, 2> kHeads = {3, 4};
constexpr std::array<uint8_t, kOutputs> kLegal = {1, 0, 1, 1, 1, 0, 1};
constexpr std::array<int32_t, 2> kChosen = {2, 1};

// A moment of one of the networks that all tests of agents/nn go through.
struct Moment {
  explicit Moment(const NetworkSpec& spec)
      : layout(LayoutOf(spec)),
        parameters(SomeParameters(layout, 1)),
        input(Normals(kInputs, 1)),
        baseline(kInputs, 0.0F),
        state(Normals(static_cast<size_t>(layout.state), 2)) {
    SetSingleThreadedMath();
    for (float& s : state) s = std::tanh(s);  // a GRU's state lies between -1 and 1
  }
  ChoiceSeen Seen(size_t head) const {
    return {.parameters = parameters,
            .input = input,
            .baseline = baseline,
            .state = state,
            .heads = kHeads,
            .legal = kLegal,
            .head = head,
            .choice = kChosen[head]};
  }

  const NetworkLayout layout;
  std::vector<float> parameters, input, baseline, state;
};

double LargestOf(const Attribution& attribution) {
  double largest = 0;
  for (const double a : attribution.inputs) largest = std::max(largest, std::abs(a));
  return largest;
}

class EveryEncoder : public testing::TestWithParam<NetworkCase> {};
INSTANTIATE_TEST_SUITE_P(All, EveryEncoder, testing::ValuesIn(NetworkCases()), CaseName);

TEST_P(EveryEncoder, AttributionsAddUpToWhatTheyExplain) {
  const Moment moment(GetParam().spec);
  for (const size_t head : {0, 1}) {
    const Attribution a = IntegratedGradients(moment.layout, moment.Seen(head));
    ASSERT_GT(std::abs(a.seen - a.baseline), 1e-3);  // there is something to explain
    double in_all = 0, sum = 0;
    for (const double one : a.inputs) in_all += std::abs(one), sum += one;
    EXPECT_NEAR(sum, a.seen - a.baseline, 1e-3 * in_all);
    EXPECT_EQ(a.Sum(), sum);
    EXPECT_DOUBLE_EQ(a.Gap(), sum - (a.seen - a.baseline));
    EXPECT_LT(a.steps, 16384);
  }
}

// What it explains is the probability that acts, from the past that was there.
TEST_P(EveryEncoder, ExplainsTheNetworkThatActs) {
  const Moment moment(GetParam().spec);
  const auto log_probability = [&](const std::vector<float>& x, size_t head) {
    std::vector<float> state = moment.state, logits(kOutputs), probabilities(kOutputs);
    StreamingNetwork network(moment.layout);
    network.Step(moment.parameters.data(), 1, x.data(), state.data(), logits.data());
    const int32_t first = head == 0 ? 0 : kHeads[0];
    MaskedSoftmax(logits.data() + first, kLegal.data() + first, kHeads[head], probabilities.data());
    return std::log(probabilities[static_cast<size_t>(kChosen[head])]);
  };
  for (const size_t head : {0, 1}) {
    const Attribution a = IntegratedGradients(moment.layout, moment.Seen(head));
    EXPECT_NEAR(a.seen, log_probability(moment.input, head), 1e-4);
    EXPECT_NEAR(a.baseline, log_probability(moment.baseline, head), 1e-4);
  }
}

// The only input that differs moves it all.
TEST_P(EveryEncoder, NoDifferenceMovesNothing) {
  Moment moment(GetParam().spec);
  moment.baseline = moment.input;
  moment.baseline[3] = 0;
  const Attribution a = IntegratedGradients(moment.layout, moment.Seen(0));
  for (const size_t same : {0, 1, 2, 4}) EXPECT_EQ(a.inputs[same], 0);
  const double difference = a.seen - a.baseline;
  EXPECT_NEAR(a.inputs[3], difference, 1e-3 * std::abs(difference) + 1e-12);
}

float* Block(const NetworkLayout& layout, std::vector<float>& parameters, std::string_view name) {
  return parameters.data() + layout.block(name).offset;
}

// Biases so large that no ReLU ever closes: the two logits are linear in the input, and so is their
// difference, z = w x + c. The log-probability of the first is then g(z) = -log(1 + e^-z), the
// gradient g'(z) w, and the integral w_i (x_i - b_i) (g(z_x) - g(z_b)) / (z_x - z_b).
TEST(IntegratedGradients, OfALinearNetworkAreWeightTimesDifference) {
  SetSingleThreadedMath();
  const NetworkSpec spec{EncoderKind::kLatest, 2, 1, 1, 0.125, false, Activation::kRelu};
  const NetworkLayout layout = MakeLayout(spec, 3, 2, 1);
  std::vector<float> parameters(static_cast<size_t>(layout.parameters));
  // [inputs, outputs] each.
  const std::array<float, 6> hidden = {1, 0, 0.5, 2, 0, -1};
  const std::array<float, 4> output = {1, -0.5, 0.25, 0};
  std::copy(hidden.begin(), hidden.end(), Block(layout, parameters, "hidden0.weight"));
  std::fill_n(Block(layout, parameters, "hidden0.bias"), 2, 100.0F);
  std::copy(output.begin(), output.end(), Block(layout, parameters, "output.weight"));
  // z = 1.5 h0 + 0.25 h1 + difference of biases; h = x W + 100.
  Block(layout, parameters, "output.bias")[0] = -175;
  const std::array<double, 3> w = {1.5, 1.5 * 0.5 + 0.25 * 2, -0.25};
  const std::vector<float> x = {1, -2, 3}, b = {0.5, 0, -1};
  const auto z = [&](const std::vector<float>& at) {
    return w[0] * at[0] + w[1] * at[1] + w[2] * at[2];
  };
  const auto g = [](double at) { return -std::log1p(std::exp(-at)); };

  const std::array<int32_t, 1> heads = {2};
  const std::array<uint8_t, 2> legal = {1, 1};
  const Attribution a = IntegratedGradients(layout, {.parameters = parameters,
                                                     .input = x,
                                                     .baseline = b,
                                                     .state = {},
                                                     .heads = heads,
                                                     .legal = legal,
                                                     .head = 0,
                                                     .choice = 0});
  EXPECT_NEAR(a.seen, g(z(x)), 1e-9);
  EXPECT_NEAR(a.baseline, g(z(b)), 1e-9);
  const double slope = (g(z(x)) - g(z(b))) / (z(x) - z(b));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(a.inputs[i], w[i] * (x[i] - b[i]) * slope, 1e-4) << i;
  }
}

// Inputs in another order, and the rows of the first layer with them.
TEST(IntegratedGradients, GoWithTheInputsWhenTheseArePermuted) {
  const NetworkSpec spec = NetworkCases().front().spec;
  const Moment moment(spec);
  Moment permuted(spec);
  const std::array<size_t, kInputs> from = {3, 0, 4, 1, 2};
  const ParameterBlock& block = moment.layout.block("hidden0.weight");
  ASSERT_EQ(block.rows, kInputs);
  for (size_t i = 0; i < kInputs; ++i) {
    permuted.input[i] = moment.input[from[i]];
    const auto row = [&](size_t r) {
      return block.offset + static_cast<int64_t>(r) * block.columns;
    };
    std::copy_n(moment.parameters.begin() + row(from[i]), block.columns,
                permuted.parameters.begin() + row(i));
  }
  const Attribution before = IntegratedGradients(moment.layout, moment.Seen(1));
  const Attribution after = IntegratedGradients(permuted.layout, permuted.Seen(1));
  for (size_t i = 0; i < kInputs; ++i) EXPECT_NEAR(after.inputs[i], before.inputs[from[i]], 1e-9);
  EXPECT_GT(LargestOf(before), 1e-3);
}

// There was nothing to choose: nothing moved it.
TEST(IntegratedGradients, OfTheOnlyLegalChoiceAreZero) {
  const Moment moment(NetworkCases().front().spec);
  constexpr std::array<uint8_t, kOutputs> kOnly = {0, 0, 1, 1, 1, 1, 1};
  ChoiceSeen seen = moment.Seen(0);
  seen.legal = kOnly;
  const Attribution a = IntegratedGradients(moment.layout, seen);
  EXPECT_EQ(a.seen, 0);
  EXPECT_EQ(LargestOf(a), 0);
}

// With another past the same input moves the choice otherwise.
TEST(IntegratedGradients, DependOnThePast) {
  for (const NetworkCase& c : NetworkCases()) {
    Moment moment(c.spec);
    if (moment.layout.state == 0) continue;
    const Attribution before = IntegratedGradients(moment.layout, moment.Seen(0));
    std::fill(moment.state.begin(), moment.state.end(), 0.0F);
    const Attribution after = IntegratedGradients(moment.layout, moment.Seen(0));
    EXPECT_NE(before.seen, after.seen) << c.name;
    EXPECT_NE(before.inputs, after.inputs) << c.name;
  }
}

}  // namespace
}  // namespace reeve
