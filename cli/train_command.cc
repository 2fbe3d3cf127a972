#include "cli/train_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "agents/nn/blas_check.h"
#include "agents/ppo/distributed.h"
#include "core/human.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/status.h"
#include "envs/observation.h"
#include "envs/reward.h"
#include "runs/training_folder.h"
#include "runs/training_log.h"

namespace reeve {
namespace {

struct TrainArguments {
  std::string file, out;
  std::vector<std::string> assignments;
  std::optional<uint64_t> seed;
  int threads = 0;
  bool resume = false, quiet = false;
};

absl::StatusOr<TrainingConfig> MakeConfig(const TrainArguments& options) {
  std::vector<std::string> assignments = options.assignments;
  if (options.seed) assignments.push_back(fmt::format("seed={}", *options.seed));
  absl::StatusOr<TrainingConfig> config =
      options.resume ? LoadTrainingConfig(options.out + "/config.yaml", assignments)
                     : LoadTrainingFile(options.file, assignments);
  if (!config.ok()) return AsUsageError(config.status());
  // config.yaml is read again by --resume and by evaluate, perhaps from elsewhere.
  config->folder = std::filesystem::absolute(config->folder).lexically_normal().string();
  return config;
}

std::string Outcome(const Training& training, const NamedNumberList& last) {
  std::string text =
      fmt::format("{} steps of {} agents", HumanCount(static_cast<uint64_t>(training.steps_done())),
                  training.env_spec().agents);
  // Without episodes that ended there is neither.
  if (const double value = NumberNamed(last, "return/mean"); std::isfinite(value)) {
    text += "; return " + HumanNumber(value);
  }
  if (const double share = NumberNamed(last, "slo/violation_share"); std::isfinite(share)) {
    text += "; SLO violations " + HumanPercent(share);
  }
  return text;
}

// Bar, rate and time left, and how the agents are doing.
class TrainingWatch {
 public:
  TrainingWatch(const Training& training, bool quiet)
      : progress_({.what = "train",
                   .total = static_cast<double>(training.steps_planned()),
                   .unit = "steps"},
                  {.mode = quiet ? Progress::Mode::kQuiet : Progress::Mode::kAuto}) {}

  void OnIteration(const Training& training, const IterationStats& stats,
                   const NamedNumberList& numbers) {
    done_ = static_cast<double>(training.steps_done());
    items_.clear();
    const auto add = [&](const char* key, const char* name, bool share = false) {
      const double value = NumberNamed(numbers, name);
      if (std::isfinite(value)) {
        items_.push_back({key, share ? fmt::format("{:.2f} %", value * 100) : HumanNumber(value)});
      }
    };
    if (training.bootstrapping()) items_.push_back({"driver", "rule"});
    add("agent_steps_per_second", "rate/agent_steps_per_second");
    add("return", "return/mean");
    add("slo_violations", "slo/violation_share", true);
    add("entropy", "policy/entropy");
    AddReturns(training.env_spec(), stats);
    if (progress_.Due()) progress_.Report(done_, items_);
  }
  void Finish() { progress_.Finish(done_, items_); }

 private:
  // Of each agent, while they fit on a screen.
  void AddReturns(const VectorEnvSpec& env, const IterationStats& stats) {
    constexpr size_t kMost = 8;
    if (stats.agents.size() > kMost) return;
    for (size_t n = 0; n < stats.agents.size(); ++n) {
      if (stats.agents[n].episodes > 0) {
        items_.push_back(
            {"return_" + env.agent_names[n], HumanNumber(stats.agents[n].mean_return)});
      }
    }
  }

