// What Kubernetes' controllers do for Deployments, where none of them runs: as many pods as
// spec.replicas asks for, and the status that says how many there are.
//
// There are no ReplicaSets in between: a pod belongs to the Deployment whose selector's labels it
// carries. Pods that are not ready go first, then the newest, as a ReplicaSet ranks them. A change
// of the template concerns pods that are made later. Not thread-safe; nothing waits for the API
// server.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "controller/fleet/api_workers.h"
#include "controller/kube/informer.h"
#include "controller/kube/kube_client.h"
#include "core/random.h"
#include "core/units.h"

namespace reeve {

struct DeploymentOptions {
  std::string node;                // pods are bound to it; "": to none
  std::set<std::string> services;  // Deployments of these Knative Services only
  uint64_t seed = 0;               // of the names of pods
};

class DeploymentStandIn {
 public:
  // All but `options` outlive this; `workers` end before `client`.
  DeploymentStandIn(DeploymentOptions options, KubeClient& client, ApiWorkers& workers,
                    const Informer& deployments, const Informer& pods);

  // Looks at what there is and asks for what should be. `wall`: since 1970.
  void Step(SimTime wall);

 private:
  // Asked for and not yet seen, by pod "namespace/name"; shared with jobs that run.
  struct Pending {
    std::mutex mutex;
    struct Made {
      std::string deployment;
      SimTime at;
    };
    std::map<std::string, Made> made;  // guarded by mutex
    std::set<std::string> deleted;     // guarded by mutex
  };
  struct Counts {
    int64_t replicas = 0, ready = 0;
  };

  // Forgets what needs not be waited for any more.
  void DropOld(const std::vector<KubeObject>& pods, SimTime wall);
  Counts BringTo(const nlohmann::json& deployment, const std::vector<KubeObject>& pods,
                 SimTime wall);
  void Make(const nlohmann::json& deployment, SimTime wall);
  void Delete(const std::string& ns, const std::string& name);
  void WriteStatus(const nlohmann::json& deployment, const Counts& counts, SimTime wall);

  const DeploymentOptions options_;
  KubeClient& client_;
  ApiWorkers& workers_;
  const Informer& deployments_;
  const Informer& pods_;
  RandomCursor random_;
  std::shared_ptr<Pending> pending_ = std::make_shared<Pending>();
  uint64_t deployments_version_ = 0, pods_version_ = 0;
  SimTime looked_;
  std::map<std::string, std::string> told_;  // status, by "namespace/name"
};

}  // namespace reeve
