// What learning online needs beside ordinary training: steps that were not the actor's, and ways
// not to forget.
#include "agents/ppo/online_learner.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "agents/nn/batched_network.h"
#include "agents/nn/torch.h"
#include "agents/ppo/anchors.h"
#include "agents/ppo/fisher.h"
#include "agents/ppo/learner.h"
#include "agents/ppo/trainer.h"
#include "agents/ppo/value_targets.h"
#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/agents/ppo/small_games.h"

namespace reeve {
namespace {

PpoSpec SmallSpec(EncoderKind encoder, Sharing sharing = Sharing::kPerFunction) {
  PpoSpec spec;
  spec.sharing = sharing;
  spec.actor.width = spec.critic.width = 16;
  spec.actor.encoder = spec.critic.encoder = encoder;
  spec.epochs = 3;
  spec.mini_batches = 2;
  spec.shards = 2;
  spec.learning_rate = 1e-2;
  spec.target_kl = 0;
  return spec;
}

Rollout Collect(const PolicyModel& model, VectorEnv& env, int32_t steps, int64_t iteration = 0) {
  Rollout rollout(model, env.spec(), steps);
  const auto& spec = env.spec();
  RolloutWorker worker(model, env, 0, spec.envs);
  std::vector<int32_t> actions(static_cast<size_t>(spec.envs) * static_cast<size_t>(spec.agents) *
                               spec.heads.size());
  EXPECT_TRUE(worker.Collect({.seed = 5, .iteration = iteration}, {}, actions, rollout).ok());
  return rollout;
}

// An update of a fresh state with this rollout, which has targets.
struct Updated {
  TrainerState state;
  std::vector<GroupStats> stats;
};
Updated Update(const VectorEnv& env, const PpoSpec& spec, const Rollout& rollout,
               UpdateOptions options, int32_t threads = 1) {
  Updated updated{MakeTrainerState(env.spec(), spec, 3), {}};
  updated.stats.resize(static_cast<size_t>(updated.state.model.groups));
  Workers workers(threads);
  Collective alone;
  Learner learner(updated.state, rollout.envs, rollout.steps, spec.shards, workers, alone);
  const absl::Status status = learner.Update(rollout, options, updated.stats);
  EXPECT_TRUE(status.ok()) << MessageOf(status);
  return updated;
}

Rollout WithTargets(VectorEnv& env, const PpoSpec& spec, int32_t steps) {
  PolicyModel model = MakeTrainerState(env.spec(), spec, 3).model;
  Rollout rollout = Collect(model, env, steps);
  Collective alone;
  std::vector<GroupStats> stats(static_cast<size_t>(model.groups));
  TargetOptions options = TargetOptionsOf(spec);
  options.normalise_values = false;  // the model stays MakeModel's
  EXPECT_TRUE(MakeTargets(options, alone, model, rollout, stats).ok());
  return rollout;
}

// ---- Steps that something else drove

TEST(MaskedSteps, HaveNoGradientInTheActor) {
  for (const EncoderKind encoder : {EncoderKind::kLatest, EncoderKind::kGru}) {
    CommonPayoff env(6);
    const PpoSpec spec = SmallSpec(encoder);
    Rollout rollout = WithTargets(env, spec, 25);
    const Updated all = Update(env, spec, rollout, UpdateOptionsOf(spec, 0));
    for (size_t cell = 0; cell < rollout.weights.size(); cell += 3) {
      rollout.actor_weights[cell] = 0;
    }
    const Updated masked = Update(env, spec, rollout, UpdateOptionsOf(spec, 0));
    EXPECT_NE(masked.state.model.actor_parameters, all.state.model.actor_parameters);
    // The critic learns from them as from any other.
    EXPECT_EQ(masked.state.model.critic_parameters, all.state.model.critic_parameters);

    // Whatever was done there and came of it, the actor does not see it.
    for (size_t cell = 0; cell < rollout.weights.size(); cell += 3) {
      rollout.advantages[cell] = 1e6F;
      rollout.log_probs[cell] = -7;
      rollout.actions[cell] = 1 - rollout.actions[cell];
    }
    const Updated other = Update(env, spec, rollout, UpdateOptionsOf(spec, 0));
    EXPECT_EQ(other.state.model.actor_parameters, masked.state.model.actor_parameters);
  }
}

TEST(MaskedSteps, MeansAreOverTheActorsOwnSteps) {
  CommonPayoff env(1);
  PpoSpec spec = SmallSpec(EncoderKind::kLatest, Sharing::kShared);
  spec.epochs = spec.mini_batches = spec.shards = 1;
  Rollout rollout = WithTargets(env, spec, 25);
  double sum = 0;
  for (size_t cell = 0; cell < rollout.weights.size(); ++cell) {
    rollout.advantages[cell] = static_cast<float>(cell);
    rollout.actor_weights[cell] = cell >= 10 && cell < 14 ? 1 : 0;
    sum += rollout.actor_weights[cell] != 0 ? static_cast<double>(cell) : 0;
  }
  // Ratios are 1 before the first step: the loss is minus the mean of 10, 11, 12, 13.
  const Updated updated = Update(env, spec, rollout, UpdateOptionsOf(spec, 0));
  EXPECT_NEAR(updated.stats[0].policy_loss, -sum / 4, 1e-4);
}

TEST(MaskedSteps, AloneLeaveTheActorWhereItWas) {
  CommonPayoff env(4);
  const PpoSpec spec = SmallSpec(EncoderKind::kLatest);
  Rollout rollout = WithTargets(env, spec, 25);
  const TrainerState before = MakeTrainerState(env.spec(), spec, 3);
  std::fill(rollout.actor_weights.begin(), rollout.actor_weights.end(), 0.0F);
  const Updated updated = Update(env, spec, rollout, UpdateOptionsOf(spec, 0));
  EXPECT_EQ(updated.state.model.actor_parameters, before.model.actor_parameters);
  EXPECT_EQ(updated.state.actor_first_moments, before.actor_first_moments);
  EXPECT_EQ(updated.state.actor_updates, before.actor_updates);
  EXPECT_NE(updated.state.model.critic_parameters, before.model.critic_parameters);
  EXPECT_EQ(updated.stats[0].actor_updates, 0);
}

// ---- Anchors

// Everything in `rollout`, as anchors.
AnchorSet AnchorsOf(const PolicyModel& model, const Rollout& rollout, int32_t steps) {
  AnchorStore store({.groups = model.groups,
                     .inputs = model.actor.inputs,
                     .heads = model.heads(),
                     .context = 1,
                     .steps = steps},
                    1000, 1);
  store.Add(rollout, model.group_of, std::vector<double>{0});
  return store.Draw(0, 1000, [](std::span<const double>) { return true; });
}

TEST(Anchors, HoldThePolicyAndDoNotMoveIt) {
  for (const Sharing sharing : {Sharing::kPerFunction, Sharing::kPerTenant, Sharing::kShared}) {
    for (const EncoderKind encoder :
         {EncoderKind::kLatest, EncoderKind::kStack, EncoderKind::kShift, EncoderKind::kGru}) {
      ComeAndGo env(4, {0, 1, 1, 0});
      const PpoSpec spec = SmallSpec(encoder, sharing);
      Rollout rollout = WithTargets(env, spec, 25);
      const PolicyModel model = MakeTrainerState(env.spec(), spec, 3).model;
      const AnchorSet anchors = AnchorsOf(model, rollout, 10);
      ASSERT_GT(anchors.size(), 0);

      // Cross-entropy with oneself is at its least: without another loss, nothing moves.
      UpdateOptions options = UpdateOptionsOf(spec, 0);
      options.entropy = 0;
      options.learning_rate = 1e-3;
      options.epochs = 15;
      options.anchors = &anchors;
      Rollout flat = rollout;
      std::fill(flat.advantages.begin(), flat.advantages.end(), 0.0F);
      const Updated still = Update(env, spec, flat, options);
      EXPECT_EQ(still.state.model.actor_parameters, model.actor_parameters);

      // With one, the policy moves less in them than without.
      const auto divergence = [&](float weight) {
        options.anchor_weight = weight;
        const Updated updated = Update(env, spec, rollout, options);
        double sum = 0;
        for (const GroupStats& group : updated.stats) sum += group.anchor_divergence;
        return sum;
      };
      const double loose = divergence(0), held = divergence(10);
      EXPECT_GT(loose, 1e-4);
      EXPECT_LT(held, loose / 2);
    }
  }
}

TEST(Anchors, ThreadsDoNotMatterAndShardsHardly) {
  ComeAndGo env(4, {0, 1, 1, 0});
  PpoSpec spec = SmallSpec(EncoderKind::kGru, Sharing::kPerTenant);
  Rollout rollout = WithTargets(env, spec, 25);
  const AnchorSet anchors = AnchorsOf(MakeTrainerState(env.spec(), spec, 3).model, rollout, 7);
  UpdateOptions options = UpdateOptionsOf(spec, 0);
  options.anchors = &anchors;
  const Updated one = Update(env, spec, rollout, options, 1);
  const Updated two = Update(env, spec, rollout, options, 2);
  EXPECT_EQ(one.state.model.actor_parameters, two.state.model.actor_parameters);
  spec.shards = 1;
  const Updated whole = Update(env, spec, rollout, options, 1);
  for (size_t i = 0; i < one.state.model.actor_parameters.size(); ++i) {
    ASSERT_NEAR(one.state.model.actor_parameters[i], whole.state.model.actor_parameters[i], 1e-4);
  }
}

// ---- Fisher information

TEST(Fisher, OfTheLastBiasInClosedForm) {
  CommonPayoff env(3);
  const PpoSpec spec = SmallSpec(EncoderKind::kLatest);
  const PolicyModel model = MakeTrainerState(env.spec(), spec, 3).model;
  Rollout rollout = Collect(model, env, 20);
  for (size_t cell = 0; cell < rollout.weights.size(); cell += 2) rollout.actor_weights[cell] = 0;
  const auto fisher = ActorFisher(model, rollout, {.samples = 1000});
  ASSERT_TRUE(fisher.ok());
  const auto bias = static_cast<size_t>(model.actor.block("output.bias").offset);
  for (size_t group = 0; group < 2; ++group) {
    // d log p_k / d bias_0 = [k = 0] - p_0: in the mean over k p_0 (1 - p_0)^2 + p_1 p_0^2 = p_0
    // p_1, of which one is exp(log p) of what was chosen.
    double sum = 0, count = 0;
    for (size_t cell = group * 60; cell < (group + 1) * 60; ++cell) {
      if (rollout.actor_weights[cell] == 0) continue;
      const double p = std::exp(rollout.log_probs[cell]);
      sum += p * (1 - p);
      count += 1;
    }
    const size_t first = group * static_cast<size_t>(model.actor.parameters) + bias;
    EXPECT_NEAR((*fisher)[first], sum / count, 1e-5);
    EXPECT_NEAR((*fisher)[first + 1], sum / count, 1e-5);
  }
}

// The gradient of one step's log-probability through its past, by differences of a copy of the
// network in double precision.
TEST(Fisher, SeesThePast) {
  CommonPayoff env(1);
  const PpoSpec spec = SmallSpec(EncoderKind::kGru, Sharing::kShared);
  const PolicyModel model = MakeTrainerState(env.spec(), spec, 3).model;
  Rollout rollout = Collect(model, env, 5);
  std::fill(rollout.actor_weights.begin(), rollout.actor_weights.end(), 0.0F);
  rollout.actor_weights[8] = 1;  // step 3 of the second agent
  const auto fisher = ActorFisher(model, rollout, {});
  ASSERT_TRUE(fisher.ok());

  const int64_t size = model.actor.parameters, inputs = model.actor.inputs;
  std::vector<double> parameters(model.actor_parameters.begin(), model.actor_parameters.end());
  std::vector<double> unused(parameters.size());
  const auto options = torch::TensorOptions().dtype(torch::kFloat64);
  BatchedNetwork network(model.actor, torch::from_blob(parameters.data(), {1, size}, options),
                         torch::from_blob(unused.data(), {1, size}, options));
  const torch::Tensor x =
      torch::from_blob(rollout.actor_inputs.data() + 5 * inputs, {1, 1, 4, inputs})
          .to(torch::kFloat64);
  const torch::Tensor starts =
      torch::from_blob(rollout.starts.data() + 5, {1, 1, 4}).to(torch::kFloat64);
  const auto log_prob_of_0 = [&] {
    const torch::Tensor logits = network.Forward(x, starts, {}).detach();
    return torch::log_softmax(logits[0][0][3], 0)[0].item<double>();
  };
  // p_0 d log p_0 + p_1 d log p_1 = 0, so in the mean over choices the squares are p_0 / p_1 times
  // (d log p_0)^2.
  const double p = std::exp(log_prob_of_0());
  double largest = 0;
  for (size_t i = 0; i < parameters.size(); i += 7) {
    const double kept = parameters[i];
    parameters[i] = kept + 1e-5;
    const double above = log_prob_of_0();
    parameters[i] = kept - 1e-5;
    const double slope = (above - log_prob_of_0()) / 2e-5;
    parameters[i] = kept;
    const double expected = slope * slope * p / (1 - p);
    EXPECT_NEAR((*fisher)[i], expected, 1e-6 + 1e-3 * expected) << i;
    largest = std::max(largest, expected);
  }
  EXPECT_GT(largest, 1e-3);
}

TEST(Fisher, OfTheCriticsLastBiasIsOne) {
  CommonPayoff env(2);
  const PpoSpec spec = SmallSpec(EncoderKind::kShift);
  const PolicyModel model = MakeTrainerState(env.spec(), spec, 3).model;
  const auto fisher = CriticFisher(model, Collect(model, env, 10), {.samples = 8});
  ASSERT_TRUE(fisher.ok());
  const auto bias = static_cast<size_t>(model.critic.block("output.bias").offset);
  EXPECT_FLOAT_EQ((*fisher)[bias], 1);
}

// ---- Elastic weight consolidation

TEST(Elasticity, OfZeroChangesNoBit) {
  CommonPayoff env(4);
  const PpoSpec spec = SmallSpec(EncoderKind::kLatest);
  const TrainerState fresh = MakeTrainerState(env.spec(), spec, 3);
  TrainerState remembers = fresh;
  const std::vector<float> ones(fresh.model.actor_parameters.size(), 1.0F);
  remembers.actor_memory.Consolidate(ones, ones, 1);
  const auto run = [&](const TrainerState& state, double elasticity) {
    OnlineLearner learner(state, spec, 4, 25, 1);
    for (int i = 0; i < 3; ++i) {
      Rollout rollout = Collect(learner.state().model, env, 25, i);
      UpdateOptions options = UpdateOptionsOf(spec, 0);
      options.elasticity = elasticity;
      EXPECT_TRUE(learner.Update(rollout, options).ok());
    }
    return learner.state().model.actor_parameters;
  };
  const std::vector<float> plain = run(fresh, 0);
  EXPECT_EQ(run(remembers, 0), plain);
  EXPECT_EQ(run(fresh, 1), plain);  // nothing to remember
  EXPECT_NE(run(remembers, 1), plain);
}

// Two tasks that share a bias: in the first the agent sees (1, 0) and choice 0 pays, in the second
// it sees (1, 1) and choice 1 pays.
class TwoTasks : public SimpleEnv {
 public:
  static constexpr int kSteps = 10;
  TwoTasks() : SimpleEnv({.envs = 8, .agents = 1, .features = 2, .heads = {2}}), steps_(8) {}
  int task = 0;

