#include "agents/adapt/safety_meter.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "core/portable_math.h"

namespace reeve {
namespace {

double LatencyOverSlo(const FunctionWindows& w, size_t f) {
  if (w.completions[f] == 0 || w.slo_latency[f] == SimTime::Max()) return 0;
  const double slo_ms = w.slo_latency[f].millis();
  return slo_ms > 0 ? w.latency_p95_ms[f] / slo_ms : 0;
}

// Exact: whole numbers below 2^53.
double Sum(const std::vector<uint32_t>& column) {
  return static_cast<double>(std::accumulate(column.begin(), column.end(), uint64_t{0}));
}

}  // namespace

WindowTotals TotalsOf(const FunctionWindows& w) {
  WindowTotals totals;
  totals.arrivals = Sum(w.arrivals);
  totals.rejected = Sum(w.rejections) + Sum(w.timeouts);
  totals.left = Sum(w.completions) + Sum(w.failures) + totals.rejected;
  totals.violations = Sum(w.slo_violations);
  totals.in_system = Sum(w.queued) + Sum(w.in_flight);
  return totals;
}

double RequestsLeft(const FunctionWindows& w, size_t f) {
  return static_cast<double>(w.completions[f]) + w.failures[f] + w.timeouts[f] + w.rejections[f];
}

double SafetyMeter::ShareOf(const Recent& recent) const {
  const double share = recent.left > 0 ? recent.violations / recent.left : 0;
  return recent.left >= spec_.minimum_requests ? std::min(share, 1.0) : 0;
}

void SafetyMeter::Add(const Snapshot& snapshot, const WindowTotals& totals) {
  const FunctionWindows& w = snapshot.functions;
  const double keep = PortableExp(-snapshot.window.seconds() / spec_.memory.seconds());
  cluster_ = {};
  cluster_.rejected = totals.rejected;
  if (w.size() > 0) cluster_.longest_queue = *std::ranges::max_element(w.queued);
  for (size_t f = 0; f < w.size() && latency_; ++f) {
    cluster_.latency_over_slo = std::max(cluster_.latency_over_slo, LatencyOverSlo(w, f));
  }
  all_.Add(totals.left, totals.violations, keep);
  cluster_.slo_violation_share = ShareOf(all_);
  if (per_function_) AddFunctions(w, keep);
}

void SafetyMeter::AddFunctions(const FunctionWindows& w, double keep) {
  recent_.resize(w.size());
  functions_.resize(w.size());
  for (size_t f = 0; f < w.size(); ++f) {
    recent_[f].Add(RequestsLeft(w, f), w.slo_violations[f], keep);
    SafetySignals& own = functions_[f];
    own = {};
    own.longest_queue = w.queued[f];
    if (latency_) own.latency_over_slo = LatencyOverSlo(w, f);
    own.rejected = static_cast<double>(w.rejections[f]) + w.timeouts[f];
    own.slo_violation_share = ShareOf(recent_[f]);
  }
}

}  // namespace reeve
