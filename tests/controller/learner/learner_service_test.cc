// A learner on real sockets, with control loops that behave, peers that do not, and an end that
// comes in the middle.
#include "controller/learner/learner_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <zmq.hpp>

#include "controller/bus/curve_keys.h"
#include "controller/learner/remote_experts.h"
#include "core/status.h"
#include "tests/controller/bus/scratch_folder.h"
#include "tests/controller/learner/learner_rig.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;
using Steady = std::chrono::steady_clock;

// A door that trainings stand before.
class Door {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    ++came_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void WaitForOne() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return came_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int came_ = 0;
};

class DoorTrainer final : public ExpertTrainer {
 public:
  DoorTrainer(TrainerState state, Door* door)
      : inner_(std::move(state), SmallOnline()), door_(door) {}
  absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch& batch) override {
    door_->Pass();
    return inner_.Learn(batch);
  }
  const TrainerState& state() const override { return inner_.state(); }

 private:
  CountingTrainer inner_;
  Door* const door_;
};

LearnerJobs::Learners Behind(Door* door) {
  return [door](const OnlineSpec&) -> ExpertTrainerFactory {
    return [door](TrainerState state, int32_t, int32_t) -> std::unique_ptr<ExpertTrainer> {
      return std::make_unique<DoorTrainer>(std::move(state), door);
    };
  };
}

LearnerServiceSpec Anywhere() {
  LearnerServiceSpec spec;
  spec.socket.bind = "tcp://127.0.0.1:*";
  return spec;
}

// A service in a thread.
class Running {
 public:
  explicit Running(const LearnerServiceSpec& spec = Anywhere(),
                   LearnerJobs::Learners learners = CountingTrainers) {
    auto service = LearnerService::Bind(spec, std::move(learners));
    EXPECT_TRUE(service.ok()) << service.status();
    service_ = *std::move(service);
    thread_ =
        std::thread([this] { EXPECT_TRUE(service_->Run([this] { return stop_.load(); }).ok()); });
  }
  ~Running() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  const std::string& endpoint() const { return service_->server().endpoint(); }
  LearnerService::Counts counts() const { return service_->counts(); }

