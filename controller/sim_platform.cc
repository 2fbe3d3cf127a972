#include "controller/sim_platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "agents/simulated_policies.h"
#include "controller/window_rows.h"
#include "core/status.h"

namespace reeve {

absl::StatusOr<std::unique_ptr<SimPlatform>> SimPlatform::Create(const SimPlatformSpec& spec,
                                                                 const Trace& trace, uint64_t seed,
                                                                 const LoopClock& clock) {
  absl::StatusOr<std::unique_ptr<Policy>> own =
      MakeSimulatedPolicy(spec.own_policy, trace, spec.cluster, {seed, spec.within_minute});
  if (!own.ok()) {
    return absl::Status(own.status().code(), "sim.own_policy." + MessageOf(own.status()));
  }
  return std::unique_ptr<SimPlatform>(new SimPlatform(spec, trace, seed, clock, *std::move(own)));
}

SimPlatform::SimPlatform(const SimPlatformSpec& spec, const Trace& trace, uint64_t seed,
                         const LoopClock& clock, std::unique_ptr<Policy> own)
    : spec_(spec),
      duration_(trace.duration()),
      clock_(clock),
      cluster_(trace, spec.cluster, seed, MakeArrivalSource(trace, {seed, spec.within_minute})),
      platform_(cluster_, spec.perturbations, seed),
      own_(std::move(own)),
      frozen_(spec.outages.size()) {
  const size_t functions = trace.functions().size();
  for (size_t f = 0; f < functions; ++f) {
    const FunctionProfile& profile = trace.functions()[f];
    LiveFunction& function = catalogue_.functions.emplace_back();
    function.id = profile.name;
    function.name = profile.name;
    function.tenant = trace.tenants()[profile.tenant.index()];
    function.slo_latency = cluster_.slo_latency(FunctionId(static_cast<uint32_t>(f)));
  }
  catalogue_.generation = 1;
  status_.resize(functions);
  taken_.resize(functions);
  asked_.resize(functions);
  at_first_.resize(functions);
  own_decisions_.resize(functions);
  to_apply_.resize(functions);
  cluster_.set_wake([this](FunctionId function, SimTime now, Decision& decision) {
    Wake(function, now, decision);
  });
}

PlatformCapabilities SimPlatform::capabilities() const {
  return {.replicas = true,
          .cpu_limit = true,
          .memory_limit = true,
          .concurrency = true,
          .keep_alive = true,
          .scale_to_zero = true,
          .hand_back = true};
}

void SimPlatform::Wake(FunctionId function, SimTime now, Decision& decision) {
  if (!taken_[function.index()]) {
    own_->Wake(function, now, decision);
  } else if (hooks_.wake) {
    hooks_.wake(function, now, decision);
    if (decision.replicas) asked_[function.index()].replicas = decision.replicas;
  }
  platform_.PerturbWake(function, now, decision);
}

// Where functions are nobody's but ours. In the name of the last period, after whatever the loop
// decided for it; also what makes decisions that are under way arrive.
absl::Status SimPlatform::ApplyOwn() {
  for (size_t f = 0; f < to_apply_.size(); ++f) {
    to_apply_[f] = taken_[f] ? Decision{} : own_decisions_[f];
  }
  return platform_.Apply(to_apply_);
}

absl::Status SimPlatform::Observe(Snapshot& snapshot) {
  if (!started_) {
    started_ = true;
    clock_start_ = clock_.Now();
  } else {
    RETURN_IF_ERROR(ApplyOwn());
    const SimTime period = spec_.cluster.control_period;
    const SimTime whole = period * ((clock_.Now() - clock_start_) / period);
    cluster_.AdvanceTo(std::max(cluster_.now(), std::min(whole, duration_)));
  }
  // Always the same one: the cluster writes only what changed since it filled it last.
  RETURN_IF_ERROR(platform_.Observe(measured_));
  snapshot = measured_;
  std::fill(own_decisions_.begin(), own_decisions_.end(), Decision{});
  RETURN_IF_ERROR(own_->Decide(snapshot, own_decisions_));
  const FunctionWindows& w = snapshot.functions;
  for (size_t f = 0; f < status_.size(); ++f) {
    status_[f].metrics_age = SimTime();
    status_[f].incomplete = false;
    status_[f].detail.clear();
    status_[f].actuation = Actuation::kNone;
    if (!taken_[f]) NoteAsItIs(f, w);
    if (!taken_[f] || !asked_[f].replicas) continue;
    const bool done = w.replicas_asked[f] == static_cast<uint32_t>(*asked_[f].replicas);
    status_[f].actuation = done ? Actuation::kDone : Actuation::kPending;
    status_[f].pending_for = done ? SimTime() : status_[f].pending_for + snapshot.window;
  }
  BreakMetrics(snapshot);
  return absl::OkStatus();
}

// What handing back goes back to.
void SimPlatform::NoteAsItIs(size_t f, const FunctionWindows& w) {
  const auto found = spec_.cluster.functions.find(catalogue_.functions[f].name);
  const bool own = found != spec_.cluster.functions.end() && found->second.keep_alive;
  at_first_[f].cpu_limit = w.cpu_limit[f];
  at_first_[f].memory_limit = w.memory_limit[f];
  at_first_[f].concurrency = w.concurrency_limit[f];
  at_first_[f].keep_alive = own ? *found->second.keep_alive : spec_.cluster.containers.keep_alive;
}

void SimPlatform::BreakMetrics(Snapshot& snapshot) {
  const SimTime now = snapshot.time;
  FunctionWindows& w = snapshot.functions;
  for (size_t o = 0; o < spec_.outages.size(); ++o) {
    const OutageSpec& outage = spec_.outages[o];
    if (now < outage.at || now - outage.at >= outage.length) {
      if (outage.kind == OutageKind::kStale && now < outage.at) frozen_[o] = w;
      continue;
    }
    for (size_t f = 0; f < status_.size(); ++f) {
      if (!outage.tenant.empty() && catalogue_.functions[f].tenant != outage.tenant) continue;
      switch (outage.kind) {
        case OutageKind::kMissing:
          status_[f].incomplete = true;
          status_[f].detail = "an outage of the simulation";
          break;
        case OutageKind::kStale:
          status_[f].metrics_age = now - outage.at + snapshot.window;
          status_[f].detail = "an outage of the simulation";
          if (frozen_[o]) {
            const auto freeze = [f](auto& to, const auto& from) { to[f] = from[f]; };
            VisitEventColumns(freeze, w, *frozen_[o]);
            VisitMeasuredColumns(freeze, w, *frozen_[o]);
          }
          break;
        case OutageKind::kNotANumber:
          w.latency_p99_ms[f] = std::numeric_limits<float>::quiet_NaN();
          w.mean_in_flight[f] = std::numeric_limits<double>::quiet_NaN();
          break;
      }
    }
    w.histograms = nullptr;
  }
}

absl::Status SimPlatform::Apply(std::span<const Decision> decisions) {
  if (decisions.size() == asked_.size()) {
    for (size_t f = 0; f < asked_.size(); ++f) {
      if (decisions[f].replicas) asked_[f].replicas = decisions[f].replicas;
      if (decisions[f].cpu_limit) asked_[f].cpu_limit = decisions[f].cpu_limit;
      if (decisions[f].memory_limit) asked_[f].memory_limit = decisions[f].memory_limit;
      if (decisions[f].concurrency) asked_[f].concurrency = decisions[f].concurrency;
      if (decisions[f].keep_alive) asked_[f].keep_alive = decisions[f].keep_alive;
    }
  }
  return platform_.Apply(decisions);
}

absl::Status SimPlatform::TakeOver(std::span<const FunctionId> functions) {
  for (const FunctionId function : functions) {
    const uint32_t f = function.index();
    if (std::exchange(taken_[f], 1) != 0) continue;
    asked_[f] = {};
  }
  return absl::OkStatus();
}

// What we have set is as it was; the number of containers is the own policy's from now on.
absl::Status SimPlatform::HandBack(std::span<const FunctionId> functions) {
  std::fill(to_apply_.begin(), to_apply_.end(), Decision{});
  for (const FunctionId function : functions) {
    const uint32_t f = function.index();
    if (std::exchange(taken_[f], 0) == 0) continue;
    if (asked_[f].cpu_limit) to_apply_[f].cpu_limit = at_first_[f].cpu_limit;
    if (asked_[f].memory_limit) to_apply_[f].memory_limit = at_first_[f].memory_limit;
    if (asked_[f].concurrency) to_apply_[f].concurrency = at_first_[f].concurrency;
    if (asked_[f].keep_alive) to_apply_[f].keep_alive = at_first_[f].keep_alive;
    asked_[f] = {};
  }
  return platform_.Apply(to_apply_);
}

}  // namespace reeve
