// What holds for every training, whatever it learns.
#include "agents/ppo/trainer.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/agents/ppo/cart_pole.h"
#include "tests/agents/ppo/small_games.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

PpoSpec SmallSpec(Form form, EncoderKind encoder) {
  PpoSpec spec;
  spec.form = form;
  spec.actor.width = spec.critic.width = 16;
  spec.actor.encoder = spec.critic.encoder = encoder;
  spec.horizon = 25;
  spec.epochs = 3;
  spec.mini_batches = 2;
  spec.learning_rate = 1e-2;
  spec.learning_rate_schedule = Schedule::kLinear;
  spec.total_steps = 2000;
  return spec;
}

TrainerState Train(VectorEnv& env, const PpoSpec& spec, int32_t threads, int iterations) {
  Collective alone;
  Trainer trainer(env, spec, 3, threads, alone);
  for (int i = 0; i < iterations; ++i) {
    const auto stats = trainer.RunIteration();
    EXPECT_TRUE(stats.ok()) << MessageOf(stats.status());
  }
  return trainer.state();
}

void ExpectSame(const TrainerState& a, const TrainerState& b) {
  EXPECT_EQ(a.model.actor_parameters, b.model.actor_parameters);
  EXPECT_EQ(a.model.critic_parameters, b.model.critic_parameters);
  EXPECT_EQ(a.model.observations.mean, b.model.observations.mean);
  EXPECT_EQ(a.model.values.variance, b.model.values.variance);
  EXPECT_EQ(a.actor_second_moments, b.actor_second_moments);
  EXPECT_EQ(a.critic_first_moments, b.critic_first_moments);
  EXPECT_EQ(a.actor_updates, b.actor_updates);
  EXPECT_EQ(a.recent_returns, b.recent_returns);
  EXPECT_EQ(a.steps_done, b.steps_done);
}

TEST(Trainer, ThreadsDoNotMatter) {
  for (const EncoderKind encoder : {EncoderKind::kLatest, EncoderKind::kGru}) {
    const PpoSpec spec = SmallSpec(Form::kMaPpo, encoder);
    CommonPayoff one(5), two(5), five(5);
    const TrainerState expected = Train(one, spec, 1, 3);
    ExpectSame(expected, Train(two, spec, 2, 3));
    ExpectSame(expected, Train(five, spec, 5, 3));
  }
}

