// What `reeve fleet` is told: the workload and the simulated machines, the API server and which of
// its pods are ours, and where their statistics are answered.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "controller/knative/prometheus_source.h"
#include "core/config.h"
#include "core/units.h"
#include "sim/cluster_spec.h"
#include "traces/arrival_stream.h"

namespace reeve {

enum class FleetObjects : uint8_t {
  kPresent,  // Knative makes them
  kCreate,   // the fleet makes them, and removes them at its end
};
constexpr auto EnumNames(FleetObjects) {
  return std::array<std::pair<FleetObjects, std::string_view>, 2>{
      {{FleetObjects::kPresent, "present"}, {FleetObjects::kCreate, "create"}}};
}

struct FleetPods {
  std::string addresses = "127.64.0.0/16";
  std::string listen = "0.0.0.0";
  int32_t statistics_port = 9090;
  int32_t requests_port = 9091;
  MetricNames metric_names = MetricNames::kOpenTelemetry;
  SimTime window = SimTime::Seconds(1);

  template <class V>
  static void Fields(V& v) {
    v.Field("addresses", &FleetPods::addresses,
            "Where pods get their addresses from; this machine must answer there. 127.0.0.0/8 does "
            "by itself");
    v.Field("listen", &FleetPods::listen,
            "The address that the ports of all pods are bound to; requests to an address that no "
            "running pod has are refused");
    v.Field("statistics_port", &FleetPods::statistics_port,
            "Of a queue-proxy's statistics for autoscalers", Between(1, 65535));
    v.Field("requests_port", &FleetPods::requests_port, "Of its request metrics for Prometheus",
            Between(1, 65535));
    v.Field("metric_names", &FleetPods::metric_names,
            "Those of Knative 1.19 and later (opentelemetry, auto) or earlier (opencensus)");
    v.Field("window", &FleetPods::window, "What statistics are over; 1s as Knative's",
            Between(0.1, 60));
  }
};

struct FleetConfig {
  std::string trace;
  std::string scenario;
  SimTime length = SimTime::Minutes(10);
  WithinMinute within_minute = WithinMinute::kByTrigger;
  uint64_t seed = 0;
  ClusterSpec cluster;

  std::string kubeconfig, context;
  std::string ns = "default";
  std::string node = "reeve-fleet";
  bool register_node = true;
  std::map<std::string, std::string> services;
  FleetPods pods;

  FleetObjects objects = FleetObjects::kPresent;
  std::string definitions;
  std::map<std::string, std::string> annotations;
  bool deployments = false;

  std::string listen = "127.0.0.1:9092";
  SimTime begin_after = SimTime::Seconds(5);
  SimTime wait_for_pods = SimTime::Minutes(2);
  SimTime step = SimTime::Millis(50);
  SimTime report_interval = SimTime::Seconds(10);
  double requests_per_second = 200;

  template <class V>
  static void Fields(V& v) {
    using C = FleetConfig;
    v.Field("trace", &C::trace,
            "The workload: a .rtrace file, or what `reeve trace import` reads; the fleet ends with "
            "it");
    v.Field("scenario", &C::scenario,
            "In place of a trace: the YAML of a scenario, as trainings have; its workload of this "
            "seed, and its cluster in place of `cluster`");
    v.Field("length", &C::length, "Of the scenario that is played", AtLeast(1));
    v.Field("within_minute", &C::within_minute,
            "Where the invocations of a per-minute trace fall within their minute");
    v.Field("seed", &C::seed, "All random draws follow from it");
    v.Field("cluster", &C::cluster,
            "The simulated machines, with scaling: replica_target; its control period is that of "
            "whoever decides, and not used here");
    v.Field("kubeconfig", &C::kubeconfig,
            "file; empty: inside of a pod its service account, else $KUBECONFIG or ~/.kube/config");
    v.Field("context", &C::context, "of the kubeconfig; empty: its current one");
    v.Field("namespace", &C::ns, "Where the functions' pods are");
    v.Field("node", &C::node,
            "The pods that are bound to this node are ours; empty: all pods of the functions, "
            "where no kubelet would have them");
    v.Field("register_node", &C::register_node,
            "Make the Node and keep it alive as a kubelet does");
    v.Field("services", &C::services,
            "Knative Services of functions whose name differs from the service's");
    v.Field("pods", &C::pods, "What pods are to others");
    v.Field("objects", &C::objects, "Who makes services, revisions and what belongs to them");
    v.Field("definitions", &C::definitions,
            "objects: create: YAML with definitions of Knative's kinds, which are made where they "
            "are missing (deploy/fleet/crds.yaml)");
    v.Field("annotations", &C::annotations,
            "objects: create: of revisions and PodAutoscalers, beside their own");
    v.Field("deployments", &C::deployments,
            "Make and delete pods as Deployments ask; where no controller manager runs");
    v.Field("listen", &C::listen,
            "HOST:PORT of the activator's metrics, /metrics, of the containers' CPU and memory, "
            "/metrics/cadvisor, and of the pods' addresses for Prometheus, /targets (port 0: any "
            "free one)");
    v.Field("begin_after", &C::begin_after,
            "The trace begins this long after every function has its first pods", AtLeast(0));
    v.Field("wait_for_pods", &C::wait_for_pods,
            "How long functions may take to have as many pods as the cluster's initial_replicas",
            AtLeast(0));
    v.Field("step", &C::step, "Time between two looks at the cluster and the simulator",
            Between(0.005, 1));
    v.Field("report_interval", &C::report_interval, "Length of the intervals of windows.csv",
            Between(1, 86400));
    v.Field("requests_per_second", &C::requests_per_second, "To the API server, at most",
            Between(1, 10000));
  }
  // The cluster is valid and scales by replica target, addresses can be read, and there is a trace
  // or a scenario.
  absl::Status Validate() const;
};

}  // namespace reeve
