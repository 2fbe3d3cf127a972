#include "cli/replay_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "controller/replay/replay.h"
#include "core/human.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/status.h"
#include "core/terminal.h"
#include "runs/host.h"
#include "runs/run_folder.h"
#include "runs/terminal_summary.h"
#include "traces/generator.h"
#include "traces/load_trace.h"

namespace reeve {
namespace {

struct ReplayArguments {
  std::string trace, generate, target, url, host, out, name;
  ConfigOptions config;
  std::optional<uint64_t> seed, limit;
  std::optional<double> speed;
  SimTime from, duration;
  bool lenient = false, force = false, quiet = false;
  TableFormat format = TableFormat::kText;
};

// Configuration file, then options, then assignments: later ones win.
absl::StatusOr<LiveReplaySpec> MakeSpec(const ReplayArguments& options) {
  ASSIGN_OR_RETURN(ConfigNode node, LoadConfigNode({options.config.file, {}}));
  const auto set = [&](const std::string& key, const std::string& value) {
    return AsUsageError(node.Set(key + "=" + value));
  };
  // As text that YAML reads as it is.
  const auto quoted = [](const std::string& text) { return config_internal::QuoteScalar(text); };
  if (!options.trace.empty()) RETURN_IF_ERROR(set("trace", quoted(options.trace)));
  if (!options.generate.empty()) RETURN_IF_ERROR(set("trace", quoted(options.generate)));
  if (!options.target.empty()) RETURN_IF_ERROR(set("target.kind", quoted(options.target)));
  if (!options.url.empty()) RETURN_IF_ERROR(set("target.url", quoted(options.url)));
  if (!options.host.empty()) RETURN_IF_ERROR(set("target.host", quoted(options.host)));
  if (options.seed) RETURN_IF_ERROR(set("seed", std::to_string(*options.seed)));
  if (options.limit) RETURN_IF_ERROR(set("limit", std::to_string(*options.limit)));
  if (options.speed) RETURN_IF_ERROR(set("speed", fmt::format("{}", *options.speed)));
  if (options.from > SimTime()) {
    RETURN_IF_ERROR(set("from", config_internal::WriteScalar(options.from)));
  }
  if (options.duration > SimTime()) {
    RETURN_IF_ERROR(set("duration", config_internal::WriteScalar(options.duration)));
  }
  for (const std::string& assignment : options.config.assignments) {
    if (absl::Status status = node.Set(assignment); !status.ok()) return AsUsageError(status);
  }
  LiveReplaySpec spec;
  if (absl::Status status = ReadConfig(node, spec); !status.ok()) return AsUsageError(status);
  if (spec.trace.empty()) {
    return UsageError(
        "replay: say what to send: --trace PATH, --generate FILE, or trace: in --config");
  }
  return spec;
}

absl::StatusOr<Trace> ReadWorkload(const LiveReplaySpec& spec, const ReplayArguments& options) {
  if (!options.generate.empty()) {
    ASSIGN_OR_RETURN(const GeneratorConfig config,
                     LoadConfig<GeneratorConfig>({options.generate, {}}));
    absl::StatusOr<Trace> trace = GenerateTrace(config);
    if (!trace.ok()) return AsUsageError(trace.status());
    return trace;
  }
  ASSIGN_OR_RETURN(ReadResult read, LoadTrace(spec.trace, {.lenient = options.lenient}));
  if (options.lenient && !options.quiet) fmt::print(stderr, "{}", read.report.Summary());
  return std::move(read.trace);
}

class ReplayWatch {
 public:
  explicit ReplayWatch(bool quiet) : quiet_(quiet) {}

  bool OnTick(const ReplayProgress& now) {
    if (!progress_) {
      progress_.emplace(
          Progress::Work{.what = "replay", .total = now.total_s, .unit = "s"},
          Progress::Options{.mode = quiet_ ? Progress::Mode::kQuiet : Progress::Mode::kAuto});
    }
    last_ = now;
    if (progress_->Due()) progress_->Report(std::min(now.now_s, now.total_s), Items());
    return !InterruptRequested();
  }
  void Finish() {
    if (progress_) progress_->Finish(std::min(last_.now_s, last_.total_s), Items());
  }

