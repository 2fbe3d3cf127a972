#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>

#include "cli/twin_command.h"
#include "controller/store/recording.h"
#include "core/human.h"
#include "core/status.h"
#include "core/terminal.h"
#include "runs/host.h"
#include "runs/run_folder.h"
#include "runs/terminal_summary.h"
#include "traces/trace_file.h"

namespace reeve {
namespace {

struct RecordArguments {
  std::string store, out, name;
  SimTime since, until;  // before now; zero: no limit
  bool force = false;
  TableFormat format = TableFormat::kText;
};

absl::StatusOr<int> RunRecord(const RecordArguments& options) {
  const HostClock clock;
  const int64_t now = std::chrono::duration_cast<std::chrono::microseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  const auto before = [&](SimTime age) {
    return age > SimTime() ? std::optional(now - age.micros()) : std::nullopt;
  };
  ASSIGN_OR_RETURN(Recording recording,
                   ReadRecording(options.store, before(options.since), before(options.until)));
  // What made the run, as far as there is anything to say.
  const std::string config =
      fmt::format("recorded_from: {}\n", config_internal::QuoteScalar(options.store));
  ASSIGN_OR_RETURN(RunFolder folder, RunFolder::Create(options.out, config, options.force));
  const std::string trace = folder.File("trace.rtrace");
  RunSummary& summary = recording.observed.summary;
  summary.trace = trace;
  summary.cluster = options.store;
  summary.host = clock.Stop(summary.arrivals, 1);
  summary.name =
      !options.name.empty() ? options.name : std::filesystem::path(options.out).filename().string();
  {
    const SignalsHeld held;
    RETURN_IF_ERROR(TraceFile::Write(recording.trace, trace));
    RETURN_IF_ERROR(folder.Write(recording.observed));
  }
  fmt::print(
      "{}",
      SummaryTable(std::span(&summary, 1)).Render(options.format, ColorAllowed(STDOUT_FILENO)));
  if (options.format == TableFormat::kText) {
    fmt::print("\nworkload: {} ({} functions, {}, {} requests)\nreport: {}\n", trace,
               HumanCount(summary.functions), HumanSeconds(summary.simulated_seconds),
               HumanCount(summary.arrivals), folder.File("report.html"));
  }
  return kExitFine;
}

}  // namespace

void AddRecordCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<RecordArguments>();
  CLI::App* command = parent.add_subcommand("record",
                                            "What `reeve serve` observed, from its store, as a "
                                            "workload that `reeve simulate` plays and a "
                                            "run to compare with (docs/twin.md)");
  command->add_option("store", options->store, "The store, as store.path names it")->required();
  command->add_option("--out", options->out, "Folder for the run, and trace.rtrace in it")
      ->required();
  AddTimeOption(*command, "--since", options->since, "Not older than this, as in 90s, 10m, 1.5h");
  AddTimeOption(*command, "--until", options->until, "At least this old");
  command->add_flag("--force", options->force, "Replace a finished run in --out");
  command->add_option("--name", options->name, "Name in reports; default: the folder's");
  AddFormatOption(*command, options->format);
  command->callback([&chosen, options] { chosen = [options] { return RunRecord(*options); }; });
}

}  // namespace reeve
