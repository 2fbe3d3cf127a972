#include "controller/learner/remote_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <limits>
#include <thread>

#include "core/status.h"
#include "tests/controller/learner/learner_rig.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;
namespace wire = learner::v1;
using Steady = std::chrono::steady_clock;

std::unique_ptr<ExpertTrainer> TrainerOver(std::unique_ptr<LearnerChannel> channel,
                                           const Lesson& lesson, const RemoteLearnerSpec& spec,
                                           NetClock& clock = NetClock::Real()) {
  return RemoteExpertsOver(std::move(channel), spec, SmallOnline(), 1, clock)(
      lesson.state, lesson.stretches, lesson.steps);
}

TEST(RemoteTrainer, LearnsWhatATrainerHereWouldHaveLearned) {
  Lesson lesson = MakeLesson(SmallOnline(), 5);
  RunningJobs learner;
  const auto there = TrainerOver(ChannelTo(learner.jobs()), lesson, Patient());
  CountingTrainer here(lesson.state, SmallOnline());
  for (size_t i = 0; i < 5; ++i) {
    const auto update = there->Learn(lesson.Batch(i));
    ASSERT_TRUE(update.ok()) << update.status();
    const auto expected = here.Learn(lesson.Batch(i));
    EXPECT_EQ(update->mean_reward, expected->mean_reward);
    EXPECT_EQ(update->groups[0].kl, expected->groups[0].kl);
    EXPECT_EQ(WriteState(there->state()), WriteState(here.state()));
  }
  EXPECT_EQ(learner.jobs().counts().states, 1u);  // the rest of the time it had it
}

TEST(RemoteTrainer, ALearnerThatIsStartedAnewGoesOn) {
  Lesson lesson = MakeLesson(SmallOnline(), 4);
  auto learner = std::make_unique<RunningJobs>();
  const auto there = TrainerOver(ChannelOf([&](const std::string& request, const StopSignal&) {
                                   return learner->jobs().Handle("loop", request, SimTime());
                                 }),
                                 lesson, Patient());
  CountingTrainer here(lesson.state, SmallOnline());
  for (size_t i = 0; i < 4; ++i) {
    if (i == 2) learner = std::make_unique<RunningJobs>();
    ASSERT_TRUE(there->Learn(lesson.Batch(i)).ok());
    ASSERT_TRUE(here.Learn(lesson.Batch(i)).ok());
    EXPECT_EQ(WriteState(there->state()), WriteState(here.state()));
  }
  EXPECT_EQ(learner->jobs().counts().states, 1u);
}

TEST(RemoteTrainer, AJobThatIsLostOnTheWayIsSentAgain) {
  Lesson lesson = MakeLesson(SmallOnline(), 1);
  // The first never gets to work.
  LearnerJobs first({}, CountingTrainers);
  RunningJobs second;
  int asked = 0;
  const auto there = TrainerOver(ChannelOf([&](const std::string& request, const StopSignal&) {
                                   LearnerJobs& jobs = ++asked <= 5 ? first : second.jobs();
                                   return jobs.Handle("loop", request, SimTime());
                                 }),
                                 lesson, Patient());
  ASSERT_TRUE(there->Learn(lesson.Batch(0)).ok());
  EXPECT_EQ(first.counts().waiting, 1u);
  EXPECT_EQ(second.jobs().counts().learned, 1u);
}

