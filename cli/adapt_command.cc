#include "cli/adapt_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agents/nn/blas_check.h"
#include "controller/learner/remote_experts.h"
#include "core/config.h"
#include "core/files.h"
#include "core/human.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/status.h"
#include "core/terminal.h"
#include "runs/adaptation.h"
#include "runs/adaptation_page.h"
#include "runs/run_folder.h"

namespace reeve {
namespace {

struct AdaptArguments {
  std::string file, out, experts, learner;
  std::vector<std::string> assignments;
  std::optional<uint64_t> seed;
  bool force = false, quiet = false;
  TableFormat format = TableFormat::kText;
};

absl::Status Write(const RunFolder& folder, const AdaptationRecord& record) {
  RETURN_IF_ERROR(WriteFileAtomically(folder.File("timeline.csv"), TimelineTable(record).ToCsv()));
  RETURN_IF_ERROR(WriteFileAtomically(folder.File("visits.csv"), VisitsTable(record).ToCsv()));
  RETURN_IF_ERROR(WriteAdaptationPage(AdaptationToJson(record, true), folder.File("report.html")));
  return WriteFileAtomically(folder.File("summary.json"),
                             AdaptationToJson(record, false).dump(1) + "\n");
}

// An address, or a file that says more.
absl::StatusOr<RemoteLearnerSpec> ReadLearner(const std::string& text) {
  RemoteLearnerSpec spec;
  spec.connect = text;
  if (text.find("://") != std::string::npos) return spec;
  ASSIGN_OR_RETURN(const ConfigNode node, ConfigNode::Load(text));
  RETURN_IF_ERROR(ReadConfig(node, spec));
  return spec;
}

// Has `hooks` learn in another process. The simulation waits for that one, as it does for its own.
absl::Status LearnElsewhere(const std::string& learner, const OnlineSpec& online,
                            AdaptationHooks& hooks) {
  ASSIGN_OR_RETURN(const RemoteLearnerSpec spec, ReadLearner(learner));
  RETURN_IF_ERROR(RemoteExperts(spec, online, LearnerWaits::kAllowed).status());
  hooks.learners = [spec](const OnlineSpec& how) {
    return *RemoteExperts(spec, how, LearnerWaits::kAllowed);
  };
  return absl::OkStatus();
}

// A bar for the run, and one for the run before it.
class Bars {
 public:
  explicit Bars(bool quiet) : quiet_(quiet) {}
  ~Bars() { End(); }

  void Report(SimTime now, SimTime end, bool before) {
    if (!progress_ || before != before_) {
      End();
      before_ = before;
      progress_.emplace(
          Progress::Work{.what = before ? "run before" : "adapt",
                         .total = end.seconds() / 3600,
                         .unit = "simulated hours"},
          Progress::Options{.mode = quiet_ ? Progress::Mode::kQuiet : Progress::Mode::kAuto});
    }
    hours_ = now.seconds() / 3600;
    if (progress_->Due()) progress_->Report(hours_, {});
  }

 private:
  void End() {
    if (progress_) progress_->Finish(hours_, {});
    progress_.reset();
  }
  const bool quiet_;
  bool before_ = false;
  double hours_ = 0;
  std::optional<Progress> progress_;
};

absl::StatusOr<int> RunAdapt(const AdaptArguments& options) {
  std::vector<std::string> assignments = options.assignments;
  if (options.seed) assignments.push_back(fmt::format("seed={}", *options.seed));
  ASSIGN_OR_RETURN(const AdaptationConfig config,
                   LoadConfig<AdaptationConfig>({options.file, assignments}));
  const std::string base = std::filesystem::path(options.file).parent_path().string();
  // First: a scenario that cannot be played leaves no folder behind.
  RETURN_IF_ERROR(DescribeProblem(config, base).status());
  AdaptationHooks hooks;
  if (!options.learner.empty()) {
    absl::Status status = LearnElsewhere(options.learner, config.online, hooks);
    if (!status.ok()) return AsUsageError(status);
  }
  WarnOnceAboutSlowBlas();
  SetSingleThreadedMath();
  HandleInterrupts();
  ASSIGN_OR_RETURN(RunFolder folder,
                   RunFolder::Create(options.out, WriteConfig(config), options.force));
  absl::StatusOr<AdaptationRecord> record = absl::UnknownError("");
  {
    Bars bars(options.quiet);
    hooks.stop = InterruptRequested;
    hooks.experts = options.experts;
    hooks.warn = [](const std::string& what) { fmt::print(stderr, "reeve: {}\n", what); };
    hooks.on_period = [&](SimTime now, SimTime end, bool before) { bars.Report(now, end, before); };
    record = RunAdaptation(config, base, hooks);
  }
  RETURN_IF_ERROR(record.status());
  RETURN_IF_ERROR(Write(folder, *record));
  const bool color = ColorAllowed(STDOUT_FILENO);
  fmt::print("{}", VisitsTable(*record).Render(options.format, color));
  if (options.format == TableFormat::kText) {
    const AdaptationFigures& w = record->whole;
    fmt::print(
        "\np95 {} ms, p99 {} ms, SLO violations {}, {} {} an hour, reward {}, safeguarded {}\n",
        HumanNumber(w.latency_p95_ms), HumanNumber(w.latency_p99_ms),
        HumanPercent(w.violation_share), HumanNumber(record->cost_per_hour()), record->cost_unit,
        HumanNumber(w.reward), HumanPercent(w.engaged_share));
    fmt::print("report: {}\n", folder.File("report.html"));
  }
  if (!record->complete) {
    return absl::CancelledError(fmt::format(
        "interrupted; the run so far is in {}{}", options.out,
        options.experts.empty() ? ""
                                : ", and its experts in " + options.experts +
                                      ": the same command with --force begins with them"));
  }
  return kExitFine;
}

}  // namespace

void AddAdaptCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<AdaptArguments>();
  CLI::App* command = parent.add_subcommand(
      "adapt", "A policy that learns while it drives and the load changes, guarded by a rule");
  command->add_option("file", options->file, "YAML of the run (see configs/adaptation)")
      ->required();
  command->add_option("--out", options->out, "Folder of the run")->required();
  command->add_option("--experts", options->experts,
                      "Folder in which experts are kept: the run begins with those that are there "
                      "(see `reeve experts`)");
  command->add_option(
      "--learner", options->learner,
      "Learn in another process (`reeve learner`): its address, or a YAML file with "
      "connect, server_key, key, … (docs/bus.md)");
  command->add_option("--seed", options->seed, "Seed of all random draws");
  command->add_option("--set", options->assignments,
                      "Change the configuration: online.method=single");
  command->add_flag("--force", options->force, "Replace a run that is in --out");
  command->add_flag("--quiet", options->quiet, "No progress");
  AddFormatOption(*command, options->format);
  command->footer("Keys of the file and of --set:\n" +
                  DescribeKeys(DescribeConfig<AdaptationConfig>()));
  command->callback([&chosen, options] { chosen = [options] { return RunAdapt(*options); }; });
}

}  // namespace reeve
