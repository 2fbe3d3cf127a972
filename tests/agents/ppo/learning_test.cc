// Learning end to end, on problems whose best policies are known. Seeds are fixed; the budgets are
// about twice what is needed.
#include <algorithm>
#include <cmath>

#include "agents/ppo/categorical.h"
#include "agents/ppo/model_runner.h"
#include "agents/ppo/trainer.h"
#include "core/status.h"
#include "gtest/gtest.h"
#include "tests/agents/ppo/cart_pole.h"
#include "tests/agents/ppo/small_games.h"

namespace reeve {
namespace {

// Mean return of the last of `iterations`, over agents.
double TrainFor(Trainer& trainer, int iterations) {
  double mean = 0;
  for (int i = 0; i < iterations; ++i) {
    const absl::StatusOr<IterationStats> stats = trainer.RunIteration();
    EXPECT_TRUE(stats.ok()) << MessageOf(stats.status());
    if (!stats.ok()) return 0;
    mean = 0;
    for (const AgentStats& agent : stats->agents) mean += agent.mean_return;
    mean /= static_cast<double>(stats->agents.size());
  }
  return mean;
}

// All episodes of two iterations in a row last to the limit.
TEST(Learning, CartPoleIsSolved) {
  CartPole env(8);
  PpoSpec spec;
  spec.form = Form::kSRl;
  spec.horizon = 500;
  spec.mini_batches = 4;
  spec.epochs = 10;
  spec.learning_rate = 1e-3;
  spec.entropy = 0;
  spec.target_kl = 0.1;
  Collective alone;
  Trainer trainer(env, spec, 2, 1, alone);
  int best = 0, iterations = 0;
  for (; iterations < 30 && best < 2; ++iterations) {
    best = TrainFor(trainer, 1) == 500 ? best + 1 : 0;
  }
  EXPECT_EQ(best, 2) << "after " << iterations << " iterations";
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
    EXPECT_GT(TrainFor(trainer, 40) / CommonPayoff::kSteps, 9.8);
  }
}

// Both agents see the same and begin undecided, so they have to part: the cost is 2.5 where one is
// on each route, 3 with both on route 1, 4 on route 0, and 3 where both toss coins.
TEST(Learning, CongestionFindsTheEquilibrium) {
  Congestion env(16);
  PpoSpec spec;
  spec.horizon = Congestion::kSteps;
  spec.learning_rate = 3e-3;
  spec.entropy = 0;
  Collective alone;
  Trainer trainer(env, spec, 1, 1, alone);
  EXPECT_NEAR(2 * TrainFor(trainer, 120) / Congestion::kSteps, -2.5, 0.05);
}

TEST(Learning, ServerLandscape) {
  ServerLandscape env(32);
  PpoSpec spec;
  spec.form = Form::kSRl;
  spec.horizon = ServerLandscape::kSteps;
  spec.gamma = 0;  // the next rate does not depend on what was done
  spec.learning_rate = 3e-3;
  spec.mini_batches = 4;
  spec.entropy = 0.1;
  spec.target_kl = 0;
  spec.entropy_schedule = Schedule::kLinear;
  spec.total_steps = int64_t{150} * 32 * ServerLandscape::kSteps;
  Collective alone;
  Trainer trainer(env, spec, 1, 1, alone);
  TrainFor(trainer, 150);

  ModelRunner runner(trainer.model(), 1, ModelRunner::Use::kActor);
  int best = 0;
  double lost = 0;
  for (int i = 0; i < ServerLandscape::kRates; ++i) {
    const double rate = ServerLandscape::Rate(i);
    double highest = -1;
    for (int n = 1; n <= ServerLandscape::kMost; ++n) {
      highest = std::max(highest, ServerLandscape::Reward(rate, n));
    }
    const auto observation = static_cast<float>(rate);
    const uint8_t present = 1;
    const int32_t none = -1;
    runner.Step(&observation, &present, &none);
    const int chosen = MostProbable(runner.logits().data(), ServerLandscape::kMost) + 1;
    const double reward = ServerLandscape::Reward(rate, chosen);
    best += reward > highest - 0.01 ? 1 : 0;
    lost += (highest - reward) / ServerLandscape::kRates;
  }
  EXPECT_GE(best, ServerLandscape::kRates * 4 / 5);
  EXPECT_LT(lost, 0.01);
}

double RecallRate(EncoderKind encoder) {
  DelayedRecall env(32);
  PpoSpec spec;
  spec.form = Form::kSRl;
  spec.actor.encoder = spec.critic.encoder = encoder;
  spec.actor.width = spec.critic.width = 32;
  spec.actor.layers = spec.critic.layers = 3;  // shift sees as many steps back
  spec.horizon = 8 * DelayedRecall::kSteps;
  spec.learning_rate = 3e-3;
  Collective alone;
  Trainer trainer(env, spec, 1, 1, alone);
  return TrainFor(trainer, 40);
}

TEST(Learning, MemoryNeedsAnEncoderThatSeesThePast) {
  EXPECT_LT(RecallRate(EncoderKind::kLatest), 0.62);
  EXPECT_GT(RecallRate(EncoderKind::kStack), 0.95);
  EXPECT_GT(RecallRate(EncoderKind::kShift), 0.95);
  EXPECT_GT(RecallRate(EncoderKind::kGru), 0.95);
}

// A rule that balances the pole well, if not for ever: pushes towards where it falls.
void PushUnderThePole(const EnvBuffers& buffers, int32_t first, int32_t last,
                      std::span<int32_t> choices) {
  for (auto e = static_cast<size_t>(first); e < static_cast<size_t>(last); ++e) {
    const float* const o = buffers.observations.data() + 4 * e;
    choices[e] = o[2] + 0.5F * o[3] > 0 ? 1 : 0;
  }
}

TEST(Learning, GoesOnFromWhatARuleDoes) {
  CartPole env(8);
  PpoSpec spec;
  spec.form = Form::kSRl;
  spec.horizon = 500;
  Collective alone;
  Trainer trainer(env, spec, 1, 1, alone);
  IterationStats stats;
  for (int i = 0; i < 6; ++i) {
    const auto result = trainer.RunDemonstration(PushUnderThePole, {.epochs = 20});
    ASSERT_TRUE(result.ok());
    stats = *result;
  }
  EXPECT_EQ(stats.steps_done, 0);               // of learning by trial
  EXPECT_LT(stats.groups[0].policy_loss, 0.3);  // cross-entropy; 0.69 is undecided
  EXPECT_LT(stats.groups[0].value_loss, 0.25);  // 0.5 is to say the mean of all returns
  EXPECT_GT(TrainFor(trainer, 1), 150);         // undecided actors last 22 steps
}

}  // namespace
}  // namespace reeve
