#include "agents/ppo/adam.h"

#include <torch/optim/adam.h>

#include <cmath>
#include <vector>

#include "core/random.h"
#include "gtest/gtest.h"

namespace reeve {
namespace {

TEST(Adam, IsThatOfTorch) {
  constexpr int64_t kSize = 101;
  RandomCursor draw(RandomStream(3, StreamPurpose::kGenerator, 0));
  std::vector<float> parameters(kSize), first(kSize), second(kSize), gradients(kSize);
  for (float& p : parameters) p = static_cast<float>(draw.Normal());
  torch::Tensor theirs = torch::from_blob(parameters.data(), {kSize}).clone();
  theirs.set_requires_grad(true);
  torch::optim::Adam oracle({theirs}, torch::optim::AdamOptions(3e-3));
  for (int64_t update = 1; update <= 50; ++update) {
    for (float& g : gradients) g = static_cast<float>(draw.Normal() * std::pow(10, update % 5 - 3));
    theirs.mutable_grad() = torch::from_blob(gradients.data(), {kSize}).clone() * 0.5;
    oracle.step();
    AdamUpdate({.learning_rate = 3e-3}, update, 0.5F, gradients, parameters, first, second);
  }
  for (int64_t i = 0; i < kSize; ++i) {
    EXPECT_NEAR(parameters[static_cast<size_t>(i)], theirs[i].item<float>(), 2e-6);
  }
}

TEST(Adam, FirstStepIsTheLearningRate) {
  std::vector<float> parameters = {1, 1}, first(2), second(2);
  const std::vector<float> gradients = {1e3F, -1e-2F};
  AdamUpdate({.learning_rate = 0.1}, 1, 1, gradients, parameters, first, second);
  EXPECT_NEAR(parameters[0], 0.9, 1e-6);
  EXPECT_NEAR(parameters[1], 1.1, 1e-6);
}

TEST(Norm, IsEuclidean) {
  EXPECT_DOUBLE_EQ(Norm(std::vector<float>{1, 2, 2, 4, 0, 12}), 13);
}

}  // namespace
}  // namespace reeve
