#include "controller/fleet/fleet_objects.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"
#include "controller/kube/quantity.h"
#include "controller/kube/yaml_objects.h"
#include "core/status.h"
#include "sim/function_settings.h"

namespace reeve {
namespace {

using nlohmann::json;

constexpr ResourceType kNamespaces{"", "v1", "namespaces", "Namespace", false};
constexpr ResourceType kDefinitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                                    "CustomResourceDefinition", false};
constexpr std::string_view kNodeLeases = "kube-node-lease";
constexpr SimTime kHeartbeat = SimTime::Seconds(10);
constexpr const char* kHostname = "kubernetes.io/hostname";

// Whether it is there now: made, or there before.
absl::Status Ensure(KubeClient& client, const ResourceType& type, const std::string& ns,
                    const json& object) {
  const absl::Status made = client.Create(type, ns, object).status();
  return absl::IsAlreadyExists(made) ? absl::OkStatus() : made;
}

class Maker {
 public:
  Maker(const FleetFunction& function, const ObjectOptions& options)
      : function_(function),
        options_(options),
        revision_(function.service + "-00001"),
        labels_{{std::string(knative::kServiceLabel), function.service},
                {"serving.knative.dev/configuration", function.service},
                {std::string(knative::kRevisionLabel), revision_}} {}

  absl::Status Make(KubeClient& client) const {
    const auto make = [&](const ResourceType& type, const std::string& name, const json& object,
                          const json& status) -> absl::Status {
      RETURN_IF_ERROR(Ensure(client, type, options_.ns, object));
      if (status.is_null()) return absl::OkStatus();
      return client
          .Patch({type, options_.ns, name, "status"}, PatchKind::kMerge, {{"status", status}})
          .status();
    };
    RETURN_IF_ERROR(
        make(knative::kServices, function_.service, Service(),
             {{"latestReadyRevisionName", revision_}, {"latestCreatedRevisionName", revision_}}));
    RETURN_IF_ERROR(make(knative::kRevisions, revision_, Revision(), Ready()));
    RETURN_IF_ERROR(make(knative::kPodAutoscalers, revision_, Autoscaler(), json()));
    json serving = Ready();
    serving["serviceName"] = revision_;
    serving["privateServiceName"] = revision_ + "-private";
    RETURN_IF_ERROR(make(knative::kServerlessServices, revision_, ServerlessService(), serving));
    return make(kube::kDeployments, revision_ + "-deployment", Deployment(), json());
  }

