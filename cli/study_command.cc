#include "cli/study_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "agents/nn/blas_check.h"
#include "cli/command.h"
#include "core/config.h"
#include "core/files.h"
#include "core/human.h"
#include "core/interrupt.h"
#include "core/progress.h"
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
  WarnOnceAboutSlowBlas();
  SetSingleThreadedMath();
  HandleInterrupts();
  Progress progress({.what = "train and evaluate", .total = 0, .unit = "runs"},
                    {.mode = options.quiet ? Progress::Mode::kQuiet : Progress::Mode::kAuto});
  const std::string base = std::filesystem::path(options.file).parent_path().string();
  const absl::StatusOr<StudyResults> results = RunLearningStudy(
      config, base, store, options.threads,
      {.stop = InterruptRequested, .on_progress = [&](size_t done, size_t planned) {
         if (progress.Due()) {
           progress.Report(static_cast<double>(done), {{"planned", HumanCount(planned)}});
         }
       }});
  progress.Finish(static_cast<double>(store.computed() + store.reused()), {});
  if (absl::IsCancelled(results.status())) {
    return absl::CancelledError(
        fmt::format("interrupted; what was trained is kept in {}: the same command goes on there",
                    options.out));
  }
  RETURN_IF_ERROR(results.status());
  RETURN_IF_ERROR(WriteStudy(folder, *results));
  const bool color = ColorAllowed(STDOUT_FILENO);
  fmt::print("{}", StudyTable(*results).Render(options.format, color));
  if (options.format == TableFormat::kText) {
    if (!results->ratios.empty()) {
      fmt::print("\n{}", StudyRatioTable(*results).Render(options.format, color));
    }
    fmt::print("\n{} runs, {} of them known already\nreport: {}\n",
               HumanCount(store.computed() + store.reused()), HumanCount(store.reused()),
               folder.File("report.html"));
  }
  return kExitFine;
}

}  // namespace reeve
