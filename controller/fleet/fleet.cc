#include "controller/fleet/fleet.h"

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "controller/fleet/api_workers.h"
#include "controller/fleet/deployments.h"
#include "controller/fleet/fleet_objects.h"
#include "controller/fleet/kubelet.h"
#include "controller/fleet/metrics_server.h"
#include "controller/fleet/simulated_pods.h"
#include "controller/knative/names.h"
#include "controller/kube/credentials.h"
#include "controller/kube/informer.h"
#include "controller/kube/kube_client.h"
#include "controller/net/clock.h"
#include "controller/net/listen_address.h"
#include "core/status.h"
#include "runs/run_recorder.h"

namespace reeve {

absl::Status FleetConfig::Validate() const {
  if (absl::Status status = cluster.Validate(); !status.ok()) {
    return absl::Status(status.code(), "cluster." + MessageOf(status));
  }
  if (cluster.scaling != ScalingMode::kReplicaTarget) {
    return absl::InvalidArgumentError(
        "cluster.scaling: pods are containers that somebody else asks for: replica_target only");
  }
  if (trace.empty() == scenario.empty()) {
    return absl::InvalidArgumentError("trace: name the workload, or name a scenario");
  }
  if (report_interval % pods.window != SimTime()) {
    return absl::InvalidArgumentError("report_interval: not a multiple of pods.window");
  }
  if (absl::Status status = AddressRange::Parse(pods.addresses).status(); !status.ok()) {
    return absl::Status(status.code(), "pods.addresses: " + MessageOf(status));
  }
  RETURN_IF_ERROR(ParseListenAddress("listen", listen).status());
  return absl::OkStatus();
}

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// A job of a worker lasts as long as one call at most, so that the end does not wait for long.
constexpr int kWorkers = 8;
constexpr SimTime kDefinitionsWithin = SimTime::Seconds(30);

std::map<std::string, uint32_t> ServicesOf(const std::vector<FleetFunction>& functions) {
  std::map<std::string, uint32_t> services;
  for (uint32_t f = 0; f < functions.size(); ++f) services[functions[f].service] = f;
  return services;
}

KubeClientOptions ClientOptions(double rate) {
  KubeClientOptions options;
  options.user_agent = "reeve-fleet";
  options.requests_per_second = rate;
  options.burst = 2 * rate;
  return options;
}

MetricFamily Gauge(const char* name, const char* help) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = MetricType::Gauge;
  return family;
}

class Fleet {
 public:
  Fleet(const FleetConfig& config, const Trace& trace, KubeAccess access,
        std::vector<FleetFunction> functions, AddressRange addresses, const FleetHooks& hooks)
      : config_(config),
        trace_(trace),
        hooks_(hooks),
        functions_(std::move(functions)),
        credentials_(std::move(access), clock_),
        client_(credentials_, ClientOptions(config.requests_per_second), clock_),
        watch_client_(credentials_, ClientOptions(20), clock_),
        workers_(std::make_unique<ApiWorkers>(kWorkers)),
        pod_informer_(watch_client_, kube::kPods, OptionsOf(config), clock_),
        deployment_informer_(watch_client_, kube::kDeployments, OptionsOf(config), clock_),
        pods_(trace, config.cluster, {config.seed, config.within_minute}),
        recorder_(trace, pods_.cluster(), config.report_interval, trace.functions().size() <= 1000),
        kubelet_({config.node, ServicesOf(functions_)}, std::move(addresses), client_, *workers_,
                 pod_informer_, pods_),
        deployments_({config.node, Services(), config.seed}, client_, *workers_,
                     deployment_informer_, pod_informer_),
        node_(config.node, pods_.cluster().cpu_capacity(), pods_.cluster().memory_capacity(),
              client_, *workers_) {}

  ~Fleet() {
    server_.reset();
    workers_.reset();  // before what its jobs use
    pod_informer_.Stop();
    deployment_informer_.Stop();
  }

  absl::StatusOr<RunData> Run() {
    RETURN_IF_ERROR(Prepare());
    absl::StatusOr<RunData> data = Play();
    const absl::Status removed = CleanUp();
    if (data.ok() && !removed.ok()) {
      spdlog::warn("fleet: an object could not be removed: {}", MessageOf(removed));
    }
    return data;
  }

