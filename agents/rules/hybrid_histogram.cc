#include "agents/rules/hybrid_histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/status.h"

namespace reeve {

absl::Status HybridHistogramOptions::Validate() const {
  if (absl::Status status = histogram.Validate(); !status.ok()) {
    return absl::InvalidArgumentError("histogram." + MessageOf(status));
  }
  return absl::OkStatus();
}

HybridHistogramPolicy::HybridHistogramPolicy(const HybridHistogramOptions& options,
                                             std::vector<uint32_t> unit_of_function)
    : options_(options), unit_of_function_(std::move(unit_of_function)) {}

absl::Status HybridHistogramPolicy::Decide(const Snapshot& snapshot,
                                           std::span<Decision> decisions) {
  const FunctionWindows& windows = snapshot.functions;
  if (units_.empty() && windows.size() > 0) {
    if (unit_of_function_.empty()) {
      unit_of_function_.resize(windows.size());
      std::iota(unit_of_function_.begin(), unit_of_function_.end(), 0u);
    }
    const uint32_t last = *std::max_element(unit_of_function_.begin(), unit_of_function_.end());
    units_.assign(size_t{last} + 1, Unit(options_.histogram));
  }
  if (windows.size() != unit_of_function_.size()) {
    return absl::InvalidArgumentError(
        fmt::format("hybrid_histogram: it began with {} functions, but the platform has {}",
                    unit_of_function_.size(), windows.size()));
  }
  for (Unit& unit : units_) {
    unit.arrivals = 0;
    unit.busy = false;
  }
  for (size_t f = 0; f < windows.size(); ++f) {
    Unit& unit = units_[unit_of_function_[f]];
    unit.arrivals += windows.arrivals[f];
    unit.busy |= windows.in_flight[f] + windows.queued[f] > 0;
  }
  for (Unit& unit : units_) Learn(unit, snapshot.time);
  for (size_t f = 0; f < windows.size(); ++f) {
    decisions[f] = DecideFor(units_[unit_of_function_[f]], snapshot.time, snapshot.window);
  }
  return absl::OkStatus();
}

void HybridHistogramPolicy::Learn(Unit& unit, SimTime now) {
  if (unit.arrivals > 0) {
    // All but what ended an idle stretch, or was the first of all, came to a unit in use.
    uint32_t at_once = unit.arrivals;
    if (unit.idle_since) unit.histogram.Add(now - *unit.idle_since);
    if (unit.idle_since || !unit.seen) --at_once;
    unit.histogram.Add(SimTime(), at_once);
    unit.times = unit.histogram.Times();
    unit.seen = true;
    unit.idle_since.reset();
  }
  if (unit.busy) {
    unit.idle_since.reset();
  } else if (unit.seen && !unit.idle_since) {
    unit.idle_since = now;
  }
}

Decision HybridHistogramPolicy::DecideFor(const Unit& unit, SimTime now, SimTime window) {
  Decision decision;
  decision.replicas = 0;
  if (unit.times.from == SimTime()) {
    decision.keep_alive = unit.times.until;
    return decision;
  }
  decision.keep_alive = SimTime();
  if (unit.idle_since) {
    const SimTime idle = now - *unit.idle_since;
    // The next decision would be too late.
    if (idle + window > unit.times.from && idle < unit.times.until) decision.replicas = 1;
  }
  return decision;
}

}  // namespace reeve
