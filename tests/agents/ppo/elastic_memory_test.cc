#include "agents/ppo/elastic_memory.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;

TEST(ElasticMemory, ImportanceFadesAndTheCentreMoves) {
  ElasticMemory memory;
  EXPECT_TRUE(memory.empty());
  memory.Consolidate(std::vector<float>{4, 2}, std::vector<float>{1, -1}, 0.5);
  EXPECT_THAT(memory.importance, ElementsAre(4, 2));
  memory.Consolidate(std::vector<float>{1, 0}, std::vector<float>{3, 5}, 0.5);
  EXPECT_THAT(memory.importance, ElementsAre(3, 1));
  EXPECT_THAT(memory.centre, ElementsAre(3, 5));
  // (5 - 3)^2 * 3 / 2 + (4 - 5)^2 * 1 / 2
  EXPECT_DOUBLE_EQ(memory.Penalty(0, std::vector<float>{5, 4}), 6.5);
}

TEST(ElasticMemory, GradientIsOfItsGroup) {
  ElasticMemory memory;
  memory.Consolidate(std::vector<float>{9, 9, 4, 2}, std::vector<float>{7, 7, 1, -1}, 1);
  std::vector<float> gradient = {10, 20};
  memory.AddGradient(0.5, 1, std::vector<float>{2, -3}, gradient);
  EXPECT_THAT(gradient, ElementsAre(10 + 0.5F * 4 * 1, 20 + 0.5F * 2 * -2));
}

// The least of (x - a)^2 / 2 + elasticity / 2 * F (x - c)^2 is at (a + elasticity F c) /
// (1 + elasticity F).
TEST(ElasticMemory, HoldsAQuadraticWhereItShould) {
  const std::vector<float> fisher = {0, 1, 100}, centre = {-1, -1, -1}, goal = {1, 1, 1};
  ElasticMemory memory;
  memory.Consolidate(fisher, centre, 1);
  std::vector<float> x = centre;
  for (int step = 0; step < 5000; ++step) {
    std::vector<float> gradient(3);
    for (size_t i = 0; i < 3; ++i) gradient[i] = x[i] - goal[i];
    memory.AddGradient(2, 0, x, gradient);
    for (size_t i = 0; i < 3; ++i) x[i] -= 0.005F * gradient[i];
  }
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(x[i], (goal[i] + 2 * fisher[i] * centre[i]) / (1 + 2 * fisher[i]), 1e-4);
  }
}

}  // namespace
}  // namespace reeve
