#include "controller/fleet/kubelet.h"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"
#include "controller/kube/quantity.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

constexpr SimTime kRetry = SimTime::Seconds(2);

json Condition(const char* type, bool status, const std::string& since, const char* reason = "",
               const char* message = "") {
  json condition = {
      {"type", type}, {"status", status ? "True" : "False"}, {"lastTransitionTime", since}};
  if (*reason != '\0') condition["reason"] = reason;
  if (*message != '\0') condition["message"] = message;
  return condition;
}

bool HasEnded(const json& pod) {
  const std::string phase = TextAt(pod, "status.phase");
  return phase == "Succeeded" || phase == "Failed";
}

// The service's name, also of pods that only say their revision: NAME-00001.
std::string ServiceOf(const json& pod) {
  if (const auto service = LabelOf(pod, knative::kServiceLabel)) return *service;
  const std::string revision = LabelOf(pod, knative::kRevisionLabel).value_or("");
  return revision.substr(0, revision.rfind('-'));
}

}  // namespace

json PodStatusPatch(const FleetPod& pod, const SimulatedPod& simulated, SimTime since) {
  const std::string time = Timestamp(since);
  const bool ready = simulated.stage == PodStage::kReady;
  const bool placed = simulated.stage != PodStage::kWaiting || simulated.restarts > 0;
  const bool was_ready = !pod.address.empty();
  json status = {{"phase", was_ready ? "Running" : "Pending"}, {"startTime", Timestamp(pod.seen)}};
  json conditions = json::array();
  conditions.push_back(Condition("PodScheduled", true, Timestamp(pod.seen)));
  conditions.push_back(Condition("Initialized", placed, time));
  if (placed) {
    const char* reason = ready ? "" : "ContainersNotReady";
    conditions.push_back(Condition("ContainersReady", ready, time, reason));
    conditions.push_back(Condition("Ready", ready, time, reason));
  } else {
    conditions.push_back(
        Condition("Ready", false, time, "NoRoom", "no simulated node has room for it yet"));
  }
  status["conditions"] = std::move(conditions);
  if (was_ready) {
    status["podIP"] = pod.address;
    status["podIPs"] = json::array({{{"ip", pod.address}}});
  }
  json containers = json::array();
  for (size_t i = 0; i < pod.names.size(); ++i) {
    json state = ready ? json{{"running", {{"startedAt", time}}}}
                       : json{{"waiting",
                               {{"reason", simulated.restarts > 0 ? "CrashLoopBackOff"
                                                                  : "ContainerCreating"}}}};
    containers.push_back({{"name", pod.names[i]},
                          {"image", pod.images[i]},
                          {"imageID", ""},
                          {"ready", ready},
                          {"started", ready},
                          {"restartCount", simulated.restarts},
                          {"state", std::move(state)}});
  }
  status["containerStatuses"] = std::move(containers);
  return {{"status", std::move(status)}};
}

FleetKubelet::FleetKubelet(KubeletOptions options, AddressRange addresses, KubeClient& client,
                           ApiWorkers& workers, const Informer& informer, SimulatedPods& pods)
    : options_(std::move(options)),
      addresses_(std::move(addresses)),
      client_(client),
      workers_(workers),
      informer_(informer),
      simulated_(pods) {}

void FleetKubelet::Follow(SimTime wall) {
  const uint64_t version = informer_.version();
  if (followed_ && version == version_) return;
  followed_ = true;
  version_ = version;
  std::set<std::string> there;
  for (const KubeObject& object : informer_.All()) {
    if (!options_.node.empty() && TextAt(*object, "spec.nodeName") != options_.node) continue;
    if (HasEnded(*object)) continue;
    // Names may be used again; identifiers are not.
    const std::string key =
        TextAt(*object, "metadata.name") + "@" + TextAt(*object, "metadata.uid");
    Note(*object, key, wall);
    there.insert(key);
  }
  for (auto pod = pods_.begin(); pod != pods_.end();) {
    if (there.count(pod->first) > 0) {
      ++pod;
      continue;
    }
    // Deleted for good: what it still has to answer it answers unseen.
    simulated_.Forget(pod->first);
    if (!pod->second.address.empty()) {
      at_address_.erase(pod->second.address);
      addresses_.Free(pod->second.address);
    }
    told_.erase(pod->first);
    again_.erase(pod->first);
    pod = pods_.erase(pod);
  }
}

