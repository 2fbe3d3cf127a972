// Who trains policies for experiments and searches. An interface, so that what compares policies
// does not depend on what learns them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "runs/search_space.h"
#include "sim/cluster_spec.h"
#include "sim/perturbation.h"
#include "traces/arrival_stream.h"
#include "traces/workload.h"

namespace reeve {

// What is to be learned, and on what: the training part of a workload on a cluster.
struct TrainingTask {
  std::string training;    // path of the training's YAML; its scenario's workload and cluster are
                           // replaced by those that follow
  Assignments parameters;  // changes to the training: "learner.gamma" to "0.95"
  WorkloadSpec workload;
  std::string folder;  // that the workload's paths are relative to
  ClusterSpec cluster;
  PerturbationSpec perturbations;
  WithinMinute within_minute = WithinMinute::kByTrigger;
  uint64_t seed = 1;
};

// Thread-safe: trainings of several tasks may go on at once.
class PolicyTrainer {
 public:
  virtual ~PolicyTrainer() = default;

  // The path of the trained policy's file (what PolicySpec::learned.checkpoint names). Equal tasks
  // are trained once. Cancelled when `stop` (may be empty) said so; errors of the training name
  // its file.
  virtual absl::StatusOr<std::string> Train(const TrainingTask& task,
                                            const std::function<bool()>& stop) = 0;
};

}  // namespace reeve
