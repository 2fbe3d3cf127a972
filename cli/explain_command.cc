#include "cli/explain_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "agents/nn/blas_check.h"
#include "core/status.h"
#include "core/terminal.h"
#include "runs/evaluation.h"
#include "runs/explanation.h"

namespace reeve {
namespace {

struct ExplainArguments {
  std::string training, function, rule = "kpa";
  std::vector<std::string> assignments;
  SimTime at;
  uint64_t seed = kEvaluationSeed;
  TableFormat format = TableFormat::kText;
};

absl::StatusOr<PolicySpec> Rule(const ExplainArguments& options, const SimulationConfig& config) {
  if (options.rule == "learned") {
    return UsageError(
        "--against: choose a rule, such as kpa; the learned policy is what is "
        "explained");
  }
  PolicySpec rule = config.policy;  // with the options that were set
  rule.name = options.rule;
  if (const absl::Status status = rule.Validate(); !status.ok()) {
    return UsageError("--against: " + MessageOf(status));
  }
  return rule;
}

absl::StatusOr<int> RunExplain(const ExplainArguments& options) {
  ASSIGN_OR_RETURN(const Scenario scenario, LoadTestScenario(options.training));
  const absl::StatusOr<SimulationConfig> config =
      EvaluationConfig(options.training, scenario, "learned", options.seed, options.assignments);
  if (!config.ok()) return AsUsageError(config.status());
  ASSIGN_OR_RETURN(const PolicySpec rule, Rule(options, *config));
  SetSingleThreadedMath();
  const absl::StatusOr<Explanation> explanation =
      Explain(scenario, *config, rule, options.function, options.at);
  if (absl::IsOutOfRange(explanation.status())) return AsUsageError(explanation.status());
  if (!explanation.ok()) return explanation.status();
  fmt::print("{}", Render(*explanation, options.format, ColorAllowed(STDOUT_FILENO)));
  return kExitFine;
}

}  // namespace

void AddExplainCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<ExplainArguments>();
  CLI::App* command = parent.add_subcommand(
      "explain",
      "Why a trained policy chose what it chose for a function at a time: what it saw, how likely "
      "its choices were, what a rule would have done, and what moved the choice (integrated "
      "gradients)");
  command->add_option("training", options->training, "Folder of the training")->required();
  command->add_option("--function", options->function, "Name of the function")->required();
  AddTimeOption(*command, "--at", options->at, "The first decision at or after this time");
  command->get_option("--at")->required();
  command->add_option("--seed", options->seed, "Of the requests, as of `reeve evaluate`")
      ->capture_default_str();
  command
      ->add_option("--against", options->rule,
                   "The rule that looks on and says what it would do (see agents/README.md)")
      ->capture_default_str();
  command->add_option("--set", options->assignments,
                      "Change the simulation's configuration: policy.kpa.stable_window=30s");
  AddFormatOption(*command, options->format);
  command->footer(
      "The scenario is played as `reeve evaluate` plays it with the same --seed and --set. "
      "json holds everything, csv the inputs alone.");
  command->callback([&chosen, options] { chosen = [options] { return RunExplain(*options); }; });
}

}  // namespace reeve
