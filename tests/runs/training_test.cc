#include "runs/training.h"

#include <cmath>

#include "agents/ppo/categorical.h"
#include "agents/ppo/model_runner.h"
#include "agents/ppo/retraining_monitor.h"
#include "core/random.h"
#include "envs/cluster_env.h"
#include "runs/rule_demonstrator.h"
#include "training_testing.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TrainingTest : public TrainingFixture {
 protected:
  static std::unique_ptr<Training> Make(const TrainingConfig& config, int32_t threads = 1) {
    auto training = Training::Create(config, threads);
    EXPECT_TRUE(training.ok()) << MessageOf(training.status());
    return *std::move(training);
  }
  // To its end; the number of iterations.
  static int Run(Training& training) {
    int iterations = 0;
    for (; !training.Done() && iterations < 1000; ++iterations) {
      const auto stats = training.RunIteration();
      EXPECT_TRUE(stats.ok()) << MessageOf(stats.status());
      if (!stats.ok()) break;
    }
    return iterations;
  }
};

TEST_F(TrainingTest, ThreadsDoNotMatter) {
  const TrainingConfig config =
      Config({"bootstrap.policy.name=kpa", "bootstrap.cloning.iterations=1",
              "learner.total_steps=144", "learner.mini_batches=2", "learner.actor.encoder=gru"});
  const auto one = Make(config, 1), two = Make(config, 2), five = Make(config, 5);
  for (Training* training : {one.get(), two.get(), five.get()}) EXPECT_EQ(Run(*training), 4);
  for (const Training* other : {two.get(), five.get()}) {
    EXPECT_EQ(one->state().model.actor_parameters, other->state().model.actor_parameters);
    EXPECT_EQ(one->state().model.critic_parameters, other->state().model.critic_parameters);
    EXPECT_EQ(one->state().model.observations.mean, other->state().model.observations.mean);
    EXPECT_EQ(one->state().critic_second_moments, other->state().critic_second_moments);
    EXPECT_EQ(one->state().recent_returns, other->state().recent_returns);
  }
  EXPECT_NE(one->state().model.actor_parameters,
            Make(config)->state().model.actor_parameters);  // it did learn
  TrainingConfig other_seed = config;
  other_seed.seed = 2;
  const auto other = Make(other_seed);
  Run(*other);
  EXPECT_NE(one->state().recent_returns, other->state().recent_returns);
}

// The same learner on another problem, from the file to the policy.
TEST_F(TrainingTest, LearnsOnTheStragglerEnvironment) {
  Write("scenario.yaml",
        "name: late\nstraggler: {random: {count: 2}, hold: 2s, episode: 6s, servers: 4}\n");
  const TrainingConfig config = Config();
  ASSERT_TRUE(config.scenario.straggler);
  const auto one = Make(config, 1), two = Make(config, 2);
  EXPECT_EQ(one->env_spec().features, 20);
  EXPECT_EQ(Run(*one), 10);
  EXPECT_EQ(Run(*two), 10);
  EXPECT_EQ(one->state().model.actor_parameters, two->state().model.actor_parameters);
  EXPECT_LT(one->state().recent_returns.back(), 0);
  EXPECT_EQ(one->Policy().control_period, SimTime::Millis(500));
  EXPECT_THAT(one->Policy().tenant_of_agent, ElementsAre("timeout"));
  // As it is kept in the training's folder.
  Write("config.yaml", WriteConfig(config));
  const auto again = LoadTrainingConfig(Path("config.yaml"));
  ASSERT_TRUE(again.ok()) << MessageOf(again.status());
  EXPECT_EQ(WriteConfig(*again), WriteConfig(config));
  const auto ruled = Training::Create(Config({"bootstrap.policy.name=kpa"}), 1);
  EXPECT_THAT(MessageOf(ruled.status()), HasSubstr("bootstrap.policy: rules drive clusters"));
}

// 4 environments of 12 steps an iteration: 480 steps are 10 iterations, and 481 one more.
TEST_F(TrainingTest, EndsWhenTheBudgetIsSpent) {
  const auto training = Make(Config());
  EXPECT_EQ(training->steps_planned(), 480);
  EXPECT_EQ(Run(*training), 10);
  EXPECT_EQ(training->steps_done(), 480);
  EXPECT_EQ(Run(*Make(Config({"learner.total_steps=481"}))), 11);
}

TEST_F(TrainingTest, ThePolicyKnowsWhatItIsFor) {
  const TrainedPolicy policy = Make(Config())->Policy();
  EXPECT_THAT(policy.model.agent_names, ElementsAre("api", "job"));
  EXPECT_THAT(policy.tenant_of_agent, ElementsAre("api", "job"));
  EXPECT_EQ(policy.control_period, SimTime::Seconds(5));
  EXPECT_EQ(policy.action.max_replicas, 8);
  EXPECT_EQ(policy.model.features(), 6);
}

