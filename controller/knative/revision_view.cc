#include "controller/knative/revision_view.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"
#include "controller/kube/quantity.h"
#include "core/config.h"

namespace reeve {
namespace {

using nlohmann::json;

int32_t NumberOr(const std::map<std::string, std::string>& annotations, std::string_view key,
                 int32_t otherwise) {
  const auto found = annotations.find(std::string(key));
  if (found == annotations.end()) return otherwise;
  int32_t value = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 ? value : otherwise;
}

std::map<std::string, std::string> AnnotationsOf(const json& object) {
  std::map<std::string, std::string> annotations;
  if (const json* entries = ObjectAt(object, "metadata.annotations")) {
    for (const auto& [key, value] : entries->items()) {
      if (value.is_string()) annotations[key] = value.get<std::string>();
    }
  }
  return annotations;
}

Millicores CpuAt(const json& resources) {
  const std::string text = TextAt(resources, "limits.cpu");
  const auto cpu = ParseCpuQuantity(text);
  return cpu.ok() ? *cpu : Millicores();
}

Mebibytes MemoryAt(const json& resources) {
  const auto memory = ParseMemoryQuantity(TextAt(resources, "limits.memory"));
  return memory.ok() ? *memory : Mebibytes();
}

const json* FunctionContainer(const json* containers) {
  if (containers == nullptr) return nullptr;
  for (const json& container : *containers) {
    if (container.is_object() && TextAt(container, "name") != knative::kQueueProxy)
      return &container;
  }
  return nullptr;
}

PodView ViewPod(const json& pod) {
  PodView view;
  view.name = TextAt(pod, "metadata.name");
  view.uid = TextAt(pod, "metadata.uid");
  view.ip = TextAt(pod, "status.podIP");
  view.terminating = !TextAt(pod, "metadata.deletionTimestamp").empty();
  view.created = ParseTimestamp(TextAt(pod, "metadata.creationTimestamp")).value_or(SimTime());
  if (const json* ready = ConditionObject(pod, "Ready")) {
    view.ready = TextAt(*ready, "status") == "True";
    const auto since = ParseTimestamp(TextAt(*ready, "lastTransitionTime"));
    if (view.ready && since.ok()) view.ready_at = *since;
  }
  if (const json* container = FunctionContainer(ArrayAt(pod, "spec.containers"))) {
    view.function_container = TextAt(*container, "name");
    view.cpu_limit = CpuAt(container->value("resources", json()));
    view.memory_limit = MemoryAt(container->value("resources", json()));
  }
  if (const json* statuses = ArrayAt(pod, "status.containerStatuses")) {
    for (const json& status : *statuses) {
      const json* resources = ObjectAt(status, "resources");
      if (TextAt(status, "name") != view.function_container || resources == nullptr) continue;
      if (ObjectAt(*resources, "limits") == nullptr) continue;
      view.cpu_limit = CpuAt(*resources);
      view.memory_limit = MemoryAt(*resources);
    }
  }
  if (const json* pending = ConditionObject(pod, "PodResizePending")) {
    if (TextAt(*pending, "status") == "True") {
      view.resize_problem = TextAt(*pending, "reason") + ": " + TextAt(*pending, "message");
    }
  }
  return view;
}

bool Ended(const json& pod) {
  const std::string phase = TextAt(pod, "status.phase");
  return phase == "Succeeded" || phase == "Failed";
}

// The first of service and revision that says it.
std::string Said(const json* service, const json& revision,
                 std::optional<std::string> (*read)(const json&, std::string_view),
                 const std::string& key) {
  if (const auto own = read(revision, key)) return *own;
  if (service == nullptr) return "";
  return read(*service, key).value_or("");
}

class Viewer {
 public:
  Viewer(const ClusterObjects& objects, const ViewOptions& options);
  std::vector<RevisionView> All() const;

 private:
  using Index = std::map<std::string, const json*>;
  static Index ByName(const std::vector<KubeObject>& objects);
  static const json* In(const Index& index, const std::string& key) {
    const auto found = index.find(key);
    return found == index.end() ? nullptr : found->second;
  }
  RevisionView ViewOne(const json& revision) const;

