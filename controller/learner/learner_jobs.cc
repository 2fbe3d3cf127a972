#include "controller/learner/learner_jobs.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <limits>
#include <numeric>

#include "controller/bus/presentable.h"
#include "controller/bus/refusal.h"
#include "controller/learner/batch_message.h"
#include "controller/learner/state_message.h"
#include "core/config.h"
#include "core/status.h"

namespace reeve {
namespace {

namespace wire = learner::v1;

constexpr size_t kExpertBytes = 64;

// All but the batch itself, by which two trainings differ.
std::string PlanKey(const BatchPlan& plan) {
  return fmt::format("{}/{}/{}", plan.stretches, plan.steps, WriteConfig(plan.online));
}

}  // namespace

struct LearnerJobs::Expert {
  enum class Phase { kIdle, kWaiting, kWorking, kDone, kFailed };

  // Guarded by mutex_.
  SimTime heard;
  uint64_t job = 0;  // the last one; 0: none yet
  Phase phase = Phase::kIdle;
  wire::Learn request;   // while it waits
  wire::Learned result;  // when done
  absl::Status error;    // when failed
  size_t bytes = 0;      // of the trainer's state, as a file
  std::string version;   // of the trainer's state; empty: it has none; written by who works on it

  // Of whoever works on it.
  std::unique_ptr<ExpertTrainer> trainer;
  std::string plan;  // that the trainer is for

