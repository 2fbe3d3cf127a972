// Keeps what a learner knows in a library on disk while it drives, so that after a restart every
// environment has its expert, and the detector knows it.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/adapt/background_trainer.h"
#include "agents/adapt/expert_library.h"
#include "agents/adapt/online_experts.h"
#include "agents/adapt/shift_detector.h"
#include "core/units.h"

namespace reeve {

// All calls from the thread of the control loop. The library is written on a thread of the
// keeper's own.
class ExpertKeeper {
 public:
  // `library` is open for writing. `info` goes into every expert's file: what it is to be given.
  ExpertKeeper(ExpertLibrary library, CheckpointInfo info);
  ~ExpertKeeper();
  // Another one from now on; before Restore.
  void set_info(CheckpointInfo info);
  ExpertKeeper(const ExpertKeeper&) = delete;
  ExpertKeeper& operator=(const ExpertKeeper&) = delete;

  // Gives the library's experts to `learner`, before its first Act, and what is known of their
  // environments to `detector`, whose clock is to go on from time(). Nothing for an empty library.
  // InvalidArgument for experts of other networks, features or agents, and for another detector;
  // says which and what to do. `adopt`: experts of other agents are taken over as far as can be
  // (OnlineExperts::Adopt).
  absl::Status Restore(OnlineExperts& learner, ShiftDetector& detector, bool adopt = false);

  // After a control period that ended at `now` by the detector's clock. What was learned since the
  // last call is copied and its writing begun, unless the last writing still goes on; then it is
  // remembered. Never waits. Experts that had to make room go from `learner` and `detector` too.
  // A writing that failed is a message, and tried again with the next: a full disk is no reason to
  // stop deciding; what is on disk is the version before. Errors: of a training that diverged.
  absl::Status Keep(SimTime now, OnlineExperts& learner, ShiftDetector& detector);
  // The same, and waits until all is on disk. Errors: also those of writing.
  absl::Status Finish(SimTime now, OnlineExperts& learner, ShiftDetector& detector);

  // Sentences for the log, each given once: what the library passed over, who made room, what could
  // not be written.
  std::vector<std::string> TakeMessages();
  int64_t saved() const { return saved_; }  // versions written

 private:
  // What the writing thread is given.
  struct News {
    int64_t environment = kNoEnvironment;
    OnlineExpertState state;
    EnvironmentStats stats;
    double mean_return = 0;
  };

  void Notice(const OnlineExperts& learner);
  absl::Status Begin(SimTime now, OnlineExperts& learner, const ShiftDetector& detector, bool wait);
  // Takes notice of how the writing ended, and returns it.
  absl::Status End(const absl::Status& status, OnlineExperts& learner, ShiftDetector& detector);
  absl::Status Write(SimTime now, const std::vector<News>& news, const StateVectors& detector);

  ExpertLibrary library_;  // the writing thread's, while it writes
  CheckpointInfo info_;
  int64_t updates_seen_ = 0;
  std::set<int64_t> changed_;  // environments whose experts are to be written
  std::set<int64_t> written_;  // those that are being written
  std::set<int64_t> failed_;   // those that could not be: with the next that learns
  std::map<int64_t, double> mean_returns_;
  std::vector<ExpertLibrary::Departure> departed_;  // filled by the writing thread
  std::vector<std::string> messages_;
  int64_t saved_ = 0;
  std::unique_ptr<BackgroundTrainer> writer_;  // last: its job uses what stands above
};

}  // namespace reeve
