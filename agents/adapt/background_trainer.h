// One thread that learns while the control loop goes on.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/status/status.h"

namespace reeve {

// One job at a time. All calls from one thread, the owner's; what a job touches is its own from
// Start until Poll or Wait has said how it ended.
class BackgroundTrainer {
 public:
  using Job = std::function<absl::Status()>;

  BackgroundTrainer();
  // Waits for a job that has begun.
  ~BackgroundTrainer();
  BackgroundTrainer(const BackgroundTrainer&) = delete;
  BackgroundTrainer& operator=(const BackgroundTrainer&) = delete;

  // Not while busy.
  void Start(Job job);
  // A job was started, and its end not yet taken notice of.
  bool busy() const { return busy_; }
  // How the job ended, if it has; never waits.
  std::optional<absl::Status> Poll();
  // How it ended; waits for it. Only while busy.
  absl::Status Wait();

 private:
  void Loop();
  absl::Status Take();

  bool busy_ = false;  // the owner's
  std::mutex mutex_;
  std::condition_variable begin_, end_;
  // Guarded by mutex_.
  Job job_;
  std::optional<absl::Status> result_;
  bool stop_ = false;

  std::thread thread_;
};

}  // namespace reeve
