#include "cli/study_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/kept_runs.h"
#include "core/config.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/status.h"
#include "core/terminal.h"
#include "runs/experiment_folder.h"
#include "runs/json_store.h"
#include "runs/learning_study.h"
#include "runs/learning_study_page.h"

namespace reeve {
namespace {

absl::Status WriteStudy(const ExperimentFolder& folder, const StudyResults& results) {
  const std::string json = StudyJson(results);
  RETURN_IF_ERROR(WriteFileAtomically(folder.File("results.csv"), StudyTable(results).ToCsv()));
  RETURN_IF_ERROR(WriteFileAtomically(folder.File("ratios.csv"), StudyRatioTable(results).ToCsv()));
  RETURN_IF_ERROR(WriteLearningStudyPage(nlohmann::json::parse(json), folder.File("report.html")));
  return WriteFileAtomically(folder.File("results.json"), json);
}

}  // namespace

std::string KindOfExperiment(const std::string& file) {
  const absl::StatusOr<ConfigNode> node = ConfigNode::Load(file);
  if (!node.ok()) return "";
  const std::optional<ConfigNode> kind = node->Get("kind");
  return kind ? kind->Scalar() : "";
}

absl::StatusOr<int> RunStudy(const StudyOptions& options) {
  ASSIGN_OR_RETURN(const LearningStudyConfig config,
                   LoadConfig<LearningStudyConfig>({options.file, options.assignments}));
  ASSIGN_OR_RETURN(const ExperimentFolder folder, ExperimentFolder::Open(options.out));
  RETURN_IF_ERROR(WriteFileAtomically(folder.File("config.yaml"), WriteConfig(config)));
  ASSIGN_OR_RETURN(JsonStore store, JsonStore::Open(folder.cells()));
  const std::string base = std::filesystem::path(options.file).parent_path().string();
  const absl::StatusOr<StudyResults> results = KeepRuns<StudyResults>(
      "train and evaluate", options.out, options.quiet, store, [&](const ReportRuns& report) {
        return RunLearningStudy(config, base, store, options.threads,
                                {.stop = InterruptRequested, .on_progress = report});
      });
  RETURN_IF_ERROR(results.status());
  RETURN_IF_ERROR(WriteStudy(folder, *results));
  const bool color = ColorAllowed(STDOUT_FILENO);
  fmt::print("{}", StudyTable(*results).Render(options.format, color));
  if (options.format == TableFormat::kText) {
    if (!results->ratios.empty()) {
      fmt::print("\n{}", StudyRatioTable(*results).Render(options.format, color));
    }
    PrintKeptRuns(store, folder.File("report.html"));
  }
  return kExitFine;
}

}  // namespace reeve
