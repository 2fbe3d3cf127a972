// The differentiable pieces against torch's own operators and their gradients.
#include "agents/nn/batched_layers.h"

#include <gtest/gtest.h>

#include "tests/agents/nn/network_cases.h"

namespace reeve {
namespace {

constexpr int64_t kGroups = 2;

torch::Tensor Random(torch::IntArrayRef shape, uint32_t stream) {
  int64_t count = 1;
  for (const int64_t n : shape) count *= n;
  const std::vector<float> numbers = Normals(static_cast<size_t>(count), stream);
  return torch::tensor(at::ArrayRef<float>(numbers)).view(shape);
}

Parameter RandomParameter(torch::IntArrayRef shape, uint32_t stream) {
  return {Random(shape, stream).requires_grad_(true), torch::zeros(shape)};
}

// The same numbers as a leaf of their own, for torch.
torch::Tensor Leaf(const torch::Tensor& tensor) {
  return tensor.detach().clone().requires_grad_(true);
}

void ExpectNear(const torch::Tensor& actual, const torch::Tensor& expected) {
  ASSERT_EQ(actual.sizes(), expected.sizes());
  const double scale = expected.abs().max().item<double>();
  EXPECT_LT((actual - expected).abs().max().item<double>(), 1e-5 * scale);
}

TEST(LinearLayer, IsTorchs) {
  // More rows than the backward pass takes at once.
  const torch::Tensor x = Random({kGroups, 301, 10}, 1).requires_grad_(true);
  const torch::Tensor g = Random({kGroups, 301, 6}, 4);
  for (const Epilogue epilogue : {Epilogue::kNone, Epilogue::kRelu, Epilogue::kTanh}) {
    const Parameter weight = RandomParameter({kGroups, 10, 6}, 2);
    const Parameter bias = RandomParameter({kGroups, 1, 6}, 3);
    const torch::Tensor tx = Leaf(x), tw = Leaf(weight.value), tb = Leaf(bias.value);
    torch::Tensor expected = torch::baddbmm(tb, tx, tw);
    if (epilogue == Epilogue::kRelu) expected = torch::relu(expected);
    if (epilogue == Epilogue::kTanh) expected = torch::tanh(expected);
    expected.backward(g);
    x.mutable_grad() = torch::Tensor();
    const torch::Tensor y = LinearLayer(x, weight, bias, epilogue);
    y.backward(g);
    ExpectNear(y, expected);
    ExpectNear(x.grad(), tx.grad());
    ExpectNear(weight.gradient, tw.grad());
    ExpectNear(bias.gradient, tb.grad());
  }
}

TEST(ShiftedLayerNorm, IsTorchsLayerNormWithoutShift) {
  constexpr int64_t kWidth = 11;
  const torch::Tensor x = Random({kGroups, 3, 4, kWidth}, 1).requires_grad_(true);
  const torch::Tensor g = Random({kGroups, 3, 4, kWidth}, 4);
  const Parameter gain = RandomParameter({kGroups, 1, kWidth}, 2);
  const Parameter bias = RandomParameter({kGroups, 1, kWidth}, 3);
  const torch::Tensor tx = Leaf(x), tgain = Leaf(gain.value), tbias = Leaf(bias.value);
  const torch::Tensor expected =
      torch::layer_norm(tx, {kWidth}, {}, {}, 1e-5) * tgain.unsqueeze(1) + tbias.unsqueeze(1);
  expected.backward(g);
  const torch::Tensor y = ShiftedLayerNorm(x, gain, bias, 0, {}, {});
  y.backward(g);
  ExpectNear(y, expected);
  ExpectNear(x.grad(), tx.grad());
  ExpectNear(gain.gradient, tgain.grad());
  ExpectNear(bias.gradient, tbias.grad());
}

// TSRL's formula: the gradient of a shifted channel at step t is that of its output at t + 1, 0 at
// the last step; other channels pass. The gradient of LayerNorm's gain, z times that, shows which
// step it came from.
TEST(ShiftedLayerNorm, GradientOfTheShiftIsThatOfTheNextStep) {
  constexpr int64_t kSteps = 4, kWidth = 5, kFold = 2;
  const torch::Tensor x = Random({1, 1, kSteps, kWidth}, 1);
  const torch::Tensor z = torch::layer_norm(x, {kWidth}, {}, {}, 1e-5)[0][0];
  const torch::Tensor before = Random({1, 1, kFold}, 2);
  torch::Tensor keep = torch::ones({1, 1, kSteps});
  keep[0][0][2] = 0;  // an episode begins at step 2
  for (int64_t t = 0; t < kSteps; ++t) {
    for (int64_t c = 0; c < kWidth; ++c) {
      const Parameter gain = {torch::ones({1, 1, kWidth}).requires_grad_(true),
                              torch::zeros({1, 1, kWidth})};
      const Parameter bias = {torch::zeros({1, 1, kWidth}).requires_grad_(true),
                              torch::zeros({1, 1, kWidth})};
      const torch::Tensor y = ShiftedLayerNorm(x, gain, bias, kFold, keep, before);
      const bool shifted = c < kFold, cut = shifted && t == 2;
      torch::Tensor value = z[t][c];
      if (shifted) value = t == 0 ? before[0][0][c] : z[t - 1][c];
      if (cut) value = torch::zeros({});
      EXPECT_NEAR(y[0][0][t][c].item<double>(), value.item<double>(), 1e-6) << t << " " << c;

      torch::Tensor g = torch::zeros({1, 1, kSteps, kWidth});
      g[0][0][t][c] = 1;
      y.backward(g);
      torch::Tensor expected = torch::zeros({1, 1, kWidth});
      const bool reaches = !cut && !(shifted && t == 0);
      if (reaches) expected[0][0][c] = z[shifted ? t - 1 : t][c];
      EXPECT_TRUE(torch::allclose(gain.gradient, expected, 1e-5, 1e-6)) << t << " " << c;
      EXPECT_EQ(bias.gradient[0][0][c].item<float>(), reaches ? 1.0F : 0.0F);
    }
  }
}

TEST(GruLayer, IsTorchsCellStepByStep) {
  constexpr int64_t kSteps = 5, kSequences = 3, kWidth = 6;
  const torch::Tensor input =
      Random({kGroups, kSteps, kSequences, 3 * kWidth}, 1).requires_grad_(true);
  const torch::Tensor before = Random({kGroups, kSequences, kWidth}, 2);
  const torch::Tensor g = Random({kGroups, kSteps, kSequences, kWidth}, 3);
  torch::Tensor keep = torch::ones({kGroups, kSteps, kSequences});
  keep[0][2][1] = 0;
  keep[1][0][0] = 0;
  const Parameter weight = RandomParameter({kGroups, kWidth, 3 * kWidth}, 4);
  const Parameter bias = RandomParameter({kGroups, 1, 3 * kWidth}, 5);
  const torch::Tensor tinput = Leaf(input), tweight = Leaf(weight.value), tbias = Leaf(bias.value);
  std::vector<torch::Tensor> groups;
  for (int64_t a = 0; a < kGroups; ++a) {
    torch::Tensor h = before[a];
    std::vector<torch::Tensor> steps;
    for (int64_t t = 0; t < kSteps; ++t) {
      // The input's linear part is given: its weight is the identity.
      h = torch::gru_cell(tinput[a][t], h * keep[a][t].unsqueeze(1), torch::eye(3 * kWidth),
                          tweight[a].t(), torch::zeros(3 * kWidth), tbias[a][0]);
      steps.push_back(h);
    }
    groups.push_back(torch::stack(steps));
  }
  const torch::Tensor expected = torch::stack(groups);
  expected.backward(g);
  const torch::Tensor h = GruLayer(input, weight, bias, keep, before);
  h.backward(g);
  ExpectNear(h, expected);
  ExpectNear(input.grad(), tinput.grad());
  ExpectNear(weight.gradient, tweight.grad());
  ExpectNear(bias.gradient, tbias.grad());
}

}  // namespace
}  // namespace reeve