 private:
  static InformerOptions OptionsOf(const FleetConfig& config) {
    InformerOptions options;
    options.ns = config.ns;
    options.label_selector = std::string(knative::kRevisionLabel);
    return options;
  }
  std::set<std::string> Services() const {
    std::set<std::string> services;
    for (const FleetFunction& function : functions_) services.insert(function.service);
    return services;
  }
  bool Stopping() const { return hooks_.stop && hooks_.stop(); }
  void Pause(SimTime span) const {
    std::this_thread::sleep_for(std::chrono::microseconds(span.micros()));
  }

  absl::Status Prepare() {
    if (!config_.definitions.empty() && config_.objects == FleetObjects::kCreate) {
      RETURN_IF_ERROR(MakeDefinitions(client_, config_.definitions, kDefinitionsWithin));
    }
    if (config_.register_node && !config_.node.empty()) {
      RETURN_IF_ERROR(node_.Register(clock_.WallNow()));
    }
    if (config_.objects == FleetObjects::kCreate) {
      RETURN_IF_ERROR(MakeFleetObjects(
          client_, functions_,
          {config_.ns, config_.register_node ? config_.node : "", config_.annotations}));
    }
    pod_informer_.Start();
    if (config_.deployments) deployment_informer_.Start();
    ASSIGN_OR_RETURN(server_, FleetMetricsServer::Start(config_.pods, config_.listen, Sources()));
    if (hooks_.on_started) hooks_.on_started(server_->port());
    return absl::OkStatus();
  }

  // One look at the API server and the simulator; `simulated`: the trace's time.
  void Step(SimTime simulated) {
    const SimTime wall = clock_.WallNow();
    if (config_.register_node && !config_.node.empty()) node_.Step(wall);
    if (config_.deployments && pod_informer_.health().synced) deployments_.Step(wall);
    const std::lock_guard lock(mutex_);
    if (pod_informer_.health().synced) kubelet_.Follow(wall);
    if (simulated > SimTime()) pods_.AdvanceTo(std::max(simulated, pods_.now()));
    kubelet_.Report(wall);
  }

  // Until every function has the pods that it begins with.
  absl::Status WaitForPods() {
    for (const SimTime start = clock_.Now();; Pause(config_.step)) {
      Step(SimTime());
      std::string missing;
      {
        const std::lock_guard lock(mutex_);
        for (uint32_t f = 0; f < functions_.size() && missing.empty(); ++f) {
          const auto wanted = static_cast<uint32_t>(functions_[f].replicas);
          const FleetKubelet::Counts counts = kubelet_.CountOf(FunctionId(f));
          if (counts.pods >= wanted) continue;
          missing = fmt::format("{} pods of {}/{}, which begins with {}", counts.pods, config_.ns,
                                functions_[f].service, wanted);
        }
      }
      if (missing.empty() && pod_informer_.health().synced) return absl::OkStatus();
      if (Stopping()) return absl::CancelledError("interrupted before the trace began");
      if (clock_.Now() - start < config_.wait_for_pods) continue;
      const absl::Status failure = pod_informer_.health().last_failure;
      return absl::DeadlineExceededError(
          fmt::format("the first pods did not come within wait_for_pods: there are {}{}",
                      missing.empty() ? "none, as pods cannot be listed" : missing,
                      failure.ok() ? "" : "; the last list failed: " + MessageOf(failure)));
    }
  }

  absl::StatusOr<RunData> Play() {
    RETURN_IF_ERROR(WaitForPods());
    for (const SimTime start = clock_.Now(); clock_.Now() - start < config_.begin_after;) {
      Step(SimTime());
      if (Stopping()) return absl::CancelledError("interrupted before the trace began");
      Pause(config_.step);
    }
    if (hooks_.on_begun) hooks_.on_begun();
    const SimTime begin = clock_.Now();
    const SimTime window = config_.pods.window;
    SimTime next_window = window;
    bool complete = true;
    while (true) {
      const SimTime due = std::min(clock_.Now() - begin, trace_.duration());
      // Windows end when they should, even where a step comes late.
      while (next_window <= due) {
        Step(next_window);
        RETURN_IF_ERROR(CloseWindow());
        next_window += window;
      }
      Step(due);
      if (due == trace_.duration()) break;
      if (Stopping()) {
        complete = false;
        break;
      }
      Pause(config_.step);
    }
    if (pods_.now() % window != SimTime()) RETURN_IF_ERROR(CloseWindow());
    return Finish(complete);
  }

