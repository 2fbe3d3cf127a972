#include "controller/openwhisk/openwhisk_platform.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <set>

#include "controller/openwhisk/attachment.h"
#include "controller/openwhisk/window_row.h"
#include "controller/window_rows.h"
#include "core/status.h"

namespace reeve {
namespace {

// Time constant of the rate that a change is judged by.
constexpr SimTime kRateOver = SimTime::Minutes(5);

int64_t Ms(SimTime span) {
  return span.micros() / 1000;
}

}  // namespace

void OpenWhiskPlatform::Slot::ForgetAsked() {
  memory.reset();
  concurrency.reset();
  replicas.reset();
  written = absl::OkStatus();
  to_write = false;
  held.clear();
  told.clear();
}

absl::StatusOr<std::unique_ptr<OpenWhiskPlatform>> OpenWhiskPlatform::Create(
    const OpenWhiskConfig& config, NetClock& clock) {
  return Make(config, clock, /*threads=*/true);
}

absl::StatusOr<std::unique_ptr<OpenWhiskPlatform>> OpenWhiskPlatform::CreateWithoutThreads(
    const OpenWhiskConfig& config, NetClock& clock) {
  return Make(config, clock, /*threads=*/false);
}

absl::StatusOr<std::unique_ptr<OpenWhiskPlatform>> OpenWhiskPlatform::Make(
    const OpenWhiskConfig& config, NetClock& clock, bool threads) {
  RETURN_IF_ERROR(config.Validate());
  if (config.tenants.empty()) {
    return absl::InvalidArgumentError("openwhisk.tenants: name a tenant and its key_file");
  }
  std::unique_ptr<OpenWhiskPlatform> platform(new OpenWhiskPlatform(config, clock));
  // From here on the platform's own copy is referred to.
  const OpenWhiskConfig& own = platform->config_;
  ASSIGN_OR_RETURN(const std::shared_ptr<const TlsIdentity> tls, ReadWhiskTls(own.tls));
  uint64_t seed = static_cast<uint64_t>(clock.WallNow().micros());
  for (const auto& [name, spec] : own.tenants) {
    auto tenant = std::make_unique<Tenant>(name, spec, own.assumed.keep_alive);
    tenant->status = absl::UnavailableError("not read yet");
    tenant->key = std::make_unique<WhiskKey>(spec.key_file, clock);
    if (const auto key = tenant->key->Current(); !key.ok()) {
      return absl::Status(key.status().code(), fmt::format("openwhisk.tenants.{}.key_file: {}",
                                                           name, MessageOf(key.status())));
    }
    const auto options = [&] {
      return WhiskClientOptions{own.endpoint, tls, own.request_timeout, {}, ++seed};
    };
    tenant->source = std::make_unique<TenantSource>(spec, own, !platform->counts_events(),
                                                    options(), *tenant->key, clock);
    tenant->writer = std::make_unique<WhiskClient>(options(), *tenant->key, clock);
    tenant->invoker = std::make_unique<WhiskClient>(options(), *tenant->key, clock);
    platform->tenants_.push_back(std::move(tenant));
  }
  if (platform->counts_events()) {
    std::shared_ptr<const TlsIdentity> exporter_tls;
    if (!own.user_events.ca_file.empty()) {
      ASSIGN_OR_RETURN(exporter_tls, ReadWhiskTls({.ca_file = own.user_events.ca_file}));
    }
    platform->events_ = std::make_unique<UserEventsSource>(own.user_events, exporter_tls, clock);
  }
  if (threads) {
    for (const auto& tenant : platform->tenants_) tenant->source->Start();
    if (platform->events_ != nullptr) platform->events_->Start();
  }
  return platform;
}

OpenWhiskPlatform::OpenWhiskPlatform(const OpenWhiskConfig& config, NetClock& clock)
    : config_(config), clock_(clock), began_(clock.Now()) {}

OpenWhiskPlatform::~OpenWhiskPlatform() {
  for (const auto& tenant : tenants_) tenant->source->Stop();
  if (events_ != nullptr) events_->Stop();
}

PlatformCapabilities OpenWhiskPlatform::capabilities() const {
  return {.replicas = config_.sets.instances || config_.prewarm.enabled,
          .memory_limit = config_.sets.memory,
          .concurrency = config_.sets.concurrency,
          .scale_to_zero = true,
          .hand_back = true};
}

int64_t OpenWhiskPlatform::ServerNow(const Tenant& tenant) const {
  return Ms(clock_.WallNow()) + tenant.ahead_ms;
}

// ---- observing

absl::Status OpenWhiskPlatform::Observe(Snapshot& snapshot) {
  const SimTime now = clock_.Now();
  const SimTime window = observed_at_ ? now - *observed_at_ : SimTime();
  Collect(now, window);
  const bool none = std::none_of(tenants_.begin(), tenants_.end(),
                                 [](const auto& tenant) { return tenant->listed; });
  if (none) {
    return absl::UnavailableError("openwhisk: " + MessageOf(tenants_.front()->status));
  }
  UpdateCatalogue();
  if (events_ != nullptr) CollectEvents(now, window);
  observed_at_ = now;
  window_ = window;
  snapshot.time = now - began_;
  snapshot.window = window;
  snapshot.functions.Resize(slots_.size());
  FillRows(window, snapshot);
  status_.assign(slots_.size(), FunctionStatus());
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].action) {
      status_[i].detail = "the action is gone";
      continue;
    }
    FillStatus(slots_[i], now, status_[i]);
    JudgeActuation(slots_[i], now, status_[i]);
  }
  FillCluster(snapshot.functions, snapshot.cluster);
  // What failed is in the status; that it did is no failure of observing.
  CarryOn(clock_.Now(), {}).IgnoreError();
  return absl::OkStatus();
}

