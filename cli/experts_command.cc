#include "cli/experts_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "agents/adapt/expert_exchange.h"
#include "controller/store/expert_store.h"
#include "core/status.h"
#include "core/terminal.h"
#include "runs/expert_report.h"
#include "runs/expert_tools.h"

namespace reeve {
namespace {

struct ExpertsArguments {
  std::string library, out;
  std::vector<int64_t> environments;  // as many as the command names
  ImportOptions import;
  int32_t samples = 1000;
  uint64_t seed = 0;
  bool training = false, expert_only = false;
  TableFormat format = TableFormat::kText;
};

void Warn(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) fmt::print(stderr, "reeve: warning: {}\n", warning);
}

// What the user typed is wrong where an environment is unknown.
absl::Status Typed(const absl::Status& status) {
  return absl::IsOutOfRange(status) ? AsUsageError(status) : status;
}

absl::StatusOr<ExpertLibrary> Open(const ExpertsArguments& options) {
  ASSIGN_OR_RETURN(ExpertLibrary library, OpenLibraryToRead(ExpertsAt(options.library)));
  Warn(library.warnings());
  return library;
}

// A state that no detector wrote hides the detector, not the experts.
DetectorOverview DetectorOrNone(const ExpertLibrary& library) {
  const absl::StatusOr<DetectorOverview> detector = DetectorOf(library);
  if (detector.ok()) return *detector;
  Warn({MessageOf(detector.status())});
  return {};
}

absl::StatusOr<int> RunList(const ExpertsArguments& options) {
  ASSIGN_OR_RETURN(const ExpertLibrary library, Open(options));
  const DetectorOverview detector = DetectorOrNone(library);
  fmt::print("{}",
             ExpertsTable(library, detector).Render(options.format, ColorAllowed(STDOUT_FILENO)));
  if (options.format == TableFormat::kText) {
    fmt::print("\n{}\n", LibrarySentence(library, detector));
  }
  return kExitFine;
}

absl::StatusOr<int> RunShow(const ExpertsArguments& options) {
  ASSIGN_OR_RETURN(const ExpertLibrary library, Open(options));
  const absl::StatusOr<const Expert*> expert = ExpertOf(library, options.environments[0]);
  if (!expert.ok()) return Typed(expert.status());
  fmt::print("{}", RenderExpert(library, DetectorOrNone(library), **expert, options.format,
                                ColorAllowed(STDOUT_FILENO)));
  return kExitFine;
}

absl::StatusOr<int> RunDiff(const ExpertsArguments& options) {
  ASSIGN_OR_RETURN(const ExpertLibrary library, Open(options));
  const absl::StatusOr<const Expert*> a = ExpertOf(library, options.environments[0]);
  if (!a.ok()) return Typed(a.status());
  const absl::StatusOr<const Expert*> b = ExpertOf(library, options.environments[1]);
  if (!b.ok()) return Typed(b.status());
  ASSIGN_OR_RETURN(const ExpertComparison comparison,
                   CompareExperts(**a, **b, options.samples, options.seed));
  fmt::print("{}", RenderComparison(library, **a, **b, comparison, options.format,
                                    ColorAllowed(STDOUT_FILENO)));
  return kExitFine;
}

absl::StatusOr<int> RunExport(const ExpertsArguments& options) {
  ASSIGN_OR_RETURN(const ExpertLibrary library, Open(options));
  const int64_t environment = options.environments[0];
  const absl::StatusOr<const Expert*> expert = ExpertOf(library, environment);
  if (!expert.ok()) return Typed(expert.status());
  const SignalsHeld held;
  RETURN_IF_ERROR(ExportExpert(library, environment, options.training, options.out));
  fmt::print("{}: the {} of expert {}\n", options.out, options.training ? "training" : "policy",
             environment);
  return kExitFine;
}

absl::StatusOr<int> RunImport(const ExpertsArguments& options) {
  const SignalsHeld held;
  std::vector<std::string> warnings;
  const absl::StatusOr<std::string> done =
      ImportIntoLibrary(ExpertsAt(options.library), options.import, warnings);
  Warn(warnings);
  if (!done.ok()) return done.status();
  fmt::print("{}\n", *done);
  return kExitFine;
}

absl::StatusOr<int> RunForget(const ExpertsArguments& options) {
  const SignalsHeld held;
  std::vector<std::string> warnings;
  const absl::StatusOr<std::vector<std::string>> done = ForgetInLibrary(
      ExpertsAt(options.library), options.environments, options.expert_only, warnings);
  Warn(warnings);
  if (!done.ok()) return Typed(done.status());
  for (const std::string& what : *done) fmt::print("{}\n", what);
  return kExitFine;
}

// What is wrong with the number of an environment; empty when nothing is.
std::string CheckEnvironment(const std::string& text) {
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos) return "";
  return fmt::format("'{}' is not an environment; they count from 0", text);
}