  absl::Status CloseWindow() {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(pods_.CloseWindow(snapshot_));
    recorder_.Record(snapshot_);
    if (hooks_.on_window) hooks_.on_window(pods_.now(), snapshot_);
    return absl::OkStatus();
  }

  RunData Finish(bool complete) {
    const std::lock_guard lock(mutex_);
    RunData data = recorder_.Finish();
    data.summary.complete = complete;
    data.summary.policy = "live";
    data.summary.trace = config_.trace.empty() ? config_.scenario : config_.trace;
    data.summary.cluster = config_.cluster.name;
    data.summary.seed = config_.seed;
    data.config_yaml = WriteConfig(config_);
    return data;
  }

  // The objects first, so that nobody scales them any more; then their pods, which drain at once.
  absl::Status CleanUp() {
    if (config_.objects != FleetObjects::kCreate) return absl::OkStatus();
    const absl::Status removed = RemoveFleetObjects(client_, functions_, config_.ns);
    absl::Status first = removed;
    if (config_.deployments) {
      std::vector<FleetPod> left;
      for (const auto& [key, pod] : kubelet_.pods()) left.push_back(pod);
      for (const FleetPod& pod : left) {
        const absl::Status gone =
            client_.Delete({kube::kPods, pod.identity.ns, pod.identity.name}, {.grace_seconds = 0});
        if (!gone.ok() && !absl::IsNotFound(gone) && first.ok()) first = gone;
      }
    }
    return first;
  }

  MetricsSources Sources() {
    MetricsSources sources;
    sources.statistics = [this](const std::string& address) { return Statistics(address); };
    sources.requests = [this](const std::string& address) { return Requests(address); };
    sources.activator = [this] { return Activator(); };
    sources.containers = [this] { return Containers(); };
    sources.targets = [this] { return Targets(); };
    return sources;
  }

  // The rest of the work on what was copied is done without the lock.
  std::optional<std::pair<FleetPod, SimulatedPod>> PodAt(const std::string& address) {
    const std::lock_guard lock(mutex_);
    const FleetPod* pod = kubelet_.AtAddress(address);
    if (pod == nullptr) return std::nullopt;
    return std::make_pair(*pod, *pods_.Find(pod->key));
  }
  std::optional<std::string> Statistics(const std::string& address) {
    const auto found = PodAt(address);
    if (!found) return std::nullopt;
    const SimTime wall = clock_.WallNow();
    return StatisticsText(found->first.identity, found->second.rates, wall - found->first.seen,
                          wall);
  }
  std::optional<std::string> Requests(const std::string& address) {
    const auto found = PodAt(address);
    if (!found) return std::nullopt;
    return RequestMetricsText(found->first.identity, found->second.counters, found->second.rates,
                              config_.pods.metric_names);
  }

  // Knative 1.19 and later: kn_revision_…; earlier: activator_request_concurrency alone.
  std::string Activator() {
    const bool old = config_.pods.metric_names == MetricNames::kOpenCensus;
    MetricFamily queued =
        Gauge("kn_revision_request_queued", "Number of requests waiting for a pod of the revision");
    MetricFamily concurrency =
        Gauge(old ? "activator_request_concurrency" : "kn_revision_request_concurrency",
              "Concurrent requests that are routed to Activator");
    {
      const std::lock_guard lock(mutex_);
      for (uint32_t f = 0; f < functions_.size(); ++f) {
        const std::string& service = functions_[f].service;
        ClientMetric metric;
        metric.label = {{old ? "namespace_name" : "k8s_namespace_name", config_.ns},
                        {old ? "service_name" : "kn_service_name", service},
                        {old ? "configuration_name" : "kn_configuration_name", service},
                        {old ? "revision_name" : "kn_revision_name", RevisionOf(f)}};
        metric.gauge.value = pods_.activator(FunctionId(f)).queued;
        queued.metric.push_back(metric);
        concurrency.metric.push_back(std::move(metric));
      }
    }
    std::vector<MetricFamily> families = {concurrency};
    if (!old) families.push_back(queued);
    return prometheus::TextSerializer().Serialize(families);
  }

