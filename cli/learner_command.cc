#include "cli/learner_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "agents/adapt/ppo_expert_trainer.h"
#include "agents/nn/blas_check.h"
#include "controller/bus/socket_setup.h"
#include "controller/learner/learner_service.h"
#include "core/interrupt.h"
#include "core/status.h"

namespace reeve {
namespace {

struct LearnerArguments {
  ConfigOptions config;
  std::optional<std::string> bind;
  bool quiet = false;
};

void PrintCounts(const LearnerService::Counts& counts) {
  fmt::print(stderr,
             "reeve: learner: requests={} errors={} learned={} failed={} given_up={} states={} "
             "experts={} forgotten={} connections={} refused={} failed_handshakes={} "
             "undelivered={} malformed={}\n",
             counts.jobs.requests, counts.jobs.errors, counts.jobs.learned, counts.jobs.failed,
             counts.jobs.given_up, counts.jobs.states, counts.jobs.experts, counts.jobs.forgotten,
             counts.socket.connections, counts.socket.refused, counts.socket.failed,
             counts.socket.undelivered, counts.socket.malformed);
}

absl::StatusOr<int> RunLearner(const LearnerArguments& options) {
  ASSIGN_OR_RETURN(LearnerServiceSpec spec, LoadConfig<LearnerServiceSpec>(options.config));
  if (options.bind) spec.socket.bind = *options.bind;
  if (absl::Status status = CheckSocketSpec(spec.socket); !status.ok()) {
    return AsUsageError(status);
  }
  WarnOnceAboutSlowBlas();
  SetSingleThreadedMath();
  HandleInterrupts();
  ASSIGN_OR_RETURN(const std::unique_ptr<LearnerService> service,
                   LearnerService::Bind(spec, PpoExperts));
  // On standard output: with port * this is how a script learns the port.
  fmt::print("{}\n", service->server().endpoint());
  std::fflush(stdout);
  if (!options.quiet) {
    fmt::print(stderr, "reeve: learner at {} ({})\n", service->server().endpoint(),
               spec.socket.key.empty()
                   ? "no keys: this machine only"
                   : fmt::format("CURVE, {} client keys", service->server().allowed_keys()));
  }
  std::string trouble;
  RETURN_IF_ERROR(service->Run([&] {
    if (std::string now = service->server().trouble(); now != trouble) {
      trouble = std::move(now);
      if (!trouble.empty()) {
        fmt::print(stderr, "reeve: learner: allowed keys stay as they were: {}\n", trouble);
      }
    }
    return InterruptRequested();
  }));
  if (!options.quiet) PrintCounts(service->counts());
  return kExitFine;
}

}  // namespace

void AddLearnerCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<LearnerArguments>();
  CLI::App* command =
      parent.add_subcommand("learner",
                            "Learn for control loops in other processes: experience in, weights "
                            "out");
  AddConfigOptions(*command, options->config);
  command->add_option("--bind", options->bind, "Address to listen at, instead of socket.bind");
  command->add_flag("--quiet", options->quiet, "Only errors, and the address");
  command->footer("Keys, limits and what happens when it is away: docs/bus.md\n" +
                  DescribeKeys(DescribeConfig<LearnerServiceSpec>()));
  command->callback([&chosen, options] { chosen = [options] { return RunLearner(*options); }; });
}

}  // namespace reeve
