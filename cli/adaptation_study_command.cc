#include "cli/adaptation_study_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/kept_runs.h"
#include "core/config.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/status.h"
#include "core/terminal.h"
#include "runs/adaptation_page.h"
#include "runs/adaptation_study.h"
#include "runs/experiment_folder.h"

namespace reeve {
namespace {

absl::Status KeepProblems(const std::vector<std::string>& asked, AdaptationStudyConfig& config) {
  if (asked.empty()) return absl::OkStatus();
  std::map<std::string, AdaptationProblem> kept;
  for (const std::string& name : asked) {
    const auto found = config.problems.find(name);
    if (found == config.problems.end()) {
      std::vector<std::string> names;
      for (const auto& [known, problem] : config.problems) names.push_back(known);
      return UsageError(fmt::format("--workload: no problem '{}'{}", name,
                                    config_internal::Suggest(name, names)));
    }
    kept.insert(*found);
  }
  config.problems = std::move(kept);
  return absl::OkStatus();
}

absl::Status Write(const ExperimentFolder& folder, const AdaptationStudyResults& results) {
  const nlohmann::ordered_json json = AdaptationStudyJson(results);
  RETURN_IF_ERROR(
      WriteFileAtomically(folder.File("results.csv"), AdaptationStudyTable(results).ToCsv()));
  RETURN_IF_ERROR(WriteAdaptationStudyPage(json, folder.File("report.html")));
  return WriteFileAtomically(folder.File("results.json"), json.dump(1) + "\n");
}

}  // namespace

absl::StatusOr<int> RunAdaptationStudyCommand(const AdaptationStudyOptions& options) {
  ASSIGN_OR_RETURN(AdaptationStudyConfig config,
                   LoadConfig<AdaptationStudyConfig>({options.file, options.assignments}));
  RETURN_IF_ERROR(KeepProblems(options.problems, config));
  ASSIGN_OR_RETURN(const ExperimentFolder folder, ExperimentFolder::Open(options.out));
  RETURN_IF_ERROR(WriteFileAtomically(folder.File("config.yaml"), WriteConfig(config)));
  ASSIGN_OR_RETURN(JsonStore store, JsonStore::Open(folder.cells()));
  const std::string base = std::filesystem::path(options.file).parent_path().string();
  const absl::StatusOr<AdaptationStudyResults> results = KeepRuns<AdaptationStudyResults>(
      "adapt", options.out, options.quiet, store, [&](const ReportRuns& report) {
        return RunAdaptationStudy(config, base, store, options.threads,
                                  {.stop = InterruptRequested, .on_progress = report});
      });
  RETURN_IF_ERROR(results.status());
  RETURN_IF_ERROR(Write(folder, *results));
  const bool color = ColorAllowed(STDOUT_FILENO);
  fmt::print("{}", AdaptationStudyTable(*results).Render(options.format, color));
  if (options.format == TableFormat::kText) PrintKeptRuns(store, folder.File("report.html"));
  return kExitFine;
}

}  // namespace reeve
