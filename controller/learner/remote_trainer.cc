#include "controller/learner/remote_trainer.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <mutex>
#include <random>
#include <string>
#include <utility>

#include "controller/bus/presentable.h"
#include "controller/learner/batch_message.h"
#include "controller/learner/learner_jobs.h"
#include "controller/learner/state_message.h"
#include "controller/net/backoff.h"
#include "core/config.h"
#include "core/status.h"

namespace reeve {
namespace {

namespace wire = learner::v1;
using Steady = std::chrono::steady_clock;

// How often is asked whether a job is done: at first, and at most.
constexpr SimTime kFirstAsk = SimTime::Millis(5), kLastAsk = SimTime::Millis(200);
constexpr size_t kNameBytes = 16;

// Names of experts, so that nobody else's are met by chance.
std::string RandomName() {
  std::random_device device;
  std::string name;
  while (name.size() < kNameBytes) name += static_cast<char>(device());
  return name;
}

BackoffOptions WaitsOf(const RemoteLearnerSpec& spec) {
  BackoffOptions options;
  options.first = spec.retry;
  options.most = std::max(spec.retry, spec.retry_most);
  options.healthy_after = SimTime::Hours(24 * 365);  // only a success says that all is well
  return options;
}

// What all experts of a factory share. An OnlineExperts trains one at a time; two of them may be
// there for a moment, when one takes the place of the other.
struct Line {
  Line(std::unique_ptr<LearnerChannel> its_channel, const RemoteLearnerSpec& its_spec,
       const OnlineSpec& its_online, uint64_t jitter_seed, NetClock& its_clock)
      : channel(std::move(its_channel)),
        spec(its_spec),
        online(its_online),
        online_text(WriteConfig(its_online)),
        clock(its_clock),
        backoff(WaitsOf(its_spec), jitter_seed) {}

  const std::unique_ptr<LearnerChannel> channel;
  const RemoteLearnerSpec spec;
  const OnlineSpec online;
  const std::string online_text;
  NetClock& clock;

  std::mutex mutex;
  // Guarded by mutex, which Learn holds while it lasts.
  Backoff backoff;
  SimTime not_before = SimTime::Micros(std::numeric_limits<int64_t>::min());
  std::string trouble;  // of the last failure
  uint64_t requests = 0;
};

class RemoteTrainer final : public ExpertTrainer {
 public:
  RemoteTrainer(std::shared_ptr<Line> line, TrainerState state)
      : line_(std::move(line)), state_(std::move(state)), name_(RandomName()) {}

  absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch& batch) override;
  const TrainerState& state() const override { return state_; }
  void Stop() override { stop_.Stop(); }

 private:
  absl::StatusOr<OnlineUpdate> Try(const OnlineBatch& batch);
  absl::StatusOr<wire::Learned> Finish(wire::Learn& learn);
  absl::StatusOr<wire::Reply> Send(wire::Learn& learn);
  absl::StatusOr<wire::Reply> Ask(wire::Request& request);
  absl::StatusOr<OnlineUpdate> Accept(const ExpectedUpdate& expected, wire::Learned& learned);

