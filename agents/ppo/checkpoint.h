// What training leaves behind: learned policies and the state training goes on from, as files.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/tensor_file.h"

namespace reeve {

// What a policy was trained on and for, and how well it did.
struct CheckpointInfo {
  std::string config;           // YAML of the training, resolved
  std::string observation;      // YAML: what features the policy is to be given (ObservationSpec)
  std::string action;           // YAML: what its choices mean (ActionSpec)
  double control_period_s = 0;  // how often the policy decides
  std::vector<std::string> tenant_names;  // of the agents
  std::map<std::string, double> metrics;  // "return", "slo_violations", …; finite

  bool operator==(const CheckpointInfo&) const = default;
};

struct PolicyCheckpoint {
  CheckpointInfo info;
  PolicyModel model;  // from SavePolicy: without a critic (no inputs, no parameters)
};

struct TrainingCheckpoint {
  CheckpointInfo info;
  TrainerState state;
};

// Files of agents/ppo/tensor_file.h. Text is UTF-8; other bytes in it are replaced.

// What acts: the actors, the normalisers and the names.
absl::Status SavePolicy(const std::string& path, const CheckpointInfo& info,
                        const PolicyModel& model);
// Everything, to the bit.
absl::Status SaveTraining(const std::string& path, const CheckpointInfo& info,
                          const TrainerState& state);

// Reads either kind of file. What comes back is consistent: sizes of views, networks, parameters
// and names fit each other. Errors name the file and what is wrong.
absl::StatusOr<PolicyCheckpoint> LoadPolicy(const std::string& path);
absl::StatusOr<TrainingCheckpoint> LoadTraining(const std::string& path);
// The same from bytes; `path` is for messages.
absl::StatusOr<PolicyCheckpoint> ParsePolicy(const std::string& bytes, const std::string& path);
absl::StatusOr<TrainingCheckpoint> ParseTraining(const std::string& bytes, const std::string& path);

// A training as the parts of its file, for files that hold more beside it: further keys of
// `content`, further tensors. Those are still files of trainings, and of policies.
TensorFile TrainingToTensors(const CheckpointInfo& info, const TrainerState& state);
absl::StatusOr<TrainingCheckpoint> TrainingFromTensors(const TensorFile& file,
                                                       const std::string& path);

}  // namespace reeve
