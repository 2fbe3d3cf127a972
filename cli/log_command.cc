#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <memory>

#include "cli/serve_command.h"
#include "controller/store/store_reader.h"
#include "core/status.h"
#include "core/terminal.h"

namespace reeve {
namespace {

struct LogArguments {
  std::string store, kind = "decisions";
  LogQuery query;
  SimTime since, until;  // before now; zero: no limit
  TableFormat format = TableFormat::kText;
};

absl::StatusOr<int> RunLog(LogArguments options) {
  std::vector<std::string> kinds;
  bool known = false;
  for (const auto& [kind, name] : EnumNames(LogKind{})) {
    kinds.emplace_back(name);
    if (options.kind != name) continue;
    options.query.kind = kind;
    known = true;
  }
  if (!known) {
    return UsageError("log: unknown kind '" + options.kind + "'" +
                      config_internal::Suggest(options.kind, kinds));
  }
  const int64_t now = std::chrono::duration_cast<std::chrono::microseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  if (options.since > SimTime()) options.query.since_us = now - options.since.micros();
  if (options.until > SimTime()) options.query.until_us = now - options.until.micros();
  ASSIGN_OR_RETURN(const Table table, ReadLog(options.store, options.query));
  fmt::print("{}", table.Render(options.format, ColorAllowed(STDOUT_FILENO)));
  return kExitFine;
}

}  // namespace

void AddLogCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<LogArguments>();
  CLI::App* command = parent.add_subcommand(
      "log", "What `reeve serve` observed, decided and did, from its store; also while it runs");
  command->add_option("store", options->store, "The store, as store.path names it")->required();
  command->add_option("--kind", options->kind, "decisions, windows, events or blobs")
      ->capture_default_str();
  command->add_option("--tenant", options->query.tenant, "Of this tenant's functions only");
  command->add_option("--function", options->query.function, "Of functions of this name only");
  AddTimeOption(*command, "--since", options->since, "Not older than this, as in 90s, 10m, 1.5h");
  AddTimeOption(*command, "--until", options->until, "At least this old");
  command->add_option("--limit", options->query.limit, "The newest so many; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  AddFormatOption(*command, options->format);
  command->callback([&chosen, options] { chosen = [options] { return RunLog(*options); }; });
}

}  // namespace reeve
