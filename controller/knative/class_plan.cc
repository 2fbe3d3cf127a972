#include "controller/knative/class_plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"

namespace reeve {
namespace {

using nlohmann::json;

json ServiceFor(const json& autoscaler, const char* mode) {
  const std::string name = TextAt(autoscaler, "metadata.name");
  const json owner = {{"apiVersion", "autoscaling.internal.knative.dev/v1alpha1"},
                      {"kind", "PodAutoscaler"},
                      {"name", name},
                      {"uid", TextAt(autoscaler, "metadata.uid")},
                      {"controller", true},
                      {"blockOwnerDeletion", true}};
  json service = {{"apiVersion", "networking.internal.knative.dev/v1alpha1"},
                  {"kind", "ServerlessService"},
                  {"metadata",
                   {{"name", name},
                    {"namespace", TextAt(autoscaler, "metadata.namespace")},
                    {"ownerReferences", json::array({owner})}}},
                  {"spec", {{"mode", mode}, {"numActivators", 2}}}};
  if (const json* labels = ObjectAt(autoscaler, "metadata.labels")) {
    service["metadata"]["labels"] = *labels;
  }
  if (const json* target = ObjectAt(autoscaler, "spec.scaleTargetRef")) {
    service["spec"]["objectRef"] = *target;
  }
  const std::string protocol = TextAt(autoscaler, "spec.protocolType");
  service["spec"]["protocolType"] = protocol.empty() ? "http1" : protocol;
  return service;
}

// Writes conditions, keeping the time of those whose status stays.
class Conditions {
 public:
  Conditions(const json& before, std::string now) : before_(before), now_(std::move(now)) {}
  void Set(const char* type, const std::string& status, const char* reason, const char* message) {
    json condition = {{"type", type}, {"status", status}, {"lastTransitionTime", now_}};
    if (*reason != '\0') condition["reason"] = reason;
    if (*message != '\0') condition["message"] = message;
    const json* old = ConditionObject(before_, type);
    if (old != nullptr && TextAt(*old, "status") == status) {
      const std::string since = TextAt(*old, "lastTransitionTime");
      if (!since.empty()) condition["lastTransitionTime"] = since;
    }
    all_.push_back(std::move(condition));
    if (status == "False") worst_ = "False";
    if (status == "Unknown" && worst_ == "True") worst_ = "Unknown";
  }
  json WithReady() {
    const std::string worst = worst_;
    Set("Ready", worst, worst == "False" ? "NoTraffic" : "", "");
    std::sort(all_.begin(), all_.end(),
              [](const json& a, const json& b) { return TextAt(a, "type") < TextAt(b, "type"); });
    return all_;
  }

 private:
  const json& before_;
  std::string now_;
  json all_ = json::array();
  std::string worst_ = "True";
};

json StatusFor(const ClassInput& input, bool idle) {
  const json& autoscaler = *input.autoscaler;
  const json none = json::object();
  const json& service = input.serverless_service != nullptr ? *input.serverless_service : none;
  const std::string service_name = TextAt(service, "status.serviceName");
  const bool service_ready = ConditionOf(service, "Ready") == "True";
  Conditions conditions(autoscaler, input.now);
  if (idle) {
    conditions.Set("Active", "False", "NoTraffic", "The target is not receiving traffic.");
  } else if (input.ready > 0) {
    conditions.Set("Active", "True", "", "");
  } else {
    conditions.Set("Active", "Unknown", "Queued",
                   "Requests to the target are being buffered as resources are provisioned.");
  }
  conditions.Set("SKSReady", service_ready ? "True" : "Unknown", service_ready ? "" : "NotReady",
                 "");
  // Once initialised it stays so.
  const bool initialised = ConditionOf(autoscaler, "ScaleTargetInitialized") == "True" ||
                           (!service_name.empty() && input.ready >= std::max(1, input.min_scale)) ||
                           (!service_name.empty() && idle);
  conditions.Set("ScaleTargetInitialized", initialised ? "True" : "Unknown", "", "");
  json status = {{"observedGeneration", IntegerAt(autoscaler, "metadata.generation").value_or(0)},
                 {"desiredScale", input.wanted},
                 {"actualScale", input.ready},
                 {"conditions", conditions.WithReady()}};
  if (!service_name.empty()) status["serviceName"] = service_name;
  const std::string metrics = TextAt(service, "status.privateServiceName");
  if (!metrics.empty()) status["metricsServiceName"] = metrics;
  return status;
}

// Whether every member of `patch` is in `value` already.
bool Holds(const json& value, const json& patch) {
  for (const auto& [key, wanted] : patch.items()) {
    const json* is = MemberAt(value, key);
    if (is == nullptr || *is != wanted) return false;
  }
  return true;
}

}  // namespace

ClassPlan PlanClass(const ClassInput& input) {
  ClassPlan plan;
  const bool to_zero = input.wanted == 0;
  // Pods take requests themselves only when there are some, and not when they are to go.
  const char* mode = !to_zero && input.ready > 0 ? "Serve" : "Proxy";
  if (input.serverless_service == nullptr) {
    plan.create_service = ServiceFor(*input.autoscaler, mode);
  } else if (TextAt(*input.serverless_service, "spec.mode") != mode) {
    plan.service_patch = json{{"spec", {{"mode", mode}}}};
  }
  if (input.deployed && *input.deployed != input.wanted) {
    const bool safe = !to_zero || (!plan.service_patch && !plan.create_service &&
                                   input.proxied_for >= input.grace);
    if (safe) {
      plan.scale = input.wanted;
    } else {
      plan.waits_for_activator = true;
      // Fewer pods are fine at once; the last one waits.
      if (*input.deployed > 1) plan.scale = 1;
    }
  }
  const json status = StatusFor(input, to_zero);
  const json* now = ObjectAt(*input.autoscaler, "status");
  if (now == nullptr || !Holds(*now, status)) plan.status_patch = json{{"status", status}};
  return plan;
}

}  // namespace reeve
