#include "agents/nn/batched_network.h"

#include <gtest/gtest.h>

#include <cmath>

#include "agents/nn/streaming_network.h"
#include "tests/agents/nn/network_cases.h"

namespace reeve {
namespace {

constexpr int64_t kGroups = 3, kSequences = 4, kSteps = 6;

torch::Tensor Random(torch::IntArrayRef shape, uint32_t stream) {
  int64_t count = 1;
  for (const int64_t n : shape) count *= n;
  const std::vector<float> numbers = Normals(static_cast<size_t>(count), stream);
  return torch::tensor(at::ArrayRef<float>(numbers)).view(shape);
}

// Episodes begin here and there in the middle.
torch::Tensor SomeStarts() {
  return (Random({kGroups, kSequences, kSteps}, 5) > 0.9).to(torch::kFloat32);
}

class BatchedNetworkCases : public testing::TestWithParam<NetworkCase> {
 protected:
  BatchedNetworkCases() { at::set_num_threads(1); }

  torch::Tensor Parameters() const {
    const std::vector<float> numbers = SomeParameters(layout, kGroups);
    return torch::tensor(at::ArrayRef<float>(numbers)).view({kGroups, layout.parameters});
  }

  const NetworkLayout layout = LayoutOf(GetParam().spec);
  const torch::Tensor x = Random({kGroups, kSequences, kSteps, kInputs}, 1);
  const torch::Tensor starts = SomeStarts();
  // GRU's states lie between -1 and 1.
  const torch::Tensor state = torch::tanh(Random({kGroups, kSequences, layout.state}, 2));
};
INSTANTIATE_TEST_SUITE_P(All, BatchedNetworkCases, testing::ValuesIn(NetworkCases()), CaseName);

// The streaming network, step by step, with the state zeroed where an episode begins.
torch::Tensor Streamed(const NetworkLayout& layout, const torch::Tensor& parameters,
                       const torch::Tensor& x, const torch::Tensor& starts,
                       const torch::Tensor& state) {
  torch::Tensor out = torch::empty({kGroups, kSequences, kSteps, kOutputs});
  StreamingNetwork network(layout);
  for (int64_t a = 0; a < kGroups; ++a) {
    torch::Tensor past = state[a].clone();
    for (int64_t t = 0; t < kSteps; ++t) {
      past.mul_(1 - starts[a].select(1, t).unsqueeze(1));
      const torch::Tensor now = x[a].select(1, t).contiguous();
      torch::Tensor y = torch::empty({kSequences, kOutputs});
      network.Step(parameters[a].data_ptr<float>(), kSequences, now.data_ptr<float>(),
                   past.data_ptr<float>(), y.data_ptr<float>());
      out[a].select(1, t).copy_(y);
    }
  }
  return out;
}

// Within `tolerance` of the largest number; 1e-5 is some tens of roundings.
void ExpectNear(const torch::Tensor& actual, const torch::Tensor& expected, double tolerance) {
  ASSERT_EQ(actual.sizes(), expected.sizes());
  const double scale = expected.abs().max().item<double>();
  ASSERT_GT(scale, 0);
  EXPECT_LT((actual - expected).abs().max().item<double>(), tolerance * scale);
}

// To the bit: both are made of the same kernels.
TEST_P(BatchedNetworkCases, IsTheStreamingNetwork) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor parameters = Parameters();
  BatchedNetwork network(layout, parameters, torch::zeros_like(parameters));
  EXPECT_TRUE(torch::equal(network.Forward(x, starts, state),
                           Streamed(layout, parameters, x, starts, state)));
  const torch::Tensor none = torch::zeros_like(starts);
  EXPECT_TRUE(torch::equal(network.Forward(x, none, {}),
                           Streamed(layout, parameters, x, none, torch::zeros_like(state))));
}

// In float64 it is made of other, simpler loops.
TEST_P(BatchedNetworkCases, IsItselfInDoublePrecision) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor parameters = Parameters(), exact = parameters.to(torch::kFloat64);
  BatchedNetwork network(layout, parameters, torch::zeros_like(parameters));
  BatchedNetwork reference(layout, exact, torch::zeros_like(exact));
  ExpectNear(network.Forward(x, starts, state),
             reference.Forward(x.to(torch::kFloat64), starts.to(torch::kFloat64),
                               state.to(torch::kFloat64)),
             1e-5);
}

