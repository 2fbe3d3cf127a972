#include "cli/openwhisk_server_command.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>
#include <utility>

#include "controller/openwhisk_server/openwhisk_server.h"
#include "controller/openwhisk_server/read_load.h"
#include "core/interrupt.h"
#include "core/status.h"

namespace reeve {
namespace {

using openwhisk_server::OpenWhiskServer;
using openwhisk_server::ServerConfig;

absl::StatusOr<int> RunOpenWhiskServer(const ConfigOptions& options) {
  ASSIGN_OR_RETURN(ServerConfig config, LoadConfig<ServerConfig>(options));
  if (absl::Status status = config.Validate(); !status.ok()) return AsUsageError(status);
  ASSIGN_OR_RETURN(std::unique_ptr<const Trace> load, openwhisk_server::ReadLoad(config));
  HandleInterrupts();
  ASSIGN_OR_RETURN(const std::unique_ptr<OpenWhiskServer> server,
                   OpenWhiskServer::Start(config, std::move(load)));
  fmt::print(stderr, "reeve: openwhisk-server: the API is at {}/api/v1, metrics at {}/metrics\n",
             server->url(), server->url());
  while (!InterruptRequested()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const openwhisk_server::ExecutorFigures figures = server->figures();
  const auto ms = [&](double share) { return figures.latency_us.Quantile(share) / 1000; };
  fmt::print(stderr,
             "reeve: openwhisk-server: {} activations, {} cold starts, {} containers, latency p50 "
             "{:.0f} p99 {:.0f} ms, {:.1f} GB-s\n",
             figures.activations, figures.cold_starts, figures.containers_started, ms(0.5),
             ms(0.99), figures.gib_seconds());
  return kExitFine;
}

}  // namespace

void AddOpenWhiskServerCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<ConfigOptions>();
  CLI::App* command = parent.add_subcommand(
      "openwhisk-server",
      "OpenWhisk's REST API over the simulated cluster, in real time: for clients, controllers and "
      "tests");
  AddConfigOptions(*command, *options);
  command->footer("How to try it: docs/openwhisk-server.md\n" +
                  DescribeKeys(DescribeConfig<ServerConfig>()));
  command->callback(
      [&chosen, options] { chosen = [options] { return RunOpenWhiskServer(*options); }; });
}

}  // namespace reeve
