// Trained policies in a folder, each trained when it is first asked for.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "runs/policy_trainer.h"
#include "runs/training_config.h"

namespace reeve {

// One file per policy, named by a checksum of all that it follows from: training, workload, cluster
// and seed, and the program itself. Each training runs on the thread that asks for it. Files are
// written whole or not at all, so work that was ended goes on where it was.
class PolicyBank : public PolicyTrainer {
 public:
  explicit PolicyBank(std::string folder) : folder_(std::move(folder)) {}

  absl::StatusOr<std::string> Train(const TrainingTask& task,
                                    const std::function<bool()>& stop) override;

 private:
  const std::string folder_;
  std::mutex mutex_;
  // Held while a policy is trained, so that no other thread trains it too.
  std::map<std::string, std::unique_ptr<std::mutex>> busy_;
};

// The training of a task: the training's file with the task's workload (its training part), cluster
// and parameters.
absl::StatusOr<TrainingConfig> ConfigOf(const TrainingTask& task);

}  // namespace reeve
