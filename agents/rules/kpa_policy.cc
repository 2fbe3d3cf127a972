#include "agents/rules/kpa_policy.h"

#include <fmt/format.h>

#include <cmath>

namespace reeve {

uint32_t KpaPolicy::SpecFor(int32_t concurrency_limit) {
  for (uint32_t s = 0; s < specs_.size(); ++s) {
    if (spec_concurrency_[s] == concurrency_limit) return s;
  }
  spec_concurrency_.push_back(concurrency_limit);
  specs_.push_back(ResolveKpaSpec(options_, concurrency_limit));
  return static_cast<uint32_t>(specs_.size() - 1);
}

void KpaPolicy::AddFunctions(const Snapshot& snapshot, std::span<Decision> decisions) {
  const FunctionWindows& windows = snapshot.functions;
  const size_t known = functions_.size();
  functions_.reserve(windows.size());
  for (size_t f = known; f < windows.size(); ++f) {
    const int32_t concurrency = windows.concurrency_limit[f];
    const int32_t ready = static_cast<int32_t>(windows.containers_ready[f]);
    const uint32_t spec = SpecFor(concurrency);
    concurrency_of_.push_back(concurrency);
    spec_of_.push_back(spec);
    functions_.emplace_back(options_, specs_[spec], snapshot.time, ready);
    dormant_.push_back(functions_.back().Dormant());
    if (ready == 0) decisions[f].replicas = KpaFunction::Initial(options_);
  }
}

absl::Status KpaPolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  const FunctionWindows& windows = snapshot.functions;
  const size_t known = functions_.size();
  if (decisions.size() != windows.size() || windows.size() < known) {
    return absl::InvalidArgumentError(
        fmt::format("kpa: {} decisions for {} functions, of which {} are known; there must be one "
                    "decision per function, and functions do not disappear",
                    decisions.size(), windows.size(), known));
  }
  if (started_ && snapshot.time < last_) {
    return absl::InvalidArgumentError(
        fmt::format("kpa: the snapshot of {} s comes after the one of {} s; snapshots must come in "
                    "time order",
                    snapshot.time.seconds(), last_.seconds()));
  }
  const bool tick = !started_ || snapshot.time >= next_tick_;
  if (tick) {
    // Ticks keep their phase unless the control period is longer than a tick.
    next_tick_ = started_ ? next_tick_ + options_.tick : snapshot.time + options_.tick;
    if (next_tick_ <= snapshot.time) next_tick_ = snapshot.time + options_.tick;
  }
  started_ = true;
  last_ = snapshot.time;
  if (windows.size() > known) AddFunctions(snapshot, decisions);

  const SimTime begin = snapshot.time - snapshot.window;
  const double seconds = snapshot.window.seconds();
  const bool rps = options_.metric == KpaMetric::kRps;
  for (size_t f = 0; f < windows.size(); ++f) {
    const double requests = windows.mean_in_flight[f] + windows.mean_queued[f];
    const double load = rps ? (seconds > 0 ? windows.arrivals[f] / seconds : 0.0) : requests;
    const int32_t ready = static_cast<int32_t>(windows.containers_ready[f]);
    // Numbers that cannot be would stay in the windows for good.
    const bool possible = std::isfinite(load) && load >= 0;
    const bool observed = possible && (ready > 0 || requests > 0 || load > 0);
    if (dormant_[f] && !observed) {
      if (tick) decisions[f].replicas = 0;
      continue;
    }
    if (concurrency_of_[f] != windows.concurrency_limit[f]) {
      concurrency_of_[f] = windows.concurrency_limit[f];
      spec_of_[f] = SpecFor(concurrency_of_[f]);
    }
    KpaFunction& function = functions_[f];
    if (observed) function.Record(begin, snapshot.time, load);
    if (!tick) continue;
    const auto replicas = function.Tick(options_, specs_[spec_of_[f]], snapshot.time, ready);
    if (replicas) decisions[f].replicas = replicas;
    dormant_[f] = ready == 0 && function.Dormant();
  }
  return absl::OkStatus();
}

void KpaPolicy::Wake(FunctionId function, SimTime now, Decision& decision) {
  const size_t f = function.index();
  if (f >= functions_.size()) return;
  const auto replicas = functions_[f].Poke(options_, specs_[spec_of_[f]], now);
  if (replicas) decision.replicas = replicas;
  dormant_[f] = functions_[f].Dormant();
}

KpaStatus KpaPolicy::StatusOf(FunctionId function, int32_t ready) const {
  const size_t f = function.index();
  const KpaFunction& state = functions_[f];
  return {.desired = state.desired(),
          .target = state.target(),
          .excess_burst_capacity = state.excess_burst_capacity(),
          .activators = KpaActivators(specs_[spec_of_[f]], ready),
          .phase = state.activation().phase(),
          .mode = state.activation().mode(),
          .panicking = state.scaler().panic_time().has_value()};
}

}  // namespace reeve
