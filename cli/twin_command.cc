#include "cli/twin_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "cli/watch.h"
#include "core/human.h"
#include "core/interrupt.h"
#include "core/status.h"
#include "core/terminal.h"
#include "runs/twin.h"
#include "traces/load_trace.h"

namespace reeve {
namespace {

struct TwinArguments {
  std::string trace, observed, cluster, policy, out;
  ConfigOptions config;
  std::optional<uint64_t> seed;
  int threads = 2;
  bool force = false, quiet = false, lenient = false;
  TableFormat format = TableFormat::kText;
};

// Configuration file, then cluster file, then options, then assignments: later ones win.
absl::StatusOr<TwinConfig> MakeConfig(const TwinArguments& options) {
  ASSIGN_OR_RETURN(TwinConfig config, LoadConfig<TwinConfig>({options.config.file, {}}));
  if (!options.cluster.empty()) {
    ASSIGN_OR_RETURN(config.cluster, LoadConfig<ClusterSpec>({options.cluster, {}}));
  }
  if (!options.policy.empty()) config.policy.name = options.policy;
  if (!options.observed.empty()) config.observed = options.observed;
  if (!options.trace.empty()) config.trace = options.trace;
  if (options.seed) config.seed = *options.seed;
  // Assignments address the whole as it now is, so it is written out and read again with them.
  ASSIGN_OR_RETURN(ConfigNode node,
                   ConfigNode::Parse(WriteConfig(config), "the resolved configuration"));
  for (const std::string& assignment : options.config.assignments) {
    if (absl::Status status = node.Set(assignment); !status.ok()) return AsUsageError(status);
  }
  TwinConfig resolved;
  if (absl::Status status = ReadConfig(node, resolved); !status.ok()) return AsUsageError(status);
  if (resolved.observed.empty()) {
    return UsageError("twin: say what was observed: --observed, a run folder or a CSV file");
  }
  if (resolved.trace.empty()) {
    // A recording has its workload in it.
    const std::filesystem::path inside = std::filesystem::path(resolved.observed) / "trace.rtrace";
    std::error_code error;
    if (!std::filesystem::exists(inside, error)) {
      return UsageError("twin: say which workload was recorded: --trace PATH");
    }
    resolved.trace = inside.string();
  }
  return resolved;
}

absl::StatusOr<int> RunTwin(const TwinArguments& options) {
  ASSIGN_OR_RETURN(const TwinConfig config, MakeConfig(options));
  if (!options.out.empty()) RETURN_IF_ERROR(CheckTwinFolder(options.out, options.force));
  ASSIGN_OR_RETURN(const ReadResult read, LoadTrace(config.trace, {.lenient = options.lenient}));
  ASSIGN_OR_RETURN(const std::vector<ObservedFunction> observed, ReadObserved(config.observed));
  ASSIGN_OR_RETURN(const std::vector<TwinValues> values, MatchObserved(observed, read.trace));
  HandleInterrupts();
  absl::StatusOr<TwinResult> result = absl::InternalError("not begun");
  {
    Watch watch(options.quiet);
    result = FitTwin(read.trace, values, config, options.threads, [&](int done, int planned) {
      watch.Report("twin", static_cast<size_t>(done), static_cast<size_t>(planned));
      return !InterruptRequested();
    });
  }
  if (!result.ok()) return result.status();
  if (!options.out.empty()) {
    const SignalsHeld held;
    RETURN_IF_ERROR(WriteTwin(options.out, config, read.trace, *result, options.force));
  }
  fmt::print("{}", TwinSummaryTable(*result).Render(options.format, ColorAllowed(STDOUT_FILENO)));
  if (options.format == TableFormat::kText) {
    fmt::print("\n{} simulations\n", HumanCount(static_cast<uint64_t>(result->simulations)));
    if (!options.out.empty()) {
      const std::filesystem::path folder(options.out);
      fmt::print("cluster: {}\nworkload: {}\nreport: {}\n", (folder / "cluster.yaml").string(),
                 (folder / "trace.rtrace").string(), (folder / "report.html").string());
    }
  }
  return kExitFine;
}

}  // namespace

void AddTwinCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<TwinArguments>();
  CLI::App* command =
      parent.add_subcommand("twin", "Fit a simulated cluster to a recorded one (docs/twin.md)");
  command->add_option("--observed", options->observed,
                      "What was observed: a folder of `reeve record`, `reeve replay` or `reeve "
                      "simulate`, or a CSV file");
  command->add_option("--trace", options->trace,
                      "The workload; default: trace.rtrace in the folder of --observed");
  command->add_option("--cluster", options->cluster,
                      "YAML of the cluster as far as it is known (see configs/clusters)");
  command->add_option("--policy", options->policy, "The policy that drove it");
  AddConfigOptions(*command, options->config);
  command->add_option("--seed", options->seed, "Seed of all random draws");
  command
      ->add_option("--threads", options->threads,
                   "Simulations at once; results do not depend "
                   "on it")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--out", options->out, "Folder for the twin; without it only the table");
  command->add_flag("--force", options->force, "Replace a twin in --out");
  command->add_flag("--lenient", options->lenient, "Skip and count what is broken in the trace");
  command->add_flag("--quiet", options->quiet, "No progress");
  AddFormatOption(*command, options->format);
  command->footer("Keys of --config and --set:\n" + DescribeKeys(DescribeConfig<TwinConfig>()));
  command->callback([&chosen, options] { chosen = [options] { return RunTwin(*options); }; });
}

}  // namespace reeve
