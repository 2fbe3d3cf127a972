#include "cli/evaluate_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "core/files.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/status.h"
#include "core/terminal.h"
#include "runs/evaluation.h"
#include "runs/host.h"
#include "runs/run_folder.h"
#include "runs/scenario_trace.h"
#include "runs/terminal_summary.h"

namespace reeve {
namespace {

struct EvaluateArguments {
  std::string training, out, policy = "learned";
  std::vector<std::string> assignments;
  SimTime length = kEvaluationLength;
  uint64_t seed = kEvaluationSeed;
  bool force = false, quiet = false;
  TableFormat format = TableFormat::kText;
};

absl::StatusOr<int> RunEvaluate(const EvaluateArguments& options) {
  ASSIGN_OR_RETURN(const Scenario scenario, LoadTestScenario(options.training));
  const absl::StatusOr<SimulationConfig> resolved = EvaluationConfig(
      options.training, scenario, options.policy, options.seed, options.assignments);
  if (!resolved.ok()) return AsUsageError(resolved.status());
  const SimulationConfig& config = *resolved;
  ASSIGN_OR_RETURN(const Trace trace, ScenarioTrace(scenario, options.seed, options.length));
  std::optional<RunFolder> folder;
  if (!options.out.empty()) {
    ASSIGN_OR_RETURN(RunFolder made,
                     RunFolder::Create(options.out, WriteConfig(config), options.force));
    folder = std::move(made);
  }
  HandleInterrupts();
  Progress progress({.what = "evaluate", .total = trace.duration().seconds() / 3600, .unit = "h"},
                    {.mode = options.quiet ? Progress::Mode::kQuiet : Progress::Mode::kAuto});
  SimulationHooks hooks;
  hooks.on_period = [&](SimTime now, const SimulatedCluster&, const Snapshot&) {
    if (progress.Due()) progress.Report(now.seconds() / 3600, {});
  };
  hooks.stop = InterruptRequested;
  const HostClock clock;
  ASSIGN_OR_RETURN(RunData data, RunSimulation(trace, config, 1, hooks));
  progress.Finish(trace.duration().seconds() / 3600, {});
  data.summary.host = clock.Stop(data.summary.arrivals, 1);
  data.summary.name =
      options.out.empty() ? options.policy : std::filesystem::path(options.out).filename().string();
  if (folder) RETURN_IF_ERROR(folder->Write(data));
  fmt::print("{}", SummaryTable(std::span(&data.summary, 1))
                       .Render(options.format, ColorAllowed(STDOUT_FILENO)));
  if (folder && options.format == TableFormat::kText) {
    fmt::print("\nreport: {}\n", folder->File("report.html"));
  }
  if (!data.summary.complete) return absl::CancelledError("interrupted");
  return kExitFine;
}

}  // namespace

void AddEvaluateCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<EvaluateArguments>();
  CLI::App* command = parent.add_subcommand(
      "evaluate",
      "Play the scenario of a training, its test part, under the policy that was trained, or under "
      "a rule to compare with");
  command->add_option("training", options->training, "Folder of the training")->required();
  command->add_option("--out", options->out, "Folder for the run; without it only the summary");
  command
      ->add_option("--policy", options->policy,
                   "learned, or a rule (see agents/README.md) on the same requests")
      ->capture_default_str();
  AddTimeOption(*command, "--length", options->length, "How long to play");
  command->add_option("--seed", options->seed, "Of the requests; training never uses the default")
      ->capture_default_str();
  command->add_option("--set", options->assignments,
                      "Change the simulation's configuration: policy.kpa.stable_window=30s");
  command->add_flag("--force", options->force, "Replace a finished run in --out");
  command->add_flag("--quiet", options->quiet, "No progress");
  AddFormatOption(*command, options->format);
  command->callback([&chosen, options] { chosen = [options] { return RunEvaluate(*options); }; });
}

}  // namespace reeve
