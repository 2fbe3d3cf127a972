#include "runs/training_config.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/status.h"
#include "traces/workload.h"

namespace reeve {
namespace {

namespace fs = std::filesystem;

std::string FolderOf(const std::string& file) {
  return fs::path(file).parent_path().string();
}

}  // namespace

absl::Status ReplaceScenario(const std::string& path, TrainingConfig& config) {
  ASSIGN_OR_RETURN(const ConfigNode node, ConfigNode::Load(path));
  config.scenario = {};
  config.folder = FolderOf(path);
  return ReadConfig(node, config.scenario);
}

absl::StatusOr<std::string> TraceChecksum(const TrainingConfig& config) {
  const std::optional<WorkloadSpec>& workload = config.scenario.workload;
  if (!workload || workload->trace.empty()) return std::string();
  ASSIGN_OR_RETURN(const Trace trace, LoadWorkload(*workload, config.folder));
  return fmt::format("{:016x}", Fingerprint(trace));
}

absl::StatusOr<TrainingConfig> Changed(const TrainingConfig& config,
                                       const std::vector<std::string>& assignments) {
  if (assignments.empty()) return config;
  // Assignments address the whole as it now is, so it is written out and read again with them.
  ASSIGN_OR_RETURN(ConfigNode node, ConfigNode::Parse(WriteConfig(config), "the training"));
  for (const std::string& assignment : assignments) RETURN_IF_ERROR(node.Set(assignment));
  TrainingConfig changed;
  RETURN_IF_ERROR(ReadConfig(node, changed));
  return changed;
}

absl::StatusOr<TrainingConfig> LoadTrainingFile(const std::string& path,
                                                const std::vector<std::string>& assignments) {
  ASSIGN_OR_RETURN(const ConfigNode node, ConfigNode::Load(path));
  TrainingFile file;
  RETURN_IF_ERROR(ReadConfig(node, file));
  if (file.scenario.empty()) {
    return absl::InvalidArgumentError(path + ": scenario: name the scenario's file");
  }
  TrainingConfig config;
  static_cast<TrainingSettings&>(config) = file;
  RETURN_IF_ERROR(ReplaceScenario(
      (fs::path(FolderOf(path)) / file.scenario).lexically_normal().string(), config));
  return Changed(config, assignments);
}

absl::StatusOr<TrainingConfig> LoadTrainingConfig(const std::string& path,
                                                  const std::vector<std::string>& assignments) {
  ASSIGN_OR_RETURN(const ConfigNode node, ConfigNode::Load(path));
  TrainingConfig config;
  RETURN_IF_ERROR(ReadConfig(node, config));
  return Changed(config, assignments);
}

}  // namespace reeve
