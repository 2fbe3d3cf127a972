// A training as a folder: what `reeve train` leaves for people, for programs, and to go on from.
//
//   config.yaml      the resolved configuration
//   training.csv     a row per iteration and named number (runs/training_log.h)
//   events.out.*     the same for TensorBoard
//   checkpoints/     the last states to go on from, and the best policy
//   policy.rpolicy   the policy as it is now: what `policy.learned.checkpoint` names
//   summary.json     how it ended
//   report.html      curves
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runs/training.h"

namespace reeve {

using NamedNumberList = std::vector<std::pair<std::string, double>>;

struct TrainingHooks {
  // Asked after every iteration; in a training of several processes one that says yes stops all.
  std::function<bool()> stop = {};
  std::function<void(const Training&, const IterationStats&, const NamedNumberList&)> on_iteration =
      {};
  std::function<void(const std::string&)> warn = {};
};

struct TrainingOutcome {
  bool finished = false;  // the budget is spent, or the training ended early as it was asked to
  NamedNumberList last;   // of the last iteration, also when that was before a resume
};

// FailedPrecondition when the folder holds something other than a training, AlreadyExists when it
// holds a training and `resume` is not set (the message says how to go on or where else to go);
// NotFound for a resume of what is not there. A training that ended before it wrote its
// configuration is none yet.
absl::Status PrepareTrainingFolder(const std::string& folder, bool resume);

// Trains until the budget is spent or `hooks.stop`; then, and every checkpoints.every iterations,
// everything above is written, each file whole. With `resume` the training goes on from the newest
// checkpoint that can be read (damaged ones are passed over with a warning), to the bit as if it
// had not been interrupted. In a training of several processes only rank 0 writes.
absl::StatusOr<TrainingOutcome> TrainInFolder(Training& training, const std::string& folder,
                                              bool resume, bool writes, const TrainingHooks& hooks);

}  // namespace reeve
