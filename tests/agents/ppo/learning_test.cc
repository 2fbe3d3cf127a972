// Learning end to end, on problems whose best policies are known.
#include <algorithm>
#include <cmath>

#include "agents/ppo/model_runner.h"
#include "agents/ppo/trainer.h"
#include "core/status.h"
#include "gtest/gtest.h"
#include "tests/agents/ppo/cart_pole.h"
#include "tests/agents/ppo/small_games.h"

namespace reeve {
namespace {

IterationStats Iterate(Trainer& trainer) {
  absl::StatusOr<IterationStats> stats = trainer.RunIteration();
  EXPECT_TRUE(stats.ok()) << MessageOf(stats.status());
  return stats.ok() ? *std::move(stats) : IterationStats{};
}

double MeanReturn(const IterationStats& stats) {
  double sum = 0;
  for (const AgentStats& agent : stats.agents) sum += agent.mean_return;
  return sum / static_cast<double>(stats.agents.size());
}

// Every episode of three iterations in a row lasts to the limit, within 60 iterations of 4,000
// steps.
TEST(Learning, CartPoleIsSolved) {
  CartPole env(8);
  PpoSpec spec;
  spec.form = Form::kSRl;
  spec.horizon = 500;
  spec.mini_batches = 8;
  spec.epochs = 10;
  spec.learning_rate = 1e-3;
  spec.entropy = 0;
  spec.target_kl = 0.05;
  Collective alone;
  Trainer trainer(env, spec, 1, 1, alone);
  int solved = 0, iterations = 0;
  for (; iterations < 60 && solved < 3; ++iterations) {
    const IterationStats stats = Iterate(trainer);
    ASSERT_EQ(stats.agents.size(), 1U);
    const bool best = stats.agents[0].mean_return == 500;
    solved = best ? solved + 1 : 0;
  }
  EXPECT_EQ(solved, 3) << "after " << iterations << " iterations";
}

TEST(Learning, CommonPayoffReachesTheJointOptimum) {
  for (const Form form : {Form::kMaPpo, Form::kMeanField}) {
    CommonPayoff env(16);
    PpoSpec spec;
    spec.form = form;
    spec.horizon = CommonPayoff::kSteps;
    spec.learning_rate = 3e-3;
    Collective alone;
    Trainer trainer(env, spec, 1, 1, alone);
    double last = 0;
    for (int i = 0; i < 60; ++i) last = MeanReturn(Iterate(trainer)) / CommonPayoff::kSteps;
    EXPECT_GT(last, 9.8);
  }
}

}  // namespace
}  // namespace reeve
