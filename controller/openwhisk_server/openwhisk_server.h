// `reeve openwhisk-server`: OpenWhisk's REST API over the simulated cluster, played in real time.
// Clients create, change, invoke and read as on a real one; what their limits do to latency and
// cold starts, the simulator says.
//
//   clients ──HTTP──> OpenWhiskServer ──> Model ──> Executor ──> SimulatedCluster
//
// Time comes from a clock that may be any: with one that moves only when told, and requests that
// come one after the other, the same requests give the same activations.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/net/clock.h"
#include "controller/openwhisk_server/executor.h"
#include "controller/openwhisk_server/server_config.h"
#include "traces/trace.h"

namespace reeve::openwhisk_server {

// Thread-safe.
class OpenWhiskServer {
 public:
  // Listens and answers on threads of its own from now on. `load`: see read_load.h. `clock`
  // outlives the server. InvalidArgument: `config` is not valid; FailedPrecondition: others can
  // reach the address, and there is no TLS; errors of certificates; Unavailable: the port is taken.
  static absl::StatusOr<std::unique_ptr<OpenWhiskServer>> Start(
      const ServerConfig& config, std::unique_ptr<const Trace> load = nullptr,
      NetClock& clock = NetClock::Real());
  ~OpenWhiskServer();

  int port() const;
  // "http://127.0.0.1:PORT": what clients call the API's host.
  std::string url() const;

  // In place of those of the configuration; their `from` counts from now.
  void SetFaults(std::vector<FaultSpec> faults);
  // Requests that met a fault, since the start.
  uint64_t faults_met() const;
  // Plays what the clock has made due; happens by itself soon.
  void CatchUp();
  ExecutorFigures figures() const;

 private:
  class Impl;
  explicit OpenWhiskServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace reeve::openwhisk_server
