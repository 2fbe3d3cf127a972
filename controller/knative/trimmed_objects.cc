#include "controller/knative/trimmed_objects.h"

#include <initializer_list>
#include <nlohmann/json.hpp>

namespace reeve {
namespace {

using nlohmann::json;

// Null when it is no object, or has no such member.
json* Member(json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// Members of an object other than these go.
void KeepOnly(json& object, std::initializer_list<const char*> names) {
  if (!object.is_object()) return;
  json kept = json::object();
  for (const char* name : names) {
    if (const auto found = object.find(name); found != object.end()) kept[name] = std::move(*found);
  }
  object = std::move(kept);
}

void KeepOnlyIn(json& object, const char* member, std::initializer_list<const char*> names) {
  if (json* inner = Member(object, member)) KeepOnly(*inner, names);
}

// Of the elements of a list.
void KeepOnlyInEach(json& object, const char* list, std::initializer_list<const char*> names) {
  json* elements = Member(object, list);
  if (elements == nullptr || !elements->is_array()) return;
  for (json& element : *elements) KeepOnly(element, names);
}

void TrimMetadata(json& object) {
  KeepOnlyIn(object, "metadata",
             {"name", "namespace", "uid", "labels", "annotations", "resourceVersion", "generation",
              "creationTimestamp", "deletionTimestamp"});
  json* metadata = Member(object, "metadata");
  json* annotations = metadata == nullptr ? nullptr : Member(*metadata, "annotations");
  // kubectl's copy of the whole object.
  if (annotations != nullptr && annotations->is_object()) {
    annotations->erase("kubectl.kubernetes.io/last-applied-configuration");
  }
}

}  // namespace

void TrimService(json& object) {
  TrimMetadata(object);
  KeepOnlyIn(object, "spec", {});
  KeepOnlyIn(object, "status", {"latestReadyRevisionName"});
}

void TrimRevision(json& object) {
  TrimMetadata(object);
  KeepOnlyIn(object, "spec", {"containerConcurrency", "containers"});
  if (json* spec = Member(object, "spec"))
    KeepOnlyInEach(*spec, "containers", {"name", "resources"});
  KeepOnlyIn(object, "status", {});
}

void TrimDeployment(json& object) {
  TrimMetadata(object);
  KeepOnlyIn(object, "spec", {"replicas"});
  KeepOnlyIn(object, "status", {});
}

void TrimPod(json& object) {
  TrimMetadata(object);
  KeepOnlyIn(object, "spec", {"containers"});
  if (json* spec = Member(object, "spec"))
    KeepOnlyInEach(*spec, "containers", {"name", "resources"});
  KeepOnlyIn(object, "status", {"phase", "podIP", "conditions", "containerStatuses"});
  if (json* status = Member(object, "status")) {
    KeepOnlyInEach(*status, "conditions",
                   {"type", "status", "reason", "message", "lastTransitionTime"});
    KeepOnlyInEach(*status, "containerStatuses", {"name", "resources"});
  }
}

void TrimNode(json& object) {
  KeepOnlyIn(object, "metadata", {"name", "namespace", "resourceVersion"});
  KeepOnlyIn(object, "spec", {});
  KeepOnlyIn(object, "status", {"allocatable", "conditions"});
}

}  // namespace reeve