// Everything a learner may answer that is not what it should.
TEST(RemoteTrainer, ALearnerThatLiesChangesNothing) {
  Lesson lesson = MakeLesson(SmallOnline(), 2);
  const auto of_state = [](const std::function<void(TrainerState&)>& lie) {
    return [lie](wire::Reply& reply) {
      if (!reply.has_learned()) return;
      TrainerState state = *ReadState(reply.learned().state());
      lie(state);
      reply.mutable_learned()->set_state(WriteState(state));
    };
  };
  const struct {
    const char* says;
    std::function<void(wire::Reply&)> lie;
  } lies[] = {
      {"version 2", [](auto& r) { r.set_version(2); }},
      {"not asked", [](auto& r) { r.set_id(r.id() + 1); }},
      {"something else",
       [](auto& r) {
         r.clear_working();
         r.clear_need_state();
         r.clear_learned();
       }},
      {"that it has been sent", [](auto& r) { r.mutable_need_state(); }},
      {"the learner says: no", [](auto& r) { r.mutable_error()->set_message("no"); }},
      {"another job",
       [](auto& r) {
         if (r.has_learned()) r.mutable_learned()->set_job(9);
       }},
      {"cannot be used",
       [](auto& r) {
         if (r.has_learned()) r.mutable_learned()->clear_state();
       }},
      {"cannot be used",
       [](auto& r) {
         if (r.has_learned()) r.mutable_learned()->mutable_state()->pop_back();
       }},
      {"cannot be used",
       [](auto& r) {
         if (r.has_learned()) r.mutable_learned()->clear_update();
       }},
      {"cannot be used",
       [](auto& r) {
         if (!r.has_learned()) return;
         r.mutable_learned()->mutable_update()->set_value_error(
             std::numeric_limits<double>::quiet_NaN());
       }},
      {"not finite", of_state([](auto& s) {
         s.model.actor_parameters[0] = std::numeric_limits<float>::quiet_NaN();
       })},
      {"has moved by", of_state([](auto& s) { s.model.actor_parameters[0] += 1; })},
      {"other networks", of_state([](auto& s) { s.model.agent_names[0] = "x"; })},
      {"other networks", of_state([](auto& s) {
         s = MakeTrainerState(OnlineShape(5, 2, 3), SmallOnline().learner, 3);
       })},
      {"not 1 and", of_state([](auto& s) { s.iteration += 1; })},
  };
  for (const auto& lie : lies) {
    RunningJobs learner;
    bool honest = false;
    ManualClock clock;
    const auto there = TrainerOver(ChannelOf([&](const std::string& request, const StopSignal&) {
                                     const std::string bytes =
                                         learner.jobs().Handle("loop", request, SimTime());
                                     wire::Reply reply;
                                     EXPECT_TRUE(reply.ParseFromString(bytes));
                                     if (!honest) lie.lie(reply);
                                     return reply.SerializeAsString();
                                   }),
                                   lesson, Patient(), clock);
    const std::string before = WriteState(there->state());
    const auto update = there->Learn(lesson.Batch(0));
    EXPECT_EQ(update.status().code(), absl::StatusCode::kUnavailable) << lie.says;
    EXPECT_THAT(MessageOf(update.status()), HasSubstr(lie.says));
    EXPECT_EQ(WriteState(there->state()), before);
    // As soon as it is honest again, and no more at work on the first, it is believed.
    honest = true;
    while (learner.jobs().counts().learned == 0) std::this_thread::yield();
    clock.Advance(SimTime::Minutes(5));
    EXPECT_TRUE(there->Learn(lesson.Batch(1)).ok()) << lie.says;
  }
}

TEST(RemoteTrainer, GarbageIsNoReply) {
  Lesson lesson = MakeLesson(SmallOnline(), 1);
  for (const std::string& bytes :
       {std::string(), std::string("\xff\xff\xff"), std::string(99, 'x')}) {
    const auto there = TrainerOver(
        ChannelOf([&](const std::string&, const StopSignal&) { return bytes; }), lesson, Patient());
    EXPECT_TRUE(absl::IsUnavailable(there->Learn(lesson.Batch(0)).status()));
  }
}

TEST(RemoteTrainer, ALearnerThatNeverEndsIsLeftAtTheDeadline) {
  Lesson lesson = MakeLesson(SmallOnline(), 1);
  LearnerJobs idle({}, CountingTrainers);  // nobody works
  RemoteLearnerSpec spec = Patient();
  spec.deadline = SimTime::Millis(100);
  const auto there = TrainerOver(ChannelTo(idle), lesson, spec);
  const auto begin = Steady::now();
  const absl::Status status = there->Learn(lesson.Batch(0)).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(MessageOf(status), HasSubstr("not come to an end in 0.1 s"));
  EXPECT_LT(Steady::now() - begin, std::chrono::seconds(20));
}

// The waits double from 2 s and are at most 16 s, less up to half of jitter; who is left alone is
// not asked.
TEST(RemoteTrainer, ALearnerThatFailedIsLeftAloneForLongerAndLonger) {
  Lesson lesson = MakeLesson(SmallOnline(), 1);
  RunningJobs learner;
  ManualClock clock;
  int64_t asked = 0;
  bool away = true;
  RemoteLearnerSpec spec = Patient();
  spec.retry = SimTime::Seconds(2);
  spec.retry_most = SimTime::Seconds(16);
  const auto there = TrainerOver(
      ChannelOf([&](const std::string& request, const StopSignal&) -> absl::StatusOr<std::string> {
        ++asked;
        if (away) return absl::UnavailableError("nobody there");
        return learner.jobs().Handle("loop", request, SimTime());
      }),
      lesson, spec, clock);
  for (const double most : {2.0, 4.0, 8.0, 16.0, 16.0}) {
    asked = 0;
    EXPECT_THAT(MessageOf(there->Learn(lesson.Batch(0)).status()), HasSubstr("nobody there"));
    EXPECT_EQ(asked, 1);
    clock.Advance(SimTime::FromSeconds(most / 2 - 0.001));
    EXPECT_THAT(MessageOf(there->Learn(lesson.Batch(0)).status()), HasSubstr("is left alone"));
    EXPECT_EQ(asked, 1);
    clock.Advance(SimTime::FromSeconds(most / 2 + 0.001));
  }
  away = false;
  EXPECT_TRUE(there->Learn(lesson.Batch(0)).ok());
  away = true;
  EXPECT_FALSE(there->Learn(lesson.Batch(0)).ok());
  clock.Advance(SimTime::Seconds(2));  // as at first
  away = false;
  EXPECT_TRUE(there->Learn(lesson.Batch(0)).ok());
}