// What the gradient is compared with: a fixed random weighting of all outputs.
torch::Tensor Loss(BatchedNetwork& network, const torch::Tensor& x, const torch::Tensor& starts,
                   const torch::Tensor& state) {
  const torch::Tensor y = network.Forward(x, starts, state);
  return (y * Random(y.sizes(), 7).to(y.dtype())).sum();
}

// In float64; each of the parameters and of the inputs by (f(+h) - f(-h)) / 2h. With h = 1e-6 the
// formula's error is about 1e-12 and rounding's 1e-9. ReLU has kinks: a parameter whose step
// crosses one is off, so a few may be.
TEST_P(BatchedNetworkCases, GradientIsThatOfFiniteDifferences) {
  const auto as_double = [](const torch::Tensor& t) { return t.to(torch::kFloat64); };
  torch::Tensor parameters = as_double(Parameters()), gradients = torch::zeros_like(parameters);
  BatchedNetwork network(layout, parameters, gradients);
  torch::Tensor inputs = as_double(x).requires_grad_(true);
  Loss(network, inputs, as_double(starts), as_double(state)).backward();

  const torch::NoGradGuard no_grad;
  const auto check = [&](torch::Tensor numbers, const torch::Tensor& gradient) {
    numbers = numbers.detach().view({-1});
    const torch::Tensor expected = gradient.reshape({-1});
    const int64_t stride = 1 + numbers.size(0) / 300;  // some of every block
    for (int64_t i = 0; i < numbers.size(0); i += stride) {
      constexpr double kStep = 1e-6;
      double* number = numbers.data_ptr<double>() + i;
      const double value = *number;
      const auto at = [&](double moved) {
        *number = moved;
        return Loss(network, inputs, as_double(starts), as_double(state)).item<double>();
      };
      const double difference = (at(value + kStep) - at(value - kStep)) / (2 * kStep);
      *number = value;
      EXPECT_NEAR(expected[i].item<double>(), difference, 1e-6 * (1 + std::abs(difference))) << i;
    }
  };
  check(parameters, gradients);
  check(inputs, inputs.grad());
}

TEST_P(BatchedNetworkCases, GradientsAreAddedInPlace) {
  const torch::Tensor parameters = Parameters(), gradients = torch::zeros_like(parameters);
  BatchedNetwork network(layout, parameters, gradients);
  Loss(network, x, starts, state).backward();
  const torch::Tensor once = gradients.clone();
  EXPECT_GT(once.abs().max().item<float>(), 0);
  Loss(network, x, starts, state).backward();
  ExpectNear(gradients, 2 * once, 1e-5);
  gradients.zero_();
  Loss(network, x, starts, state).backward();
  EXPECT_TRUE(torch::equal(gradients, once));
}

TEST_P(BatchedNetworkCases, GroupsDoNotTouchEachOther) {
  const torch::Tensor parameters = Parameters(), gradients = torch::zeros_like(parameters);
  BatchedNetwork network(layout, parameters, gradients);
  const torch::Tensor y = network.Forward(x, starts, state).detach();
  Loss(network, x, starts, state).backward();
  const torch::Tensor before = gradients.clone();

  parameters[0].add_(0.1);
  const torch::Tensor other = x.clone();
  other[0].mul_(2);
  gradients.zero_();
  Loss(network, other, starts, state).backward();
  const torch::Tensor changed = network.Forward(other, starts, state).detach();
  EXPECT_FALSE(torch::equal(changed[0], y[0]));
  EXPECT_TRUE(torch::equal(changed.slice(0, 1), y.slice(0, 1)));
  EXPECT_FALSE(torch::equal(gradients[0], before[0]));
  EXPECT_TRUE(torch::equal(gradients.slice(0, 1), before.slice(0, 1)));
}

}  // namespace
}  // namespace reeve
