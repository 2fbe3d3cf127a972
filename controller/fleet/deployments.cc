#include "controller/fleet/deployments.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"
#include "controller/kube/quantity.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

// What failed is tried again at the next look, and there is one at least this often.
constexpr SimTime kLookAgain = SimTime::Seconds(2);
// A pod that was made and not seen for this long was deleted before it could be.
constexpr SimTime kUnseen = SimTime::Seconds(30);

std::string NameOf(const json& object) {
  return TextAt(object, "metadata.namespace") + "/" + TextAt(object, "metadata.name");
}

bool Belongs(const json& pod, const json& deployment) {
  const json* wanted = ObjectAt(deployment, "spec.selector.matchLabels");
  if (wanted == nullptr || wanted->empty()) return false;
  if (TextAt(pod, "metadata.namespace") != TextAt(deployment, "metadata.namespace")) return false;
  for (const auto& [key, value] : wanted->items()) {
    if (!value.is_string() || LabelOf(pod, key) != value.get<std::string>()) return false;
  }
  return true;
}

}  // namespace

DeploymentStandIn::DeploymentStandIn(DeploymentOptions options, KubeClient& client,
                                     ApiWorkers& workers, const Informer& deployments,
                                     const Informer& pods)
    : options_(std::move(options)),
      client_(client),
      workers_(workers),
      deployments_(deployments),
      pods_(pods),
      random_(RandomStream(options_.seed, StreamPurpose::kGenerator, 0)) {}

void DeploymentStandIn::Step(SimTime wall) {
  const uint64_t deployments = deployments_.version(), pods = pods_.version();
  const bool news = deployments != deployments_version_ || pods != pods_version_;
  if (!news && wall - looked_ < kLookAgain) return;
  deployments_version_ = deployments;
  pods_version_ = pods;
  looked_ = wall;
  const std::vector<KubeObject> all = pods_.All();
  DropOld(all, wall);
  for (const KubeObject& deployment : deployments_.All()) {
    const std::string service = LabelOf(*deployment, knative::kServiceLabel).value_or("");
    if (options_.services.count(service) == 0) continue;
    WriteStatus(*deployment, BringTo(*deployment, all, wall), wall);
  }
}

void DeploymentStandIn::DropOld(const std::vector<KubeObject>& pods, SimTime wall) {
  std::set<std::string> there;
  for (const KubeObject& pod : pods) there.insert(NameOf(*pod));
  const std::lock_guard lock(pending_->mutex);
  std::erase_if(pending_->made,
                [wall](const auto& entry) { return wall - entry.second.at > kUnseen; });
  std::erase_if(pending_->deleted,
                [&there](const std::string& name) { return there.count(name) == 0; });
}

DeploymentStandIn::Counts DeploymentStandIn::BringTo(const json& deployment,
                                                     const std::vector<KubeObject>& pods,
                                                     SimTime wall) {
  struct Candidate {
    std::string ns, name, created;
    bool ready;
  };
  std::vector<Candidate> candidates;
  const std::string whose = NameOf(deployment);
  int64_t coming = 0;
  {
    const std::lock_guard lock(pending_->mutex);
    for (const KubeObject& pod : pods) {
      if (!Belongs(*pod, deployment)) continue;
      const std::string name = NameOf(*pod);
      pending_->made.erase(name);
      const bool leaving = !TextAt(*pod, "metadata.deletionTimestamp").empty();
      if (leaving) pending_->deleted.erase(name);
      if (leaving || pending_->deleted.count(name) > 0) continue;
      candidates.push_back({TextAt(*pod, "metadata.namespace"), TextAt(*pod, "metadata.name"),
                            TextAt(*pod, "metadata.creationTimestamp"),
                            ConditionOf(*pod, "Ready") == "True"});
    }
    for (const auto& [name, made] : pending_->made) coming += made.deployment == whose;
  }
  const bool going = !TextAt(deployment, "metadata.deletionTimestamp").empty();
  const int64_t wanted =
      going ? 0 : std::clamp<int64_t>(IntegerAt(deployment, "spec.replicas").value_or(1), 0, 10000);
  const auto have = static_cast<int64_t>(candidates.size());
  for (int64_t i = have + coming; i < wanted; ++i) Make(deployment, wall);
  // The first of these go.
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    if (a.ready != b.ready) return b.ready;
    if (a.created != b.created) return a.created > b.created;
    return a.name < b.name;
  });
  for (int64_t i = 0; i < std::min(have, have + coming - wanted); ++i) {
    const Candidate& pod = candidates[static_cast<size_t>(i)];
    Delete(pod.ns, pod.name);
  }
  return {have, std::count_if(candidates.begin(), candidates.end(),
                              [](const Candidate& pod) { return pod.ready; })};
}