  bool busy() const { return phase == Phase::kWaiting || phase == Phase::kWorking; }
  // As if the job had never been sent.
  void GiveUp() {
    phase = Phase::kIdle;
    job = 0;
    request.Clear();
  }
};

LearnerJobs::LearnerJobs(const LearnerLimits& limits, Learners learners)
    : limits_(limits), learners_(std::move(learners)) {}

LearnerJobs::~LearnerJobs() = default;

std::string LearnerJobs::Handle(std::string_view peer, std::string_view bytes, SimTime now) {
  wire::Request request;
  wire::Reply reply;
  absl::Status status;
  const bool parsed = bytes.size() <= std::numeric_limits<int>::max() &&
                      request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  if (!parsed) request.Clear();
  {
    const std::lock_guard lock(mutex_);
    now_ = std::max(now_, now);
    ++counts_.requests;
    status = parsed ? Answer(Key(peer, request.expert()), request, reply)
                    : Refuse(wire::MALFORMED, "this is not a Request of learner.proto");
    counts_.errors += !status.ok();
  }
  if (!status.ok()) {
    reply.Clear();
    reply.mutable_error()->set_code(RefusalCode(status, wire::INVALID));
    reply.mutable_error()->set_message(Presentable(MessageOf(status), kRefusalBytes));
  }
  reply.set_version(kLearnerVersion);
  reply.set_id(request.id());
  return reply.SerializeAsString();
}

absl::Status LearnerJobs::Answer(const Key& key, const wire::Request& request, wire::Reply& reply) {
  if (request.version() != kLearnerVersion) {
    return Refuse(wire::VERSION, fmt::format("version {} of the protocol: this learner speaks {}",
                                             request.version(), kLearnerVersion));
  }
  if (request.id() == 0) return Refuse(wire::MALFORMED, "a request needs an id other than 0");
  if (request.expert().empty() || request.expert().size() > kExpertBytes) {
    return Refuse(wire::MALFORMED, fmt::format("expert has {} bytes: 1 to {} are allowed",
                                               request.expert().size(), kExpertBytes));
  }
  switch (request.body_case()) {
    case wire::Request::kLearn:
      return Begin(key, request.learn(), reply);
    case wire::Request::kFetch:
      return Fetch(key, request.fetch(), reply);
    default:
      return Refuse(wire::MALFORMED, "a request without a body that this version knows");
  }
}

// What is sent is only kept here; whoever works looks at it.
absl::Status LearnerJobs::Begin(const Key& key, const wire::Learn& learn, wire::Reply& reply) {
  if (learn.job() == 0) return Refuse(wire::MALFORMED, "learn.job is 0: 1 or more is allowed");
  const auto known = experts_.find(key);
  std::shared_ptr<Expert> expert = known == experts_.end() ? nullptr : known->second;
  if (expert != nullptr) {
    expert->heard = now_;
    if (learn.job() == expert->job) return Tell(*expert, reply);  // sent again
    if (learn.job() < expert->job) {
      return Refuse(wire::INVALID,
                    fmt::format("learn.job is {}: the last one was {}", learn.job(), expert->job));
    }
    if (expert->phase == Expert::Phase::kWorking) {
      return Refuse(wire::BUSY, "the expert's last batch is still being learned from");
    }
  }
  if (learn.state().empty() &&
      (expert == nullptr || expert->version.empty() || expert->version != learn.base())) {
    reply.mutable_need_state();
    return absl::OkStatus();
  }
  const bool has_place = expert != nullptr && expert->phase == Expert::Phase::kWaiting;
  if (!has_place && waiting_.size() >= static_cast<size_t>(limits_.waiting)) {
    return Refuse(wire::BUSY, fmt::format("{} batches wait, no more are allowed: try again later",
                                          waiting_.size()));
  }
  if (expert == nullptr) {
    if (absl::Status status = MakeRoom(key); !status.ok()) return status;
    expert = experts_[key] = std::make_shared<Expert>();
    expert->heard = now_;
  }
  expert->job = learn.job();
  expert->phase = Expert::Phase::kWaiting;
  expert->request = learn;
  expert->result.Clear();
  if (!has_place) waiting_.push_back(expert);
  came_.notify_one();
  reply.mutable_working();
  return absl::OkStatus();
}

absl::Status LearnerJobs::Fetch(const Key& key, const wire::Fetch& fetch, wire::Reply& reply) {
  const auto found = experts_.find(key);
  if (found == experts_.end() || fetch.job() == 0 || found->second->job != fetch.job()) {
    return Refuse(wire::UNKNOWN_JOB,
                  "no such job: it was never begun, was given up or is forgotten");
  }
  found->second->heard = now_;
  return Tell(*found->second, reply);
}

absl::Status LearnerJobs::Tell(const Expert& expert, wire::Reply& reply) const {
  switch (expert.phase) {
    case Expert::Phase::kDone:
      *reply.mutable_learned() = expert.result;
      return absl::OkStatus();
    case Expert::Phase::kFailed:
      return expert.error;
    default:
      reply.mutable_working();
      return absl::OkStatus();
  }
}

// Of those that are not at work; of one key, or of all (empty: sockets without keys have one).
std::optional<LearnerJobs::Key> LearnerJobs::LongestUnused(const std::string& peer) const {
  std::optional<Key> found;
  SimTime heard = SimTime::Max();
  for (const auto& [key, expert] : experts_) {
    if (expert->busy() || expert->heard >= heard || (!peer.empty() && key.first != peer)) continue;
    heard = expert->heard;
    found = key;
  }
  return found;
}

// For one more expert: the longest unused goes, of the same key where that has its fill.
absl::Status LearnerJobs::MakeRoom(const Key& key) {
  const auto of_one = std::count_if(experts_.begin(), experts_.end(), [&](const auto& entry) {
    return entry.first.first == key.first;
  });
  const bool one_is_full = of_one >= limits_.experts_of_one;
  if (!one_is_full && experts_.size() < static_cast<size_t>(limits_.experts)) {
    return absl::OkStatus();
  }
  const std::optional<Key> goes = LongestUnused(one_is_full ? key.first : "");
  if (!goes) {
    return Refuse(wire::BUSY, fmt::format("all {} experts that are allowed are learning: try again "
                                          "later",
                                          one_is_full ? limits_.experts_of_one : limits_.experts));
  }
  Forget(*goes);
  return absl::OkStatus();
}

// Until the states fit, or only `but`'s and those at work are left.
void LearnerJobs::HoldLess(const Expert& but) {
  const auto held = [this] {
    return std::accumulate(experts_.begin(), experts_.end(), size_t{0},
                           [](size_t sum, const auto& entry) { return sum + entry.second->bytes; });
  };
  while (held() > static_cast<size_t>(limits_.held_bytes)) {
    const std::optional<Key> goes = LongestUnused("");
    if (!goes || experts_.at(*goes).get() == &but) return;
    Forget(*goes);
  }
}

void LearnerJobs::Forget(const Key& key) {
  const auto found = experts_.find(key);
  std::erase(waiting_, found->second);
  experts_.erase(found);  // whoever works on it has a reference
  ++counts_.forgotten;
}

void LearnerJobs::Expire(SimTime now) {
  const std::lock_guard lock(mutex_);
  now_ = std::max(now_, now);
  for (auto it = experts_.begin(); it != experts_.end();) {
    const auto next = std::next(it);
    if (now_ - it->second->heard > limits_.timeout) Forget(Key(it->first));
    it = next;
  }
}

// Taken out of the line; what nobody asks for any more is passed over.
std::shared_ptr<LearnerJobs::Expert> LearnerJobs::NextJob(SimTime wait) {
  std::unique_lock lock(mutex_);
  came_.wait_for(lock, std::chrono::microseconds(wait.micros()),
                 [this] { return !waiting_.empty(); });
  while (!waiting_.empty()) {
    const std::shared_ptr<Expert> expert = waiting_.front();
    waiting_.pop_front();
    if (now_ - expert->heard <= limits_.unasked) {
      expert->phase = Expert::Phase::kWorking;
      return expert;
    }
    expert->GiveUp();
    ++counts_.given_up;
  }
  return nullptr;
}

bool LearnerJobs::WorkOne(SimTime wait) {
  const std::shared_ptr<Expert> expert = NextJob(wait);
  if (expert == nullptr) return false;
  // Nobody else touches an expert's request while it is being worked on.
  const wire::Learn learn = std::move(expert->request);
  wire::Learned learned;
  absl::Status status;
  try {
    status = Work(*expert, learn, learned);
  } catch (const std::exception& error) {  // no memory, or what a library threw
    expert->trainer.reset();
    status = Refuse(wire::LIMIT, fmt::format("the update failed: {}", error.what()));
  }
  const std::lock_guard lock(mutex_);
  counts_.states += !learn.state().empty();
  expert->request.Clear();
  expert->version = expert->trainer == nullptr ? "" : StateVersion(learned.state());
  expert->bytes = learned.state().size();
  if (status.ok()) {
    ++counts_.learned;
    expert->phase = Expert::Phase::kDone;
    expert->result = std::move(learned);
    HoldLess(*expert);
  } else if (RefusalCode(status, wire::INVALID) == wire::UNKNOWN_JOB) {
    expert->GiveUp();
  } else {
    ++counts_.failed;
    expert->phase = Expert::Phase::kFailed;
    expert->error = std::move(status);
  }
  return true;
}

// Without the lock. After an error the trainer is gone, so that the state is sent anew.
absl::Status LearnerJobs::Work(Expert& expert, const wire::Learn& learn, wire::Learned& learned) {
  // Given back when all has gone well.
  std::unique_ptr<ExpertTrainer> trainer = std::move(expert.trainer);
  if (XXH3_64bits(learn.batch().data(), learn.batch().size()) != learn.batch_xxh3()) {
    return Refuse(wire::INVALID, "the batch is damaged: its checksum is another");
  }
  wire::Batch batch;
  if (!batch.ParseFromString(learn.batch())) {
    return Refuse(wire::INVALID, "learn.batch is not a Batch of learner.proto");
  }
  ASSIGN_OR_RETURN(const BatchPlan plan, ReadPlan(batch));
  std::optional<TrainerState> given;
  if (!learn.state().empty()) {
    ASSIGN_OR_RETURN(given, ReadState(learn.state()));
    if (StateVersion(learn.state()) != learn.base()) {
      return Refuse(wire::INVALID, "learn.base is not the checksum at the end of learn.state");
    }
  }
  // A state that it has already makes no difference to a trainer, nor to what that remembers
  // beside.
  if (trainer != nullptr && expert.version == learn.base() && expert.plan == PlanKey(plan)) {
    given.reset();
  }
  const PolicyModel& model = given ? given->model : trainer->state().model;
  const UpdateCost cost = CostOf(model, plan);
  if (!(cost.bytes <= static_cast<double>(limits_.update_bytes)) ||
      !(cost.work <= limits_.update_work)) {
    return Refuse(wire::LIMIT,
                  fmt::format("an update of about {:.3g} bytes and {:.3g} multiplications: "
                              "limits.update_bytes and limits.update_work allow {:.3g} and {:.3g}",
                              cost.bytes, cost.work, static_cast<double>(limits_.update_bytes),
                              limits_.update_work));
  }
  ASSIGN_OR_RETURN(Rollout rollout, ReadRollout(batch, model));
  if (given) {
    trainer = learners_(plan.online)(*std::move(given), plan.stretches, plan.steps);
    expert.plan = PlanKey(plan);
  } else if (expert.plan != PlanKey(plan)) {
    return Refuse(wire::UNKNOWN_JOB, "other settings than before: the state is to be sent anew");
  }
  absl::StatusOr<OnlineUpdate> update = trainer->Learn({rollout, plan.environments, plan.entropy});
  if (!update.ok()) return Refuse(wire::DIVERGED, MessageOf(update.status()));
  if (absl::Status sound = CheckNumbers(trainer->state()); !sound.ok()) {
    return Refuse(wire::DIVERGED, MessageOf(sound));
  }
  learned.set_job(learn.job());
  learned.set_state(WriteState(trainer->state()));
  WriteUpdate(*update, *learned.mutable_update());
  expert.trainer = std::move(trainer);
  return absl::OkStatus();
}

LearnerJobs::Counts LearnerJobs::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.experts = experts_.size();
  counts.waiting = waiting_.size();
  return counts;
}

}  // namespace reeve
