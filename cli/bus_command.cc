#include "cli/bus_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "controller/bus/curve_keys.h"
#include "controller/bus/decision_service.h"
#include "controller/bus/socket_setup.h"
#include "core/interrupt.h"
#include "core/status.h"

namespace reeve {
namespace {

struct KeygenOptions {
  std::string name, out = ".";
};

struct ServeOptions {
  ConfigOptions config;
  std::optional<std::string> bind;
  bool quiet = false;
};

absl::StatusOr<int> RunKeygen(const KeygenOptions& options) {
  ASSIGN_OR_RETURN(const CurveKeys keys, MakeCurveKeys());
  RETURN_IF_ERROR(WriteCurveKeys(keys, options.out, options.name));
  fmt::print(
      "{0}/{1}.key         public: give it to peers\n{0}/{1}.key_secret  secret: stays here\n",
      options.out, options.name);
  return kExitFine;
}

std::string Protection(const DecisionServiceSpec& spec, const RouterServer& server) {
  if (spec.socket.key.empty()) return "no keys: this machine only";
  return fmt::format("CURVE, {} client keys", server.allowed_keys());
}

void PrintCounts(const DecisionService::Counts& counts) {
  fmt::print(stderr,
             "reeve: bus: requests={} decisions={} errors={} repeated={} sessions={} begun={} "
             "expired={} connections={} refused={} failed_handshakes={} undelivered={} "
             "malformed={}\n",
             counts.sessions.requests, counts.sessions.decisions, counts.sessions.errors,
             counts.sessions.repeated, counts.open_sessions, counts.sessions.begun,
             counts.sessions.expired, counts.socket.connections, counts.socket.refused,
             counts.socket.failed, counts.socket.undelivered, counts.socket.malformed);
}

absl::StatusOr<int> RunServe(const ServeOptions& options) {
  ASSIGN_OR_RETURN(DecisionServiceSpec spec, LoadConfig<DecisionServiceSpec>(options.config));
  if (options.bind) spec.socket.bind = *options.bind;
  if (absl::Status status = CheckSocketSpec(spec.socket); !status.ok()) {
    return AsUsageError(status);
  }
  if (spec.stream) {
    if (absl::Status status = CheckSocketSpec(spec.stream->socket); !status.ok()) {
      return AsUsageError(status);
    }
  }
  if (absl::Status status = spec.policy.Validate(); !status.ok()) return AsUsageError(status);
  HandleInterrupts();
  ASSIGN_OR_RETURN(const std::unique_ptr<DecisionService> service, DecisionService::Bind(spec));
  // On standard output: with port * this is how a script learns the port.
  fmt::print("{}\n", service->server().endpoint());
  std::fflush(stdout);
  if (!options.quiet) {
    fmt::print(stderr, "reeve: bus: decisions by {} at {} ({})\n", spec.policy.name,
               service->server().endpoint(), Protection(spec, service->server()));
    if (service->stream() != nullptr) {
      fmt::print(stderr, "reeve: bus: stream at {}\n", service->stream()->endpoint());
    }
  }
  std::string trouble;
  RETURN_IF_ERROR(service->Run([&] {
    if (std::string now = service->server().trouble(); now != trouble) {
      trouble = std::move(now);
      if (!trouble.empty()) {
        fmt::print(stderr, "reeve: bus: allowed keys stay as they were: {}\n", trouble);
      }
    }
    return InterruptRequested();
  }));
  if (!options.quiet) PrintCounts(service->counts());
  return kExitFine;
}

void AddKeygen(CLI::App& bus, Command& chosen) {
  auto options = std::make_shared<KeygenOptions>();
  CLI::App* command = bus.add_subcommand("keygen", "Make a pair of CURVE keys");
  command->add_option("name", options->name, "Whose keys: NAME.key and NAME.key_secret")
      ->required();
  command->add_option("--out", options->out, "Folder for the two files")->capture_default_str();
  command->callback([&chosen, options] { chosen = [options] { return RunKeygen(*options); }; });
}

void AddServe(CLI::App& bus, Command& chosen) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command =
      bus.add_subcommand("serve", "Decide for other programs: snapshots in, decisions out");
  AddConfigOptions(*command, options->config);
  command->add_option("--bind", options->bind, "Address to listen at, instead of socket.bind");
  command->add_flag("--quiet", options->quiet, "Only errors, and the address");
  command->footer("Messages and an example in Python: docs/bus.md.\n" +
                  DescribeKeys(DescribeConfig<DecisionServiceSpec>()));
  command->callback([&chosen, options] { chosen = [options] { return RunServe(*options); }; });
}

}  // namespace

void AddBusCommand(CLI::App& parent, Command& chosen) {
  CLI::App* bus = parent.add_subcommand("bus", "Decisions as a service over ZeroMQ, and its keys");
  bus->require_subcommand(1);
  AddKeygen(*bus, chosen);
  AddServe(*bus, chosen);
}

}  // namespace reeve