// Everything that acts, beside a learner that comes and goes.
TEST(RemoteTrainer, ExpertsActOnWhateverTheLearnerDoes) {
  const VectorEnvSpec shape = OnlineShape(2, 2, 3);
  OnlineSpec spec = SmallOnline();
  ManualClock clock;
  RunningJobs learner;
  std::atomic<int> mood{0};
  OnlineExperts experts(
      shape, spec,
      RemoteExpertsOver(ChannelOf([&](const std::string& request,
                                      const StopSignal& stop) -> absl::StatusOr<std::string> {
                          switch (mood.load()) {
                            case 1:
                              return absl::UnavailableError("nobody there");
                            case 2:
                              return std::string("garbage");
                            case 3:  // hangs
                              while (!stop.WaitFor(SimTime::Hours(1))) {
                              }
                              return absl::UnavailableError("stopped");
                            default:
                              return learner.jobs().Handle("loop", request, SimTime());
                          }
                        }),
                        Patient(), spec, 1, clock),
      1);
  const auto until = [&](const std::function<bool()>& done) {
    for (int round = 0; round < 100'000 && !done(); ++round) {
      EXPECT_GE(PlayOnline(experts, shape, 0, 17), 0);
      clock.Advance(SimTime::Minutes(10));
    }
    EXPECT_TRUE(done());
  };
  until([&] { return experts.counts().updates >= 3; });
  EXPECT_TRUE(experts.trouble().ok());
  for (const int how : {1, 2}) {
    mood = how;
    const int64_t lost = experts.counts().batches_lost;
    until([&] { return experts.counts().batches_lost >= lost + 2; });
    EXPECT_TRUE(absl::IsUnavailable(experts.trouble()));
    const int64_t updates = experts.counts().updates;
    mood = 0;
    until([&] { return experts.counts().updates > updates; });
    EXPECT_TRUE(experts.trouble().ok());
  }
  const auto state = experts.StateOf(0);
  ASSERT_TRUE(state.ok());
  // Hung: the loop goes on, and what is learned meanwhile is nothing.
  mood = 3;
  const int64_t updates = experts.counts().updates, dropped = experts.counts().batches_dropped;
  until([&] { return experts.counts().batches_dropped > dropped + 5; });
  EXPECT_EQ(experts.counts().updates, updates);
  // And its end does not wait for the learner: this test would last an hour.
}

// What is lost leaves no trace: choices are those of experts that never learn.
TEST(RemoteTrainer, ALearnerThatIsNeverThereIsAsIfNobodyLearned) {
  const VectorEnvSpec shape = OnlineShape(2, 2, 3);
  const OnlineSpec spec = SmallOnline();
  const auto play = [&](const ExpertTrainerFactory& trainers) {
    OnlineExperts experts(shape, spec, trainers, 1);
    std::vector<double> rewards;
    for (int round = 0; round < 60; ++round) {
      rewards.push_back(PlayOnline(experts, shape, round / 20, 20));
    }
    return std::pair(rewards, WriteState(experts.StateOf(1)->trainer));
  };
  class Idle final : public ExpertTrainer {
   public:
    explicit Idle(TrainerState state) : state_(std::move(state)) {}
    absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch&) override { return OnlineUpdate(); }
    const TrainerState& state() const override { return state_; }

   private:
    TrainerState state_;
  };
  const auto alone = play(RemoteExpertsOver(
      ChannelOf([](const std::string&, const StopSignal&) -> absl::StatusOr<std::string> {
        return absl::UnavailableError("nobody there");
      }),
      Patient(), spec, 1));
  EXPECT_EQ(alone, play([](TrainerState state, int32_t, int32_t) -> std::unique_ptr<ExpertTrainer> {
              return std::make_unique<Idle>(std::move(state));
            }));
}

}  // namespace
}  // namespace reeve
