#include "controller/knative/knative_platform.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "controller/knative/names.h"
#include "controller/knative/trimmed_objects.h"
#include "controller/kube/json_reading.h"
#include "controller/kube/quantity.h"
#include "controller/window_rows.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

std::string IdentityOf(const KnativeLease& lease) {
  if (!lease.identity.empty()) return lease.identity;
  char host[256] = "reeve";
  ::gethostname(host, sizeof(host) - 1);
  return fmt::format("{}_{}", host, ::getpid());
}

LeaseOptions LeaseOf(const KnativeConfig& config, const KubeAccess& access) {
  LeaseOptions lease;
  lease.ns = config.lease.ns.empty() ? access.default_namespace : config.lease.ns;
  lease.name = config.lease.name;
  lease.identity = IdentityOf(config.lease);
  lease.lease_duration = config.lease.duration;
  lease.renew_deadline = config.lease.renew_deadline;
  lease.retry = config.lease.retry;
  return lease;
}

// "v1.21.3" and "1.21": major and minor.
std::optional<std::pair<int, int>> ReleaseOf(std::string_view text) {
  if (!text.empty() && text[0] == 'v') text.remove_prefix(1);
  std::pair<int, int> release;
  const auto [dot, error] = std::from_chars(text.data(), text.data() + text.size(), release.first);
  const char* const end = text.data() + text.size();
  if (error != std::errc() || dot == end || *dot != '.') return std::nullopt;
  if (std::from_chars(dot + 1, end, release.second).ec != std::errc()) return std::nullopt;
  return release;
}

}  // namespace

