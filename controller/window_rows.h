// The columns of FunctionWindows, listed once for what copies, clears, checks and stores rows of
// them.
#pragma once

#include <cstddef>

#include "core/snapshot.h"

namespace reeve {

// Calls visit(column of each of `windows`…) for every column of numbers of events, of the same
// column of each at a time.
template <class Visit, class... Windows>
void VisitEventColumns(Visit&& visit, Windows&... windows) {
  visit(windows.arrivals...);
  visit(windows.completions...);
  visit(windows.failures...);
  visit(windows.timeouts...);
  visit(windows.rejections...);
  visit(windows.cold_starts...);
  visit(windows.containers_started...);
  visit(windows.slo_violations...);
}

// The same for what is measured besides: queues, averages, percentiles.
template <class Visit, class... Windows>
void VisitMeasuredColumns(Visit&& visit, Windows&... windows) {
  visit(windows.queued...);
  visit(windows.in_flight...);
  visit(windows.mean_queued...);
  visit(windows.mean_in_flight...);
  visit(windows.cpu_used_millicores...);
  visit(windows.memory_used_mebibytes...);
  visit(windows.latency_p50_ms...);
  visit(windows.latency_p95_ms...);
  visit(windows.latency_p99_ms...);
  visit(windows.execution_p50_ms...);
  visit(windows.execution_p95_ms...);
  visit(windows.execution_p99_ms...);
}

// The same for what the platform's control plane knows of containers, limits and objectives.
template <class Visit, class... Windows>
void VisitKnownColumns(Visit&& visit, Windows&... windows) {
  visit(windows.containers_ready...);
  visit(windows.containers_starting...);
  visit(windows.replicas_asked...);
  visit(windows.cpu_limit...);
  visit(windows.memory_limit...);
  visit(windows.concurrency_limit...);
  visit(windows.slo_latency...);
}

template <class Visit, class... Windows>
void VisitColumns(Visit&& visit, Windows&... windows) {
  VisitEventColumns(visit, windows...);
  VisitMeasuredColumns(visit, windows...);
  VisitKnownColumns(visit, windows...);
}

inline void CopyRow(const FunctionWindows& from, size_t row, FunctionWindows& to, size_t to_row) {
  VisitColumns([&](const auto& a, auto& b) { b[to_row] = a[row]; }, from, to);
}

// As of a function that is not there: all zero.
inline void ClearRow(size_t row, FunctionWindows& windows) {
  VisitColumns([row](auto& column) { column[row] = {}; }, windows);
}

// All columns have one element for each of `functions`.
inline bool ColumnsFit(const FunctionWindows& windows, size_t functions) {
  bool fit = true;
  VisitColumns([&](const auto& column) { fit = fit && column.size() == functions; }, windows);
  return fit;
}

}  // namespace reeve