  const std::shared_ptr<Line> line_;
  TrainerState state_;
  std::string file_;  // of state_; empty: not made yet
  const std::string name_;
  bool has_state_ = false;  // the learner, as far as is known
  uint64_t job_ = 0;
  StopSignal stop_;
};

absl::StatusOr<OnlineUpdate> RemoteTrainer::Learn(const OnlineBatch& batch) {
  const std::unique_lock lock(line_->mutex, std::try_to_lock);
  if (!lock.owns_lock()) return absl::UnavailableError("another expert is learning just now");
  const SimTime now = line_->clock.Now();
  if (now < line_->not_before) {
    return absl::UnavailableError(fmt::format("the learner is left alone for another {:.1f} s: {}",
                                              (line_->not_before - now).seconds(), line_->trouble));
  }
  absl::StatusOr<OnlineUpdate> update = Try(batch);
  if (update.ok()) {
    line_->backoff.Reset();
    line_->trouble.clear();
    return update;
  }
  line_->trouble = MessageOf(update.status());
  const SimTime failed = line_->clock.Now();
  line_->not_before = failed + line_->backoff.Next(failed);
  return absl::UnavailableError(line_->trouble);
}

absl::StatusOr<OnlineUpdate> RemoteTrainer::Try(const OnlineBatch& batch) {
  if (file_.empty()) file_ = WriteState(state_);
  wire::Learn learn;
  learn.set_job(++job_);
  learn.set_base(StateVersion(file_));
  {
    wire::Batch message;
    WriteBatch(batch, line_->online_text, message);
    learn.set_batch(message.SerializeAsString());
  }
  learn.set_batch_xxh3(XXH3_64bits(learn.batch().data(), learn.batch().size()));
  ASSIGN_OR_RETURN(const ExpectedUpdate expected,
                   ExpectUpdate(state_.model, line_->online.learner, batch.rollout));
  ASSIGN_OR_RETURN(wire::Learned learned, Finish(learn));
  return Accept(expected, learned);
}

// Sends the job and asks until it is done. A learner that has forgotten it, because it has been
// started anew, gets it once more.
absl::StatusOr<wire::Learned> RemoteTrainer::Finish(wire::Learn& learn) {
  const auto end = Steady::now() + std::chrono::microseconds(line_->spec.deadline.micros());
  SimTime wait = kFirstAsk;
  bool sent = false;
  while (true) {
    wire::Request fetch;
    fetch.mutable_fetch()->set_job(job_);
    ASSIGN_OR_RETURN(wire::Reply reply, sent ? Ask(fetch) : Send(learn));
    switch (reply.body_case()) {
      case wire::Reply::kLearned:
        return std::move(*reply.mutable_learned());
      case wire::Reply::kWorking:
        sent = true;
        break;
      case wire::Reply::kError:
        if (sent && reply.error().code() == wire::UNKNOWN_JOB) {
          sent = has_state_ = false;
          break;
        }
        return absl::UnavailableError("the learner says: " +
                                      Presentable(reply.error().message(), 1000));
      default:
        return absl::UnavailableError("the learner answers with something else");
    }
    if (Steady::now() > end) {
      return absl::UnavailableError(fmt::format("the learner has not come to an end in {} s",
                                                line_->spec.deadline.seconds()));
    }
    if (stop_.WaitFor(wait)) return absl::UnavailableError("stopped waiting for the learner");
    wait = std::min(kLastAsk, wait + wait);
  }
}

// With the state only if the learner cannot have it, or asks for it.
absl::StatusOr<wire::Reply> RemoteTrainer::Send(wire::Learn& learn) {
  while (true) {
    wire::Request request;
    learn.set_state(has_state_ ? "" : file_);
    *request.mutable_learn() = learn;
    ASSIGN_OR_RETURN(wire::Reply reply, Ask(request));
    if (reply.body_case() != wire::Reply::kNeedState) return reply;
    if (!std::exchange(has_state_, false)) {
      return absl::UnavailableError("the learner asks for a state that it has been sent");
    }
  }
}

absl::StatusOr<wire::Reply> RemoteTrainer::Ask(wire::Request& request) {
  request.set_version(kLearnerVersion);
  request.set_id(++line_->requests);
  request.set_expert(name_);
  ASSIGN_OR_RETURN(const std::string bytes,
                   line_->channel->Ask(request.SerializeAsString(), stop_));
  wire::Reply reply;
  if (!reply.ParseFromString(bytes)) {
    return absl::UnavailableError("the learner answers with what is no Reply of learner.proto");
  }
  if (reply.version() != kLearnerVersion) {
    return absl::UnavailableError(fmt::format(
        "the learner speaks version {} of the protocol, not {}", reply.version(), kLearnerVersion));
  }
  if (reply.id() != request.id() && reply.body_case() != wire::Reply::kError) {
    return absl::UnavailableError("the learner answers what was not asked");
  }
  return reply;
}

// Nothing is replaced before all of it has been looked at.
absl::StatusOr<OnlineUpdate> RemoteTrainer::Accept(const ExpectedUpdate& expected,
                                                   wire::Learned& learned) {
  const auto wrong = [](const absl::Status& status) {
    return absl::UnavailableError("the learner's answer cannot be used: " + MessageOf(status));
  };
  if (learned.job() != job_) {
    return absl::UnavailableError("the learner answers with another job's state");
  }
  absl::StatusOr<TrainerState> after = ReadState(learned.state());
  if (!after.ok()) return wrong(after.status());
  if (absl::Status status = CheckGoesOn(state_, *after, expected); !status.ok()) {
    return wrong(status);
  }
  absl::StatusOr<OnlineUpdate> update = ReadUpdate(learned.update(), state_.model.groups);
  if (!update.ok()) return wrong(update.status());
  has_state_ = true;
  TakeNumbers(*std::move(after), state_);
  file_ = std::move(*learned.mutable_state());
  return update;
}

}  // namespace

ExpertTrainerFactory RemoteExpertsOver(std::unique_ptr<LearnerChannel> channel,
                                       const RemoteLearnerSpec& spec, const OnlineSpec& online,
                                       uint64_t jitter_seed, NetClock& clock) {
  auto line = std::make_shared<Line>(std::move(channel), spec, online, jitter_seed, clock);
  return [line](TrainerState state, int32_t /*stretches*/,
                int32_t /*steps*/) -> std::unique_ptr<ExpertTrainer> {
    return std::make_unique<RemoteTrainer>(line, std::move(state));
  };
}

}  // namespace reeve