 private:
  std::vector<ProgressItem> Items() const {
    return {{"requests", HumanCount(last_.due)},
            {"answered", HumanCount(last_.completions)},
            {"failed", HumanCount(last_.failures)},
            {"in_flight", HumanCount(last_.in_flight)},
            {"timing_error_p99_ms", HumanNumber(last_.timing_error_p99_ms)}};
  }
  const bool quiet_;
  std::optional<Progress> progress_;
  ReplayProgress last_;
};

absl::StatusOr<int> RunReplayCommand(const ReplayArguments& options) {
  ASSIGN_OR_RETURN(const LiveReplaySpec spec, MakeSpec(options));
  ASSIGN_OR_RETURN(const Trace trace, ReadWorkload(spec, options));
  std::optional<RunFolder> folder;
  if (!options.out.empty()) {
    ASSIGN_OR_RETURN(RunFolder made,
                     RunFolder::Create(options.out, WriteConfig(spec), options.force));
    folder = std::move(made);
  }
  HandleInterrupts();
  ReplayWatch watch(options.quiet);
  const HostClock clock;
  ASSIGN_OR_RETURN(RunData data, RunReplay(trace, spec, {.on_tick = [&](const ReplayProgress& now) {
                                             return watch.OnTick(now);
                                           }}));
  watch.Finish();
  data.summary.host = clock.Stop(data.summary.arrivals, 1);
  data.summary.name = !options.name.empty() ? options.name
                      : !options.out.empty()
                          ? std::filesystem::path(options.out).filename().string()
                          : "replay";
  if (folder) RETURN_IF_ERROR(folder->Write(data));
  fmt::print("{}", SummaryTable(std::span(&data.summary, 1))
                       .Render(options.format, ColorAllowed(STDOUT_FILENO)));
  if (options.format == TableFormat::kText) {
    fmt::print(
        "\n{} requests in {:.1f} s, {} a second, over {} connections\n",
        HumanCount(data.summary.arrivals), data.summary.simulated_seconds,
        HumanNumber(static_cast<double>(data.summary.arrivals) / data.summary.simulated_seconds),
        HumanCount(data.summary.replay->connections));
    if (folder) fmt::print("report: {}\n", folder->File("report.html"));
  }
  if (!data.summary.complete) {
    return absl::CancelledError(fmt::format("interrupted after {:.1f} s{}",
                                            data.summary.simulated_seconds,
                                            folder ? "; the run so far is in " + options.out : ""));
  }
  return kExitFine;
}

}  // namespace

void AddReplayCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<ReplayArguments>();
  CLI::App* command = parent.add_subcommand(
      "replay", "Send a trace to a live target, each request at its time (docs/replay.md)");
  command->add_option("--trace", options->trace,
                      "Workload: a trace file, or a file or folder in a format that "
                      "`reeve trace import` reads");
  command
      ->add_option("--generate", options->generate,
                   "Workload: generated from the YAML of `reeve trace generate`")
      ->excludes("--trace");
  command->add_option("--target", options->target, "http, knative or openwhisk");
  command->add_option("--url", options->url, "As target.url below: where requests go");
  command->add_option("--host", options->host, "As target.host below");
  AddConfigOptions(*command, options->config);
  command->add_option("--seed", options->seed, "Seed of all random draws");
  command->add_option("--speed", options->speed, "Time of the trace runs this much faster");
  AddTimeOption(*command, "--from", options->from, "Where in the trace it begins: 90m");
  AddTimeOption(*command, "--duration", options->duration, "For how long requests are sent: 60s");
  command->add_option("--limit", options->limit, "So many requests at most");
  command->add_option("--out", options->out, "Folder for the run; without it only the summary");
  command->add_flag("--force", options->force, "Replace a finished run in --out");
  command->add_option("--name", options->name, "Name in reports; default: the folder's");
  command->add_flag("--lenient", options->lenient, "Skip and count what is broken in the trace");
  command->add_flag("--quiet", options->quiet, "No progress");
  AddFormatOption(*command, options->format);
  command->footer("Keys of --config and --set:\n" + DescribeKeys(DescribeConfig<LiveReplaySpec>()));
  command->callback(
      [&chosen, options] { chosen = [options] { return RunReplayCommand(*options); }; });
}

}  // namespace reeve
