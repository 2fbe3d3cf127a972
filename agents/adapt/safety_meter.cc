#include "agents/adapt/safety_meter.h"

#include <algorithm>

#include "core/portable_math.h"

namespace reeve {
namespace {

double LatencyOverSlo(const FunctionWindows& w, size_t f) {
  if (w.completions[f] == 0 || w.slo_latency[f] == SimTime::Max()) return 0;
  const double slo_ms = w.slo_latency[f].millis();
  return slo_ms > 0 ? w.latency_p95_ms[f] / slo_ms : 0;
}

}  // namespace

double RequestsLeft(const FunctionWindows& w, size_t f) {
  return static_cast<double>(w.completions[f]) + w.failures[f] + w.timeouts[f] + w.rejections[f];
}

double SafetyMeter::ShareOf(const Recent& recent) const {
  const double share = recent.left > 0 ? recent.violations / recent.left : 0;
  return recent.left >= spec_.minimum_requests ? std::min(share, 1.0) : 0;
}

void SafetyMeter::Add(const Snapshot& snapshot) {
  const FunctionWindows& w = snapshot.functions;
  const double keep = PortableExp(-snapshot.window.seconds() / spec_.memory.seconds());
  if (per_function_) {
    recent_.resize(w.size());
    functions_.resize(w.size());
  }
  cluster_ = {};
  double left = 0, violations = 0;
  for (size_t f = 0; f < w.size(); ++f) {
    const double queue = w.queued[f], latency = LatencyOverSlo(w, f);
    const double rejected = static_cast<double>(w.rejections[f]) + w.timeouts[f];
    const double left_here = RequestsLeft(w, f), violations_here = w.slo_violations[f];
    cluster_.longest_queue = std::max(cluster_.longest_queue, queue);
    cluster_.latency_over_slo = std::max(cluster_.latency_over_slo, latency);
    cluster_.rejected += rejected;
    left += left_here;
    violations += violations_here;
    if (!per_function_) continue;
    recent_[f].Add(left_here, violations_here, keep);
    SafetySignals& own = functions_[f];
    own = {};
    own.longest_queue = queue;
    own.latency_over_slo = latency;
    own.rejected = rejected;
    own.slo_violation_share = ShareOf(recent_[f]);
  }
  all_.Add(left, violations, keep);
  cluster_.slo_violation_share = ShareOf(all_);
}

}  // namespace reeve
