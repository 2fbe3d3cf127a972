#include "cli/detection_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "cli/command.h"
#include "cli/watch.h"
#include "core/config.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/status.h"
#include "core/terminal.h"
#include "runs/detection_study.h"
#include "runs/experiment_folder.h"

namespace reeve {
namespace {

// Leaves the workloads that were asked for, and those that they are tuned on.
absl::Status KeepWorkloads(const std::vector<std::string>& asked, DetectionStudyConfig& config) {
  if (asked.empty()) return absl::OkStatus();
  std::map<std::string, DetectionWorkload> kept;
  for (const std::string& name : asked) {
    const auto found = config.workloads.find(name);
    if (found == config.workloads.end()) {
      std::vector<std::string> names;
      for (const auto& [known, workload] : config.workloads) names.push_back(known);
      return UsageError(fmt::format("--workload: no workload '{}'{}", name,
                                    config_internal::Suggest(name, names)));
    }
    kept[name] = found->second;
  }
  for (const std::string& name : asked) {
    const std::string& tuned_on = TunedOn(name, config.workloads.at(name));
    if (kept.contains(tuned_on)) continue;
    kept[tuned_on] = config.workloads.at(tuned_on);
    kept[tuned_on].report = false;
  }
  config.workloads = std::move(kept);
  return absl::OkStatus();
}

absl::Status Write(const ExperimentFolder& folder, const DetectionResults& results) {
  RETURN_IF_ERROR(WriteFileAtomically(folder.File("results.csv"), DetectionTable(results).ToCsv()));
  RETURN_IF_ERROR(WriteFileAtomically(folder.File("sizes.csv"), ShiftSizeTable(results).ToCsv()));
  return WriteFileAtomically(folder.File("results.json"), DetectionJson(results));
}

}  // namespace

absl::StatusOr<int> RunDetection(const DetectionOptions& options) {
  ASSIGN_OR_RETURN(DetectionStudyConfig config,
                   LoadConfig<DetectionStudyConfig>({options.file, options.assignments}));
  RETURN_IF_ERROR(KeepWorkloads(options.workloads, config));
  ASSIGN_OR_RETURN(const ExperimentFolder folder, ExperimentFolder::Open(options.out));
  RETURN_IF_ERROR(WriteFileAtomically(folder.File("config.yaml"), WriteConfig(config)));
  HandleInterrupts();
  const std::string base = std::filesystem::path(options.file).parent_path().string();
  absl::StatusOr<DetectionResults> results = absl::UnknownError("");
  {
    Watch watch(options.quiet);
    results =
        RunDetectionStudy(config, base, options.threads,
                          {.stop = InterruptRequested,
                           .on_progress = [&](std::string_view what, size_t done, size_t planned) {
                             watch.Report(what, done, planned);
                           }});
  }
  RETURN_IF_ERROR(results.status());
  RETURN_IF_ERROR(Write(folder, *results));
  const bool color = ColorAllowed(STDOUT_FILENO);
  fmt::print("{}", DetectionTable(*results).Render(options.format, color));
  if (options.format == TableFormat::kText) {
    fmt::print("\n{}\nresults: {}\n", ShiftSizeTable(*results).Render(options.format, color),
               folder.File("results.json"));
  }
  return kExitFine;
}

}  // namespace reeve