absl::Status KnativeConfig::Validate() const {
  if (class_name.empty() || class_name.ends_with("knative.dev")) {
    return absl::InvalidArgumentError("class_name: Knative keeps names that end in knative.dev");
  }
  if (lease.enabled) {
    LeaseOptions options;
    options.identity = "x";
    options.lease_duration = lease.duration;
    options.renew_deadline = lease.renew_deadline;
    options.retry = lease.retry;
    return options.Validate();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<KnativePlatform>> KnativePlatform::Create(
    const KnativeConfig& config, const Environment& environment, NetClock& clock) {
  RETURN_IF_ERROR(config.Validate());
  ASSIGN_OR_RETURN(KubeAccess access,
                   FindKubeAccess(config.kubeconfig, config.context, environment));
  std::unique_ptr<KnativePlatform> platform(new KnativePlatform(config, std::move(access), clock));
  platform->Start();
  return platform;
}

KnativePlatform::KnativePlatform(const KnativeConfig& config, KubeAccess access, NetClock& clock)
    : config_(config), clock_(clock), began_(clock.Now()), credentials_(std::move(access), clock) {
  const uint64_t seed = static_cast<uint64_t>(clock.WallNow().micros());
  KubeClientOptions options;
  options.user_agent = "reeve";
  options.seed = seed;
  // A loop is to be back soon after its server is, and one client more does not hurt a server:
  // half a minute, as client-go waits, is for crowds of them.
  BackoffOptions backoff;
  backoff.most = config.reconnect;
  backoff.first = std::min(backoff.first, config.reconnect);
  options.backoff = backoff;
  watch_client_ = std::make_unique<KubeClient>(credentials_, options, clock);
  // Writes end before another leader may begin (controller/kube/leader_elector.h), and a tick does
  // not wait long for one.
  options.requests_per_second = config.writes_per_second;
  options.burst = 2 * config.writes_per_second + 1;
  options.request_timeout = SimTime::Seconds(2);
  options.patience = SimTime::Millis(500);  // the next tick tries again
  client_ = std::make_unique<KubeClient>(credentials_, options, clock);
  options.requests_per_second = options.burst = 50;
  options.patience = SimTime();
  lease_client_ = std::make_unique<KubeClient>(credentials_, options, clock);
  writer_ = std::make_unique<ObjectWriter>(*client_, clock);

  uint64_t number = 0;
  const auto watch = [&](const ResourceType& type, const std::string& selector,
                         void (*trim)(json&) = nullptr) {
    InformerOptions informer;
    informer.ns = type.namespaced ? config.ns : "";
    informer.label_selector = selector;
    informer.seed = seed + 1000 * ++number;
    informer.backoff = backoff;
    informer.trim = trim;
    return std::make_unique<Informer>(*watch_client_, type, informer, clock);
  };
  services_ = watch(knative::kServices, "", TrimService);
  revisions_ = watch(knative::kRevisions, "", TrimRevision);
  autoscalers_ = watch(knative::kPodAutoscalers, "");
  deployments_ = watch(kube::kDeployments, std::string(knative::kRevisionLabel), TrimDeployment);
  pods_ = watch(kube::kPods, std::string(knative::kRevisionLabel), TrimPod);
  nodes_ = watch(kube::kNodes, "", TrimNode);
  if (config.attach == AttachMode::kOwnClass) {
    serverless_services_ = watch(knative::kServerlessServices, "");
  }
  if (config.metrics == MetricsFrom::kDirect) {
    direct_ = std::make_unique<DirectSource>(config.direct, clock);
  } else {
    prometheus_ = std::make_unique<PrometheusSource>(config.prometheus, config.metric_names,
                                                     config.metric_range, clock);
  }
  if (config.lease.enabled && config.attach != AttachMode::kObserve) {
    elector_ = std::make_unique<ShardElector>(
        *lease_client_, LeaseOf(config, credentials_.access()), config.lease.shards, clock);
  }
  const bool acts = config.attach != AttachMode::kObserve;
  capabilities_.replicas = acts;
  capabilities_.hand_back = acts;
  capabilities_.scale_to_zero = acts;
}

KnativePlatform::~KnativePlatform() {
  // First the right to act, so that another instance can go on at once.
  if (elector_ != nullptr) elector_->Stop();
  if (direct_ != nullptr) direct_->Stop();
  if (prometheus_ != nullptr) prometheus_->Stop();
}

void KnativePlatform::Start() {
  FindCapabilities();
  FindAnnotatedObject();
  for (Informer* informer :
       {services_.get(), revisions_.get(), autoscalers_.get(), deployments_.get(), pods_.get(),
        nodes_.get(), serverless_services_.get()}) {
    if (informer != nullptr) informer->Start();
  }
  if (direct_ != nullptr) {
    direct_->Start([this] { return Healthy().ok() ? Views() : std::vector<RevisionView>(); });
  }
  if (prometheus_ != nullptr) prometheus_->Start();
  if (elector_ != nullptr) elector_->Start();
}

void KnativePlatform::AwaitLists(SimTime most) {
  const SimTime end = clock_.Now() + most;
  const StopSignal never;
  while (!Healthy().ok() && clock_.Now() < end) clock_.WaitFor(SimTime::Millis(20), never);
}

void KnativePlatform::FindCapabilities() {
  if (!config_.resize || config_.attach == AttachMode::kObserve) return;
  const auto found = client_->GetPath("/api/v1");
  if (!found.ok()) {
    spdlog::warn("knative: whether pods can be resized is not known: {}",
                 MessageOf(found.status()));
    return;
  }
  bool resizable = false;
  if (const json* resources = ArrayAt(*found, "resources")) {
    for (const json& resource : *resources) resizable |= TextAt(resource, "name") == "pods/resize";
  }
  if (!resizable) {
    spdlog::warn(
        "knative: this cluster cannot resize pods in place (Kubernetes 1.33 can): CPU and "
        "memory stay as they are");
  }
  capabilities_.cpu_limit = capabilities_.memory_limit = resizable;
}

void KnativePlatform::FindAnnotatedObject() {
  if (config_.annotated != AnnotatedObject::kAuto) {
    annotated_ = config_.annotated;
    return;
  }
  if (config_.attach == AttachMode::kObserve) {
    annotated_ = AnnotatedObject::kRevision;
    return;
  }
  // Not always readable for us: then it is found out by the first write.
  const auto controller = client_->Get({kube::kDeployments, "knative-serving", "controller"});
  if (!controller.ok()) return;
  const auto release = ReleaseOf(LabelOf(*controller, "app.kubernetes.io/version").value_or(""));
  if (!release) return;
  annotated_ =
      *release >= std::pair(1, 21) ? AnnotatedObject::kRevision : AnnotatedObject::kPodAutoscaler;
  spdlog::info("knative: release {}.{}: annotations go to the {}", release->first, release->second,
               *annotated_ == AnnotatedObject::kRevision ? "revision" : "PodAutoscaler");
}

bool KnativePlatform::MayAct() const {
  if (config_.attach == AttachMode::kObserve) return false;
  return elector_ == nullptr || elector_->HoldsAny();
}

bool KnativePlatform::MayActOn(FunctionId function) const {
  if (config_.attach == AttachMode::kObserve) return false;
  return elector_ == nullptr || elector_->Holds(slots_[function.index()].shard);
}

std::string KnativePlatform::Leader() const {
  std::string all;
  for (int shard = 0; elector_ != nullptr && shard < elector_->shards(); ++shard) {
    if (shard > 0) all += ", ";
    all += elector_->Holder(shard);
  }
  return all;
}

absl::Status KnativePlatform::Healthy() const {
  for (const Informer* informer : {revisions_.get(), autoscalers_.get(), deployments_.get(),
                                   pods_.get(), services_.get(), serverless_services_.get()}) {
    if (informer == nullptr) continue;
    const InformerHealth health = informer->health();
    if (health.synced) continue;
    return absl::UnavailableError(
        fmt::format("knative: {} are not known yet{}{}", informer->type().plural,
                    health.last_failure.ok() ? "" : ": ", MessageOf(health.last_failure)));
  }
  return absl::OkStatus();
}

SimTime KnativePlatform::OldestContact() const {
  SimTime oldest = SimTime::Max();
  for (const Informer* informer :
       {revisions_.get(), autoscalers_.get(), deployments_.get(), pods_.get()}) {
    const InformerHealth health = informer->health();
    // A watch without events is in order: bookmarks come about once a minute.
    if (!health.last_failure.ok()) oldest = std::min(oldest, health.last_contact);
  }
  return oldest;
}

}  // namespace reeve
