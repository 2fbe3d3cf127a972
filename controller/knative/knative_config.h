// How a Knative cluster is reached, observed and acted on.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "controller/knative/direct_source.h"
#include "controller/knative/prometheus_source.h"
#include "controller/prometheus/prometheus_client.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

enum class AttachMode : uint8_t {
  kObserve,   // nothing is ever written
  kAnnotate,  // Knative's own autoscaler is held to a count by min-scale and max-scale
  kOwnClass,  // Reeve is the autoscaler of the functions that it takes over
};
constexpr auto EnumNames(AttachMode) {
  return std::array<std::pair<AttachMode, std::string_view>, 3>{
      {{AttachMode::kObserve, "observe"},
       {AttachMode::kAnnotate, "annotate"},
       {AttachMode::kOwnClass, "own_class"}}};
}

// Which object's annotations Knative follows.
enum class AnnotatedObject : uint8_t { kAuto, kRevision, kPodAutoscaler };
constexpr auto EnumNames(AnnotatedObject) {
  return std::array<std::pair<AnnotatedObject, std::string_view>, 3>{
      {{AnnotatedObject::kAuto, "auto"},
       {AnnotatedObject::kRevision, "revision"},
       {AnnotatedObject::kPodAutoscaler, "podautoscaler"}}};
}

enum class MetricsFrom : uint8_t { kDirect, kPrometheus };
constexpr auto EnumNames(MetricsFrom) {
  return std::array<std::pair<MetricsFrom, std::string_view>, 2>{
      {{MetricsFrom::kDirect, "direct"}, {MetricsFrom::kPrometheus, "prometheus"}}};
}

struct KnativeLease {
  bool enabled = true;
  int32_t shards = 1;
  std::string name = "reeve";
  std::string ns = {};
  std::string identity = {};
  SimTime duration = SimTime::Seconds(15);
  SimTime renew_deadline = SimTime::Seconds(10);
  SimTime retry = SimTime::Seconds(2);

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("enabled", &KnativeLease::enabled,
            "only the instance that holds a lease acts; false: there is only one instance");
    v.Field("shards", &KnativeLease::shards,
            "tenants are spread over so many leases, so that as many instances share the work; the "
            "same for all of them",
            Between(1, 16));
    v.Field("name", &KnativeLease::name, "of the Lease object; of several, what names begin with");
    v.Field("namespace", &KnativeLease::ns, "of the Lease object; empty: the namespace we run in");
    v.Field("identity", &KnativeLease::identity,
            "of this instance; empty: host name and process id");
    v.Field("duration", &KnativeLease::duration,
            "without a renewal for this long another instance takes over; whole seconds",
            AtLeast(1));
    v.Field("renew_deadline", &KnativeLease::renew_deadline,
            "a leader that could not renew for this long stops acting", AtLeast(0.1));
    v.Field("retry", &KnativeLease::retry, "time between two renewals", AtLeast(0.05));
  }
};

struct KnativeConfig {
  std::string kubeconfig = {};
  std::string context = {};
  std::string ns = {};
  std::string tenant_label = "reeve-tenant";
  std::string slo_annotation = "reeve-slo-latency";

  AttachMode attach = AttachMode::kAnnotate;
  AnnotatedObject annotated = AnnotatedObject::kAuto;
  SimTime probe_within = SimTime::Seconds(5);
  std::string class_name = "reeve";
  SimTime zero_grace = SimTime::Seconds(30);
  bool resize = false;
  SimTime actuation_within = SimTime::Seconds(30);
  double writes_per_second = 10;
  SimTime reconnect = SimTime::Seconds(1);

  MetricsFrom metrics = MetricsFrom::kDirect;
  DirectOptions direct = {};
  PrometheusOptions prometheus = {};
  MetricNames metric_names = MetricNames::kAuto;
  SimTime metric_range = SimTime::Minutes(1);

  Millicores assumed_cpu = Millicores::Cores(1);
  Mebibytes assumed_memory{512};
  KnativeLease lease = {};

  template <class Visitor>
  static void Fields(Visitor& v) {
    using C = KnativeConfig;
    v.Field("kubeconfig", &C::kubeconfig,
            "file; empty: inside of a pod its service account, else $KUBECONFIG or ~/.kube/config");
    v.Field("context", &C::context, "of the kubeconfig; empty: its current one");
    v.Field("namespace", &C::ns, "only functions in this namespace; empty: in all");
    v.Field("tenant_label", &C::tenant_label,
            "label of a service or revision that names its tenant; without it: its namespace");
    v.Field("slo_annotation", &C::slo_annotation,
            "annotation of a service or revision with its latency objective, as 500ms");
    v.Field("attach", &C::attach, "how replicas are set");
    v.Field("annotated_object", &C::annotated,
            "whose annotations are set: the revision's from Knative 1.21 on, the PodAutoscaler's "
            "before; auto finds out");
    v.Field("probe_within", &C::probe_within,
            "annotated_object auto: how long Knative has to copy a revision's annotations before "
            "it counts as a release that does not",
            AtLeast(0.1));
    v.Field("class_name", &C::class_name, "own_class: the autoscaler class that is ours");
    v.Field("zero_grace", &C::zero_grace,
            "own_class: time for requests to come by the activator before the last pod goes",
            AtLeast(0));
    v.Field("resize", &C::resize,
            "set CPU and memory of running pods in place, where the cluster can (Kubernetes 1.33)");
    v.Field("actuation_within", &C::actuation_within,
            "what is not in force after this long is reported", AtLeast(1));
    v.Field("writes_per_second", &C::writes_per_second, "requests that change objects, at most",
            Between(0.1, 1000));
    v.Field("reconnect", &C::reconnect,
            "longest wait before an API server that failed is asked again", AtLeast(0.05));
    v.Field("metrics", &C::metrics,
            "direct: from the queue-proxies; prometheus: from a server that scrapes them");
    v.Field("direct", &C::direct, "how queue-proxies are asked");
    v.Field("prometheus", &C::prometheus, "how the Prometheus server is asked");
    v.Field("metric_names", &C::metric_names,
            "of Knative 1.19 and later (opentelemetry) or earlier (opencensus); auto finds out");
    v.Field("metric_range", &C::metric_range,
            "prometheus: rates are over this long; two scrapes at least", AtLeast(2));
    v.Field("assumed_cpu", &C::assumed_cpu, "of a container without a CPU limit", AtLeast(1));
    v.Field("assumed_memory", &C::assumed_memory, "of a container without a memory limit",
            AtLeast(1));
    v.Field("lease", &C::lease, "which of several instances acts");
  }
  absl::Status Validate() const;
};

}  // namespace reeve