using Run = absl::StatusOr<int> (*)(const ExpertsArguments& options);

struct Subcommand {
  CLI::App* app;
  std::shared_ptr<ExpertsArguments> options;
};

Subcommand Add(CLI::App& parent, Command& chosen, const char* name, const char* help, Run run) {
  auto options = std::make_shared<ExpertsArguments>();
  CLI::App* command = parent.add_subcommand(name, help);
  command->add_option("library", options->library, "Folder of the library, or a store that has one")
      ->required();
  command->callback([&chosen, options, run] { chosen = [options, run] { return run(*options); }; });
  return {command, options};
}

// `count` environments; 0: one or more.
void AddEnvironments(const Subcommand& to, const char* help, int count) {
  CLI::Option* option = to.app->add_option("environment", to.options->environments, help)
                            ->type_name("ENVIRONMENT")
                            ->check(CLI::Validator(CheckEnvironment, ""))
                            ->required();
  if (count > 0) option->expected(count);
}

void AddShowing(CLI::App& experts, Command& chosen) {
  const Subcommand list = Add(experts, chosen, "list", "All experts of a library", RunList);
  AddFormatOption(*list.app, list.options->format);

  const Subcommand show =
      Add(experts, chosen, "show", "One expert, its environment and how it fared", RunShow);
  AddEnvironments(show, "Whose expert", 1);
  AddFormatOption(*show.app, show.options->format);
  show.app->footer("json holds everything, csv the returns over time alone.");

  const Subcommand diff = Add(experts, chosen, "diff",
                              "How far two experts are apart: parameters and choices", RunDiff);
  AddEnvironments(diff, "Whose experts", 2);
  diff.app
      ->add_option("--samples", diff.options->samples,
                   "Moments on which their choices are compared")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  diff.app->add_option("--seed", diff.options->seed, "Of those moments")->capture_default_str();
  AddFormatOption(*diff.app, diff.options->format);
  diff.app->footer(
      "The moments are drawn from the features that the first expert has seen (normal, "
      "independent). json holds everything, csv the parameters alone.");
}

void AddMoving(CLI::App& experts, Command& chosen) {
  const Subcommand out = Add(experts, chosen, "export", "Write an expert's policy", RunExport);
  AddEnvironments(out, "Whose expert", 1);
  out.app->add_option("--out", out.options->out, "File to write")->required();
  out.app->add_flag("--training", out.options->training,
                    "With critic and optimiser: to learn on from");

  const Subcommand in =
      Add(experts, chosen, "import",
          "Take a policy or a training's checkpoint in as the expert of an environment", RunImport);
  ImportOptions& import = in.options->import;
  in.app->add_option("file", import.path, "A policy, a checkpoint, or what `export` wrote")
      ->required();
  in.app
      ->add_option("--environment", import.environment,
                   "Whose expert it becomes; environments count from 0 as they are met")
      ->check(CLI::Validator(CheckEnvironment, ""))
      ->required();
  in.app->add_option("--label", import.label, "Its name");
  in.app->add_flag("--replace", import.replace, "In place of the expert that is there");
  in.app->footer(
      "A library is made where there is none: in a store that is there, else in a folder. A policy "
      "without a critic takes that of the expert "
      "with the same networks that learned longest.");
}

}  // namespace

void AddExpertsCommand(CLI::App& parent, Command& chosen) {
  CLI::App* experts = parent.add_subcommand(
      "experts", "List, show, compare, move and forget the experts of a library");
  experts->require_subcommand(1);
  AddShowing(*experts, chosen);
  AddMoving(*experts, chosen);
  const Subcommand forget =
      Add(*experts, chosen, "forget",
          "Drop experts; the stored detector forgets their environments, too", RunForget);
  AddEnvironments(forget, "Whose experts", 0);
  forget.app->add_flag("--expert-only", forget.options->expert_only,
                       "The detector keeps the environments: they begin anew when they return");
  experts->footer("docs/adapt.md tells about libraries of experts.");
}

}  // namespace reeve