TEST(Trainer, GoesOnAsIfItHadNotStopped) {
  const PpoSpec spec = SmallSpec(Form::kMeanField, EncoderKind::kShift);
  CommonPayoff env(4);
  const TrainerState straight = Train(env, spec, 1, 5);
  const TrainerState half = Train(env, spec, 1, 2);
  CommonPayoff other(4);
  Collective alone;
  Trainer resumed(other, spec, 99, 1, alone);  // its own seed does not matter
  ASSERT_TRUE(resumed.RunIteration().ok());    // nor what it did before
  ASSERT_TRUE(resumed.Restore(half).ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(resumed.RunIteration().ok());
  ExpectSame(straight, resumed.state());
}

TEST(Trainer, RestoreRefusesAnotherProblem) {
  CommonPayoff env(2);
  CartPole other(2);
  const PpoSpec spec = SmallSpec(Form::kSRl, EncoderKind::kLatest);
  Collective alone;
  Trainer trainer(env, spec, 1, 1, alone);
  Trainer wrong(other, spec, 1, 1, alone);
  EXPECT_THAT(MessageOf(trainer.Restore(wrong.state())), HasSubstr("other features"));
  PpoSpec wider = spec;
  wider.actor.width = 17;
  Trainer networks(env, wider, 1, 1, alone);
  EXPECT_THAT(MessageOf(trainer.Restore(networks.state())), HasSubstr("other networks"));
}

TEST(Trainer, AgentsThatAreNeverThereLearnNothing) {
  ComeAndGo env(4);
  const PpoSpec spec = SmallSpec(Form::kMaPpo, EncoderKind::kLatest);
  const TrainerState before = Train(env, spec, 1, 0);
  const TrainerState after = Train(env, spec, 1, 2);
  const auto part = [](const std::vector<float>& all, size_t agent) {
    const size_t size = all.size() / 4;
    return std::vector<float>(all.begin() + static_cast<ptrdiff_t>(agent * size),
                              all.begin() + static_cast<ptrdiff_t>((agent + 1) * size));
  };
  for (size_t agent = 0; agent < 4; ++agent) {
    const bool never = agent == 1;
    EXPECT_EQ(
        part(before.model.actor_parameters, agent) == part(after.model.actor_parameters, agent),
        never);
    EXPECT_EQ(
        part(before.model.critic_parameters, agent) == part(after.model.critic_parameters, agent),
        never);
    EXPECT_EQ(after.actor_updates[agent] == 0, never);
  }
}

// Agents 0 and 2 are of one tenant, 1 and 3 of another: groups of a tenant move together, and the
// absent agent 1 changes nothing for agent 3.
TEST(Trainer, GroupsOfSeveralAgents) {
  ComeAndGo env(4, {0, 1, 0, 1});
  for (const Sharing sharing : {Sharing::kPerTenant, Sharing::kShared}) {
    PpoSpec spec = SmallSpec(Form::kMaPpo, EncoderKind::kLatest);
    spec.sharing = sharing;
    spec.agent_id = true;
    const TrainerState state = Train(env, spec, 2, 3);
    EXPECT_EQ(state.model.groups, sharing == Sharing::kShared ? 1 : 2);
    for (const int64_t updates : state.actor_updates) EXPECT_GT(updates, 0);
  }
}

// Groups of unequal size are padded, which must not count: tenant 0 has one agent, alone or beside
// a tenant of three it learns the same (S-RL: it sees nothing of the others).
TEST(Trainer, PaddingDoesNotCount) {
  PpoSpec spec = SmallSpec(Form::kSRl, EncoderKind::kGru);
  spec.sharing = Sharing::kPerTenant;
  ComeAndGo padded(4, {0, 1, 1, 1}), even(4, {0, 1, 2, 3});
  const TrainerState a = Train(padded, spec, 1, 3);
  const TrainerState b = Train(even, spec, 1, 3);
  const auto size = static_cast<size_t>(a.model.actor.parameters);
  for (size_t i = 0; i < size; ++i) {
    ASSERT_NEAR(a.model.actor_parameters[i], b.model.actor_parameters[i], 1e-5);
  }
}

// Sums over threads that stand for processes.
class ThreadCollective : public Collective {
 public:
  struct Meeting {
    explicit Meeting(int32_t world) : size(world) {}
    const int32_t size;
    std::mutex mutex;
    std::condition_variable arrived;
    int32_t waiting = 0;
    int64_t round = 0;
    std::vector<double> sums, result;
  };
  ThreadCollective(Meeting& meeting, int32_t rank) : meeting_(meeting), rank_(rank) {}

  int32_t rank() const override { return rank_; }
  int32_t world() const override { return meeting_.size; }
  absl::Status SumInPlace(std::span<float> x) override { return Sum(x); }
  absl::Status SumInPlace(std::span<double> x) override { return Sum(x); }

 private:
  template <class T>
  absl::Status Sum(std::span<T> x) {
    std::unique_lock lock(meeting_.mutex);
    if (meeting_.waiting == 0) meeting_.sums.assign(x.size(), 0.0);
    if (meeting_.sums.size() != x.size()) return absl::InternalError("calls do not match");
    for (size_t i = 0; i < x.size(); ++i) meeting_.sums[i] += x[i];
    if (++meeting_.waiting == meeting_.size) {
      meeting_.waiting = 0;
      meeting_.result = meeting_.sums;
      ++meeting_.round;
      meeting_.arrived.notify_all();
    } else {
      const int64_t round = meeting_.round;
      meeting_.arrived.wait(lock, [&] { return meeting_.round != round; });
    }
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(meeting_.result[i]);
    return absl::OkStatus();
  }

  Meeting& meeting_;
  int32_t rank_;
};

// Two ranks with three environments each do what one with six does, but for the order in which
// floats are summed. Relative errors of 1e-7 a sum grow through Adam's division by small second
// moments and through choices that depend on them: hence few updates, and 1e-4.
TEST(Trainer, TwoRanksAreOneWithTwiceTheEnvironments) {
  const PpoSpec spec = SmallSpec(Form::kMaPpo, EncoderKind::kLatest);
  constexpr int kIterations = 3;
  CommonPayoff all(6);
  const TrainerState expected = Train(all, spec, 1, kIterations);

  ThreadCollective::Meeting meeting(2);
  TrainerState states[2];
  std::vector<std::thread> ranks;
  for (int rank = 0; rank < 2; ++rank) {
    ranks.emplace_back([&, rank] {
      CommonPayoff env(3, 3 * rank);
      ThreadCollective collective(meeting, rank);
      Trainer trainer(env, spec, 3, 1, collective);
      for (int i = 0; i < kIterations; ++i) ASSERT_TRUE(trainer.RunIteration().ok());
      states[rank] = trainer.state();
    });
  }
  for (std::thread& rank : ranks) rank.join();

  ExpectSame(states[0], states[1]);
  EXPECT_EQ(states[0].steps_done, expected.steps_done);
  EXPECT_EQ(states[0].actor_updates, expected.actor_updates);
  EXPECT_NEAR(states[0].recent_returns.back(), expected.recent_returns.back(), 1e-9);
  for (size_t i = 0; i < expected.model.actor_parameters.size(); ++i) {
    ASSERT_NEAR(states[0].model.actor_parameters[i], expected.model.actor_parameters[i], 1e-4);
  }
  for (size_t i = 0; i < expected.model.critic_parameters.size(); ++i) {
    ASSERT_NEAR(states[0].model.critic_parameters[i], expected.model.critic_parameters[i], 1e-4);
  }
}

TEST(Trainer, ReportsRewardsThatAreNotFinite) {
  class Broken : public CartPole {
   public:
    Broken() : CartPole(2) {}

   protected:
    Ending Act(int32_t env, const int32_t* actions, float* rewards) override {
      const Ending ending = CartPole::Act(env, actions, rewards);
      rewards[0] = std::numeric_limits<float>::quiet_NaN();
      return ending;
    }
  };
  Broken env;
  Collective alone;
  Trainer trainer(env, SmallSpec(Form::kSRl, EncoderKind::kLatest), 1, 1, alone);
  EXPECT_THAT(MessageOf(trainer.RunIteration().status()), HasSubstr("not finite"));
}

// With no step towards it, a policy's Kullback-Leibler divergence from itself is 0: a threshold
// below what one update brings lets through exactly one.
TEST(Trainer, KlStopHoldsTheActorOnly) {
  CommonPayoff env(4);
  PpoSpec spec = SmallSpec(Form::kSRl, EncoderKind::kLatest);
  spec.target_kl = 1e-5;
  Collective alone;
  Trainer trainer(env, spec, 1, 1, alone);
  const auto stats = trainer.RunIteration();
  ASSERT_TRUE(stats.ok());
  for (const GroupStats& group : stats->groups) {
    EXPECT_EQ(group.actor_updates, 1);
    EXPECT_EQ(group.critic_updates, 6);
    EXPECT_GT(group.kl, 1e-5);
  }
}

}  // namespace
}  // namespace reeve
