#include "cli/fleet_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "controller/fleet/fleet.h"
#include "core/human.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/status.h"
#include "core/terminal.h"
#include "envs/scenario.h"
#include "runs/host.h"
#include "runs/run_folder.h"
#include "runs/scenario_trace.h"
#include "runs/terminal_summary.h"
#include "traces/load_trace.h"

namespace reeve {
namespace {

struct FleetArguments {
  ConfigOptions config;
  std::string out, name;
  bool force = false, quiet = false;
  TableFormat format = TableFormat::kText;
};

// What a terminal shows while it runs.
class FleetWatch {
 public:
  FleetWatch(const Trace& trace, bool quiet)
      : progress_({.what = "fleet", .total = trace.duration().seconds(), .unit = "s"},
                  {.mode = quiet ? Progress::Mode::kQuiet : Progress::Mode::kAuto}) {}

  void OnWindow(SimTime now, const Snapshot& snapshot) {
    now_ = now;
    ready_ = 0;
    for (size_t f = 0; f < snapshot.functions.size(); ++f) {
      completions_ += snapshot.functions.completions[f];
      ready_ += snapshot.functions.containers_ready[f];
    }
    if (progress_.Due()) progress_.Report(now.seconds(), Items());
  }
  void Finish() { progress_.Finish(now_.seconds(), Items()); }

 private:
  std::vector<ProgressItem> Items() const {
    return {{"completions", HumanCount(completions_)}, {"pods_ready", HumanCount(ready_)}};
  }
  Progress progress_;
  SimTime now_;
  uint64_t completions_ = 0, ready_ = 0;
};

// What is played. A scenario brings its cluster along.
absl::StatusOr<Trace> ReadWorkload(FleetConfig& config) {
  if (!config.scenario.empty()) {
    ASSIGN_OR_RETURN(const Scenario scenario, LoadScenario(config.scenario));
    config.cluster = scenario.cluster;
    return ScenarioTrace(scenario, config.seed, config.length);
  }
  ASSIGN_OR_RETURN(ReadResult read, LoadTrace(config.trace, {}));
  if (read.trace.functions().empty()) {
    return absl::InvalidArgumentError(config.trace + ": there is no function in this trace");
  }
  return std::move(read.trace);
}

absl::StatusOr<int> RunFleetCommand(const FleetArguments& options) {
  ASSIGN_OR_RETURN(FleetConfig config, LoadConfig<FleetConfig>(options.config));
  if (absl::Status status = config.Validate(); !status.ok()) return AsUsageError(status);
  ASSIGN_OR_RETURN(const Trace trace, ReadWorkload(config));
  std::optional<RunFolder> folder;
  if (!options.out.empty()) {
    ASSIGN_OR_RETURN(RunFolder made,
                     RunFolder::Create(options.out, WriteConfig(config), options.force));
    folder = std::move(made);
  }
  HandleInterrupts();
  FleetWatch watch(trace, options.quiet);
  FleetHooks hooks;
  hooks.stop = InterruptRequested;
  hooks.on_started = [&](int port) {
    fmt::print(stderr, "reeve: fleet: pods answer at {}, the activator on port {}\n",
               config.pods.addresses, port);
  };
  hooks.on_begun = [] { fmt::print(stderr, "reeve: fleet: the trace begins\n"); };
  hooks.on_window = [&](SimTime now, const Snapshot& snapshot) { watch.OnWindow(now, snapshot); };
  const HostClock clock;
  ASSIGN_OR_RETURN(
      RunData data,
      RunFleet(
          config, trace,
          [](const char* name) { return static_cast<const char*>(std::getenv(name)); }, hooks));
  watch.Finish();
  data.summary.host = clock.Stop(data.summary.arrivals, 1);
  data.summary.name = !options.name.empty() ? options.name
                      : !options.out.empty()
                          ? std::filesystem::path(options.out).filename().string()
                          : "fleet";
  if (folder) RETURN_IF_ERROR(folder->Write(data));
  fmt::print("{}", SummaryTable(std::span(&data.summary, 1))
                       .Render(options.format, ColorAllowed(STDOUT_FILENO)));
  if (folder && options.format == TableFormat::kText) {
    fmt::print("\nreport: {}\n", folder->File("report.html"));
  }
  return kExitFine;
}

}  // namespace

void AddFleetCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<FleetArguments>();
  CLI::App* command = parent.add_subcommand(
      "fleet",
      "Play a trace in real time as the pods of a real API server: a simulated fleet for whatever "
      "scales them");
  AddConfigOptions(*command, options->config);
  command->add_option("--out", options->out, "Folder for the run; without it only the summary");
  command->add_flag("--force", options->force, "Replace a finished run in --out");
  command->add_option("--name", options->name, "Name in reports; default: the folder's");
  command->add_flag("--quiet", options->quiet, "No progress");
  AddFormatOption(*command, options->format);
  command->footer("How to run it under kind or any cluster: docs/fleet.md\n" +
                  DescribeKeys(DescribeConfig<FleetConfig>()));
  command->callback(
      [&chosen, options] { chosen = [options] { return RunFleetCommand(*options); }; });
}

}  // namespace reeve
