// What decisions over many functions are measured on: a population's snapshot, 16 features of it.
#pragma once

#include <algorithm>
#include <vector>

#include "core/random.h"
#include "core/snapshot.h"
#include "envs/observation.h"

namespace reeve {

// A population as traces have them: a tenth is busy, the others call now and then.
inline Snapshot MakeSnapshot(size_t functions) {
  Snapshot s;
  s.window = SimTime::Seconds(5);
  s.cluster.cpu_capacity = Millicores::Cores(10'000);
  s.cluster.memory_capacity = Mebibytes(40'000'000);
  FunctionWindows& w = s.functions;
  w.Resize(functions);
  RandomCursor random(RandomStream(1, StreamPurpose::kPolicy, 0));
  for (size_t f = 0; f < functions; ++f) {
    const bool busy = random.Below(10) == 0;
    w.arrivals[f] = w.completions[f] = static_cast<uint32_t>(busy ? random.Below(100) : 0);
    w.containers_ready[f] = w.replicas_asked[f] = static_cast<uint32_t>(random.Below(4));
    w.mean_in_flight[f] = w.arrivals[f] * 0.1;
    w.cpu_used_millicores[f] = w.arrivals[f] * 20;
    w.latency_p50_ms[f] = w.latency_p95_ms[f] = w.latency_p99_ms[f] = busy ? 400 : 0;
    w.execution_p50_ms[f] = w.execution_p95_ms[f] = busy ? 300 : 0;
    w.cpu_limit[f] = Millicores(500);
    w.memory_limit[f] = Mebibytes(256);
    w.concurrency_limit[f] = 1;
    w.slo_latency[f] = SimTime::Seconds(1);
  }
  return s;
}

// Another tenth has arrivals in each window.
inline void Advance(Snapshot& s) {
  s.time += s.window;
  std::vector<uint32_t>& arrivals = s.functions.arrivals;
  if (!arrivals.empty()) std::rotate(arrivals.begin(), arrivals.begin() + 1, arrivals.end());
}

// 6 features of the MA-PPO authors, 10 of the past.
inline ObservationSpec Sixteen() {
  ObservationSpec spec;
  for (const char* name : {"execution_p95", "memory_size", "mean_concurrency", "peak_concurrency",
                           "log_rate", "arrival_change", "time_since_arrival", "gap_regularity",
                           "due_by_mean_gap", "arrival_chance"}) {
    spec.features.push_back({.name = name});
  }
  return spec;
}

}  // namespace reeve