  Progress progress_;
  double done_ = 0;
  std::vector<ProgressItem> items_;
};

absl::StatusOr<int> RunTrain(const TrainArguments& options) {
  if (options.file.empty() && !options.resume) {
    return UsageError("train: say what to learn: a training's YAML (see configs/training)");
  }
  ASSIGN_OR_RETURN(const RankSpec ranks, RankSpec::FromEnvironment());
  const bool writes = ranks.rank == 0;
  // Says that there is nothing to go on with, not that its configuration cannot be read.
  if (writes && options.resume) RETURN_IF_ERROR(PrepareTrainingFolder(options.out, true));
  ASSIGN_OR_RETURN(const TrainingConfig config, MakeConfig(options));
  WarnOnceAboutSlowBlas();
  HandleInterrupts();
  ASSIGN_OR_RETURN(const std::unique_ptr<Collective> collective, JoinRanks(ranks));
  const int threads = options.threads > 0
                          ? options.threads
                          : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  ASSIGN_OR_RETURN(const std::unique_ptr<Training> training,
                   Training::Create(config, threads, collective.get()));
  // Only now: a scenario that cannot be played leaves no folder behind.
  if (writes && !options.resume) RETURN_IF_ERROR(PrepareTrainingFolder(options.out, false));

  TrainingWatch watch(*training, options.quiet || !writes);
  TrainingHooks hooks;
  hooks.stop = InterruptRequested;
  hooks.warn = [](const std::string& what) { fmt::print(stderr, "reeve: warning: {}\n", what); };
  hooks.on_iteration = [&](const Training& now, const IterationStats& stats,
                           const NamedNumberList& numbers) {
    watch.OnIteration(now, stats, numbers);
  };
  ASSIGN_OR_RETURN(const TrainingOutcome outcome,
                   TrainInFolder(*training, options.out, options.resume, writes, hooks));
  watch.Finish();
  if (writes) {
    fmt::print("{0}\npolicy: {1}/policy.rpolicy\nreport: {1}/report.html\n",
               Outcome(*training, outcome.last), options.out);
  }
  if (!outcome.finished) {
    return absl::CancelledError(
        fmt::format("interrupted after {} of {} steps; go on with: reeve train --resume --out {}",
                    HumanCount(static_cast<uint64_t>(training->steps_done())),
                    HumanCount(static_cast<uint64_t>(training->steps_planned())), options.out));
  }
  return kExitFine;
}

// What features and rewards there are: names are in lists of their own, not keys.
std::string PartsReference() {
  std::string text = "\nFeatures (observation.features):\n";
  for (const FeatureDoc& f : DescribeFeatures()) {
    text += fmt::format("  {:<26} {} [{}] {}\n", f.name, f.doc, f.unit, f.range);
  }
  text += "\nReward parts (reward.parts):\n";
  for (const RewardDoc& r : DescribeRewards()) {
    text += fmt::format("  {:<26} {} [{}] {}\n", r.name, r.doc, r.unit, r.range);
  }
  return text;
}

}  // namespace

void AddTrainCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<TrainArguments>();
  CLI::App* command = parent.add_subcommand(
      "train",
      "Learn a policy on a scenario; several processes share the work when started with "
      "torchrun's variables (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT)");
  command->add_option("file", options->file,
                      "YAML of the training (see configs/training); not read with --resume");
  command->add_option("--out", options->out, "Folder of the training")->required();
  command->add_flag("--resume", options->resume,
                    "Go on with the training in --out, from its newest checkpoint and with its "
                    "configuration");
  command->add_option("--seed", options->seed, "Seed of all random draws");
  command->add_option("--set", options->assignments, "Change the configuration: learner.form=s_rl");
  command
      ->add_option("--threads", options->threads,
                   "Default: one per core. Results do not depend on it")
      ->check(CLI::Range(1, 256));
  command->add_flag("--quiet", options->quiet, "No progress");
  command->footer("Keys of the file and of --set (there `scenario` is the whole scenario):\n" +
                  DescribeKeys(DescribeConfig<TrainingConfig>()) + PartsReference());
  command->callback([&chosen, options] { chosen = [options] { return RunTrain(*options); }; });
}

}  // namespace reeve
