// What is known of one environment: the policy that learned in it, and how that went.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agents/adapt/environment_book.h"
#include "agents/ppo/checkpoint.h"
#include "agents/ppo/policy_model.h"
#include "core/units.h"

namespace reeve {

struct ExpertReturn {
  SimTime time;            // end of the stretch
  double mean_return = 0;  // over it and over agents
  int64_t steps = 0;       // control periods in it
};

// Plain data.
struct Expert {
  int64_t environment = kNoEnvironment;  // the detector's id, and the expert's
  std::string label;
  CheckpointInfo info;                // what its policy is to be given: for export
  TrainerState state;                 // policy, optimiser, normalisers
  EnvironmentStats stats;             // what the environment's contexts are like, as far as known
  std::vector<ExpertReturn> history;  // oldest first, at most kHistoryKept
  SimTime created, last_used;
  int64_t begun_from = kNoEnvironment;  // the expert it was copied from; none: from scratch
  int64_t exploration_steps = 0;        // of its one exploration (agents/ppo/exploration.h)
  bool explored = false;                // the exploration is over

  static constexpr size_t kHistoryKept = 4096;
  // Adds to the history; the oldest entry goes when it is full.
  void Note(const ExpertReturn& entry);
};

// An expert as a file: that of a training (agents/ppo/checkpoint.h) with further parts, so whatever
// reads policies or trainings reads it. Everything comes back to the bit.
std::string SerialiseExpert(const Expert& expert);
// Nothing is believed: what comes back is consistent. Errors name `path` and what is wrong.
absl::StatusOr<Expert> ParseExpert(const std::string& bytes, const std::string& path);

}  // namespace reeve
