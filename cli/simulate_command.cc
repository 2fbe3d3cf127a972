#include "cli/simulate_command.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "core/files.h"
#include "core/human.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/status.h"
#include "core/terminal.h"
#include "runs/host.h"
#include "runs/invocation_dump.h"
#include "runs/run_folder.h"
#include "runs/simulation.h"
#include "runs/terminal_summary.h"
#include "traces/load_trace.h"

namespace reeve {
namespace {

struct SimulateArguments {
  std::string trace, events, cluster, policy, out, name, dump;
  ConfigOptions config;
  std::optional<uint64_t> seed;
  int threads = 1;
  bool lenient = false, force = false, quiet = false;
  TableFormat format = TableFormat::kText;
};

// Configuration file, then cluster file, then options, then assignments: later ones win.
absl::StatusOr<SimulationConfig> MakeConfig(const SimulateArguments& options) {
  ASSIGN_OR_RETURN(SimulationConfig config,
                   LoadConfig<SimulationConfig>({options.config.file, {}}));
  if (!options.cluster.empty()) {
    ASSIGN_OR_RETURN(config.cluster, LoadConfig<ClusterSpec>({options.cluster, {}}));
  }
  if (!options.policy.empty()) config.policy.name = options.policy;
  if (!options.events.empty()) config.trace = options.events;
  if (!options.trace.empty()) config.trace = options.trace;
  if (options.seed) config.seed = *options.seed;
  // Assignments address the whole as it now is, so it is written out and read again with them.
  ASSIGN_OR_RETURN(ConfigNode node,
                   ConfigNode::Parse(WriteConfig(config), "the resolved configuration"));
  for (const std::string& assignment : options.config.assignments) {
    if (absl::Status status = node.Set(assignment); !status.ok()) return AsUsageError(status);
  }
  SimulationConfig resolved;
  if (absl::Status status = ReadConfig(node, resolved); !status.ok()) return AsUsageError(status);
  if (resolved.trace.empty()) {
    return UsageError(
        "simulate: say what to play: --trace PATH, --events FILE, or trace: in --config");
  }
  return resolved;
}

absl::StatusOr<Trace> ReadWorkload(const SimulationConfig& config,
                                   const SimulateArguments& options) {
  ReadOptions read_options{.lenient = options.lenient};
  if (!options.events.empty()) read_options.format = TraceFormat::kTimed;
  ASSIGN_OR_RETURN(ReadResult read, LoadTrace(config.trace, read_options));
  if (options.lenient && !options.quiet) fmt::print(stderr, "{}", read.report.Summary());
  if (read.trace.functions().empty()) {
    return absl::InvalidArgumentError(config.trace + ": there is no function in this trace");
  }
  return std::move(read.trace);
}

// What a terminal shows while it runs.
class SimulationWatch {
 public:
  SimulationWatch(const Trace& trace, bool quiet)
      : progress_({.what = "simulate", .total = trace.duration().seconds() / 3600, .unit = "h"},
                  {.mode = quiet ? Progress::Mode::kQuiet : Progress::Mode::kAuto}) {}

  void OnPeriod(SimTime now, const SimulatedCluster& cluster, const Snapshot& snapshot) {
    now_ = now;
    for (size_t f = 0; f < snapshot.functions.size(); ++f) {
      violations_ += snapshot.functions.slo_violations[f];
      cold_starts_ += snapshot.functions.cold_starts[f];
    }
    invocations_ = cluster.invocations();
    if (progress_.Due()) progress_.Report(now.seconds() / 3600, Items());
  }
  void Finish() { progress_.Finish(now_.seconds() / 3600, Items()); }

