#include "controller/control_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include "agents/adapt/metrics_check.h"
#include "controller/window_rows.h"
#include "core/status.h"

namespace reeve {

ControlLoop::ControlLoop(LoopOptions options, LivePlatform& platform, TenantModes& modes,
                         LoopClock& clock)
    : spec_(options.spec),
      make_policy_(std::move(options.make_policy)),
      make_fallback_(std::move(options.make_fallback)),
      sinks_(std::move(options.sinks)),
      platform_(platform),
      modes_(modes),
      clock_(clock),
      can_(platform.capabilities()),
      past_(std::move(options.history)),
      left_taken_(std::move(options.left_taken)),
      writes_(options.spec.writes, can_) {
  LivePlatform::Hooks hooks;
  hooks.wake = [this](FunctionId slot, SimTime now, Decision& decision) {
    decision = WakeDecision(slot.index(), now);
    // The platform carries it out as it is.
    if (decision != Decision{}) writes_.NoteCarriedOut(slot.index(), decision, clock_.Now());
  };
  hooks.poke = [this](FunctionId slot) {
    {
      const std::lock_guard lock(mutex_);
      pokes_.push_back(slot.index());
    }
    clock_.Interrupt();
  };
  platform_.SetHooks(std::move(hooks));
}

ControlLoop::~ControlLoop() {
  platform_.SetHooks({});
}

void ControlLoop::Stop() {
  stop_ = true;
  clock_.Interrupt();
}

absl::Status ControlLoop::Run(const std::function<bool()>& stop) {
  Tell({.kind = EventKind::kStart,
        .message =
            fmt::format("control of {} every {} s", platform_.name(), spec_.period.seconds())});
  const auto stopping = [&] { return stop_.load() || (stop && stop()); };
  const SimTime start = clock_.Now();
  uint64_t skipped = 0;
  for (int64_t tick = 0; !stopping();) {
    const SimTime due = start + spec_.period * tick;
    if (clock_.Now() < due) {
      clock_.WaitUntil(due);
      HandlePokes();
      continue;
    }
    Tick(static_cast<uint64_t>(tick), due, skipped);
    if (platform_.Ended()) break;
    // The next that is not past already: what could not be in time is left out, not made up for.
    const int64_t past = (clock_.Now() - start + spec_.period - SimTime::Micros(1)) / spec_.period;
    const int64_t next = std::max(tick + 1, past);
    skipped = static_cast<uint64_t>(next - tick - 1);
    tick = next;
  }
  const absl::Status handed_back = HandBackAtEnd();
  Tell({.kind = EventKind::kStop,
        .warning = !handed_back.ok(),
        .message = handed_back.ok() ? "the loop ended" : MessageOf(handed_back)});
  return handed_back;
}

void ControlLoop::Tick(uint64_t tick, SimTime due, uint64_t skipped) {
  TickRecord record;
  record.tick = tick;
  record.time = clock_.Now();
  record.wall_us = clock_.WallMicros();
  record.lateness = record.time - due;
  record.skipped = skipped;
  ++ticks_;
  skipped_ += skipped;
  TellModeChanges();
  Observe(record);
  if (functions_) {
    Judge(record);
    Decide(record);
    Choose(record);
    Act(record, due + spec_.period);
    TellCarriedOut();
  }
  Finish(record);
}

void ControlLoop::Observe(TickRecord& record) {
  const bool first = !functions_;
  const SimTime last = live_.time;
  const absl::Status status = platform_.Observe(observed_);
  record.observed = status.ok();
  record.acting = platform_.MayAct();
  record.observe = clock_.Now() - record.time;
  if (record.observed != last_observed_) {
    Tell({.kind = EventKind::kPlatform,
          .warning = !record.observed,
          .message = record.observed ? "the platform answers again"
                                     : "cannot observe: " + MessageOf(status)});
  }
  last_observed_ = record.observed;
  if (record.acting != last_acting_) {
    Tell({.kind = EventKind::kLeadership,
          .message = record.acting ? "this instance leads" : "another instance leads"});
  }
  last_acting_ = record.acting;
  if (!record.observed) return;
  std::swap(live_, observed_);
  const uint64_t generation = platform_.catalogue().generation;
  if (first || generation != generation_) OnCatalogue(generation);
  cluster_fault_ = ClusterFault(first, last);
}

std::string_view ControlLoop::ClusterFault(bool first, SimTime last) const {
  if (!ColumnsFit(live_.functions, slots_.size())) {
    return MetricsFaultName(MetricsFault::kWrongSize);
  }
  if (!first && live_.time <= last) return MetricsFaultName(MetricsFault::kTimeStands);
  if (live_.window < SimTime() || (!first && live_.window == SimTime())) {
    return MetricsFaultName(MetricsFault::kNoWindow);
  }
  if (!spec_.possible.enabled) return "";
  const ClusterState& cluster = live_.cluster;
  if (!std::isfinite(cluster.cpu_used_millicores)) {
    return MetricsFaultName(MetricsFault::kNotANumber);
  }
  if (cluster.cpu_used_millicores < 0 || cluster.memory_held < Mebibytes()) {
    return MetricsFaultName(MetricsFault::kNegative);
  }
  const double most =
      static_cast<double>(cluster.memory_capacity.value()) * (1 + spec_.possible.memory_tolerance);
  return static_cast<double>(cluster.memory_held.value()) > most
             ? MetricsFaultName(MetricsFault::kTooMuchMemory)
             : "";
}

void ControlLoop::Judge(const TickRecord& record) {
  const std::span<const FunctionStatus> status = platform_.Status();
  for (size_t i = 0; i < functions_->size(); ++i) {
    const size_t slot = functions_->slot(i);
    std::string_view fault = record.observed ? cluster_fault_ : "unreachable";
    if (fault.empty()) fault = FaultOf(status[slot], slot);
    slots_[slot].fault = fault;
    sound_[i] = fault.empty();
  }
}

std::string_view ControlLoop::FaultOf(const FunctionStatus& status, size_t slot) const {
  if (status.incomplete || status.metrics_age == SimTime::Max()) return "missing";
  if (status.metrics_age > spec_.numbers.max_age) return "stale";
  if (!spec_.possible.enabled) return "";
  const MetricsFault fault = CheckFunctionMetrics(live_.functions, slot, spec_.possible);
  return fault == MetricsFault::kNone ? "" : MetricsFaultName(fault);
}

void ControlLoop::Decide(TickRecord& record) {
  const SimTime begin = clock_.Now();
  std::fill(wished_.begin(), wished_.end(), Decision{});
  std::fill(fallback_wished_.begin(), fallback_wished_.end(), Decision{});
  const size_t n = functions_->size();
  // Of a snapshot that cannot be true as a whole no policy hears.
  if (record.observed && cluster_fault_.empty() && n > 0) {
    functions_->Project(live_, view_);
    view_.time += policy_shift_;
    functions_->Repair(sound_, view_);
    if (!policy_.policy || policy_failed_) MakePoliciesAgain(record.time);
    policy_failed_ = !Ask(policy_, "the policy", wished_, policy_failed_);
    fallback_failed_ = !Ask(fallback_, "the fallback", fallback_wished_, fallback_failed_);
    Remember();
  }
  for (size_t i = 0; i < n; ++i) {
    Slot& slot = slots_[functions_->slot(i)];
    if (policy_failed_ && slot.fault.empty()) slot.fault = "policy_failed";
    slot.trust.Update(spec_.numbers, record.time, slot.fault.empty());
  }
  record.decide = clock_.Now() - begin;
}

// Whether it decided.
bool ControlLoop::Ask(LivePolicy& policy, std::string_view what, std::span<Decision> decisions,
                      bool failed_before) {
  if (!policy.policy) return false;
  const absl::Status status = policy.policy->Decide(view_, decisions);
  if (status.ok()) {
    if (failed_before) {
      Tell({.kind = EventKind::kPolicy, .message = fmt::format("{} decides again", what)});
    }
    return true;
  }
  std::fill(decisions.begin(), decisions.end(), Decision{});
  if (!failed_before) {
    Tell({.kind = EventKind::kPolicy,
          .warning = true,
          .message = fmt::format("{} failed: {}", what, MessageOf(status))});
  }
  return false;
}

void ControlLoop::TellCarriedOut() {
  if (!policy_.policy || !policy_.carried_out) return;
  for (size_t i = 0; i < records_.size(); ++i) {
    const FunctionRecord& r = records_[i];
    carried_out_[i] = r.ours && r.decider == Decider::kPolicy && r.why.empty() ? 1 : 0;
  }
  policy_.carried_out(carried_out_);
}

void ControlLoop::Finish(TickRecord& record) {
  record.wakes = std::exchange(wakes_, 0);
  record.catalogue = &platform_.catalogue();
  record.status = platform_.Status();
  record.snapshot = &live_;
  record.view = record.observed && cluster_fault_.empty() ? &view_ : nullptr;
  record.functions = records_;
  std::optional<AdaptationNow> adaptation;
  if (policy_.policy && policy_.adaptation) adaptation = policy_.adaptation();
  record.adaptation = adaptation ? &*adaptation : nullptr;
  TellChanges(record);
  before_ = records_;
  for (LoopSink* sink : sinks_) sink->OnTick(record);
  Publish(record);
}

void ControlLoop::Publish(const TickRecord& record) {
  auto state = std::make_shared<LoopState>();
  state->ticks = ticks_;
  state->skipped = skipped_;
  state->wall_us = record.wall_us;
  state->time = record.time;
  state->observed = record.observed;
  state->acting = record.acting;
  state->policy_ready = policy_.policy != nullptr && !policy_failed_;
  if (record.adaptation != nullptr) state->adaptation = *record.adaptation;
  state->functions.reserve(records_.size());
  for (const FunctionRecord& function : records_) {
    const FunctionStatus& status = record.status[function.slot];
    FunctionState& shown = state->functions.emplace_back();
    shown.function = record.catalogue->functions[function.slot];
    shown.record = function;
    shown.in_force = writes_.in_force(function.slot);
    if (function.slot < live_.functions.size()) {
      shown.containers_ready = live_.functions.containers_ready[function.slot];
      shown.containers_starting = live_.functions.containers_starting[function.slot];
      shown.replicas_asked = live_.functions.replicas_asked[function.slot];
    }
    shown.metrics_age = status.metrics_age;
    shown.detail = status.detail;
  }
  const std::lock_guard lock(mutex_);
  state_ = std::move(state);
}

std::shared_ptr<const LoopState> ControlLoop::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::vector<std::string> ControlLoop::Ours() const {
  std::vector<std::string> ours;
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].ours) ours.push_back(platform_.catalogue().functions[slot].id);
  }
  return ours;
}