 protected:
  void Begin(int32_t env) override { steps_[static_cast<size_t>(env)] = 0; }
  Ending Act(int32_t env, const int32_t* actions, float* rewards) override {
    rewards[0] = actions[0] == task ? 1 : 0;
    return ++steps_[static_cast<size_t>(env)] == kSteps ? Ending::kTruncated : Ending::kNone;
  }
  void Observe(int32_t, float* out) const override {
    out[0] = 1;
    out[1] = static_cast<float>(task);
  }

 private:
  std::vector<int> steps_;
};

class Forgetting : public ::testing::Test {
 protected:
  Forgetting() {
    spec_.form = Form::kSRl;
    spec_.actor.width = spec_.critic.width = 16;
    spec_.actor.layers = 1;
    spec_.actor.activation = Activation::kTanh;
    spec_.learning_rate = 3e-3;
    spec_.normalise_observations = false;
    spec_.gamma = 0;
    spec_.target_kl = 0.05;
    learner_ = std::make_unique<OnlineLearner>(MakeTrainerState(env_.spec(), spec_, 1), spec_, 8,
                                               TwoTasks::kSteps, 1);
  }
  Rollout Train(int task, int iterations, UpdateOptions options) {
    env_.task = task;
    for (int i = 0; i < iterations; ++i) {
      Rollout rollout = Collect(learner_->state().model, env_, TwoTasks::kSteps, iteration_++);
      EXPECT_TRUE(learner_->Update(rollout, options).ok());
    }
    return Collect(learner_->state().model, env_, TwoTasks::kSteps, iteration_++);
  }
  // The probability of what pays.
  double Skill(int task) {
    ModelRunner runner(learner_->state().model, 1, ModelRunner::Use::kActor);
    const float observation[] = {1, static_cast<float>(task)};
    const uint8_t present = 1;
    const int32_t none = -1;
    runner.Step(observation, &present, &none);
    const double other = runner.logits()[static_cast<size_t>(1 - task)];
    return 1 / (1 + std::exp(other - runner.logits()[static_cast<size_t>(task)]));
  }
  UpdateOptions Plain() const {
    UpdateOptions options = UpdateOptionsOf(spec_, 0);
    options.entropy = 0.1F;  // it stays a little undecided, so that what it does has a slope
    return options;
  }

