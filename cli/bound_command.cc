#include "cli/bound_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <optional>

#include "core/human.h"
#include "core/status.h"
#include "core/terminal.h"
#include "runs/bound_report.h"
#include "runs/simulation.h"
#include "sim/clairvoyant.h"
#include "traces/load_trace.h"
#include "traces/trace_shift.h"

namespace reeve {
namespace {

struct BoundArguments {
  std::string trace, cluster, out, start = "mean";
  ConfigOptions config;
  std::optional<uint64_t> seed, cold_starts;
  std::optional<double> gb_seconds;
  double start_price = 0;
  bool lenient = false;
  TableFormat format = TableFormat::kText;
};

// As `reeve simulate` does: the configuration, then the cluster's file, then options.
absl::StatusOr<SimulationConfig> MakeConfig(const BoundArguments& options) {
  ASSIGN_OR_RETURN(SimulationConfig config, LoadConfig<SimulationConfig>(options.config));
  if (!options.cluster.empty()) {
    ASSIGN_OR_RETURN(config.cluster, LoadConfig<ClusterSpec>({options.cluster, {}}));
  }
  if (!options.trace.empty()) config.trace = options.trace;
  if (options.seed) config.seed = *options.seed;
  if (config.trace.empty()) {
    return UsageError("bound: say of what: --trace PATH, or trace: in --config");
  }
  return config;
}

void PrintAnswers(const BoundArguments& options, const ClairvoyantBound& bound) {
  const std::pair<const char*, const TradeOff*> curves[] = {
      {"without pre-warming", &bound.WithoutPrewarm()}, {"with pre-warming", &bound.WithPrewarm()}};
  for (const auto& [name, curve] : curves) {
    if (options.cold_starts) {
      const auto fewest = curve->FewestGbSeconds(static_cast<double>(*options.cold_starts));
      fmt::print(
          "{}, {} cold starts: {}\n", name, HumanCount(*options.cold_starts),
          fewest ? fmt::format("at least {} GB-seconds", HumanNumber(*fewest)) : "impossible");
    }
    if (options.gb_seconds) {
      const auto fewest = curve->FewestColdStarts(*options.gb_seconds);
      fmt::print("{}, {} GB-seconds: {}\n", name, HumanNumber(*options.gb_seconds),
                 fewest ? fmt::format("at least {} cold starts",
                                      HumanCount(static_cast<uint64_t>(*fewest)))
                        : "impossible");
    }
  }
}

absl::StatusOr<int> RunBound(const BoundArguments& options) {
  ASSIGN_OR_RETURN(const SimulationConfig config, MakeConfig(options));
  ASSIGN_OR_RETURN(ReadResult read, LoadTrace(config.trace, {.lenient = options.lenient}));
  if (!config.workload_changes.empty()) {
    ASSIGN_OR_RETURN(read.trace, ChangeWorkload(read.trace, config.workload_changes, config.seed));
  }
  const BoundOptions bound_options{
      .start = options.start == "none" ? StartTime::kNone : StartTime::kMean,
      .start_price = options.start_price};
  const ClairvoyantBound bound =
      ComputeBound(read.trace, config.cluster, {config.seed, config.within_minute}, bound_options);
  if (!options.out.empty()) {
    RETURN_IF_ERROR(
        WriteBound(bound, read.trace, options.out, config.trace, config.cluster.name, config.seed));
  }
  const bool text = options.format == TableFormat::kText;
  fmt::print("{}",
             BoundTable(bound, text ? 12 : 0).Render(options.format, ColorAllowed(STDOUT_FILENO)));
  if (text) {
    fmt::print("\n{}", BoundSentence(bound));
    PrintAnswers(options, bound);
  }
  return kExitFine;
}

}  // namespace

void AddBoundCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<BoundArguments>();
  CLI::App* command = parent.add_subcommand(
      "bound", "Cold starts against GB-seconds: what no policy can beat on a workload");
  command->add_option("--trace", options->trace,
                      "Workload: a trace file, or a file or folder in a format that "
                      "`reeve trace import` reads");
  command->add_option("--cluster", options->cluster, "YAML of the cluster (see configs/clusters)");
  AddConfigOptions(*command, options->config);
  command->add_option("--seed", options->seed,
                      "Seed of all random draws: that of the runs to compare with");
  command
      ->add_option("--start", options->start,
                   "How long a start takes: mean of its distribution, or none, for a bound that "
                   "holds whatever the draws")
      ->check(CLI::IsMember({"mean", "none"}))
      ->capture_default_str();
  command
      ->add_option("--start-price", options->start_price,
                   "GB-seconds that a start is worth beside its own where nothing starts cold")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--cold-starts", options->cold_starts,
                      "Asks for the fewest GB-seconds with so many cold starts");
  command
      ->add_option("--gb-seconds", options->gb_seconds,
                   "Asks for the fewest cold starts with so many GB-seconds")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--out", options->out,
                      "Folder for bound.json, bound.csv and bound_functions.csv");
  command->add_flag("--lenient", options->lenient, "Skip and count what is broken in the trace");
  AddFormatOption(*command, options->format);
  command->footer(
      "--config and --set take the keys of `reeve simulate` (a run's config.yaml will do); the "
      "policy is not looked at.\nAssumptions: sim/clairvoyant.h; proofs: docs/bound.md.");
  command->callback([&chosen, options] { chosen = [options] { return RunBound(*options); }; });
}

}  // namespace reeve
