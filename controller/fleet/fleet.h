// `reeve fleet`: a simulated fleet under a real control plane. It stands in for the kubelets, the
// queue-proxies and the activator, over a simulated cluster that is played in real time: pods of an
// API server become Ready after a simulated cold start, take their share of a trace's requests, and
// answer for it as a queue-proxy does. Who scales them does not know the difference.
//
//   API server ──pods──> FleetKubelet ──> SimulatedPods (simulator, x 1)
//       ^                     │                 │
//       └──status, deletion───┘                 └──> FleetMetricsServer <── autoscaler, Prometheus
//
// With Knative's controllers, or without: `objects: create` makes Knative's objects, `deployments:
// true` makes the pods that Deployments ask for.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/fleet/fleet_config.h"
#include "controller/kube/kubeconfig.h"
#include "core/snapshot.h"
#include "core/units.h"
#include "runs/run_data.h"
#include "traces/trace.h"

namespace reeve {

struct FleetHooks {
  std::function<bool()> stop;                // asked at every step; may be empty
  std::function<void(int port)> on_started;  // of config.listen; the pods can be asked
  // The trace has begun; what was told before is of a clock that stood.
  std::function<void()> on_begun;
  // Every pods.window.
  std::function<void(SimTime now, const Snapshot&)> on_window;
};

// Plays `trace` to its end, or until `stop`; then the objects that it has made are removed again.
// What comes back is that of `reeve simulate` for the same cluster under the decisions that came by
// the API server; host information is left to the caller. `complete` is false when it was stopped.
// Errors: no access to the API server, a port that is taken, objects that cannot be made,
// DeadlineExceeded when the first pods do not come.
absl::StatusOr<RunData> RunFleet(const FleetConfig& config, const Trace& trace,
                                 const Environment& environment, const FleetHooks& hooks);

}  // namespace reeve