  TwoTasks env_;
  PpoSpec spec_;
  std::unique_ptr<OnlineLearner> learner_;
  int64_t iteration_ = 0;
};

constexpr int kFirst = 12, kSecond = 60;  // iterations

TEST_F(Forgetting, IsWhatPlainLearningDoes) {
  Train(0, kFirst, Plain());
  EXPECT_GT(Skill(0), 0.9);
  Train(1, kSecond, Plain());
  EXPECT_GT(Skill(1), 0.9);
  EXPECT_LT(Skill(0), 0.6);
}

TEST_F(Forgetting, ElasticityHolds) {
  const Rollout last = Train(0, kFirst, Plain());
  ASSERT_TRUE(learner_->Consolidate(last, 80, 1).ok());
  UpdateOptions options = Plain();
  options.elasticity = 1000;
  Train(1, kSecond, options);
  EXPECT_GT(Skill(1), 0.85);
  EXPECT_GT(Skill(0), 0.85);
}

TEST_F(Forgetting, AnchorsHold) {
  const Rollout last = Train(0, kFirst, Plain());
  const AnchorSet anchors = AnchorsOf(learner_->state().model, last, TwoTasks::kSteps);
  UpdateOptions options = Plain();
  options.anchors = &anchors;
  options.anchor_weight = 100;
  Train(1, kSecond, options);
  EXPECT_GT(Skill(1), 0.85);
  EXPECT_GT(Skill(0), 0.85);
}

TEST(OnlineLearner, DoesWhatATrainerDoes) {
  CommonPayoff env(4), other(4);
  PpoSpec spec = SmallSpec(EncoderKind::kGru);
  spec.horizon = 25;
  Collective alone;
  Trainer trainer(env, spec, 3, 1, alone);
  OnlineLearner learner(MakeTrainerState(other.spec(), spec, 3), spec, 4, 25, 2);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(trainer.RunIteration().ok());
    Rollout rollout(learner.state().model, other.spec(), 25);
    RolloutWorker worker(learner.state().model, other, 0, 4);
    std::vector<int32_t> actions(8);
    ASSERT_TRUE(worker.Collect({.seed = 3, .iteration = i}, {}, actions, rollout).ok());
    ASSERT_TRUE(learner.Update(rollout, UpdateOptionsOf(spec, learner.state().steps_done)).ok());
  }
  EXPECT_EQ(learner.state().model.actor_parameters, trainer.model().actor_parameters);
  EXPECT_EQ(learner.state().model.critic_parameters, trainer.model().critic_parameters);
  EXPECT_EQ(learner.state().model.observations.mean, trainer.model().observations.mean);
  EXPECT_EQ(learner.state().steps_done, trainer.state().steps_done);
}

}  // namespace
}  // namespace reeve