// Mean log-likelihood, under the model, of what the rule does where the rule drives; and how often
// the rule moves.
struct Agreement {
  double log_likelihood = 0, moves = 0;
};
Agreement AgreementWith(const PolicyModel& model, const TrainingConfig& config) {
  auto scenario = ResolveScenario(config.scenario, config.folder);
  ClusterEnv env(std::make_shared<const Scenario>(*std::move(scenario)),
                 {.envs = 8, .first_env = 100});
  auto rule = RuleDemonstrator::Create(*config.bootstrap.policy, env);
  ModelRunner runner(model, env.spec().envs, ModelRunner::Use::kActor);
  const EnvBuffers& now = env.buffers();
  std::vector<int32_t> choices(static_cast<size_t>(env.spec().envs * env.spec().agents), -1);
  std::vector<float> probabilities(static_cast<size_t>(env.spec().choices()));
  Agreement agreement;
  EXPECT_TRUE(env.Reset(0, env.spec().envs, 77).ok());
  constexpr int kSteps = 12;
  for (int step = 0; step < kSteps; ++step) {
    runner.Step(now.observations.data(), now.present.data(), choices.data());
    (*rule)->Choose(0, env.spec().envs, choices);
    for (int32_t e = 0; e < env.spec().envs; ++e) {
      for (int32_t n = 0; n < env.spec().agents; ++n) {
        const auto row = static_cast<size_t>(e * env.spec().agents + n);
        const size_t k = probabilities.size();
        MaskedSoftmax(runner.logits().data() + static_cast<size_t>(runner.Row(n, e)) * k,
                      &now.legal[row * k], env.spec().heads[0], probabilities.data());
        const auto choice = static_cast<size_t>(choices[row]);
        agreement.log_likelihood += std::log(std::max(1e-9F, probabilities[choice]));
        agreement.moves += choice != 0;
      }
    }
    EXPECT_TRUE(env.Step(0, env.spec().envs, choices).ok());
  }
  const double count = kSteps * static_cast<double>(choices.size());
  return {agreement.log_likelihood / count, agreement.moves / count};
}

// On episodes that training has not seen. Someone who only ever repeats the rule's most common
// choice, to stay, in its share 1 - m, and spreads the rest over the four moves, reaches
// (1 - m) log(1 - m) + m log(m / 4): the policy must do better, so it has learned when to move.
TEST_F(TrainingTest, BootstrappingLearnsWhatTheRuleDoes) {
  const TrainingConfig config =
      Config({"bootstrap.policy.name=kpa", "bootstrap.policy.kpa.stable_window=6s",
              "bootstrap.cloning.iterations=40", "bootstrap.cloning.learning_rate=0.01",
              "learner.total_steps=48"});
  const auto training = Make(config);
  const Agreement before = AgreementWith(training->state().model, config);
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(training->bootstrapping());
    ASSERT_TRUE(training->RunIteration().ok());
  }
  EXPECT_FALSE(training->bootstrapping());
  EXPECT_FALSE(training->Done()) << "the rule's steps are not of the budget";
  const Agreement after = AgreementWith(training->state().model, config);
  const double m = after.moves;
  EXPECT_GT(m, 0.05) << "a rule that never moves teaches nothing";
  EXPECT_GT(after.log_likelihood, before.log_likelihood + 0.3);
  EXPECT_GT(after.log_likelihood, (1 - m) * std::log(1 - m) + m * std::log(m / 4));
  EXPECT_EQ(Run(*training), 1);
}

TEST_F(TrainingTest, RulesThatNeedTheWorkloadCannotTeach) {
  const auto training = Training::Create(Config({"bootstrap.policy.name=oracle_prewarm"}), 1);
  EXPECT_EQ(training.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(training.status()), HasSubstr("oracle_prewarm"));
}

// With a monitor that is content with anything training ends as soon as there are enough returns,
// with one that never is only with the budget. Returns of a rule that drove are no reason to end.
TEST_F(TrainingTest, EndsEarlyWhenTheMonitorIsContent) {
  const std::vector<std::string> content = {
      "early_stop.enabled=true",
      "early_stop.monitor.window=2",
      "early_stop.monitor.train_drop=1000000",
      "early_stop.monitor.serve_drop=1000000",
      "early_stop.monitor.train_spread=1000000",
      "early_stop.monitor.serve_spread=1000000",
  };
  EXPECT_EQ(Run(*Make(Config(content))), 2);
  std::vector<std::string> bootstrapped = content;
  bootstrapped.insert(bootstrapped.end(),
                      {"bootstrap.policy.name=static", "bootstrap.cloning.iterations=3"});
  EXPECT_EQ(Run(*Make(Config(bootstrapped))), 5);
  EXPECT_EQ(Run(*Make(Config({"early_stop.enabled=true", "early_stop.monitor.window=2",
                              "early_stop.monitor.train_drop=0", "early_stop.monitor.serve_drop=0",
                              "early_stop.monitor.train_spread=0",
                              "early_stop.monitor.serve_spread=0"}))),
            10);
}

TEST_F(TrainingTest, RestoresOnlyWhatFits) {
  const auto training = Make(Config());
  const auto wider = Make(Config({"learner.actor.width=17"}));
  EXPECT_EQ(training->Restore(wider->state()).code(), absl::StatusCode::kInvalidArgument);
  TrainingConfig alone = Config();
  alone.scenario.functions.pop_back();
  EXPECT_EQ(training->Restore(Make(alone)->state()).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(TrainingTest, MistakesOfTheScenarioAreNamed) {
  EXPECT_THAT(MessageOf(Training::Create(Config({"scenario.cluster=absent.yaml"}), 1).status()),
              HasSubstr(Path("absent.yaml")));
  EXPECT_THAT(MessageOf(Training::Create(Config({"scenario.episode.length=48h"}), 1).status()),
              HasSubstr("do not fit into the workload"));
}

}  // namespace
}  // namespace reeve