void OpenWhiskPlatform::Collect(SimTime now, SimTime window) {
  // Rounds end just before they are asked for; one that is late is waited for a little.
  SimTime patience = std::min(SimTime::Micros(window.micros() / 4), SimTime::Millis(500));
  if (window == SimTime()) patience = SimTime::Millis(500);
  for (const auto& tenant : tenants_) {
    tenant->fresh = false;
    const SimTime before = clock_.Now();
    std::vector<TenantRound> rounds = tenant->source->Collect(now, window, patience);
    patience = std::max(SimTime(), patience - (clock_.Now() - before));
    for (TenantRound& round : rounds) Absorb(*tenant, round, window);
  }
}

void OpenWhiskPlatform::Absorb(Tenant& tenant, TenantRound& round, SimTime window) {
  tenant.status = round.status;
  if (!round.status.ok()) return;
  tenant.ns = round.ns;
  tenant.bounds = round.bounds;
  const auto index =
      static_cast<size_t>(std::find_if(tenants_.begin(), tenants_.end(),
                                       [&](const auto& other) { return other.get() == &tenant; }) -
                          tenants_.begin());
  if (round.actions) {
    tenant.listed = true;
    std::set<std::string> present;
    for (WhiskAction& action : *round.actions) {
      if (action.sequence || (!action.ns.empty() && action.ns != tenant.ns)) continue;
      present.insert(action.path);
      const auto [entry, added] = slot_of_.try_emplace({index, action.path}, slots_.size());
      if (added) {
        Slot& slot = slots_.emplace_back();
        slot.tenant = index;
        slot.path = action.path;
      }
      SetAction(slots_[entry->second], std::move(action), round.began);
    }
    for (Slot& slot : slots_) {
      if (slot.tenant != index || present.count(slot.path) > 0) continue;
      slot.action.reset();
      slot.ForgetAsked();
    }
  }
  for (const WhiskActivation& a : round.activations) {
    // One that ends after we asked: the server's clock is ahead of ours.
    const int64_t latest = a.end_ms.value_or(a.start_ms);
    const int64_t ahead = latest - round.wall_ms;
    if (ahead > tenant.ahead_ms && ahead < Ms(SimTime::Hours(1))) tenant.ahead_ms = ahead;
  }
  const int64_t now_ms = round.wall_ms + tenant.ahead_ms;
  int64_t count_from = std::numeric_limits<int64_t>::min();
  if (!tenant.read_at) {
    count_from = now_ms;  // what was before is not ours to judge
  } else if (window > SimTime() &&
             (round.began - *tenant.read_at).seconds() > 2 * window.seconds()) {
    count_from = now_ms - Ms(window);
  }
  // Not from the end of the last one where that has been told of already.
  if (!tenant.fresh) tenant.begin_ms = std::max(tenant.end_ms, count_from);
  tenant.end_ms = now_ms;
  if (!counts_events()) tenant.ledger.Add(round.activations, count_from);
  tenant.ledger.ForgetBefore(round.forget_before_ms);
  tenant.fresh = true;
  tenant.read_at = round.began;
}

