// A learner and a control loop's side of it in one process, without torch and sockets.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agents/adapt/online_experts.h"
#include "agents/ppo/value_targets.h"
#include "controller/learner/learner_jobs.h"
#include "controller/learner/remote_trainer.h"
#include "controller/learner/state_message.h"
#include "core/config.h"
#include "tests/agents/adapt/online_rig.h"

namespace reeve {

inline OnlineSpec SmallOnline() {
  OnlineSpec spec;
  spec.learner.form = Form::kSRl;
  spec.learner.actor.width = spec.learner.critic.width = 8;
  spec.stretch = 8;
  spec.stretches = 2;
  spec.swap_after = 0;
  return spec;
}

// What PpoExperts does, with steps of its own in place of gradients: as long as one may be at most,
// and different for every batch.
class CountingTrainer final : public ExpertTrainer {
 public:
  CountingTrainer(TrainerState state, const OnlineSpec& spec)
      : state_(std::move(state)), spec_(spec) {}

  absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch& batch) override {
    double sum = batch.entropy;
    for (const float x : batch.rollout.rewards) sum += x;
    for (const float x : batch.rollout.actor_inputs) sum += x;
    for (const float x : batch.rollout.critic_inputs) sum += x;
    for (const MomentSums& sums : batch.rollout.observation_sums) sum += sums[1];
    Collective alone;
    std::vector<GroupStats> stats(static_cast<size_t>(state_.model.groups));
    EXPECT_TRUE(
        MakeTargets(TargetOptionsOf(spec_.learner), alone, state_.model, batch.rollout, stats)
            .ok());
    const auto move = static_cast<float>(spec_.learner.learning_rate * std::sin(sum));
    for (float& p : state_.model.actor_parameters) p += move;
    for (float& p : state_.model.critic_parameters) p -= move;
    EXPECT_TRUE(MergeObservations(alone, batch.rollout, state_.model).ok());
    for (int64_t& n : state_.actor_updates) ++n;
    for (int64_t& n : state_.critic_updates) ++n;
    ++state_.iteration;
    state_.steps_done += int64_t{batch.rollout.envs} * batch.rollout.steps;
    OnlineUpdate update;
    update.groups.resize(static_cast<size_t>(state_.model.groups));
    update.groups[0].kl = move;
    update.mean_reward = sum;
    update.value_error = 0.25;
    return update;
  }
  const TrainerState& state() const override { return state_; }

 private:
  TrainerState state_;
  const OnlineSpec spec_;
};

inline ExpertTrainerFactory CountingTrainers(const OnlineSpec& spec) {
  return [spec](TrainerState state, int32_t, int32_t) -> std::unique_ptr<ExpertTrainer> {
    return std::make_unique<CountingTrainer>(std::move(state), spec);
  };
}

// What a control loop has an expert learn from.
struct Lesson {
  TrainerState state;  // before the first batch
  int32_t stretches = 0, steps = 0;
  std::vector<Rollout> batches;
  std::vector<std::vector<int64_t>> environments;  // of each batch

  OnlineBatch Batch(size_t i) { return {batches[i], environments[i], 0.01}; }
};

class NotingTrainer final : public ExpertTrainer {
 public:
  NotingTrainer(TrainerState state, Lesson* lesson) : state_(std::move(state)), lesson_(lesson) {}
  absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch& batch) override {
    lesson_->batches.push_back(batch.rollout);
    lesson_->environments.emplace_back(batch.environments.begin(), batch.environments.end());
    return OnlineUpdate();
  }
  const TrainerState& state() const override { return state_; }

 private:
  TrainerState state_;
  Lesson* const lesson_;
};

// `count` batches of what a policy chose, with environments that change and a fallback that drives
// now and then.
inline Lesson MakeLesson(OnlineSpec spec, size_t count, int32_t agents = 3) {
  const VectorEnvSpec shape = OnlineShape(agents, 2, 3);
  Lesson lesson;
  spec.swap_after = 1;
  spec.method = OnlineMethod::kSingle;
  OnlineExperts learner(
      shape, spec,
      [&](TrainerState state, int32_t stretches, int32_t steps) -> std::unique_ptr<ExpertTrainer> {
        lesson.state = state;
        lesson.stretches = stretches;
        lesson.steps = steps;
        return std::make_unique<NotingTrainer>(std::move(state), &lesson);
      },
      3);
  for (int64_t round = 0; lesson.batches.size() < count; ++round) {
    PlayOnline(learner, shape, round / 3 % 2, 7, round % 4 != 3,
               0.1F * static_cast<float>(round % 9));
  }
  lesson.batches.erase(lesson.batches.begin() + static_cast<ptrdiff_t>(count),
                       lesson.batches.end());
  lesson.environments.resize(count);
  return lesson;
}

// Jobs, and the thread that does them.
class RunningJobs {
 public:
  explicit RunningJobs(LearnerJobs::Learners learners = CountingTrainers,
                       const LearnerLimits& limits = {})
      : jobs_(limits, std::move(learners)), thread_([this] {
          while (!stop_) jobs_.WorkOne(SimTime::Millis(5));
        }) {}
  ~RunningJobs() {
    stop_ = true;
    thread_.join();
  }
  LearnerJobs& jobs() { return jobs_; }

 private:
  LearnerJobs jobs_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// A channel that is whatever a function does.
class FunctionChannel final : public LearnerChannel {
 public:
  using Function =
      std::function<absl::StatusOr<std::string>(const std::string&, const StopSignal&)>;
  explicit FunctionChannel(Function function) : function_(std::move(function)) {}
  absl::StatusOr<std::string> Ask(const std::string& request, const StopSignal& stop) override {
    return function_(request, stop);
  }

 private:
  const Function function_;
};

inline std::unique_ptr<LearnerChannel> ChannelOf(FunctionChannel::Function function) {
  return std::make_unique<FunctionChannel>(std::move(function));
}

// Straight into `jobs`, as the client with the key "loop".
inline std::unique_ptr<LearnerChannel> ChannelTo(LearnerJobs& jobs) {
  return ChannelOf([&jobs](const std::string& request, const StopSignal&) {
    return jobs.Handle("loop", request, SimTime::Seconds(1));
  });
}

inline RemoteLearnerSpec Patient() {
  RemoteLearnerSpec spec;
  spec.deadline = SimTime::Seconds(60);
  return spec;
}

}  // namespace reeve
