// Made-up snapshots for tests of what is computed from them.
#pragma once

#include <string>

#include "core/snapshot.h"

namespace reeve {

// Functions of 500m and 256 MiB a container, one request at once, an SLO of 2 s, and nothing going
// on, at the end of a window of 10 s; a cluster of 16 cores and 8 GiB.
inline Snapshot QuietSnapshot(size_t functions) {
  Snapshot s;
  s.time = SimTime::Seconds(10);
  s.window = SimTime::Seconds(10);
  FunctionWindows& w = s.functions;
  w.Resize(functions);
  for (size_t f = 0; f < functions; ++f) {
    w.cpu_limit[f] = Millicores(500);
    w.memory_limit[f] = Mebibytes(256);
    w.concurrency_limit[f] = 1;
    w.slo_latency[f] = SimTime::Seconds(2);
  }
  s.cluster.cpu_capacity = Millicores::Cores(16);
  s.cluster.memory_capacity = Mebibytes(8192);
  s.cluster.nodes_ready = 2;
  return s;
}

// One function in the middle of things, with every number another.
inline Snapshot BusySnapshot() {
  Snapshot s = QuietSnapshot(1);
  FunctionWindows& w = s.functions;
  w.arrivals = {80};
  w.completions = {60};
  w.failures = {1};
  w.timeouts = {2};
  w.rejections = {1};
  w.cold_starts = {8};
  w.containers_started = {3};
  w.slo_violations = {16};
  w.queued = {6};
  w.in_flight = {7};
  w.containers_ready = {4};
  w.containers_starting = {1};
  w.replicas_asked = {5};
  w.mean_queued = {3};
  w.mean_in_flight = {5};
  w.cpu_used_millicores = {900};
  w.memory_used_mebibytes = {960};
  w.latency_p50_ms = {1000};
  w.latency_p95_ms = {6000};
  w.latency_p99_ms = {8000};
  w.execution_p50_ms = {500};
  w.execution_p95_ms = {2000};
  w.execution_p99_ms = {3000};
  w.concurrency_limit = {2};
  s.cluster.cpu_limits = Millicores(10'500);
  s.cluster.memory_held = Mebibytes(5376);
  s.cluster.cpu_used_millicores = 4000;
  return s;
}

}  // namespace reeve
