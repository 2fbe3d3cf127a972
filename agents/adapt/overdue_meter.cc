#include "agents/adapt/overdue_meter.h"

#include <algorithm>

namespace reeve {

double OverdueMeter::Overdue(const FunctionWindows& w, size_t f) const {
  const double in_system = static_cast<double>(w.queued[f]) + w.in_flight[f];
  if (in_system == 0 || w.slo_latency[f] == SimTime::Max()) return 0;
  double recent = 0;
  SimTime span;
  for (size_t back = 0; back < kWindows; ++back) {
    if (span >= w.slo_latency[f]) return std::max(0.0, in_system - recent);
    const size_t at = (newest_ + kWindows - back) % kWindows;
    recent += arrivals_[f * kWindows + at];
    span += lengths_[at];
  }
  return 0;
}

double OverdueMeter::Add(const Snapshot& snapshot) {
  const FunctionWindows& w = snapshot.functions;
  arrivals_.resize(w.size() * kWindows);
  newest_ = (newest_ + 1) % kWindows;
  lengths_[newest_] = snapshot.window;
  double overdue = 0;
  for (size_t f = 0; f < w.size(); ++f) {
    arrivals_[f * kWindows + newest_] = w.arrivals[f];
    overdue += Overdue(w, f);
  }
  return overdue;
}

}  // namespace reeve