  const ClusterObjects& objects_;
  const ViewOptions& options_;
  Index services_, autoscalers_, deployments_;
  std::map<std::string, std::vector<const json*>> pods_;  // by "namespace/revision"
};

Viewer::Index Viewer::ByName(const std::vector<KubeObject>& objects) {
  Index index;
  for (const KubeObject& object : objects) {
    index[TextAt(*object, "metadata.namespace") + "/" + TextAt(*object, "metadata.name")] =
        object.get();
  }
  return index;
}

Viewer::Viewer(const ClusterObjects& objects, const ViewOptions& options)
    : objects_(objects),
      options_(options),
      services_(ByName(objects.services)),
      autoscalers_(ByName(objects.autoscalers)),
      deployments_(ByName(objects.deployments)) {
  for (const KubeObject& pod : objects.pods) {
    const auto revision = LabelOf(*pod, knative::kRevisionLabel);
    if (!revision || Ended(*pod)) continue;
    pods_[TextAt(*pod, "metadata.namespace") + "/" + *revision].push_back(pod.get());
  }
}

RevisionView Viewer::ViewOne(const json& revision) const {
  RevisionView view;
  view.ns = TextAt(revision, "metadata.namespace");
  view.name = TextAt(revision, "metadata.name");
  view.uid = TextAt(revision, "metadata.uid");
  view.service = LabelOf(revision, knative::kServiceLabel).value_or("");
  const json* service = In(services_, view.ns + "/" + view.service);
  view.latest =
      service != nullptr && TextAt(*service, "status.latestReadyRevisionName") == view.name;
  view.tenant = Said(service, revision, LabelOf, options_.tenant_label);
  if (view.tenant.empty()) view.tenant = view.ns;
  const std::string slo = Said(service, revision, AnnotationOf, options_.slo_annotation);
  std::string what;
  if (SimTime latency;
      !slo.empty() && config_internal::ReadScalar(slo, latency, what) && latency > SimTime()) {
    view.slo_latency = latency;
  }
  view.concurrency_limit = static_cast<int32_t>(
      std::clamp<int64_t>(IntegerAt(revision, "spec.containerConcurrency").value_or(0), 0, 100000));
  if (const json* container = FunctionContainer(ArrayAt(revision, "spec.containers"))) {
    view.cpu_limit = CpuAt(container->value("resources", json()));
    view.memory_limit = MemoryAt(container->value("resources", json()));
  }
  view.annotations = AnnotationsOf(revision);
  view.revision_version = TextAt(revision, "metadata.resourceVersion");
  if (const json* autoscaler = In(autoscalers_, view.key())) {
    view.autoscaler_annotations = AnnotationsOf(*autoscaler);
    view.autoscaler_version = TextAt(*autoscaler, "metadata.resourceVersion");
    view.reachable = TextAt(*autoscaler, "spec.reachability") != "Unreachable";
    if (const auto scale = IntegerAt(*autoscaler, "status.desiredScale")) {
      view.desired_scale = static_cast<int32_t>(std::clamp<int64_t>(*scale, -1, 1 << 30));
    }
  }
  if (const json* deployment = In(deployments_, view.key() + "-deployment")) {
    if (const auto replicas = IntegerAt(*deployment, "spec.replicas")) {
      view.deployed_replicas = static_cast<int32_t>(std::clamp<int64_t>(*replicas, 0, 1 << 30));
    }
  }
  if (const auto pods = pods_.find(view.key()); pods != pods_.end()) {
    for (const json* pod : pods->second) view.pods.push_back(ViewPod(*pod));
  }
  return view;
}

std::vector<RevisionView> Viewer::All() const {
  std::vector<RevisionView> views;
  for (const KubeObject& revision : objects_.revisions) {
    if (!TextAt(*revision, "metadata.deletionTimestamp").empty()) continue;
    const std::string state = LabelOf(*revision, knative::kRoutingStateLabel).value_or("active");
    if (state == "active") views.push_back(ViewOne(*revision));
  }
  return views;
}

}  // namespace

uint32_t RevisionView::ready() const {
  return static_cast<uint32_t>(std::count_if(
      pods.begin(), pods.end(), [](const PodView& pod) { return pod.ready && !pod.terminating; }));
}

uint32_t RevisionView::starting() const {
  return static_cast<uint32_t>(std::count_if(
      pods.begin(), pods.end(), [](const PodView& pod) { return !pod.ready && !pod.terminating; }));
}

std::vector<RevisionView> ViewRevisions(const ClusterObjects& objects, const ViewOptions& options) {
  return Viewer(objects, options).All();
}

ScaleBounds BoundsOf(const std::map<std::string, std::string>& annotations) {
  // The keys of old releases are still read; the new ones win.
  const int32_t old_min = NumberOr(annotations, "autoscaling.knative.dev/minScale", 0);
  const int32_t old_max = NumberOr(annotations, "autoscaling.knative.dev/maxScale", 0);
  return {NumberOr(annotations, knative::kMinScale, old_min),
          NumberOr(annotations, knative::kMaxScale, old_max)};
}

}  // namespace reeve