 private:
  std::unique_ptr<LearnerService> service_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

RemoteLearnerSpec CallerOf(const std::string& endpoint) {
  RemoteLearnerSpec spec = Patient();
  spec.connect = endpoint;
  spec.answer = SimTime::Millis(300);
  spec.tries = 3;
  spec.retry = SimTime::Millis(1);
  spec.retry_most = SimTime::Millis(2);
  return spec;
}

std::unique_ptr<ExpertTrainer> TrainerAt(const RemoteLearnerSpec& spec, const Lesson& lesson) {
  auto trainers = RemoteExperts(spec, SmallOnline());
  EXPECT_TRUE(trainers.ok()) << trainers.status();
  return (*trainers)(lesson.state, lesson.stretches, lesson.steps);
}

// Until it has learned: the learner may have to be found first.
void ExpectLearns(ExpertTrainer& trainer, const OnlineBatch& batch) {
  const auto end = Steady::now() + std::chrono::seconds(60);
  absl::Status last;
  while (Steady::now() < end) {
    last = trainer.Learn(batch).status();
    if (last.ok()) return;
    EXPECT_TRUE(absl::IsUnavailable(last)) << last;
  }
  FAIL() << last;
}

TEST(LearnerService, LearnsOverSockets) {
  Lesson lesson = MakeLesson(SmallOnline(), 4);
  Running service;
  const auto there = TrainerAt(CallerOf(service.endpoint()), lesson);
  CountingTrainer here(lesson.state, SmallOnline());
  for (size_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(there->Learn(lesson.Batch(i)).ok());
    ASSERT_TRUE(here.Learn(lesson.Batch(i)).ok());
    EXPECT_EQ(WriteState(there->state()), WriteState(here.state()));
  }
  EXPECT_EQ(service.counts().jobs.states, 1u);
}

TEST(LearnerService, LearnsOverAFileOfThisMachine) {
  const ScratchFolder folder;
  Lesson lesson = MakeLesson(SmallOnline(), 1);
  LearnerServiceSpec spec;
  spec.socket.bind = "ipc://" + folder.path + "/learner";
  Running service(spec);
  EXPECT_TRUE(TrainerAt(CallerOf(spec.socket.bind), lesson)->Learn(lesson.Batch(0)).ok());
}

TEST(LearnerService, OneThatDiesInTheMiddleAndComesBackIsGivenTheWorkAnew) {
  Lesson lesson = MakeLesson(SmallOnline(), 1);
  Door door;
  auto first = std::make_unique<Running>(Anywhere(), Behind(&door));
  LearnerServiceSpec same_place;
  same_place.socket.bind = first->endpoint();
  RemoteLearnerSpec spec = CallerOf(first->endpoint());
  spec.tries = 1000;
  const auto there = TrainerAt(spec, lesson);
  absl::Status learned = absl::UnknownError("");
  std::thread loop([&] { learned = there->Learn(lesson.Batch(0)).status(); });
  door.WaitForOne();  // at work
  std::thread opener([&] { door.Open(); });
  first.reset();  // what was learned is never heard of
  opener.join();
  Running second(same_place);
  loop.join();
  EXPECT_TRUE(learned.ok()) << learned;
  CountingTrainer here(lesson.state, SmallOnline());
  ASSERT_TRUE(here.Learn(lesson.Batch(0)).ok());
  EXPECT_EQ(WriteState(there->state()), WriteState(here.state()));
}

TEST(LearnerService, OneThatIsNotThereIsFoundWhenItComes) {
  Lesson lesson = MakeLesson(SmallOnline(), 2);
  LearnerServiceSpec place;
  {
    Running service;
    place.socket.bind = service.endpoint();
  }
  const auto there = TrainerAt(CallerOf(place.socket.bind), lesson);
  const std::string before = WriteState(there->state());
  const absl::Status status = there->Learn(lesson.Batch(0)).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(MessageOf(status), HasSubstr("is it running"));
  EXPECT_EQ(WriteState(there->state()), before);
  Running service(place);
  ExpectLearns(*there, lesson.Batch(1));
}

TEST(LearnerService, OneThatHangsIsGivenUp) {
  Lesson lesson = MakeLesson(SmallOnline(), 1);
  // Takes everything and says nothing.
  zmq::context_t context;
  zmq::socket_t hung(context, zmq::socket_type::router);
  hung.bind("tcp://127.0.0.1:*");
  const auto there = TrainerAt(CallerOf(hung.get(zmq::sockopt::last_endpoint)), lesson);
  const auto begin = Steady::now();
  EXPECT_TRUE(absl::IsUnavailable(there->Learn(lesson.Batch(0)).status()));
  EXPECT_GE(Steady::now() - begin, std::chrono::milliseconds(900));  // three times 0.3 s
  EXPECT_LT(Steady::now() - begin, std::chrono::seconds(20));
  // And one who is to end does not wait for it.
  RemoteLearnerSpec patient = CallerOf(hung.get(zmq::sockopt::last_endpoint));
  patient.answer = SimTime::Minutes(50);
  const auto other = TrainerAt(patient, lesson);
  std::thread loop([&] { EXPECT_FALSE(other->Learn(lesson.Batch(0)).ok()); });
  other->Stop();
  loop.join();
}

// The control loop's part of it: it acts on, without waiting, while the learner dies and returns.
TEST(LearnerService, ExpertsActOnWhileTheLearnerDiesAndReturns) {
  const VectorEnvSpec shape = OnlineShape(2, 2, 3);
  auto service = std::make_unique<Running>();
  LearnerServiceSpec place;
  place.socket.bind = service->endpoint();
  RemoteLearnerSpec spec = CallerOf(service->endpoint());
  spec.answer = SimTime::Millis(100);
  spec.tries = 1;
  auto trainers = RemoteExperts(spec, SmallOnline());
  ASSERT_TRUE(trainers.ok());
  OnlineExperts experts(shape, SmallOnline(), *trainers, 1);
  const auto until = [&](const std::function<bool()>& done) {
    const auto end = Steady::now() + std::chrono::seconds(60);
    while (!done() && Steady::now() < end) {
      const auto begin = Steady::now();
      EXPECT_GE(PlayOnline(experts, shape, 0, 17), 0);
      EXPECT_LT(Steady::now() - begin, std::chrono::seconds(5));  // far less than nothing learned
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_TRUE(done());
  };
  until([&] { return experts.counts().updates >= 2; });
  service.reset();
  until([&] { return experts.counts().batches_lost >= 2; });
  const int64_t updates = experts.counts().updates;
  service = std::make_unique<Running>(place);
  until([&] { return experts.counts().updates > updates; });
}

struct Curve {
  Curve() {
    for (const char* name : {"server", "loop", "mallory"}) {
      EXPECT_TRUE(WriteCurveKeys(*MakeCurveKeys(), folder.path, name).ok());
    }
    std::filesystem::create_directories(folder.path + "/allowed");
    std::filesystem::copy(folder.path + "/loop.key", folder.path + "/allowed/loop.key");
    spec = Anywhere();
    spec.socket.key = folder.path + "/server.key_secret";
    spec.socket.allowed = folder.path + "/allowed";
  }
  RemoteLearnerSpec Caller(const std::string& endpoint, const std::string& name,
                           const std::string& server = "server") const {
    RemoteLearnerSpec caller = CallerOf(endpoint);
    caller.key = folder.path + "/" + name + ".key_secret";
    caller.server_key = folder.path + "/" + server + ".key";
    return caller;
  }
  const ScratchFolder folder;
  LearnerServiceSpec spec;
};

TEST(LearnerServiceCurve, WhoIsNotAllowedCostsNothingAndLearnsNothing) {
  const Curve curve;
  Lesson lesson = MakeLesson(SmallOnline(), 2);
  Running service(curve.spec);
  const auto good = TrainerAt(curve.Caller(service.endpoint(), "loop"), lesson);
  ExpectLearns(*good, lesson.Batch(0));
  const uint64_t requests = service.counts().jobs.requests;
  for (const RemoteLearnerSpec& caller :
       {curve.Caller(service.endpoint(), "mallory"), CallerOf(service.endpoint()),
        curve.Caller(service.endpoint(), "loop", "mallory")}) {
    const absl::Status status = TrainerAt(caller, lesson)->Learn(lesson.Batch(0)).status();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
  EXPECT_EQ(service.counts().jobs.requests, requests);
  EXPECT_EQ(service.counts().jobs.experts, 1u);
  ExpectLearns(*good, lesson.Batch(1));
}

TEST(LearnerService, TooLongABatchIsNotSentAndSaysWhatToDo) {
  Lesson lesson = MakeLesson(SmallOnline(), 1);
  Running service;
  RemoteLearnerSpec spec = CallerOf(service.endpoint());
  spec.message_bytes = 1024;
  EXPECT_THAT(MessageOf(TrainerAt(spec, lesson)->Learn(lesson.Batch(0)).status()),
              HasSubstr("message_bytes allows 1024; raise it"));
  EXPECT_EQ(service.counts().jobs.requests, 0u);
}

TEST(LearnerService, CallersThatCannotBeAreRefused) {
  RemoteLearnerSpec spec;
  OnlineSpec waits = SmallOnline();
  waits.swap_after = 1;
  EXPECT_THAT(MessageOf(RemoteExperts(spec, waits).status()), HasSubstr("swap_after is 1"));
  spec.connect = "tcp://learner.example:5592";
  EXPECT_THAT(MessageOf(RemoteExperts(spec, SmallOnline()).status()),
              HasSubstr("set key and server_key"));
  spec.connect = "http://learner";
  EXPECT_THAT(MessageOf(RemoteExperts(spec, SmallOnline()).status()), HasSubstr("is no address"));
  const Curve curve;
  spec = curve.Caller("tcp://127.0.0.1:5592", "loop");
  spec.server_key.clear();
  EXPECT_THAT(MessageOf(RemoteExperts(spec, SmallOnline()).status()), HasSubstr("both are needed"));
}

}  // namespace
}  // namespace reeve
