#include "cli/command.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "core/status.h"

namespace reeve {
namespace {

constexpr const char* kUsagePayload = "reeve/usage";

int ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitFine;
  return status.GetPayload(kUsagePayload).has_value() ? kExitUsage : kExitFailed;
}

int Fail(std::string_view message, int code) {
  std::fflush(stdout);
  fmt::print(stderr, "reeve: {}\n", message);
  return code;
}

// Everything unknown is collected instead of refused at once, so that "unknown option" comes before
// "--out is required" when --out was misspelt.
void CollectUnknownWords(CLI::App& app) {
  app.allow_extras();
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) {
    CollectUnknownWords(*sub);
  }
}

// "reeve trace stats": the commands as typed.
std::string PathOf(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : PathOf(*parent) + " " + app.get_name();
}

// "trace stats: ": where an error belongs; nothing for the program itself.
std::string Prefix(const CLI::App& app) {
  if (app.get_parent() == nullptr) return "";
  return PathOf(app).substr(PathOf(app).find(' ') + 1) + ": ";
}

std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(sub->get_name());
  }
  return names;
}

// What is wrong with the first word that no command took; empty when all were taken.
std::string UnknownWord(const CLI::App& app) {
  for (const std::string& word : app.remaining()) {
    if (word == "--") continue;
    if (word.starts_with("-")) {
      const std::string name = word.substr(0, word.find('='));
      return fmt::format("{}unknown option '{}'{}", Prefix(app), name,
                         config_internal::Suggest(name, OptionNames(app)));
    }
    const std::vector<std::string> commands = CommandNames(app);
    if (!commands.empty()) {
      return fmt::format("{}unknown command '{}'{}", Prefix(app), word,
                         config_internal::Suggest(word, commands));
    }
    return fmt::format("{}nothing is expected where '{}' stands", Prefix(app), word);
  }
  for (const CLI::App* sub : app.get_subcommands()) {
    if (std::string what = UnknownWord(*sub); !what.empty()) return what;
  }
  return "";
}

// The innermost command that was reached, for "see … --help".
const CLI::App& Innermost(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : Innermost(*chosen.back());
}

int UsageFailure(const CLI::App& app, const std::string& what) {
  return Fail(fmt::format("{}\nsee '{} --help'", what, PathOf(Innermost(app))), kExitUsage);
}

int RunParsed(const Command& chosen) {
  absl::StatusOr<int> code = chosen();
  if (!code.ok()) return Fail(MessageOf(code.status()), ExitCodeOf(code.status()));
  if (std::fflush(stdout) != 0) {
    return Fail(MessageOf(FromErrno(errno, "standard output", "cannot write")), kExitFailed);
  }
  return *code;
}

}  // namespace

int RunProgram(int argc, char** argv, const std::vector<AddCommand>& commands) {
  CLI::App app("Reeve: autoscaling of serverless functions, simulated and live.", "reeve");
  app.set_version_flag("--version", "reeve " REEVE_VERSION);
  app.require_subcommand(1);
  app.footer(
      "'reeve COMMAND --help' tells about a command. Exit codes: 0 fine, 1 a threshold "
      "failed, 2 usage, 3 failed while running.");
  Command chosen;
  for (AddCommand add : commands) add(app, chosen);
  CollectUnknownWords(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help, --version
    return app.exit(request);
  } catch (const CLI::ParseError& error) {
    const std::string unknown = UnknownWord(app);
    if (!unknown.empty()) return UsageFailure(app, unknown);
    const CLI::App& innermost = Innermost(app);
    if (!CommandNames(innermost).empty()) {
      return UsageFailure(app, fmt::format("{}a command is needed: {}", Prefix(innermost),
                                           fmt::join(CommandNames(innermost), ", ")));
    }
    return UsageFailure(app, fmt::format("{}{}", Prefix(innermost), error.what()));
  }
  if (const std::string unknown = UnknownWord(app); !unknown.empty()) {
    return UsageFailure(app, unknown);
  }
  try {
    return RunParsed(chosen);
  } catch (const std::exception& error) {  // out of memory, above all
    return Fail(error.what(), kExitFailed);
  }
}

absl::Status UsageError(std::string_view what) {
  return AsUsageError(absl::InvalidArgumentError(std::string(what)));
}

absl::Status AsUsageError(const absl::Status& status) {
  absl::Status marked = status;
  marked.SetPayload(kUsagePayload, absl::Cord());
  return marked;
}

void AddConfigOptions(CLI::App& command, ConfigOptions& options) {
  command.add_option("--config", options.file, "YAML file; what it leaves out is at its default")
      ->type_name("FILE");
  command
      .add_option("--set", options.assignments,
                  "set one value of the configuration, as in --set a.b=c; may be repeated")
      ->type_name("PATH=VALUE")
      ->expected(1)
      ->take_all();
}

absl::StatusOr<ConfigNode> LoadConfigNode(const ConfigOptions& options) {
  absl::StatusOr<ConfigNode> node = options.file.empty()
                                        ? ConfigNode::Parse("{}", "the command line")
                                        : ConfigNode::Load(options.file);
  if (!node.ok()) return AsUsageError(node.status());
  for (const std::string& assignment : options.assignments) {
    if (absl::Status status = node->Set(assignment); !status.ok()) {
      return UsageError("--set " + assignment + ": " + MessageOf(status));
    }
  }
  return node;
}

std::string DescribeKeys(const std::vector<FieldDoc>& fields) {
  std::string text = "Configuration (--config, --set):\n";
  for (const FieldDoc& field : fields) {
    std::string about = field.type;
    if (!field.limits.empty()) about += ", " + field.limits;
    if (!field.default_value.empty()) about += "; default " + field.default_value;
    text += fmt::format("  {}\n      {}\n      ({})\n", field.path, field.doc, about);
  }
  return text;
}

void AddFormatOption(CLI::App& command, TableFormat& format) {
  command
      .add_option_function<std::string>(
          "-o,--output",
          [&format](const std::string& name) {
            const absl::StatusOr<TableFormat> read = TableFormatFromName(name);
            if (!read.ok()) throw CLI::ValidationError("--output", MessageOf(read.status()));
            format = *read;
          },
          "form of the output: table, json or csv")
      ->type_name("FORMAT");
}

void AddTimeOption(CLI::App& command, const std::string& name, SimTime& time,
                   const std::string& help) {
  command
      .add_option_function<std::string>(
          name,
          [&time, name](const std::string& text) {
            std::string what;
            if (!config_internal::ReadScalar(text, time, what)) {
              throw CLI::ValidationError(name, what);
            }
          },
          help)
      ->type_name("TIME");
}

SignalsHeld::SignalsHeld() {
  sigset_t held;
  sigemptyset(&held);
  sigaddset(&held, SIGINT);
  sigaddset(&held, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &held, &before_);
}

SignalsHeld::~SignalsHeld() {
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace reeve
