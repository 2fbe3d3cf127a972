// How commands are added to the program, and what they share: options, errors, exit codes.
//
// A command is a function that adds itself to the command line and, when it is chosen there, says
// what to run:
//
//   void AddTraceCommand(CLI::App& parent, Command& chosen) {
//     auto options = std::make_shared<Options>();
//     CLI::App* command = parent.add_subcommand("trace", "…");
//     command->add_option("--out", options->out, "…")->required();
//     command->callback([&chosen, options] { chosen = [options] { return RunTrace(*options); }; });
//   }
//
// Commands hold no logic of their own: they turn options into calls of the libraries and results
// into text.
#pragma once

#include <signal.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/config.h"
#include "core/table.h"

namespace reeve {

inline constexpr int kExitFine = 0;
inline constexpr int kExitThreshold = 1;  // a condition that was asked for is not met
inline constexpr int kExitUsage = 2;      // the command line or the configuration is wrong
inline constexpr int kExitFailed = 3;     // it failed while running

// What runs after the command line was read: kExitFine or kExitThreshold, or why it failed.
using Command = std::function<absl::StatusOr<int>()>;
using AddCommand = void (*)(CLI::App& parent, Command& chosen);

// Reads the command line, runs the command that it chooses and returns the exit code. Errors go to
// standard error as "reeve: …". Unknown commands and options bring the nearest known one.
int RunProgram(int argc, char** argv, const std::vector<AddCommand>& commands);

// An error in what the user typed: makes the exit code kExitUsage.
absl::Status UsageError(std::string_view what);
absl::Status AsUsageError(const absl::Status& status);

// A configuration from options: `file` (may be empty), changed by assignments "a.b=c".
struct ConfigOptions {
  std::string file;
  std::vector<std::string> assignments;
};
// Adds --config and --set.
void AddConfigOptions(CLI::App& command, ConfigOptions& options);
absl::StatusOr<ConfigNode> LoadConfigNode(const ConfigOptions& options);

// The defaults of T, overwritten. All errors are usage errors.
template <class T>
absl::StatusOr<T> LoadConfig(const ConfigOptions& options) {
  absl::StatusOr<ConfigNode> node = LoadConfigNode(options);
  if (!node.ok()) return node.status();
  T config;
  if (absl::Status status = ReadConfig(*node, config); !status.ok()) return AsUsageError(status);
  return config;
}

// The reference of a configuration, for the end of --help.
std::string DescribeKeys(const std::vector<FieldDoc>& fields);

// Adds -o/--output table|json|csv.
void AddFormatOption(CLI::App& command, TableFormat& format);

// Adds an option whose value is a time as in configurations: 90s, 10m, 1.5h.
void AddTimeOption(CLI::App& command, const std::string& name, SimTime& time,
                   const std::string& help);

// While it lives SIGINT and SIGTERM wait: for the moments in which a temporary file exists, so that
// an interrupted command leaves nothing behind. Main thread only.
class SignalsHeld {
 public:
  SignalsHeld();
  ~SignalsHeld();
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_;
};

}  // namespace reeve