void OpenWhiskPlatform::SetAction(Slot& slot, WhiskAction action, SimTime known_at) {
  // What was read before our last change says nothing about it.
  if (known_at < slot.known_at) return;
  if (slot.events != nullptr && slot.action && slot.action->version != action.version) {
    slot.events->Renew();
  }
  Tenant& tenant = *tenants_[slot.tenant];
  tenant.ledger.SetAction(action.path, action.version, action.limits.concurrency);
  slot.slo_latency = SimTime::Max();
  if (const nlohmann::json* slo = WhiskAnnotation(action.annotations, config_.slo_annotation)) {
    std::string what;
    SimTime latency;
    if (slo->is_string() && config_internal::ReadScalar(slo->get<std::string>(), latency, what) &&
        latency > SimTime()) {
      slot.slo_latency = latency;
    }
  }
  slot.action = std::move(action);
  slot.known_at = known_at;
}

LiveFunction OpenWhiskPlatform::Describe(const Slot& slot) const {
  const Tenant& tenant = *tenants_[slot.tenant];
  LiveFunction function;
  function.id = tenant.ns + "/" + slot.path;
  function.name = function.id;
  function.tenant = tenant.name;
  function.present = slot.action.has_value();
  function.slo_latency = slot.slo_latency;
  if (!slot.action) return function;
  // What its owner allows.
  std::optional<int64_t> instances = ValuesOf(slot.action->limits).at("instances");
  const WhiskAttachment attachment = AttachmentOf(*slot.action);
  const auto ours = attachment.set.find("instances");
  if (ours != attachment.set.end() && ours->second == instances) {
    instances = attachment.before.at("instances");
  }
  if (instances) function.max_replicas = static_cast<int32_t>(*instances);
  return function;
}

void OpenWhiskPlatform::UpdateCatalogue() {
  bool changed = false;
  for (size_t i = 0; i < slots_.size(); ++i) {
    LiveFunction function = Describe(slots_[i]);
    if (i == catalogue_.functions.size()) {
      catalogue_.functions.push_back(std::move(function));
      changed = true;
      continue;
    }
    LiveFunction& known = catalogue_.functions[i];
    function.id = known.id;
    changed = changed || known.present != function.present || known.name != function.name ||
              known.slo_latency != function.slo_latency;
    known = std::move(function);
  }
  if (changed) ++catalogue_.generation;
}

void OpenWhiskPlatform::CollectEvents(SimTime now, SimTime window) {
  std::shared_ptr<const EventRound> round = events_->Collect(now, window);
  events_fresh_ = round->status.ok() && (!events_at_ || round->began > *events_at_);
  if (events_fresh_) {
    events_window_ = events_at_ ? round->began - *events_at_ : SimTime();
    events_at_ = round->began;
  }
  event_round_ = std::move(round);
}

void OpenWhiskPlatform::Remember(Slot& slot, ActionFigures figures, SimTime window) {
  const double seconds = window.seconds();
  if (seconds > 0) {
    const double weight = std::min(1.0, seconds / kRateOver.seconds());
    slot.rate_rps += weight * (figures.arrivals / seconds - slot.rate_rps);
  }
  if (figures.failures > 0) slot.failed_at = clock_.Now();
  slot.figures = std::move(figures);
}