void FleetKubelet::Note(const json& object, const std::string& key, SimTime wall) {
  const bool leaving = !TextAt(object, "metadata.deletionTimestamp").empty();
  auto found = pods_.find(key);
  if (found == pods_.end()) {
    const auto function = options_.service.find(ServiceOf(object));
    if (function == options_.service.end()) return;
    FleetPod pod;
    pod.key = key;
    pod.function = FunctionId(function->second);
    pod.seen = wall;
    pod.identity.ns = TextAt(object, "metadata.namespace");
    pod.identity.name = TextAt(object, "metadata.name");
    pod.identity.service = pod.identity.configuration = function->first;
    pod.identity.revision = LabelOf(object, knative::kRevisionLabel).value_or("");
    if (const json* containers = ArrayAt(object, "spec.containers")) {
      for (const json& container : *containers) {
        pod.names.push_back(TextAt(container, "name"));
        pod.images.push_back(TextAt(container, "image"));
      }
    }
    // Of an earlier run of this program.
    const std::string before = TextAt(object, "status.podIP");
    if (!before.empty() && addresses_.Take(before)) {
      pod.address = before;
      at_address_[before] = key;
    }
    simulated_.Add(key, pod.function);
    found = pods_.emplace(key, std::move(pod)).first;
  }
  if (!leaving || found->second.leaving) return;
  found->second.leaving = true;
  simulated_.Remove(key);
}

void FleetKubelet::TellAgain(SimTime wall) {
  {
    const std::lock_guard lock(failures_->mutex);
    for (const std::string& key : std::exchange(failures_->keys, {})) again_[key] = wall + kRetry;
  }
  for (auto entry = again_.begin(); entry != again_.end();) {
    if (entry->second > wall) {
      ++entry;
      continue;
    }
    told_.erase(entry->first);
    entry = again_.erase(entry);
  }
}

void FleetKubelet::Report(SimTime wall) {
  TellAgain(wall);
  for (auto& [key, pod] : pods_) {
    const SimulatedPod* simulated = simulated_.Find(key);
    if (simulated == nullptr) continue;
    Told& told = told_[key];
    if (told.any && told.stage == simulated->stage && told.restarts == simulated->restarts) {
      continue;
    }
    told = {true, simulated->stage, simulated->restarts};
    if (simulated->stage == PodStage::kReady && pod.address.empty()) {
      pod.address = addresses_.Take();
      if (pod.address.empty()) {
        spdlog::warn("fleet: no address is left for {}: pods.addresses is too small",
                     pod.identity.name);
        again_[key] = wall + kRetry;
        continue;
      }
      at_address_[pod.address] = key;
    }
    Post(key, pod, *simulated, wall);
  }
}

void FleetKubelet::Post(const std::string& key, const FleetPod& pod, const SimulatedPod& simulated,
                        SimTime wall) {
  if (simulated.stage == PodStage::kDraining) return;  // its deletion says it all
  const bool gone = simulated.stage == PodStage::kGone;
  if (gone && !pod.leaving) return;  // there is no object any more
  const json patch = gone ? json() : PodStatusPatch(pod, simulated, wall);
  workers_.Post("pod " + key, [client = &client_, failures = failures_, key, gone, patch,
                               ns = pod.identity.ns, name = pod.identity.name] {
    const absl::Status done =
        gone ? client->Delete({kube::kPods, ns, name}, {.grace_seconds = 0})
             : client->Patch({kube::kPods, ns, name, "status"}, PatchKind::kMerge, patch).status();
    if (done.ok() || absl::IsNotFound(done)) return;  // somebody else has deleted it
    spdlog::warn("fleet: {}", MessageOf(done));
    const std::lock_guard lock(failures->mutex);
    failures->keys.push_back(key);
  });
}

const FleetPod* FleetKubelet::AtAddress(const std::string& address) const {
  const auto key = at_address_.find(address);
  if (key == at_address_.end()) return nullptr;
  const SimulatedPod* simulated = simulated_.Find(key->second);
  const bool answers = simulated != nullptr && (simulated->stage == PodStage::kReady ||
                                                simulated->stage == PodStage::kDraining);
  return answers ? &pods_.at(key->second) : nullptr;
}

FleetKubelet::Counts FleetKubelet::CountOf(FunctionId function) const {
  Counts counts;
  for (const auto& [key, pod] : pods_) {
    if (pod.function != function || pod.leaving) continue;
    ++counts.pods;
    const SimulatedPod* simulated = simulated_.Find(key);
    counts.ready += simulated != nullptr && simulated->stage == PodStage::kReady;
  }
  return counts;
}

}  // namespace reeve
