// What the watches know of one revision, as one record; made from the API's objects without asking
// anybody.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/kube/informer.h"
#include "core/units.h"

namespace reeve {

struct PodView {
  std::string name;
  std::string uid;
  std::string ip;
  bool ready = false;
  bool terminating = false;
  SimTime created;                  // since 1970
  std::optional<SimTime> ready_at;  // since 1970: when it became ready
  std::string function_container;   // the one that is not queue-proxy; "" if there is none
  // Of that container; what runs (its status) before what is asked for (its spec).
  Millicores cpu_limit;
  Mebibytes memory_limit;
  std::string resize_problem;  // of a resize in place that is deferred or impossible; else ""

  bool operator==(const PodView&) const = default;
};

struct RevisionView {
  std::string ns, name, uid;
  std::string service;  // the Knative Service it belongs to; "" when there is none
  std::string tenant;
  bool latest = false;  // the service's latest ready revision
  SimTime slo_latency = SimTime::Max();
  int32_t concurrency_limit = 0;  // 0 = unlimited
  Millicores cpu_limit;           // of its template; 0 = none
  Mebibytes memory_limit;

  // Annotations of the revision and of its PodAutoscaler, as they are now.
  std::map<std::string, std::string> annotations, autoscaler_annotations;
  std::string revision_version;              // resourceVersion
  std::string autoscaler_version;            // "" when there is no PodAutoscaler
  bool reachable = true;                     // a route leads to it
  std::optional<int32_t> desired_scale;      // PA.status.desiredScale; -1: it does not know
  std::optional<int32_t> deployed_replicas;  // Deployment.spec.replicas
  std::vector<PodView> pods;                 // not those that have ended

  uint32_t ready() const;     // pods that take requests
  uint32_t starting() const;  // pods that will
  std::string key() const { return ns + "/" + name; }
  bool operator==(const RevisionView&) const = default;
};

struct ClusterObjects {
  std::vector<KubeObject> services, revisions, autoscalers, deployments, pods;
};

struct ViewOptions {
  std::string tenant_label = "reeve-tenant";         // on service or revision; else the namespace
  std::string slo_annotation = "reeve-slo-latency";  // on service or revision: "500ms"
};

// The revisions that can get requests, in order of namespace and name: those that a route leads to
// (routingState active, or not said), of those that are not being deleted. What is not there, or
// not as Knative writes it, is left at its default.
std::vector<RevisionView> ViewRevisions(const ClusterObjects& objects, const ViewOptions& options);

// min-scale and max-scale as Knative reads them, from annotations; max 0 = unlimited.
struct ScaleBounds {
  int32_t min = 0;
  int32_t max = 0;
};
ScaleBounds BoundsOf(const std::map<std::string, std::string>& annotations);

}  // namespace reeve