void DeploymentStandIn::Make(const json& deployment, SimTime wall) {
  const std::string ns = TextAt(deployment, "metadata.namespace");
  // As generated names are, without letters that could make words.
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  std::string name = TextAt(deployment, "metadata.name") + "-";
  for (int i = 0; i < 8; ++i) {
    name += kLetters[random_.Below(kLetters.size())];
  }
  const json* found = ObjectAt(deployment, "spec.template");
  json pod = found == nullptr ? json::object() : *found;
  pod["apiVersion"] = "v1";
  pod["kind"] = "Pod";
  pod["metadata"]["name"] = name;
  pod["metadata"]["ownerReferences"] = json::array({{{"apiVersion", "apps/v1"},
                                                     {"kind", "Deployment"},
                                                     {"name", TextAt(deployment, "metadata.name")},
                                                     {"uid", TextAt(deployment, "metadata.uid")},
                                                     {"controller", true}}});
  if (!options_.node.empty()) pod["spec"]["nodeName"] = options_.node;
  const std::string key = ns + "/" + name;
  {
    const std::lock_guard lock(pending_->mutex);
    pending_->made[key] = {NameOf(deployment), wall};
  }
  workers_.Post("make " + key, [client = &client_, pending = pending_, ns, key, pod] {
    const absl::Status made = client->Create(kube::kPods, ns, pod).status();
    if (made.ok()) return;
    spdlog::warn("fleet: {}", MessageOf(made));
    const std::lock_guard lock(pending->mutex);
    pending->made.erase(key);
  });
}

void DeploymentStandIn::Delete(const std::string& ns, const std::string& name) {
  const std::string key = ns + "/" + name;
  {
    const std::lock_guard lock(pending_->mutex);
    pending_->deleted.insert(key);
  }
  workers_.Post("delete " + key, [client = &client_, pending = pending_, ns, name, key] {
    const absl::Status deleted = client->Delete({kube::kPods, ns, name});
    if (deleted.ok() || absl::IsNotFound(deleted)) return;
    spdlog::warn("fleet: {}", MessageOf(deleted));
    const std::lock_guard lock(pending->mutex);
    pending->deleted.erase(key);
  });
}

void DeploymentStandIn::WriteStatus(const json& deployment, const Counts& counts, SimTime wall) {
  const bool available = counts.ready > 0 || IntegerAt(deployment, "spec.replicas") == 0;
  json status = {{"observedGeneration", IntegerAt(deployment, "metadata.generation").value_or(0)},
                 {"replicas", counts.replicas},
                 {"updatedReplicas", counts.replicas},
                 {"readyReplicas", counts.ready},
                 {"availableReplicas", counts.ready},
                 {"unavailableReplicas", counts.replicas - counts.ready}};
  const std::string key = NameOf(deployment);
  std::string text = status.dump() + (available ? "+" : "-");
  if (std::exchange(told_[key], text) == text) return;
  const std::string now = Timestamp(wall);
  status["conditions"] = json::array(
      {{{"type", "Available"},
        {"status", available ? "True" : "False"},
        {"reason", available ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable"},
        {"message", ""},
        {"lastUpdateTime", now},
        {"lastTransitionTime", now}}});
  workers_.Post("status " + key, [client = &client_, ns = TextAt(deployment, "metadata.namespace"),
                                  name = TextAt(deployment, "metadata.name"),
                                  patch = json{{"status", status}}] {
    const absl::Status done =
        client->Patch({kube::kDeployments, ns, name, "status"}, PatchKind::kMerge, patch).status();
    if (!done.ok() && !absl::IsNotFound(done)) {
      spdlog::warn("fleet: {}", MessageOf(done));
    }
  });
}

}  // namespace reeve
