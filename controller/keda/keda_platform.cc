#include "controller/keda/keda_platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "controller/net/listen_address.h"
#include "controller/window_rows.h"
#include "core/check.h"
#include "core/status.h"

namespace reeve {

absl::Status KedaConfig::Validate() const {
  RETURN_IF_ERROR(ParseListenAddress("listen", listen).status());
  if (tls.certificate.empty() != tls.key.empty()) {
    return absl::InvalidArgumentError("tls: certificate and key need each other");
  }
  if (!tls.client_ca.empty() && tls.certificate.empty()) {
    return absl::InvalidArgumentError("tls.client_ca: needs certificate and key");
  }
  if (queries.latency.empty() || queries.ready.empty()) {
    return absl::InvalidArgumentError(
        "queries: latency and ready are needed: without requests and replicas nothing can be "
        "decided");
  }
  if (forget_after <= asked_within) {
    return absl::InvalidArgumentError("forget_after: must be longer than asked_within");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<KedaPlatform>> KedaPlatform::Create(const KedaConfig& config,
                                                                   NetClock& clock,
                                                                   bool ask_ahead) {
  RETURN_IF_ERROR(config.Validate());
  std::unique_ptr<KedaPlatform> platform(new KedaPlatform(config, clock));
  ASSIGN_OR_RETURN(
      platform->service_,
      ScalerService::Start({config.listen, config.tls, config.trust_network}, platform->objects_));
  if (ask_ahead) platform->source_.Start();
  return platform;
}

KedaPlatform::KedaPlatform(const KedaConfig& config, NetClock& clock)
    : config_(config),
      clock_(clock),
      began_(clock.Now()),
      objects_(static_cast<size_t>(config.max_functions), config.forget_after, clock),
      source_(config.prometheus, config.queries, config.metric_range, clock) {}

KedaPlatform::~KedaPlatform() {
  service_.reset();
  source_.Stop();
}

void KedaPlatform::UpdateCatalogue() {
  for (Slot& slot : slots_) slot.present = false;
  bool changed = false;
  for (const ScaledObjects::Known& known : objects_.List()) {
    const auto [at, fresh] = slot_of_key_.emplace(known.object.key(), slots_.size());
    if (fresh) {
      slots_.emplace_back();
      catalogue_.functions.emplace_back();
    }
    Slot& slot = slots_[at->second];
    LiveFunction& function = catalogue_.functions[at->second];
    const ScaledObject& object = known.object;
    changed = changed || fresh || !function.present || slot.object.tenant != object.tenant ||
              slot.object.slo_latency != object.slo_latency;
    slot.object = object;
    slot.present = true;
    slot.unasked = known.unasked;
    function.id = object.key();
    function.name = object.name;
    function.tenant = object.tenant;
    function.present = true;
    function.slo_latency = object.slo_latency;
    function.min_replicas = object.min_replicas;
    function.max_replicas = object.max_replicas;
  }
  for (size_t i = 0; i < slots_.size(); ++i) {
    LiveFunction& function = catalogue_.functions[i];
    if (slots_[i].present || !function.present) continue;
    function.present = false;
    const ScaledObject object = slots_[i].object;
    slots_[i] = Slot();
    slots_[i].object = object;
    changed = true;
  }
  if (changed) ++catalogue_.generation;
}

absl::Status KedaPlatform::Observe(Snapshot& snapshot) {
  const SimTime now = clock_.Now();
  const SimTime window = observed_at_ ? now - *observed_at_ : SimTime();
  observed_at_ = now;
  UpdateCatalogue();
  const std::shared_ptr<const DeploymentRound> round = source_.Collect(now, window);

  snapshot.time = now - began_;
  snapshot.window = window;
  snapshot.functions.Resize(slots_.size());
  snapshot.functions.histograms = nullptr;
  status_.assign(slots_.size(), FunctionStatus());
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    ClearRow(i, snapshot.functions);
    if (!slot.present) {
      status_[i].detail = "KEDA asks no more about it";
      continue;
    }
    const auto found = round->deployments.find(slot.object.ns + "/" + slot.object.deployment);
    const DeploymentFigures* figures =
        round->status.ok() && found != round->deployments.end() ? &found->second : nullptr;
    FillRow(slot, figures, i, window, snapshot.functions);
    FillStatus(slot, figures, *round, now, window, status_[i]);
    JudgeActuation(slot, figures, now, status_[i]);
  }
  FillCluster(*round, snapshot.functions, snapshot.cluster);
  return absl::OkStatus();
}

void KedaPlatform::FillRow(Slot& slot, const DeploymentFigures* figures, size_t row, SimTime window,
                           FunctionWindows& w) const {
  w.slo_latency[row] = slot.object.slo_latency;
  w.concurrency_limit[row] = slot.object.concurrency;
  w.cpu_limit[row] = config_.assumed_cpu;
  w.memory_limit[row] = config_.assumed_memory;
  if (figures == nullptr) {
    slot.memory.in_flight = 0;
    slot.ready.reset();
    return;
  }
  const uint32_t ready = WholeRequests(figures->ready.value_or(0));
  const uint32_t wanted = WholeRequests(figures->replicas.value_or(ready));
  w.containers_ready[row] = ready;
  w.containers_starting[row] = wanted > ready ? wanted - ready : 0;
  w.replicas_asked[row] = slot.asked ? static_cast<uint32_t>(*slot.asked) : wanted;
  if (figures->cpu_limit_cores > 0) {
    w.cpu_limit[row] = Millicores(std::llround(figures->cpu_limit_cores * 1000));
  }
  if (figures->memory_limit_bytes > 0) {
    w.memory_limit[row] = Mebibytes(std::llround(figures->memory_limit_bytes / (1 << 20)));
  }
  if (window > SimTime()) {
    FunctionFigures of_window = figures->figures;
    of_window.failures *= window.seconds();
    if (of_window.latency_seconds) {
      of_window.latency_seconds->Scale(window.seconds());
      of_window.completions = of_window.latency_seconds->total();
    }
    FillFigures(of_window, slot.object.slo_latency, row, slot.memory, w);
    // Replicas that came between two answers; that some went meanwhile cannot be seen.
    if (slot.ready && ready > *slot.ready) w.containers_started[row] = ready - *slot.ready;
    if (slot.ready == 0u) {
      w.cold_starts[row] = std::min(w.containers_started[row], w.arrivals[row]);
    }
  }
  slot.ready = ready;
}

void KedaPlatform::FillStatus(const Slot& slot, const DeploymentFigures* figures,
                              const DeploymentRound& round, SimTime now, SimTime window,
                              FunctionStatus& status) const {
  if (!round.status.ok()) {
    status.detail = MessageOf(round.status);
  } else if (window == SimTime()) {
    status.detail = "the first window has not passed yet";
  } else if (figures == nullptr || !figures->ready) {
    status.detail = fmt::format(
        "Prometheus has no replicas of Deployment {}/{}: is kube-state-metrics scraped, and is the "
        "name in metadata.deployment right?",
        slot.object.ns, slot.object.deployment);
  } else if (*figures->ready > 0 && !figures->present && !figures->figures.latency_seconds) {
    status.detail = fmt::format(
        "Prometheus has no request metrics of Deployment {}/{}: are its pods scraped, and does "
        "keda.queries.latency name their series?",
        slot.object.ns, slot.object.deployment);
  } else {
    status.metrics_age = std::max(SimTime(), now - round.measured_at);
    if (!slot.object.ignored.empty()) {
      status.detail =
          fmt::format("metadata: {} is no key of ours and ignored", slot.object.ignored);
    }
  }
}

void KedaPlatform::JudgeActuation(const Slot& slot, const DeploymentFigures* figures, SimTime now,
                                  FunctionStatus& status) const {
  if (!slot.asked) return;
  if (slot.unasked > config_.asked_within) {
    status.actuation = Actuation::kRefused;
    status.pending_for = slot.unasked;
    status.detail = fmt::format("KEDA has not asked about it for {:.0f} s", slot.unasked.seconds());
    return;
  }
  const double asked = *slot.asked;
  const std::optional<double> replicas = figures == nullptr  ? std::nullopt
                                         : figures->replicas ? figures->replicas
                                                             : figures->ready;
  const bool done = replicas && (*replicas > 0) == (asked > 0) &&
                    std::abs(asked - *replicas) <= config_.hpa_tolerance * *replicas;
  status.actuation = done ? Actuation::kDone : Actuation::kPending;
  if (done) return;
  status.pending_for = now - slot.asked_at;
  if (replicas && status.pending_for > config_.actuation_within) {
    status.detail = fmt::format(
        "{} replicas were asked for and the Deployment has {}: KEDA polls, waits before it scales "
        "down, and holds to the ScaledObject's own bounds",
        *slot.asked, *replicas);
  }
}

void KedaPlatform::FillCluster(const DeploymentRound& round, const FunctionWindows& windows,
                               ClusterState& cluster) {
  cluster = ClusterState();
  cluster.cpu_capacity = Millicores(std::llround(round.cluster_cpu_cores * 1000));
  cluster.memory_capacity = Mebibytes(std::llround(round.cluster_memory_bytes / (1 << 20)));
  cluster.nodes_ready = WholeRequests(round.nodes);
  for (size_t i = 0; i < windows.size(); ++i) {
    const int64_t pods = int64_t{windows.containers_ready[i]} + windows.containers_starting[i];
    cluster.cpu_limits += Millicores(windows.cpu_limit[i].value() * pods);
    cluster.cpu_used_millicores += windows.cpu_used_millicores[i];
    // Without a capacity what is held is not told either (controller/live_platform.h).
    if (cluster.memory_capacity > Mebibytes()) {
      cluster.memory_held += Mebibytes(windows.memory_limit[i].value() * pods);
    }
  }
  // Limits are no reservations: more than there is may be promised, and counts as all of it.
  cluster.memory_held = std::min(cluster.memory_held, cluster.memory_capacity);
}

absl::Status KedaPlatform::Apply(std::span<const Decision> decisions) {
  REEVE_CHECK(decisions.size() == slots_.size());
  const SimTime now = clock_.Now();
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (!decisions[i].replicas || !slot.present) continue;
    const int32_t replicas =
        std::clamp(*decisions[i].replicas, slot.object.min_replicas, slot.object.max_replicas);
    if (slot.asked != replicas) slot.asked_at = now;
    slot.asked = replicas;
    objects_.SetTarget(slot.object.key(), replicas);
  }
  return absl::OkStatus();
}

absl::Status KedaPlatform::HandBack(std::span<const FunctionId> functions) {
  for (const FunctionId function : functions) {
    REEVE_CHECK(function.index() < slots_.size());
    Slot& slot = slots_[function.index()];
    slot.asked.reset();
    objects_.Withdraw(slot.object.key());
  }
  return absl::OkStatus();
}

}  // namespace reeve
