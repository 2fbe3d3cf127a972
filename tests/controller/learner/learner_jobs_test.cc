#include "controller/learner/learner_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include <limits>
#include <optional>

#include "controller/learner/batch_message.h"
#include "core/status.h"
#include "tests/controller/learner/learner_rig.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;
namespace wire = learner::v1;

constexpr SimTime kNoWait;

// What a client says, and what it hears.
class Client {
 public:
  Client(LearnerJobs& jobs, std::string peer, std::string expert)
      : jobs_(jobs), peer_(std::move(peer)), expert_(std::move(expert)) {}

  wire::Reply Send(wire::Request request) {
    request.set_version(kLearnerVersion);
    request.set_id(++id_);
    request.set_expert(expert_);
    wire::Reply reply;
    EXPECT_TRUE(reply.ParseFromString(jobs_.Handle(peer_, request.SerializeAsString(), now)));
    EXPECT_EQ(reply.id(), id_);
    EXPECT_EQ(reply.version(), kLearnerVersion);
    return reply;
  }
  wire::Reply Learn(const wire::Learn& learn) {
    wire::Request request;
    *request.mutable_learn() = learn;
    return Send(request);
  }
  wire::Reply Fetch(uint64_t job) {
    wire::Request request;
    request.mutable_fetch()->set_job(job);
    return Send(request);
  }

  SimTime now = SimTime::Seconds(1);

 private:
  LearnerJobs& jobs_;
  const std::string peer_, expert_;
  uint64_t id_ = 0;
};

wire::Learn JobOf(Lesson& lesson, size_t batch, const std::string& file, bool with_state,
                  const OnlineSpec& spec = SmallOnline()) {
  wire::Learn learn;
  learn.set_job(batch + 1);
  learn.set_base(StateVersion(file));
  wire::Batch message;
  WriteBatch(lesson.Batch(batch), WriteConfig(spec), message);
  learn.set_batch(message.SerializeAsString());
  learn.set_batch_xxh3(XXH3_64bits(learn.batch().data(), learn.batch().size()));
  if (with_state) learn.set_state(file);
  return learn;
}

class LearnerJobsTest : public ::testing::Test {
 protected:
  wire::ErrorCode Refused(const wire::Learn& learn) {
    EXPECT_TRUE(alice.Learn(learn).has_working());
    EXPECT_TRUE(jobs.WorkOne(kNoWait));
    const wire::Reply reply = alice.Fetch(learn.job());
    said = reply.error().message();
    return reply.error().code();
  }

  Lesson lesson = MakeLesson(SmallOnline(), 3);
  const std::string file = WriteState(lesson.state);
  LearnerJobs jobs{{}, CountingTrainers};
  Client alice{jobs, "alice", "e"};
  std::string said;
};

TEST_F(LearnerJobsTest, AStateIsAskedForOnceAndThenGoneOnFrom) {
  CountingTrainer here(lesson.state, SmallOnline());
  std::string now = file;
  for (size_t i = 0; i < 3; ++i) {
    wire::Reply reply = alice.Learn(JobOf(lesson, i, now, false));
    EXPECT_EQ(reply.has_need_state(), i == 0);
    if (i == 0) reply = alice.Learn(JobOf(lesson, i, now, true));
    EXPECT_TRUE(reply.has_working());
    EXPECT_TRUE(alice.Fetch(i + 1).has_working());
    ASSERT_TRUE(jobs.WorkOne(kNoWait));
    reply = alice.Fetch(i + 1);
    ASSERT_TRUE(reply.has_learned()) << reply.ShortDebugString();
    EXPECT_EQ(reply.learned().job(), i + 1);
    const auto update = here.Learn(lesson.Batch(i));
    now = WriteState(here.state());
    EXPECT_EQ(reply.learned().state(), now);
    EXPECT_EQ(reply.learned().update().mean_reward(), update->mean_reward);
  }
  EXPECT_EQ(jobs.counts().learned, 3u);
  EXPECT_EQ(jobs.counts().states, 1u);
  EXPECT_FALSE(jobs.WorkOne(kNoWait));
}