 private:
  static json Ready() {
    return {{"conditions", json::array({{{"type", "Ready"}, {"status", "True"}}})}};
  }
  json Object(const ResourceType& type, const std::string& name, json spec,
              bool annotated = false) const {
    json object = {
        {"apiVersion", type.group.empty() ? std::string(type.version)
                                          : fmt::format("{}/{}", type.group, type.version)},
        {"kind", type.kind},
        {"metadata", {{"name", name}, {"namespace", options_.ns}, {"labels", labels_}}},
        {"spec", std::move(spec)}};
    if (annotated && !options_.annotations.empty()) {
      object["metadata"]["annotations"] = options_.annotations;
    }
    return object;
  }
  json Container() const {
    const json amounts = {{"cpu", CpuQuantity(function_.cpu)},
                          {"memory", MemoryQuantity(function_.memory)}};
    return {{"name", "user-container"},
            {"image", "simulated"},
            {"resources", {{"limits", amounts}, {"requests", amounts}}}};
  }
  json DeploymentRef() const {
    return {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", revision_ + "-deployment"}};
  }

  json Service() const {
    json service = Object(knative::kServices, function_.service, json::object());
    json& metadata = service["metadata"];
    metadata["labels"] = json::object();
    if (!function_.tenant.empty()) metadata["labels"]["reeve-tenant"] = function_.tenant;
    if (function_.slo_latency != SimTime::Max()) {
      metadata["annotations"]["reeve-slo-latency"] =
          fmt::format("{}ms", function_.slo_latency.micros() / 1000);
    }
    return service;
  }
  json Revision() const {
    json revision = Object(knative::kRevisions, revision_,
                           {{"containerConcurrency", function_.concurrency},
                            {"containers", json::array({Container()})}},
                           /*annotated=*/true);
    revision["metadata"]["labels"][std::string(knative::kRoutingStateLabel)] = "active";
    return revision;
  }
  json Autoscaler() const {
    return Object(knative::kPodAutoscalers, revision_,
                  {{"scaleTargetRef", DeploymentRef()},
                   {"containerConcurrency", function_.concurrency},
                   {"protocolType", "http1"},
                   {"reachability", "Reachable"}},
                  /*annotated=*/true);
  }
  json ServerlessService() const {
    return Object(knative::kServerlessServices, revision_,
                  {{"mode", "Serve"},
                   {"numActivators", 2},
                   {"protocolType", "http1"},
                   {"objectRef", DeploymentRef()}});
  }
  json Deployment() const {
    json pod_spec = {
        {"containers",
         json::array(
             {Container(), {{"name", std::string(knative::kQueueProxy)}, {"image", "simulated"}}})},
        {"enableServiceLinks", false}};
    if (!options_.node.empty()) {
      // Where there is a scheduler, it is to choose the fleet's node.
      pod_spec["nodeSelector"] = {{kHostname, options_.node}};
      pod_spec["tolerations"] = json::array({{{"operator", "Exists"}}});
    }
    return Object(
        kube::kDeployments, revision_ + "-deployment",
        {{"replicas", function_.replicas},
         {"selector", {{"matchLabels", {{std::string(knative::kRevisionLabel), revision_}}}}},
         {"template", {{"metadata", {{"labels", labels_}}}, {"spec", pod_spec}}}});
  }

  const FleetFunction& function_;
  const ObjectOptions& options_;
  const std::string revision_;
  const json labels_;
};

}  // namespace

std::string ServiceName(const std::string& function) {
  std::string name;
  for (const char c : function) {
    const auto u = static_cast<unsigned char>(c);
    const bool fine = std::isalnum(u) != 0 && u < 0x80;
    name.push_back(fine ? static_cast<char>(std::tolower(u)) : '-');
  }
  if (name.empty() || name[0] < 'a' || name[0] > 'z') name = "f-" + name;
  if (name.size() > 50) name.resize(50);
  while (name.back() == '-') name.pop_back();
  return name;
}

absl::StatusOr<std::vector<FleetFunction>> FleetFunctions(
    const Trace& trace, const ClusterSpec& cluster,
    const std::map<std::string, std::string>& services) {
  std::vector<FleetFunction> functions;
  std::map<std::string, std::string> by_service;
  for (const FunctionProfile& profile : trace.functions()) {
    const FunctionSettings settings = SettingsFor(cluster, profile);
    FleetFunction function;
    const auto named = services.find(profile.name);
    function.service = named == services.end() ? ServiceName(profile.name) : named->second;
    const auto [other, added] = by_service.emplace(function.service, profile.name);
    if (!added) {
      return absl::InvalidArgumentError(
          fmt::format("services: functions '{}' and '{}' would both be the service '{}': name one "
                      "of them",
                      other->second, profile.name, function.service));
    }
    function.tenant = ServiceName(trace.tenants()[profile.tenant.index()]);
    function.concurrency = settings.concurrency == std::numeric_limits<uint32_t>::max()
                               ? 0
                               : static_cast<int32_t>(settings.concurrency);
    function.replicas = static_cast<int32_t>(settings.initial_replicas);
    function.cpu = settings.cpu_limit;
    function.memory = settings.memory;
    function.slo_latency = settings.slo_latency;
    functions.push_back(std::move(function));
  }
  return functions;
}

absl::Status MakeFleetObjects(KubeClient& client, const std::vector<FleetFunction>& functions,
                              const ObjectOptions& options) {
  RETURN_IF_ERROR(
      Ensure(client, kNamespaces, "",
             {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", options.ns}}}}));
  for (const FleetFunction& function : functions) {
    RETURN_IF_ERROR(Maker(function, options).Make(client));
  }
  return absl::OkStatus();
}

absl::Status RemoveFleetObjects(KubeClient& client, const std::vector<FleetFunction>& functions,
                                const std::string& ns) {
  absl::Status first;
  const auto remove = [&](const ResourceType& type, const std::string& name) {
    const absl::Status removed = client.Delete({type, ns, name});
    if (!removed.ok() && !absl::IsNotFound(removed) && first.ok()) first = removed;
  };
  for (const FleetFunction& function : functions) {
    const std::string revision = function.service + "-00001";
    remove(kube::kDeployments, revision + "-deployment");
    remove(knative::kServerlessServices, revision);
    remove(knative::kPodAutoscalers, revision);
    remove(knative::kRevisions, revision);
    remove(knative::kServices, function.service);
  }
  return first;
}

absl::Status MakeDefinitions(KubeClient& client, const std::string& path, SimTime within) {
  ASSIGN_OR_RETURN(const std::vector<json> objects, ReadYamlObjects(path));
  for (const json& object : objects) {
    if (TextAt(object, "kind") != kDefinitions.kind) {
      return absl::InvalidArgumentError(
          fmt::format("{}: a {} where only CustomResourceDefinitions are expected", path,
                      TextAt(object, "kind")));
    }
    RETURN_IF_ERROR(Ensure(client, kDefinitions, "", object));
  }
  // Served a moment after they are made.
  constexpr SimTime kPause = SimTime::Millis(100);
  absl::Status listed;
  for (SimTime waited; waited <= within; waited += kPause) {
    listed = absl::OkStatus();
    for (const ResourceType& type : {knative::kServices, knative::kRevisions,
                                     knative::kPodAutoscalers, knative::kServerlessServices}) {
      if (listed.ok()) listed = client.List(type, {.page = 1}).status();
    }
    if (!absl::IsNotFound(listed)) return listed;
    std::this_thread::sleep_for(std::chrono::microseconds(kPause.micros()));
  }
  return listed;
}

FleetNode::FleetNode(std::string name, Millicores cpu, Mebibytes memory, KubeClient& client,
                     ApiWorkers& workers)
    : name_(std::move(name)), cpu_(cpu), memory_(memory), client_(client), workers_(workers) {}

json FleetNode::Status(SimTime wall) const {
  const json amounts = {
      {"cpu", CpuQuantity(cpu_)}, {"memory", MemoryQuantity(memory_)}, {"pods", "100000"}};
  const std::string now = Timestamp(wall);
  return {{"status",
           {{"capacity", amounts},
            {"allocatable", amounts},
            {"conditions", json::array({{{"type", "Ready"},
                                         {"status", "True"},
                                         {"reason", "KubeletReady"},
                                         {"message", "a simulated fleet"},
                                         {"lastHeartbeatTime", now},
                                         {"lastTransitionTime", Timestamp(registered_)}}})}}}};
}

absl::Status FleetNode::Register(SimTime wall) {
  RETURN_IF_ERROR(Ensure(
      client_, kube::kNodes, "",
      {{"apiVersion", "v1"},
       {"kind", "Node"},
       {"metadata",
        {{"name", name_},
         {"labels", {{kHostname, name_}, {"kubernetes.io/os", "linux"}, {"reeve-fleet", "true"}}}}},
       {"spec", json::object()}}));
  last_ = registered_ = wall;
  return client_.Patch({kube::kNodes, "", name_, "status"}, PatchKind::kMerge, Status(wall))
      .status();
}

void FleetNode::Step(SimTime wall) {
  if (wall - last_ < kHeartbeat) return;
  last_ = wall;
  const json spec = {
      {"holderIdentity", name_}, {"leaseDurationSeconds", 40}, {"renewTime", MicroTimestamp(wall)}};
  workers_.Post("node", [client = &client_, name = name_, spec, status = Status(wall)] {
    const std::string ns(kNodeLeases);
    absl::Status beat =
        client->Patch({kube::kLeases, ns, name}, PatchKind::kMerge, {{"spec", spec}}).status();
    if (absl::IsNotFound(beat)) {
      beat = client
                 ->Create(kube::kLeases, ns,
                          {{"apiVersion", "coordination.k8s.io/v1"},
                           {"kind", "Lease"},
                           {"metadata", {{"name", name}, {"namespace", ns}}},
                           {"spec", spec}})
                 .status();
    }
    const absl::Status told =
        client->Patch({kube::kNodes, "", name, "status"}, PatchKind::kMerge, status).status();
    for (const absl::Status& failed : {beat, told}) {
      if (!failed.ok()) spdlog::warn("fleet: the node's heartbeat: {}", MessageOf(failed));
    }
  });
}

}  // namespace reeve
