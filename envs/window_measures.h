// What one window says about one function, as the numbers that features, rewards and actions share.
// Nothing here may be trusted to be sane in the snapshot: live platforms report nonsense now and
// then, so what is divided or kept goes through Sane first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/snapshot.h"

namespace reeve {

// Requests at once in a container without a limit of its own: what Knative takes as its target
// there (container-concurrency-target-default).
constexpr int32_t kUnlimitedConcurrency = 100;

// `x` inside 0 .. 1e15; NaN is 0.
inline double Sane(double x) {
  return x > 0 ? (x < 1e15 ? x : 1e15) : 0;
}

// a / b, and 0 where there is nothing to divide by.
inline double Ratio(double a, double b) {
  return b > 0 ? a / b : 0;
}

inline double ConcurrencyOf(const FunctionWindows& w, size_t f) {
  return w.concurrency_limit[f] > 0 ? w.concurrency_limit[f] : kUnlimitedConcurrency;
}

// Ready or on their way.
inline double ContainersOf(const FunctionWindows& w, size_t f) {
  return static_cast<double>(w.containers_ready[f]) + w.containers_starting[f];
}

// Ready containers that the requests being executed do not need, when packed.
inline double IdleContainersOf(const FunctionWindows& w, size_t f) {
  const double concurrency = ConcurrencyOf(w, f);
  const double busy = static_cast<double>(
      (static_cast<uint64_t>(w.in_flight[f]) + static_cast<uint64_t>(concurrency) - 1) /
      static_cast<uint64_t>(concurrency));
  return std::max(0.0, w.containers_ready[f] - busy);
}

// Requests that were answered or lost in the window.
inline double LostOf(const FunctionWindows& w, size_t f) {
  return static_cast<double>(w.failures[f]) + w.timeouts[f] + w.rejections[f];
}
inline double FinishedOf(const FunctionWindows& w, size_t f) {
  return w.completions[f] + LostOf(w, f);
}

// Containers' worth of requests, waiting ones included: the mean over the window.
inline double LoadOf(const FunctionWindows& w, size_t f) {
  return (Sane(w.mean_in_flight[f]) + Sane(w.mean_queued[f])) / ConcurrencyOf(w, f);
}

// CPU used over the limits of the ready containers; 0 without any.
inline double CpuUtilisationOf(const FunctionWindows& w, size_t f) {
  return std::min(1.0,
                  Ratio(Sane(w.cpu_used_millicores[f]),
                        Sane(static_cast<double>(w.cpu_limit[f].value())) * w.containers_ready[f]));
}

// The latency that stands for a window: `quantile_ms` of its completions. Where none completed,
// what those that are still there have spent in this window, on average: by Little's law the mean
// number in the system x the window / the number there now (a lower bound of their age); 0 when
// nobody is there.
inline double PresumedLatencyMs(const FunctionWindows& w, size_t f, double window_s,
                                double quantile_ms) {
  if (w.completions[f] > 0) return Sane(quantile_ms);
  const double present = static_cast<double>(w.queued[f]) + w.in_flight[f];
  return Ratio((Sane(w.mean_queued[f]) + Sane(w.mean_in_flight[f])) * window_s * 1e3, present);
}

// min(1, SLO / p99). Where none completed, by the presumed latency: 1 when nobody is there, unless
// requests were lost (0).
inline double SloPreservationOf(const FunctionWindows& w, size_t f, double window_s) {
  if (w.completions[f] == 0 && LostOf(w, f) > 0) return 0;
  const double latency_ms = PresumedLatencyMs(w, f, window_s, w.latency_p99_ms[f]);
  const double slo_ms = Sane(w.slo_latency[f].millis());
  return latency_ms > slo_ms ? slo_ms / latency_ms : 1;
}

// Of the requests that ended in the window, the share that missed the SLO.
inline double ViolationShareOf(const FunctionWindows& w, size_t f) {
  return std::min(1.0, Ratio(w.slo_violations[f], FinishedOf(w, f)));
}

}  // namespace reeve
