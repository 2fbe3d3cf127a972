#include "cli/experiment_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <thread>

#include "cli/adaptation_study_command.h"
#include "cli/detection_command.h"
#include "cli/study_command.h"
#include "cli/watch.h"
#include "core/human.h"
#include "core/interrupt.h"
#include "core/status.h"
#include "core/terminal.h"
#include "runs/experiment.h"
#include "runs/experiment_folder.h"
#include "runs/policy_bank.h"

namespace reeve {
namespace {

struct ExperimentArguments {
  std::string file, out, policy, workload;
  std::vector<std::string> workloads;
  std::vector<std::string> assignments;
  int threads = 0;
  bool quiet = false;
  TableFormat format = TableFormat::kText;
};

int ThreadsOf(const ExperimentArguments& options) {
  if (options.threads > 0) return options.threads;
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

std::string FolderOf(const std::string& file) {
  return std::filesystem::path(file).parent_path().string();
}

absl::Status NoWorkload(const std::string& name, const ExperimentConfig& config) {
  std::vector<std::string> names;
  for (const auto& [workload, spec] : config.workloads) names.push_back(workload);
  return UsageError(
      fmt::format("--workload: no workload '{}'{}", name, config_internal::Suggest(name, names)));
}

absl::Status Resumable(const absl::Status& status, const ExperimentArguments& options) {
  if (!absl::IsCancelled(status)) return status;
  return absl::CancelledError(
      fmt::format("interrupted; what was simulated is kept in {}: the same command goes on there",
                  options.out));
}

// Leaves only the workloads that were asked for.
absl::Status KeepWorkloads(const std::vector<std::string>& asked, ExperimentConfig& config) {
  if (asked.empty()) return absl::OkStatus();
  std::map<std::string, WorkloadSpec> kept;
  for (const std::string& name : asked) {
    const auto found = config.workloads.find(name);
    if (found == config.workloads.end()) return NoWorkload(name, config);
    kept.insert(*found);
  }
  config.workloads = std::move(kept);
  return absl::OkStatus();
}

absl::StatusOr<int> RunExperimentCommand(const ExperimentArguments& options) {
  const std::string kind = KindOfExperiment(options.file);
  if (kind == "detection") {
    return RunDetection({.file = options.file,
                         .out = options.out,
                         .workloads = options.workloads,
                         .assignments = options.assignments,
                         .threads = ThreadsOf(options),
                         .quiet = options.quiet,
                         .format = options.format});
  }
  if (kind == "adaptation") {
    return RunAdaptationStudyCommand({.file = options.file,
                                      .out = options.out,
                                      .problems = options.workloads,
                                      .assignments = options.assignments,
                                      .threads = ThreadsOf(options),
                                      .quiet = options.quiet,
                                      .format = options.format});
  }
  if (kind == "learning") {
    return RunStudy({.file = options.file,
                     .out = options.out,
                     .assignments = options.assignments,
                     .threads = ThreadsOf(options),
                     .quiet = options.quiet,
                     .format = options.format});
  }
  ASSIGN_OR_RETURN(ExperimentConfig config,
                   LoadConfig<ExperimentConfig>({options.file, options.assignments}));
  RETURN_IF_ERROR(KeepWorkloads(options.workloads, config));
  HandleInterrupts();
  ASSIGN_OR_RETURN(const ExperimentFolder folder, ExperimentFolder::Open(options.out));
  RETURN_IF_ERROR(folder.WriteConfigFile(config));
  ASSIGN_OR_RETURN(CellStore store, CellStore::Open(folder.cells()));
  PolicyBank trainer(folder.File("policies"));
  absl::StatusOr<ExperimentResults> results = absl::UnknownError("");
  {
    Watch watch(options.quiet);
    results =
        RunExperiment(config, FolderOf(options.file), store, ThreadsOf(options),
                      {.stop = InterruptRequested,
                       .trainer = &trainer,
                       .on_progress = [&](std::string_view what, size_t done, size_t planned) {
                         watch.Report(what, done, planned);
                       }});
  }
  if (!results.ok()) return Resumable(results.status(), options);
  RETURN_IF_ERROR(folder.Write(*results));
  fmt::print("{}", ResultsTable(*results).Render(options.format, ColorAllowed(STDOUT_FILENO)));
  if (options.format == TableFormat::kText) {
    fmt::print("\n{} simulations, {} of them known already\nreport: {}\n",
               HumanCount(store.simulated() + store.reused()), HumanCount(store.reused()),
               folder.File("report.html"));
  }
  return kExitFine;
}

// What `tune` works on: one policy of the file on one of its workloads.
struct Chosen {
  const ExperimentPolicy* policy = nullptr;
  std::string workload;
};

absl::StatusOr<Chosen> Choose(const ExperimentConfig& config, const ExperimentArguments& options) {
  Chosen chosen;
  std::vector<std::string> labels;
  for (const ExperimentPolicy& policy : config.policies) {
    if (policy.search.empty()) continue;
    labels.push_back(policy.label);
    if (policy.label == options.policy || (options.policy.empty() && chosen.policy == nullptr)) {
      chosen.policy = &policy;
    }
  }
  if (labels.empty()) return UsageError(options.file + ": no policy has a 'search'");
  if (chosen.policy == nullptr) {
    return UsageError(fmt::format("--policy: no policy with a search is labelled '{}'{}",
                                  options.policy,
                                  config_internal::Suggest(options.policy, labels)));
  }
  chosen.workload = options.workload.empty() ? config.workloads.begin()->first : options.workload;
  if (!config.workloads.contains(chosen.workload)) return NoWorkload(chosen.workload, config);
  return chosen;
}

absl::StatusOr<int> RunTuneCommand(const ExperimentArguments& options) {
  ASSIGN_OR_RETURN(ExperimentConfig config,
                   LoadConfig<ExperimentConfig>({options.file, options.assignments}));
  ResolveDefaults(config);
  ASSIGN_OR_RETURN(const Chosen chosen, Choose(config, options));
  HandleInterrupts();
  ASSIGN_OR_RETURN(const ExperimentFolder folder, ExperimentFolder::Open(options.out));
  ASSIGN_OR_RETURN(CellStore store, CellStore::Open(folder.cells()));
  PolicyBank trainer(folder.File("policies"));
  absl::StatusOr<TuningResult> tuned = absl::UnknownError("");
  {
    Watch watch(options.quiet);
    tuned = TuneOnWorkload(config, *chosen.policy, chosen.workload, FolderOf(options.file), store,
                           ThreadsOf(options),
                           {.stop = InterruptRequested,
                            .trainer = &trainer,
                            .on_progress = [&](std::string_view what, size_t done, size_t planned) {
                              watch.Report(what, done, planned);
                            }});
  }
  if (!tuned.ok()) return Resumable(tuned.status(), options);
  RETURN_IF_ERROR(folder.WriteTuned(chosen.workload, chosen.policy->label, *tuned));
  fmt::print("{}", TrialsTable(*tuned).Render(options.format, ColorAllowed(STDOUT_FILENO)));
  const Trial& winner = tuned->trials[tuned->winner];
  if (options.format == TableFormat::kText) {
    fmt::print("\nchosen: {}\nin {}\n",
               winner.parameters.empty() ? "as given" : AssignmentsText(winner.parameters),
               folder.File("tuned"));
  }
  if (tuned->feasible) return kExitFine;
  fmt::print(stderr,
             "reeve: nothing keeps SLO violations to {:.2f} % on validation; the fewest: "
             "{:.2f} %\n",
             config.tuning.slo_violation_share * 100, winner.validation_slo_violation_share * 100);
  return kExitThreshold;
}

void AddCommonOptions(CLI::App& command, ExperimentArguments& options) {
  command.add_option("file", options.file, "YAML of the experiment (see configs/experiments)")
      ->required();
  command
      .add_option("--out", options.out,
                  "Folder for results; one that an earlier run left is gone on with")
      ->required();
  command.add_option("--set", options.assignments, "Change the configuration: seeds=10");
  command
      .add_option("--threads", options.threads,
                  "Simulations at once; default: one per core. Results do not depend on it")
      ->check(CLI::Range(1, 256));
  command.add_flag("--quiet", options.quiet, "No progress");
  AddFormatOption(command, options.format);
  command.footer("Keys of the file and of --set:\n" +
                 DescribeKeys(DescribeConfig<ExperimentConfig>()));
}

}  // namespace

void AddExperimentCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<ExperimentArguments>();
  CLI::App* command = parent.add_subcommand(
      "experiment", "Compare policies on workloads over several seeds, as a YAML file says");
  AddCommonOptions(*command, *options);
  command->add_option("--workload", options->workloads,
                      "Only this workload of the file; may be given several times");
  command->callback(
      [&chosen, options] { chosen = [options] { return RunExperimentCommand(*options); }; });
}

void AddTuneCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<ExperimentArguments>();
  CLI::App* command = parent.add_subcommand(
      "tune",
      "Search the parameters of one policy of an experiment; exit code 1 if none keeps the SLO");
  AddCommonOptions(*command, *options);
  command->add_option("--policy", options->policy,
                      "Label of the policy; default: the first with a search");
  command->add_option("--workload", options->workload,
                      "Workload of the experiment; default: the first by name");
  command->callback(
      [&chosen, options] { chosen = [options] { return RunTuneCommand(*options); }; });
}

}  // namespace reeve