TEST_F(LearnerJobsTest, WhatIsSentAgainIsLearnedFromOnce) {
  const wire::Learn learn = JobOf(lesson, 0, file, true);
  EXPECT_TRUE(alice.Learn(learn).has_working());
  EXPECT_TRUE(alice.Learn(learn).has_working());
  EXPECT_TRUE(jobs.WorkOne(kNoWait));
  EXPECT_FALSE(jobs.WorkOne(kNoWait));
  EXPECT_TRUE(alice.Learn(learn).has_learned());
  EXPECT_TRUE(alice.Fetch(1).has_learned());
  EXPECT_EQ(jobs.counts().learned, 1u);
}

TEST_F(LearnerJobsTest, AnotherKeySeesNothing) {
  EXPECT_TRUE(alice.Learn(JobOf(lesson, 0, file, true)).has_working());
  EXPECT_TRUE(jobs.WorkOne(kNoWait));
  Client mallory(jobs, "mallory", "e");
  EXPECT_EQ(mallory.Fetch(1).error().code(), wire::UNKNOWN_JOB);
  EXPECT_TRUE(mallory.Learn(JobOf(lesson, 0, file, false)).has_need_state());
  EXPECT_TRUE(alice.Fetch(1).has_learned());
}

TEST_F(LearnerJobsTest, AnotherStateThanTheOneHeldIsAskedFor) {
  EXPECT_TRUE(alice.Learn(JobOf(lesson, 0, file, true)).has_working());
  EXPECT_TRUE(jobs.WorkOne(kNoWait));
  // The client has not heard, and goes on from where it was.
  EXPECT_TRUE(alice.Learn(JobOf(lesson, 1, file, false)).has_need_state());
  EXPECT_TRUE(alice.Learn(JobOf(lesson, 1, file, true)).has_working());
  EXPECT_TRUE(jobs.WorkOne(kNoWait));
  CountingTrainer here(lesson.state, SmallOnline());
  ASSERT_TRUE(here.Learn(lesson.Batch(1)).ok());
  EXPECT_EQ(alice.Fetch(2).learned().state(), WriteState(here.state()));
}

TEST_F(LearnerJobsTest, OtherSettingsBeginWithTheStateAnew) {
  EXPECT_TRUE(alice.Learn(JobOf(lesson, 0, file, true)).has_working());
  EXPECT_TRUE(jobs.WorkOne(kNoWait));
  const std::string now = alice.Fetch(1).learned().state();
  OnlineSpec other = SmallOnline();
  other.learner.learning_rate = 0.01;
  EXPECT_TRUE(alice.Learn(JobOf(lesson, 1, now, false, other)).has_working());
  EXPECT_TRUE(jobs.WorkOne(kNoWait));
  EXPECT_EQ(alice.Fetch(2).error().code(), wire::UNKNOWN_JOB);
  EXPECT_TRUE(alice.Learn(JobOf(lesson, 1, now, false, other)).has_need_state());
  EXPECT_TRUE(alice.Learn(JobOf(lesson, 1, now, true, other)).has_working());
  EXPECT_TRUE(jobs.WorkOne(kNoWait));
  EXPECT_TRUE(alice.Fetch(2).has_learned());
}

TEST_F(LearnerJobsTest, WhatCannotBeIsRefusedAndCanBeMended) {
  wire::Learn learn = JobOf(lesson, 0, file, true);
  learn.set_batch_xxh3(1);
  EXPECT_EQ(Refused(learn), wire::INVALID);
  EXPECT_THAT(said, HasSubstr("checksum"));

  learn = JobOf(lesson, 1, file, true);
  learn.set_batch("garbage");
  learn.set_batch_xxh3(XXH3_64bits("garbage", 7));
  EXPECT_EQ(Refused(learn), wire::INVALID);

  learn = JobOf(lesson, 2, file, true);
  (*learn.mutable_state())[200] ^= 1;
  EXPECT_EQ(Refused(learn), wire::INVALID);
  EXPECT_THAT(said, HasSubstr("state"));

  learn = JobOf(lesson, 2, file, true);
  learn.set_job(4);
  learn.set_base("sixteen bytes...");
  EXPECT_EQ(Refused(learn), wire::INVALID);
  EXPECT_THAT(said, HasSubstr("learn.base"));

  learn = JobOf(lesson, 2, file, true);
  learn.set_job(5);
  EXPECT_TRUE(alice.Learn(learn).has_working());
  EXPECT_TRUE(jobs.WorkOne(kNoWait));
  EXPECT_TRUE(alice.Fetch(5).has_learned());
  EXPECT_EQ(jobs.counts().failed, 4u);

  learn.set_job(3);
  EXPECT_EQ(alice.Learn(learn).error().code(), wire::INVALID);
  learn.set_job(0);
  EXPECT_EQ(alice.Learn(learn).error().code(), wire::MALFORMED);
}

