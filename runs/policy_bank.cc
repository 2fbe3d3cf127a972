#include "runs/policy_bank.h"

#include <fmt/format.h>

#include <filesystem>
#include <vector>

#include "agents/ppo/checkpoint.h"
#include "core/files.h"
#include "core/status.h"
#include "runs/json_store.h"
#include "runs/training.h"
#include "runs/training_checkpoint.h"

namespace reeve {

absl::StatusOr<TrainingConfig> ConfigOf(const TrainingTask& task) {
  ASSIGN_OR_RETURN(TrainingConfig config, LoadTrainingFile(task.training));
  ScenarioSpec& scenario = config.scenario;
  scenario.workload = task.workload;
  scenario.functions.clear();
  scenario.part = Part::kTrain;
  scenario.within_minute = task.within_minute;
  scenario.perturbations = task.perturbations;
  scenario.cluster.clear();
  scenario.cluster_changes.clear();
  scenario.inline_cluster = task.cluster;
  scenario.control_period = task.cluster.control_period;
  config.folder = task.folder;
  config.seed = task.seed;
  std::vector<std::string> assignments;
  for (const auto& [path, value] : task.parameters) assignments.push_back(path + "=" + value);
  absl::StatusOr<TrainingConfig> changed = Changed(config, assignments);
  if (!changed.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}", task.training, MessageOf(changed.status())));
  }
  return changed;
}

absl::StatusOr<std::string> PolicyBank::Train(const TrainingTask& task,
                                              const std::function<bool()>& stop) {
  ASSIGN_OR_RETURN(const TrainingConfig config, ConfigOf(task));
  ASSIGN_OR_RETURN(const std::string trace, TraceChecksum(config));
  const std::string name = ResultName("policy", trace + "\n" + WriteConfig(config)) + ".rpolicy";
  std::mutex* busy = nullptr;
  {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<std::mutex>& slot = busy_[name];
    if (slot == nullptr) slot = std::make_unique<std::mutex>();
    busy = slot.get();
  }
  const std::lock_guard lock(*busy);
  const std::string file = (std::filesystem::path(folder_) / name).string();
  if (LoadPolicy(file).ok()) return file;

  RETURN_IF_ERROR(MakeDirectories(folder_));
  absl::StatusOr<std::unique_ptr<Training>> training = Training::Create(config, 1);
  if (!training.ok()) {
    return absl::Status(training.status().code(),
                        fmt::format("{}: {}", task.training, MessageOf(training.status())));
  }
  while (!(*training)->Done()) {
    if (stop && stop()) return absl::CancelledError("interrupted");
    RETURN_IF_ERROR((*training)->RunIteration().status());
  }
  RETURN_IF_ERROR(SavePolicy(file, CheckpointInfoOf(**training, {}), (*training)->state().model));
  return file;
}

}  // namespace reeve
