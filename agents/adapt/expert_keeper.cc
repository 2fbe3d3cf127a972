#include "agents/adapt/expert_keeper.h"

#include <fmt/format.h>

#include <utility>

#include "core/status.h"

namespace reeve {

ExpertKeeper::ExpertKeeper(ExpertLibrary library, CheckpointInfo info)
    : library_(std::move(library)),
      info_(std::move(info)),
      messages_(library_.warnings()),
      writer_(std::make_unique<BackgroundTrainer>()) {}

ExpertKeeper::~ExpertKeeper() = default;

void ExpertKeeper::set_info(CheckpointInfo info) {
  if (writer_->busy()) (void)writer_->Wait();  // a failure is told by the next that cannot write
  info_ = std::move(info);
}

absl::Status ExpertKeeper::Restore(OnlineExperts& learner, ShiftDetector& detector, bool adopt) {
  updates_seen_ = learner.counts().updates;  // it may be another learner than before
  const auto here = [&](const std::string& what, const absl::Status& status) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: {}: {}; keep experts elsewhere, or use the settings that these were made with",
        library_.path(), what, MessageOf(status)));
  };
  for (const auto& [environment, expert] : library_.experts()) {
    const OnlineExpertState state{expert.state, expert.exploration_steps, 0};
    const absl::Status status =
        adopt ? learner.Adopt(environment, state) : learner.Restore(environment, state);
    if (!status.ok()) {
      return here(fmt::format("expert {}", environment), status);
    }
  }
  if (library_.detector().integers.empty()) return absl::OkStatus();
  if (absl::Status status = detector.Restore(library_.detector()); !status.ok()) {
    return here("the detector", status);
  }
  return absl::OkStatus();
}

void ExpertKeeper::Notice(const OnlineExperts& learner) {
  if (learner.counts().updates == updates_seen_) return;
  updates_seen_ = learner.counts().updates;
  changed_.insert(learner.last_learned());
  changed_.merge(failed_);
  if (learner.last_update()) {
    mean_returns_[learner.last_learned()] = learner.last_update()->mean_reward;
  }
}

absl::Status ExpertKeeper::Begin(SimTime now, OnlineExperts& learner, const ShiftDetector& detector,
                                 bool wait) {
  std::vector<News> news;
  for (auto it = changed_.begin(); it != changed_.end();) {
    const int64_t environment = *it;
    if (!wait && learner.learning(environment)) {
      ++it;  // when it has learned
      continue;
    }
    it = changed_.erase(it);
    absl::StatusOr<OnlineExpertState> state = learner.StateOf(environment);
    if (absl::IsNotFound(state.status())) continue;  // it has made room
    RETURN_IF_ERROR(state.status());
    News one{environment, *std::move(state), {}, mean_returns_[environment]};
    one.stats.id = environment;
    if (const auto place = detector.environments().Find(environment)) {
      one.stats = detector.environments().stats(*place);
    }
    news.push_back(std::move(one));
  }
  if (news.empty()) return absl::OkStatus();
  written_.clear();
  for (const News& one : news) written_.insert(one.environment);
  StateVectors knows;
  detector.Save(knows);
  writer_->Start([this, now, news = std::move(news), knows = std::move(knows)] {
    return Write(now, news, knows);
  });
  return absl::OkStatus();
}

absl::Status ExpertKeeper::Write(SimTime now, const std::vector<News>& news,
                                 const StateVectors& detector) {
  for (const News& one : news) {
    Expert expert;
    if (const Expert* known = library_.Find(one.environment)) {
      expert = *known;
    } else {
      expert.environment = one.environment;
      expert.created = now;
    }
    const int64_t steps = one.state.trainer.steps_done - expert.state.steps_done;
    expert.info = info_;
    expert.state = one.state.trainer;
    expert.stats = one.stats;
    expert.Note({now, one.mean_return, steps});
    expert.last_used = now;
    expert.exploration_steps = one.state.steps;
    expert.explored = one.state.explored;
    for (ExpertLibrary::Departure& departure : library_.Put(std::move(expert))) {
      departed_.push_back(std::move(departure));
    }
  }
  return library_.Save(detector);
}

absl::Status ExpertKeeper::End(const absl::Status& status, OnlineExperts& learner,
                               ShiftDetector& detector) {
  for (ExpertLibrary::Departure& gone : std::exchange(departed_, {})) {
    messages_.push_back(gone.message);
    learner.Forget(gone.environment);
    // One that is in force now stays the detector's until it is no more.
    (void)(gone.merged_into ? detector.Merge(*gone.merged_into, gone.environment)
                            : detector.Forget(gone.environment));
  }
  if (status.ok()) {
    ++saved_;
  } else {
    failed_.insert(written_.begin(), written_.end());
    messages_.push_back(fmt::format("experts are not saved: {}", MessageOf(status)));
  }
  return status;
}

absl::Status ExpertKeeper::Keep(SimTime now, OnlineExperts& learner, ShiftDetector& detector) {
  Notice(learner);
  if (writer_->busy()) {
    const std::optional<absl::Status> ended = writer_->Poll();
    if (!ended) return absl::OkStatus();
    (void)End(*ended, learner, detector);  // a failure is a message by now
  }
  return changed_.empty() ? absl::OkStatus() : Begin(now, learner, detector, false);
}

absl::Status ExpertKeeper::Finish(SimTime now, OnlineExperts& learner, ShiftDetector& detector) {
  if (writer_->busy()) (void)End(writer_->Wait(), learner, detector);  // all is written again
  Notice(learner);
  // A training that is under way becomes part of it.
  for (const int64_t environment : learner.environments()) changed_.insert(environment);
  RETURN_IF_ERROR(Begin(now, learner, detector, true));
  return writer_->busy() ? End(writer_->Wait(), learner, detector) : absl::OkStatus();
}

std::vector<std::string> ExpertKeeper::TakeMessages() {
  return std::exchange(messages_, {});
}

}  // namespace reeve