void ControlLoop::NoteModeChange(const std::string& tenant, const TenantMode& mode) {
  const std::lock_guard lock(mutex_);
  mode_changes_.emplace_back(tenant, mode);
}

void ControlLoop::TellModeChanges() {
  std::vector<std::pair<std::string, TenantMode>> changes;
  {
    const std::lock_guard lock(mutex_);
    changes.swap(mode_changes_);
  }
  for (const auto& [tenant, mode] : changes) {
    Tell({.kind = EventKind::kMode,
          .tenant = tenant,
          .message = fmt::format("{}{}", NameOf(mode.mode), mode.paused ? ", paused" : "")});
  }
}

void ControlLoop::Tell(EventRecord event) {
  event.wall_us = clock_.WallMicros();
  if (event.function != nullptr && event.tenant.empty()) event.tenant = event.function->tenant;
  for (LoopSink* sink : sinks_) sink->OnEvent(event);
}

// When much happens at once, say that metrics of all functions are gone, one event stands for many.
void ControlLoop::TellChanges(const TickRecord& record) {
  if (!functions_) return;
  constexpr size_t kSingly = 10;
  struct Change {
    EventKind kind;
    bool warning;
    std::string what;
    std::vector<uint32_t> slots;
  };
  std::map<std::string, Change> changes;
  const auto note = [&](EventKind kind, bool warning, const std::string& what, uint32_t slot) {
    Change& change = changes.try_emplace(what, Change{kind, warning, what, {}}).first->second;
    change.slots.push_back(slot);
  };
  const bool same_functions = before_.size() == records_.size();
  for (size_t i = 0; i < records_.size(); ++i) {
    const FunctionRecord& now = records_[i];
    const bool known = same_functions && before_[i].slot == now.slot;
    const TrustStage stage_before = known ? before_[i].stage : TrustStage::kTrusted;
    if (now.stage != stage_before) {
      const bool sound = now.stage == TrustStage::kTrusted;
      note(EventKind::kTrust, !sound,
           sound ? "numbers are sound again"
                 : fmt::format("{}: {}", NameOf(now.stage), slots_[now.slot].fault),
           now.slot);
    }
    const Actuation was = known ? before_[i].actuation : Actuation::kNone;
    const bool trouble =
        now.actuation == Actuation::kRefused || now.actuation == Actuation::kOverridden;
    if (now.actuation != was && trouble) {
      note(EventKind::kActuation, true,
           fmt::format("{}: {}", NameOf(now.actuation), record.status[now.slot].detail), now.slot);
    }
  }
  for (const auto& [what, change] : changes) {
    if (change.slots.size() > kSingly) {
      Tell({.kind = change.kind,
            .warning = change.warning,
            .message = fmt::format("{} functions: {}", change.slots.size(), what)});
      continue;
    }
    for (const uint32_t slot : change.slots) {
      Tell({.kind = change.kind,
            .warning = change.warning,
            .function = &record.catalogue->functions[slot],
            .tenant = "",
            .message = what});
    }
  }
}

}  // namespace reeve
