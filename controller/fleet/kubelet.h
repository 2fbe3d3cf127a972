// A kubelet's part for the pods of a simulated fleet: what pods the API server holds goes to the
// simulator, what the simulator makes of them goes back as their status.
//
//   pod made             it has a container as soon as a simulated node has room
//   container starting   phase Pending, ContainerCreating
//   container ready      phase Running, an address, Ready
//   deletion asked for   it drains; then the object is deleted for good
//   container failed     not Ready, restartCount + 1
//
// Not thread-safe, but for what the workers' threads do. Nothing here waits for the API server.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controller/fleet/address_range.h"
#include "controller/fleet/api_workers.h"
#include "controller/fleet/pod_statistics.h"
#include "controller/fleet/simulated_pods.h"
#include "controller/kube/informer.h"
#include "controller/kube/kube_client.h"
#include "core/units.h"

namespace reeve {

struct KubeletOptions {
  std::string node;                         // whose pods are ours; "": everybody's
  std::map<std::string, uint32_t> service;  // function by the name of its Knative Service
};

// A pod as the API server knows it.
struct FleetPod {
  PodIdentity identity;
  FunctionId function;
  std::string key;      // in SimulatedPods
  std::string address;  // "" before it is ready for the first time
  bool leaving = false;
  SimTime seen;                            // since 1970
  std::vector<std::string> names, images;  // of its containers
};

class FleetKubelet {
 public:
  // All but `options` and `addresses` outlive the kubelet; `workers` end before `client`.
  FleetKubelet(KubeletOptions options, AddressRange addresses, KubeClient& client,
               ApiWorkers& workers, const Informer& informer, SimulatedPods& pods);

  // From the API server to the simulator. `wall`: since 1970.
  void Follow(SimTime wall);
  // From the simulator to the API server.
  void Report(SimTime wall);

  // The pod that takes requests at this address, with what the simulator knows of it; null: nobody.
  const FleetPod* AtAddress(const std::string& address) const;
  // Pods whose deletion was not asked for, and of them those that are ready.
  struct Counts {
    uint32_t pods = 0, ready = 0;
  };
  Counts CountOf(FunctionId function) const;
  const std::map<std::string, FleetPod>& pods() const { return pods_; }  // by key

 private:
  // What has last been told, or is under way.
  struct Told {
    bool any = false;
    PodStage stage = PodStage::kWaiting;
    uint32_t restarts = 0;
  };
  // Outlives the kubelet where a job still runs.
  struct Failures {
    std::mutex mutex;
    std::vector<std::string> keys;  // guarded by mutex; of pods whose last job failed
  };

  void Note(const nlohmann::json& object, const std::string& key, SimTime wall);
  void TellAgain(SimTime wall);
  void Post(const std::string& key, const FleetPod& pod, const SimulatedPod& simulated,
            SimTime wall);

  const KubeletOptions options_;
  AddressRange addresses_;
  KubeClient& client_;
  ApiWorkers& workers_;
  const Informer& informer_;
  SimulatedPods& simulated_;

  std::map<std::string, FleetPod> pods_;           // by key
  std::map<std::string, Told> told_;               // by key
  std::map<std::string, std::string> at_address_;  // key
  std::map<std::string, SimTime> again_;           // key: when a failed job is tried again
  std::shared_ptr<Failures> failures_ = std::make_shared<Failures>();
  bool followed_ = false;
  uint64_t version_ = 0;
};

// The status of a pod in this stage, as a merge patch. `since`: of the stage.
nlohmann::json PodStatusPatch(const FleetPod& pod, const SimulatedPod& simulated, SimTime since);

}  // namespace reeve