void OpenWhiskPlatform::FillRows(SimTime window, Snapshot& snapshot) {
  if (histograms_.size() != slots_.size()) histograms_ = WindowHistograms(slots_.size());
  histograms_.Clear();
  FunctionWindows& w = snapshot.functions;
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    Tenant& tenant = *tenants_[slot.tenant];
    if (!slot.action) {
      ClearRow(i, w);
      continue;
    }
    if (counts_events() && events_fresh_) {
      static const EventCounters kNone;
      const auto found = event_round_->table.find(tenant.ns + "/" + slot.path);
      if (slot.events == nullptr) {
        slot.events = std::make_unique<EventDifferences>(config_.assumed.keep_alive);
      }
      Remember(slot,
               slot.events->Take(found == event_round_->table.end() ? kNone : found->second,
                                 *events_at_, events_window_, slot.action->limits.concurrency),
               events_window_);
    } else if (!counts_events() && tenant.fresh) {
      Remember(slot, tenant.ledger.Take(slot.path, tenant.begin_ms, tenant.end_ms), window);
    }
    FillWhiskRow(slot.figures, slot.action->limits, slot.slo_latency, config_.assumed, i, w,
                 histograms_);
    w.replicas_asked[i] = static_cast<uint32_t>(std::max(0, slot.replicas.value_or(0)));
  }
  w.histograms = counts_events() ? nullptr : &histograms_;
}

void OpenWhiskPlatform::FillStatus(const Slot& slot, SimTime now, FunctionStatus& status) const {
  const Tenant& tenant = *tenants_[slot.tenant];
  const absl::Status& read =
      tenant.status.ok() && counts_events() ? event_round_->status : tenant.status;
  const bool fresh = counts_events() ? events_fresh_ : tenant.fresh;
  const std::optional<SimTime>& at = counts_events() ? events_at_ : tenant.read_at;
  if (at) status.metrics_age = std::max(SimTime(), now - *at);
  if (window_ == SimTime()) {
    status.metrics_age = SimTime::Max();
    status.detail = "the first window has not passed yet";
  } else if (!read.ok()) {
    status.incomplete = true;
    status.detail = MessageOf(read);
  } else if (!fresh) {
    status.incomplete = true;
    status.detail = "what happened in this window was not read in time";
  }
}

void OpenWhiskPlatform::FillCluster(const FunctionWindows& w, ClusterState& cluster) const {
  cluster = {};
  const WhiskAssumedSpec& assumed = config_.assumed;
  cluster.cpu_capacity = assumed.cpu_capacity;
  cluster.memory_capacity = assumed.memory_capacity;
  cluster.nodes_ready = static_cast<uint32_t>(assumed.nodes);
  // Without capacity nothing is held either (live_platform.h).
  if (assumed.memory_capacity == Mebibytes()) return;
  for (size_t i = 0; i < w.size(); ++i) {
    const auto containers = static_cast<int64_t>(w.containers_ready[i]);
    cluster.memory_held += Mebibytes(containers * w.memory_limit[i].value());
    cluster.cpu_limits += Millicores(containers * w.cpu_limit[i].value());
  }
  // These are estimates; more than there is cannot be held.
  cluster.memory_held = std::min(cluster.memory_held, cluster.memory_capacity);
}

void OpenWhiskPlatform::JudgeActuation(const Slot& slot, SimTime now,
                                       FunctionStatus& status) const {
  if (!slot.asked()) return;
  const auto say = [&](Actuation actuation, const std::string& detail) {
    status.actuation = actuation;
    if (status.detail.empty()) status.detail = detail;
    if (actuation != Actuation::kDone) status.pending_for = now - slot.asked_at;
  };
  const absl::Status& written = slot.written;
  if (!written.ok()) {
    say(WhiskFailureMayPass(written) ? Actuation::kPending : Actuation::kRefused,
        MessageOf(written));
  } else if (!slot.to_write && IsOverridden(*slot.action)) {
    say(Actuation::kOverridden, "somebody else has changed the limits that were set");
  } else if (!slot.held.empty()) {
    say(Actuation::kPending, "not changed: " + slot.held);
  } else if (config_.prewarm.enabled && slot.replicas &&
             slot.figures.containers < static_cast<uint32_t>(std::max(0, *slot.replicas))) {
    const bool late = now - slot.asked_at > config_.actuation_within;
    say(Actuation::kPending,
        late ? fmt::format("{} containers are to be warm and about {} are{}{}", *slot.replicas,
                           slot.figures.containers, slot.prewarm_status.ok() ? "" : ": ",
                           MessageOf(slot.prewarm_status))
             : "");
  } else {
    say(Actuation::kDone, slot.told);
  }
}

}  // namespace reeve
