// The checkpoints of one training in a folder: the last few to resume from, and the best policy.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/ppo/checkpoint.h"

namespace reeve {

// iteration-0000000120.ckpt holds the state after 120 iterations, best.ckpt a policy. One process
// at a time writes to a folder (rank 0 of a training).
class CheckpointFolder {
 public:
  // keep >= 1: so many states are kept. Nothing is made before the first save.
  CheckpointFolder(std::string folder, int32_t keep);

  std::string best_path() const { return folder_ + "/best.ckpt"; }
  // Of the states that are there, oldest first. Empty when there is no folder.
  std::vector<std::string> States() const;

  // Writes the state, then removes the oldest ones beyond `keep`, and what a killed process left
  // half-written.
  absl::Status Save(const CheckpointInfo& info, const TrainerState& state);

  // Writes the policy when `score` (finite) is above that of the best so far, also the best of the
  // process before a resume. Returns whether it was.
  absl::StatusOr<bool> SaveIfBest(const CheckpointInfo& info, const PolicyModel& model,
                                  double score);

  // The newest state that can be read. One that is damaged is passed over, with its error in
  // `warnings`. NotFound when there is none; the newest one's error when all are damaged.
  absl::StatusOr<TrainingCheckpoint> LoadLatest(std::vector<std::string>& warnings) const;

 private:
  const std::string folder_;
  const size_t keep_;
};

}  // namespace reeve