  // With mutex_ held. Of a pod that is there; else as Knative names the first.
  std::string RevisionOf(uint32_t function) const {
    for (const auto& [key, pod] : kubelet_.pods()) {
      if (pod.function.index() == function) return revisions_[function] = pod.identity.revision;
    }
    const std::string& last = revisions_[function];
    return last.empty() ? functions_[function].service + "-00001" : last;
  }

  // The request metrics of all pods that answer.
  std::string Targets() {
    nlohmann::json targets = nlohmann::json::array();
    const std::lock_guard lock(mutex_);
    for (const auto& [key, pod] : kubelet_.pods()) {
      if (kubelet_.AtAddress(pod.address) == nullptr) continue;
      const std::string at = fmt::format("{}:{}", pod.address, config_.pods.requests_port);
      targets.push_back({{"targets", {at}},
                         {"labels", {{"namespace", pod.identity.ns}, {"pod", pod.identity.name}}}});
    }
    return targets.dump();
  }

  // What a kubelet's cAdvisor tells of the functions' containers.
  std::string Containers() {
    MetricFamily cpu;
    cpu.name = "container_cpu_usage_seconds_total";
    cpu.help = "Cumulative cpu time consumed in seconds.";
    cpu.type = MetricType::Counter;
    MetricFamily memory =
        Gauge("container_memory_working_set_bytes", "Current working set in bytes.");
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [key, pod] : kubelet_.pods()) {
        const SimulatedPod* simulated = pods_.Find(key);
        if (simulated == nullptr || !simulated->container) continue;
        ClientMetric metric;
        metric.label = {{"namespace", pod.identity.ns},
                        {"pod", pod.identity.name},
                        {"container", FunctionContainer(pod)}};
        metric.counter.value = simulated->counters.cpu_seconds;
        cpu.metric.push_back(metric);
        metric.gauge.value =
            static_cast<double>(pods_.cluster().memory_limit(pod.function).value()) * (1 << 20);
        memory.metric.push_back(std::move(metric));
      }
    }
    return prometheus::TextSerializer().Serialize({cpu, memory});
  }
  static std::string FunctionContainer(const FleetPod& pod) {
    for (const std::string& name : pod.names) {
      if (name != knative::kQueueProxy) return name;
    }
    return "user-container";
  }

  const FleetConfig& config_;
  const Trace& trace_;
  const FleetHooks& hooks_;
  NetClock& clock_ = NetClock::Real();
  const std::vector<FleetFunction> functions_;  // [F]

  KubeCredentials credentials_;
  KubeClient client_, watch_client_;
  std::unique_ptr<ApiWorkers> workers_;
  Informer pod_informer_, deployment_informer_;

  std::mutex mutex_;      // between the loop, which plays, and the servers' threads, which read
  SimulatedPods pods_;    // guarded by mutex_
  RunRecorder recorder_;  // guarded by mutex_
  FleetKubelet kubelet_;  // guarded by mutex_
  mutable std::vector<std::string> revisions_ =
      std::vector<std::string>(functions_.size());  // guarded by mutex_; [F] last seen

  // Of the loop.
  DeploymentStandIn deployments_;
  FleetNode node_;
  Snapshot snapshot_;
  std::unique_ptr<FleetMetricsServer> server_;
};

}  // namespace

absl::StatusOr<RunData> RunFleet(const FleetConfig& config, const Trace& trace,
                                 const Environment& environment, const FleetHooks& hooks) {
  RETURN_IF_ERROR(config.Validate());
  ASSIGN_OR_RETURN(KubeAccess access,
                   FindKubeAccess(config.kubeconfig, config.context, environment));
  ASSIGN_OR_RETURN(std::vector<FleetFunction> functions,
                   FleetFunctions(trace, config.cluster, config.services));
  ASSIGN_OR_RETURN(AddressRange addresses, AddressRange::Parse(config.pods.addresses));
  Fleet fleet(config, trace, std::move(access), std::move(functions), std::move(addresses), hooks);
  return fleet.Run();
}

}  // namespace reeve
