// The ports of all pods of a fleet, and those of its activator and kubelet, over HTTP.
//
// One listener a port for all pods, each on one thread: a connection's local address says whose
// queue-proxy was asked. An address that no pod has, or none that takes requests, is answered with
// 404.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/fleet/fleet_config.h"

namespace reeve {

// What is answered; called by three threads at once. nullopt: there is no such pod.
struct MetricsSources {
  std::function<std::optional<std::string>(const std::string& address)> statistics;
  std::function<std::optional<std::string>(const std::string& address)> requests;
  std::function<std::string()> activator, containers;
  std::function<std::string()> targets;  // JSON, as Prometheus' http_sd_configs reads it
};

class FleetMetricsServer {
 public:
  // Unavailable when a port cannot be had. `listen`: HOST:PORT of the fleet's own.
  static absl::StatusOr<std::unique_ptr<FleetMetricsServer>> Start(const FleetPods& pods,
                                                                   const std::string& listen,
                                                                   MetricsSources sources);
  ~FleetMetricsServer();  // ends it; sources are not called any more
  FleetMetricsServer(const FleetMetricsServer&) = delete;
  FleetMetricsServer& operator=(const FleetMetricsServer&) = delete;

  int port() const;  // of the fleet's own

 private:
  FleetMetricsServer();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reeve