TEST_F(LearnerJobsTest, BytesThatAreNoRequestGetAnError) {
  for (const std::string& bytes :
       {std::string(), std::string("garbage"), std::string(1000, '\xff')}) {
    wire::Reply reply;
    ASSERT_TRUE(reply.ParseFromString(jobs.Handle("alice", bytes, SimTime::Seconds(1))));
    EXPECT_TRUE(reply.has_error());
  }
  wire::Request request;
  request.set_version(2);
  request.set_id(7);
  wire::Reply reply;
  ASSERT_TRUE(reply.ParseFromString(
      jobs.Handle("alice", request.SerializeAsString(), SimTime::Seconds(1))));
  EXPECT_EQ(reply.error().code(), wire::VERSION);
  EXPECT_EQ(reply.id(), 7u);
  EXPECT_EQ(alice.Send({}).error().code(), wire::MALFORMED);
}

TEST_F(LearnerJobsTest, AnUpdateThatCostsTooMuchIsRefused) {
  OnlineSpec spec = SmallOnline();
  spec.method = OnlineMethod::kEwc;
  spec.learner.epochs = 1000;
  spec.ewc.samples = 1000;
  LearnerLimits limits;
  limits.update_work = 1e6;
  LearnerJobs strict(limits, CountingTrainers);
  Client client(strict, "alice", "e");
  EXPECT_TRUE(client.Learn(JobOf(lesson, 0, file, true, spec)).has_working());
  EXPECT_TRUE(strict.WorkOne(kNoWait));
  const wire::Reply reply = client.Fetch(1);
  EXPECT_EQ(reply.error().code(), wire::LIMIT);
  EXPECT_THAT(reply.error().message(), HasSubstr("update_work"));
}

TEST_F(LearnerJobsTest, OnlySoManyBatchesWait) {
  LearnerLimits limits;
  limits.waiting = 2;
  LearnerJobs small(limits, CountingTrainers);
  Client a(small, "alice", "a"), b(small, "alice", "b"), c(small, "bob", "c");
  EXPECT_TRUE(a.Learn(JobOf(lesson, 0, file, true)).has_working());
  EXPECT_TRUE(b.Learn(JobOf(lesson, 0, file, true)).has_working());
  EXPECT_EQ(c.Learn(JobOf(lesson, 0, file, true)).error().code(), wire::BUSY);
  // A newer batch of who waits takes the place of the older.
  EXPECT_TRUE(a.Learn(JobOf(lesson, 1, file, true)).has_working());
  EXPECT_EQ(small.counts().waiting, 2u);
  EXPECT_EQ(a.Fetch(1).error().code(), wire::UNKNOWN_JOB);
  EXPECT_TRUE(small.WorkOne(kNoWait));
  EXPECT_TRUE(a.Fetch(2).has_learned());
  EXPECT_TRUE(c.Learn(JobOf(lesson, 0, file, true)).has_working());
}

TEST_F(LearnerJobsTest, TheLongestUnusedMakesRoomOfOnesOwnFirst) {
  LearnerLimits limits;
  limits.experts = 3;
  limits.experts_of_one = 2;
  LearnerJobs small(limits, CountingTrainers);
  const auto learn = [&](Client& client) {
    EXPECT_TRUE(client.Learn(JobOf(lesson, 0, file, true)).has_working());
    EXPECT_TRUE(small.WorkOne(kNoWait));
    EXPECT_TRUE(client.Fetch(1).has_learned());
  };
  Client bob(small, "bob", "e"), a(small, "alice", "a"), b(small, "alice", "b"),
      c(small, "alice", "c"), carol(small, "carol", "e");
  bob.now = SimTime::Seconds(1);
  a.now = SimTime::Seconds(2);
  b.now = SimTime::Seconds(3);
  c.now = carol.now = SimTime::Seconds(4);
  for (Client* client : {&bob, &a, &b, &c}) learn(*client);
  EXPECT_EQ(a.Fetch(1).error().code(), wire::UNKNOWN_JOB);  // alice's own oldest
  EXPECT_TRUE(b.Fetch(1).has_learned());
  EXPECT_TRUE(c.Fetch(1).has_learned());
  learn(carol);
  EXPECT_EQ(bob.Fetch(1).error().code(), wire::UNKNOWN_JOB);  // the oldest of all
  EXPECT_EQ(small.counts().experts, 3u);
  EXPECT_EQ(small.counts().forgotten, 2u);
}

