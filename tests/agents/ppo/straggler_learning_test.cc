// Proximal policy optimisation on the straggler environment, against the best fixed timeout.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "agents/ppo/model_runner.h"
#include "agents/ppo/trainer.h"
#include "core/status.h"
#include "envs/straggler_env.h"

namespace reeve {
namespace {

constexpr int32_t kEnvs = 16;
constexpr int kSteps = 600;
constexpr uint64_t kSeed = 77;  // of episodes that were not trained on

// Mean reward of a window, on the same jobs for whoever chooses.
template <class Choose>
double Evaluate(const StragglerSpec& spec, Choose choose) {
  StragglerSpec endless = spec;
  endless.episode = SimTime();
  StragglerEnv env(endless, {.envs = kEnvs});
  EXPECT_TRUE(env.Reset(0, kEnvs, kSeed).ok());
  std::vector<int32_t> actions(kEnvs);
  double reward = 0;
  for (int step = 0; step < kSteps; ++step) {
    choose(env, actions);
    EXPECT_TRUE(env.Step(0, kEnvs, actions).ok());
    for (const float r : env.buffers().rewards) reward += r;
  }
  return reward / kSteps / kEnvs;
}

// With what the policy thinks best.
double EvaluateModel(const StragglerSpec& spec, const PolicyModel& model) {
  ModelRunner runner(model, kEnvs, ModelRunner::Use::kActor);
  std::vector<int32_t> last(kEnvs, -1);
  return Evaluate(spec, [&](const StragglerEnv& env, std::vector<int32_t>& actions) {
    runner.Step(env.buffers().observations.data(), env.buffers().present.data(), last.data());
    for (int32_t e = 0; e < kEnvs; ++e) {
      const auto logits =
          runner.logits().subspan(static_cast<size_t>(runner.Row(0, e) * spec.choices()),
                                  static_cast<size_t>(spec.choices()));
      actions[static_cast<size_t>(e)] =
          static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    }
    last = actions;
  });
}

TEST(StragglerLearning, BeatsTheBestFixedTimeout) {
  const auto spec = LoadStraggler(REEVE_SOURCE_DIR "/configs/scenarios/straggler_large.yaml");
  ASSERT_TRUE(spec.ok()) << spec.status();
  std::vector<double> fixed;
  for (int32_t choice = 0; choice < spec->choices(); ++choice) {
    fixed.push_back(Evaluate(*spec, [choice](const StragglerEnv&, std::vector<int32_t>& actions) {
      std::fill(actions.begin(), actions.end(), choice);
    }));
  }
  StragglerEnv env(*spec, {.envs = 8});
  PpoSpec ppo;
  ppo.form = Form::kSRl;
  ppo.horizon = 200;
  ppo.gamma = 0.9;
  ppo.learning_rate = 1e-3;
  ppo.mini_batches = 2;
  Collective alone;
  Trainer trainer(env, ppo, 1, 1, alone);
  for (int i = 0; i < 120; ++i) {
    const auto stats = trainer.RunIteration();
    ASSERT_TRUE(stats.ok()) << stats.status();
  }
  const double learned = EvaluateModel(*spec, trainer.model());
  const double best = *std::max_element(fixed.begin(), fixed.end());
  fmt::print("learned {:.4f}, best fixed {:.4f}, never {:.4f}\n", learned, best, fixed.back());
  EXPECT_EQ(std::max_element(fixed.begin(), fixed.end()) - fixed.begin(), 5);  // 300 ms
  EXPECT_GT(learned, best);
}

}  // namespace
}  // namespace reeve
