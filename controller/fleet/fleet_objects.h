// The objects that Knative makes for a service, made for the functions of a simulated workload, and
// the Node that their pods are on.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/fleet/api_workers.h"
#include "controller/kube/kube_client.h"
#include "core/units.h"
#include "sim/cluster_spec.h"
#include "traces/trace.h"

namespace reeve {

// A function as the API server is to see it.
struct FleetFunction {
  std::string service;      // the name of its Knative Service
  std::string tenant;       // label reeve-tenant; "": none
  int32_t concurrency = 0;  // 0: unlimited
  int32_t replicas = 0;     // to begin with
  Millicores cpu;
  Mebibytes memory;
  SimTime slo_latency = SimTime::Max();
};

// One for each function of the trace, in its order. Names of services are `services`' where it has
// them, else the functions' own with what no name may hold replaced. InvalidArgument when two have
// one name.
absl::StatusOr<std::vector<FleetFunction>> FleetFunctions(
    const Trace& trace, const ClusterSpec& cluster,
    const std::map<std::string, std::string>& services);

// A name as Kubernetes takes it: lower case letters, digits and hyphens, at most 50 of them,
// beginning with a letter.
std::string ServiceName(const std::string& function);

struct ObjectOptions {
  std::string ns;
  std::string node;  // that pods are to be scheduled to; "": any
  std::map<std::string, std::string> annotations;
};

// Makes namespace, Service, Revision, PodAutoscaler, ServerlessService and Deployment of each
// function, as Knative's controllers leave them; those that are there stay as they are.
absl::Status MakeFleetObjects(KubeClient& client, const std::vector<FleetFunction>& functions,
                              const ObjectOptions& options);
// Removes them again, but for the namespace. What is not there is fine; the first other failure is
// returned when all were tried.
absl::Status RemoveFleetObjects(KubeClient& client, const std::vector<FleetFunction>& functions,
                                const std::string& ns);

// Makes the kinds of a file of CustomResourceDefinitions that are missing, and waits until the API
// server has them.
absl::Status MakeDefinitions(KubeClient& client, const std::string& path, SimTime within);

// A Node that is kept alive as its kubelet would.
class FleetNode {
 public:
  // `client` and `workers` outlive it; `workers` end before `client`.
  FleetNode(std::string name, Millicores cpu, Mebibytes memory, KubeClient& client,
            ApiWorkers& workers);
  absl::Status Register(SimTime wall);
  // Every ten seconds, as a kubelet: the node's lease and its condition.
  void Step(SimTime wall);

 private:
  nlohmann::json Status(SimTime wall) const;
  const std::string name_;
  const Millicores cpu_;
  const Mebibytes memory_;
  KubeClient& client_;
  ApiWorkers& workers_;
  SimTime last_, registered_;
};

}  // namespace reeve