TEST_F(LearnerJobsTest, StatesThatAreHeldHaveALimitInBytes) {
  LearnerLimits limits;
  limits.held_bytes = static_cast<int64_t>(file.size()) * 5 / 2;  // two and a half
  LearnerJobs small(limits, CountingTrainers);
  std::vector<Client> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(small, "alice", std::to_string(i));
  for (int i = 0; i < 4; ++i) {
    clients[static_cast<size_t>(i)].now = SimTime::Seconds(1 + i);
    EXPECT_TRUE(clients[static_cast<size_t>(i)].Learn(JobOf(lesson, 0, file, true)).has_working());
    EXPECT_TRUE(small.WorkOne(kNoWait));
  }
  EXPECT_EQ(small.counts().experts, 2u);
  EXPECT_EQ(clients[1].Fetch(1).error().code(), wire::UNKNOWN_JOB);
  EXPECT_TRUE(clients[2].Fetch(1).has_learned());
  EXPECT_TRUE(clients[3].Fetch(1).has_learned());
}

TEST_F(LearnerJobsTest, WhatNobodyAsksForIsNotLearned) {
  EXPECT_TRUE(alice.Learn(JobOf(lesson, 0, file, true)).has_working());
  jobs.Expire(SimTime::Seconds(32));  // more than 30 s later
  EXPECT_FALSE(jobs.WorkOne(kNoWait));
  EXPECT_EQ(jobs.counts().given_up, 1u);
  alice.now = SimTime::Seconds(33);
  EXPECT_EQ(alice.Fetch(1).error().code(), wire::UNKNOWN_JOB);
  EXPECT_TRUE(alice.Learn(JobOf(lesson, 0, file, true)).has_working());
  EXPECT_TRUE(jobs.WorkOne(kNoWait));
  EXPECT_TRUE(alice.Fetch(1).has_learned());
  jobs.Expire(SimTime::Hours(25));
  EXPECT_EQ(jobs.counts().experts, 0u);
}

// An update that ends in what cannot be used, or is thrown out of.
class WildTrainer final : public ExpertTrainer {
 public:
  WildTrainer(TrainerState state, int how) : state_(std::move(state)), how_(how) {}
  absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch&) override {
    if (how_ == 0) return absl::InternalError("gradients that are not finite");
    if (how_ == 1) throw std::bad_alloc();
    state_.model.actor_parameters[0] = std::numeric_limits<float>::quiet_NaN();
    return OnlineUpdate();
  }
  const TrainerState& state() const override { return state_; }

 private:
  TrainerState state_;
  const int how_;
};

TEST_F(LearnerJobsTest, ATrainingThatDivergesIsForgotten) {
  for (const int how : {0, 1, 2}) {
    LearnerJobs wild({}, [how](const OnlineSpec&) -> ExpertTrainerFactory {
      return [how](TrainerState state, int32_t, int32_t) -> std::unique_ptr<ExpertTrainer> {
        return std::make_unique<WildTrainer>(std::move(state), how);
      };
    });
    Client client(wild, "alice", "e");
    EXPECT_TRUE(client.Learn(JobOf(lesson, 0, file, true)).has_working());
    EXPECT_TRUE(wild.WorkOne(kNoWait));
    const wire::Reply reply = client.Fetch(1);
    EXPECT_EQ(reply.error().code(), how == 1 ? wire::LIMIT : wire::DIVERGED) << how;
    EXPECT_TRUE(client.Learn(JobOf(lesson, 1, file, false)).has_need_state());
  }
}

}  // namespace
}  // namespace reeve
