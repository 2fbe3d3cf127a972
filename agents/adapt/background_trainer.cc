#include "agents/adapt/background_trainer.h"

#include <utility>

#include "core/check.h"

namespace reeve {

BackgroundTrainer::BackgroundTrainer() : thread_([this] { Loop(); }) {}

BackgroundTrainer::~BackgroundTrainer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  begin_.notify_one();
  thread_.join();
}

void BackgroundTrainer::Start(Job job) {
  REEVE_CHECK(!busy_);
  busy_ = true;
  {
    const std::lock_guard lock(mutex_);
    job_ = std::move(job);
  }
  begin_.notify_one();
}

std::optional<absl::Status> BackgroundTrainer::Poll() {
  const std::lock_guard lock(mutex_);
  if (!busy_ || !result_) return std::nullopt;
  return Take();
}

absl::Status BackgroundTrainer::Wait() {
  REEVE_CHECK(busy_);
  std::unique_lock lock(mutex_);
  end_.wait(lock, [&] { return result_.has_value(); });
  return Take();
}

absl::Status BackgroundTrainer::Take() {
  absl::Status status = *std::exchange(result_, std::nullopt);
  busy_ = false;
  return status;
}

void BackgroundTrainer::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    begin_.wait(lock, [&] { return stop_ || job_ != nullptr; });
    if (job_ == nullptr) return;
    const Job job = std::exchange(job_, nullptr);
    lock.unlock();
    absl::Status status = job();
    lock.lock();
    result_ = std::move(status);
    end_.notify_one();
  }
}

}  // namespace reeve