 private:
  std::vector<ProgressItem> Items() const {
    return {{"invocations", HumanCount(invocations_)},
            {"slo_violations", HumanCount(violations_)},
            {"cold_starts", HumanCount(cold_starts_)}};
  }
  Progress progress_;
  SimTime now_;
  uint64_t invocations_ = 0, violations_ = 0, cold_starts_ = 0;
};

absl::StatusOr<int> RunSimulate(const SimulateArguments& options) {
  ASSIGN_OR_RETURN(const SimulationConfig config, MakeConfig(options));
  ASSIGN_OR_RETURN(const Trace trace, ReadWorkload(config, options));
  std::optional<RunFolder> folder;
  if (!options.out.empty()) {
    ASSIGN_OR_RETURN(RunFolder made,
                     RunFolder::Create(options.out, WriteConfig(config), options.force));
    folder = std::move(made);
  }
  std::optional<InvocationDump> dump;
  if (!options.dump.empty()) {
    ASSIGN_OR_RETURN(InvocationDump made, InvocationDump::Create(options.dump, trace));
    dump = std::move(made);
  }

  HandleInterrupts();
  SimulationWatch watch(trace, options.quiet);
  SimulationHooks hooks;
  hooks.on_period = [&](SimTime now, const SimulatedCluster& cluster, const Snapshot& snapshot) {
    watch.OnPeriod(now, cluster, snapshot);
  };
  hooks.stop = [&] { return InterruptRequested() || (dump && !dump->status().ok()); };
  if (dump) hooks.on_invocation = [&](const InvocationRecord& record) { dump->Write(record); };

  const HostClock clock;
  ASSIGN_OR_RETURN(RunData data, RunSimulation(trace, config, options.threads, hooks));
  watch.Finish();
  data.summary.host = clock.Stop(data.summary.arrivals, options.threads);
  data.summary.name = !options.name.empty() ? options.name
                      : !options.out.empty()
                          ? std::filesystem::path(options.out).filename().string()
                          : config.policy.name;
  if (dump) RETURN_IF_ERROR(dump->Commit());
  if (folder) RETURN_IF_ERROR(folder->Write(data));
  fmt::print("{}", SummaryTable(std::span(&data.summary, 1))
                       .Render(options.format, ColorAllowed(STDOUT_FILENO)));
  if (options.format == TableFormat::kText) {
    const HostInfo& host = data.summary.host;
    fmt::print("\n{} invocations in {:.1f} s, {} a second, {:.0f} MB\n",
               HumanCount(data.summary.arrivals), host.wall_seconds,
               HumanNumber(host.invocations_per_second), host.peak_memory_mb);
    if (folder) fmt::print("report: {}\n", folder->File("report.html"));
  }
  if (!data.summary.complete) {
    return absl::CancelledError(fmt::format("interrupted after {} of {} simulated hours{}",
                                            HumanNumber(data.summary.simulated_seconds / 3600),
                                            HumanNumber(trace.duration().seconds() / 3600),
                                            folder ? "; the run so far is in " + options.out : ""));
  }
  return kExitFine;
}

}  // namespace

void AddSimulateCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<SimulateArguments>();
  CLI::App* command =
      parent.add_subcommand("simulate", "Play a trace on a simulated cluster under a policy");
  command->add_option("--trace", options->trace,
                      "Workload: a trace file, or a file or folder in a format that "
                      "`reeve trace import` reads");
  command
      ->add_option("--events", options->events,
                   "Workload as a list of events: CSV with function, start and duration in seconds")
      ->excludes("--trace");
  command->add_option("--cluster", options->cluster, "YAML of the cluster (see configs/clusters)");
  command->add_option("--policy", options->policy, "Policy (see agents/README.md)");
  AddConfigOptions(*command, options->config);
  command->add_option("--seed", options->seed, "Seed of all random draws");
  command
      ->add_option("--threads", options->threads,
                   "2 computes arrivals ahead on a second thread; results do not depend on it")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--out", options->out, "Folder for the run; without it only the summary");
  command->add_flag("--force", options->force, "Replace a finished run in --out");
  command->add_option("--name", options->name, "Name in reports; default: the folder's");
  command->add_option("--dump-invocations", options->dump,
                      "CSV with a row for every invocation that ended");
  command->add_flag("--lenient", options->lenient, "Skip and count what is broken in the trace");
  command->add_flag("--quiet", options->quiet, "No progress");
  AddFormatOption(*command, options->format);
  command->footer("Keys of --config and --set:\n" +
                  DescribeKeys(DescribeConfig<SimulationConfig>()));
  command->callback([&chosen, options] { chosen = [options] { return RunSimulate(*options); }; });
}

}  // namespace reeve
