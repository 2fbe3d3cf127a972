// Figures of all Deployments by one query for each figure to Prometheus.
//
// There is no one name for what an application counts: the queries are configured. Each answers
// with a series for each function, which names it by the labels `namespace` and `deployment`, or
// `namespace` and `pod`, whose last two parts (of ReplicaSet and pod) are then left out; values of
// pods are added up. The defaults ask for what OpenTelemetry's instrumentation of HTTP servers,
// kube-state-metrics and the kubelet's cAdvisor count.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "controller/net/clock.h"
#include "controller/prometheus/answer_age.h"
#include "controller/prometheus/asked_ahead.h"
#include "controller/prometheus/function_figures.h"
#include "controller/prometheus/prometheus_client.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

// "$range" is replaced by KedaConfig::metric_range. Empty: there is no such figure.
struct DeploymentQueries {
  std::string present = "count by (namespace, pod) (up == 1)";
  std::string latency =
      "sum by (namespace, pod, le) (rate(http_server_request_duration_seconds_bucket[$range]))";
  std::string busy =
      "sum by (namespace, pod) (rate(http_server_request_duration_seconds_sum[$range]))";
  std::string failures =
      "sum by (namespace, pod) (rate(http_server_request_duration_seconds_count"
      "{http_response_status_code=~\"5..\"}[$range]))";
  std::string queued = "";
  std::string replicas = "kube_deployment_spec_replicas";
  std::string ready = "kube_deployment_status_replicas_ready";
  std::string cpu =
      "sum by (namespace, pod) (rate(container_cpu_usage_seconds_total"
      "{container!=\"\",container!=\"POD\"}[$range]))";
  std::string memory =
      "sum by (namespace, pod) (container_memory_working_set_bytes"
      "{container!=\"\",container!=\"POD\"})";
  std::string cpu_limit =
      "sum by (namespace, pod) (kube_pod_container_resource_limits{resource=\"cpu\"})";
  std::string memory_limit =
      "sum by (namespace, pod) (kube_pod_container_resource_limits{resource=\"memory\"})";
  std::string cluster_cpu = "sum(kube_node_status_allocatable{resource=\"cpu\"})";
  std::string cluster_memory = "sum(kube_node_status_allocatable{resource=\"memory\"})";
  std::string nodes = "sum(kube_node_status_condition{condition=\"Ready\",status=\"true\"})";

  template <class V>
  static void Fields(V& v) {
    using Q = DeploymentQueries;
    v.Field("present", &Q::present, "series of pods that are scraped; value of no meaning");
    v.Field("latency", &Q::latency, "requests a second by duration in seconds, cumulative (le)");
    v.Field("busy", &Q::busy, "seconds of requests a second: requests at once");
    v.Field("failures", &Q::failures, "requests a second that failed");
    v.Field("queued", &Q::queued, "requests that wait for a pod now, at a gateway or a queue");
    v.Field("replicas", &Q::replicas, "replicas asked of the Deployment");
    v.Field("ready", &Q::ready, "replicas that are ready");
    v.Field("cpu", &Q::cpu, "cores used");
    v.Field("memory", &Q::memory, "bytes used");
    v.Field("cpu_limit", &Q::cpu_limit, "cores that a pod may use; the largest of its pods counts");
    v.Field("memory_limit", &Q::memory_limit, "bytes that a pod may use; likewise");
    v.Field("cluster_cpu", &Q::cluster_cpu, "cores of the cluster; one series");
    v.Field("cluster_memory", &Q::cluster_memory, "bytes of the cluster; one series");
    v.Field("nodes", &Q::nodes, "nodes that are ready; one series");
  }
};

struct DeploymentFigures {
  bool present = false;     // a pod of it is scraped
  FunctionFigures figures;  // rates: what came in a second
  std::optional<double> replicas, ready;
  double cpu_limit_cores = 0, memory_limit_bytes = 0;  // of one pod; 0 = there is none
};

struct DeploymentRound {
  absl::Status status = absl::UnavailableError("Prometheus has not answered yet");
  SimTime measured_at;
  absl::flat_hash_map<std::string, DeploymentFigures> deployments;  // by "namespace/deployment"
  double cluster_cpu_cores = 0, cluster_memory_bytes = 0, nodes = 0;
};

// The Deployment of a pod: its name without the last two parts; empty when it has fewer than three.
std::string_view DeploymentOfPod(std::string_view pod);

class DeploymentSource {
 public:
  DeploymentSource(PrometheusOptions prometheus, const DeploymentQueries& queries, SimTime range,
                   NetClock& clock);

  // From now on a thread asks (controller/prometheus/asked_ahead.h).
  void Start() { rounds_.Start(); }
  void Stop() { rounds_.Stop(); }
  // The last round; with a status when Prometheus did not answer all of it.
  std::shared_ptr<const DeploymentRound> Collect(SimTime now, SimTime window) {
    return rounds_.Take(now, window);
  }

 private:
  DeploymentRound Ask(SimTime now, const StopSignal& stop);

  PrometheusClient client_;           // of whoever asks
  std::vector<std::string> queries_;  // [figures that are configured]
  std::vector<size_t> figure_of_query_;
  AnswerAge age_;                       // of whoever asks
  AskedAhead<DeploymentRound> rounds_;  // last: its thread uses the rest
};

}  // namespace reeve
