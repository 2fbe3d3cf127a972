#include "cli/forwarded_commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reeve {
namespace {

constexpr std::pair<const char*, const char*> kForwarded[] = {
    {"adapt", "A policy that learns while it drives and the load changes, guarded by a rule"},
    {"train", "Learn a policy on a scenario"},
    {"learner", "Learn for control loops in other processes: experience in, weights out"},
    {"experiment", "Compare policies on workloads over several seeds, as a YAML file says"},
    {"tune",
     "Search the parameters of one policy of an experiment; exit code 1 if none keeps the SLO"},
    {"explain", "Why a trained policy chose what it chose for a function at a time"},
};

bool IsForwarded(std::string_view word) {
  for (const auto& [name, help] : kForwarded) {
    if (word == name) return true;
  }
  return false;
}

[[noreturn]] void Become(char** argv) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string program = (self.parent_path() / "reeve-train").string();
  execv(program.c_str(), argv);  // returns only when it fails
  fmt::print(stderr, "reeve: cannot start {}: {}; it belongs beside the program reeve\n", program,
             std::strerror(errno));
  std::exit(kExitFailed);
}

}  // namespace

void ForwardIfAsked(int argc, char** argv) {
  int at = 1;
  while (at < argc && argv[at][0] == '-') ++at;
  if (at == argc || !IsForwarded(argv[at])) return;
  Become(argv);
}

void BecomeTrainingProgram() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<char*> argv;
  for (size_t at = 0; at < all.size(); at = all.find('\0', at) + 1) argv.push_back(&all[at]);
  argv.push_back(nullptr);
  Become(argv.data());
}

void AddForwardedCommands(CLI::App& parent, Command& /*chosen*/) {
  for (const auto& [name, help] : kForwarded) parent.add_subcommand(name, help);
}

}  // namespace reeve
