// What a policy sees: one control period of every function, and the cluster's capacity.
//
// The same code fills it in simulation, in replay and on live platforms, so a policy meets live
// what it was trained on.
#pragma once

#include <cstdint>
#include <vector>

#include "core/ids.h"
#include "core/units.h"
#include "core/window_histograms.h"

namespace reeve {

// Structure of arrays over functions: every vector is [F], indexed by FunctionId::index(), F the
// number of functions. "Window" is the control period that ended at Snapshot::time.
struct FunctionWindows {
  // Events of the window.
  std::vector<uint32_t> arrivals;     // requests that came
  std::vector<uint32_t> completions;  // requests answered
  std::vector<uint32_t> failures;     // requests lost to a container or node failure
  std::vector<uint32_t> timeouts;     // requests given up at their time limit
  std::vector<uint32_t> rejections;   // requests refused by a full queue
  std::vector<uint32_t> cold_starts;  // requests begun on a container not ready when they came
  std::vector<uint32_t> containers_started;  // containers whose start began
  std::vector<uint32_t> slo_violations;  // completions slower than the SLO, failures and refusals

  // State at the end of the window.
  std::vector<uint32_t> queued;               // requests waiting for a container
  std::vector<uint32_t> in_flight;            // requests being executed
  std::vector<uint32_t> containers_ready;     // idle or busy, not draining
  std::vector<uint32_t> containers_starting;  // requested, not ready
  std::vector<uint32_t> replicas_asked;       // the target or warm floor last applied

  // Averages over the window.
  std::vector<double> mean_queued;            // requests
  std::vector<double> mean_in_flight;         // requests
  std::vector<double> cpu_used_millicores;    // by all containers of the function
  std::vector<double> memory_used_mebibytes;  // by all containers of the function

  // Distributions over the window's completions; all zero when there was none.
  std::vector<float> latency_p50_ms, latency_p95_ms, latency_p99_ms;        // arrival to answer
  std::vector<float> execution_p50_ms, execution_p95_ms, execution_p99_ms;  // start to answer
  // Owned by the platform, valid until its time moves on; null when it has none.
  const WindowHistograms* histograms = nullptr;

  // Per-container limits in force, and the function's objective.
  std::vector<Millicores> cpu_limit;
  std::vector<Mebibytes> memory_limit;
  std::vector<int32_t> concurrency_limit;  // requests at once in one container; 0 = unlimited
  std::vector<SimTime> slo_latency;        // SimTime::Max() = none

  size_t size() const { return arrivals.size(); }
  // Sizes every vector to `functions`, new elements zero.
  void Resize(size_t functions);
};

// What the whole cluster has and holds at the end of the window.
struct ClusterState {
  Millicores cpu_capacity;
  Mebibytes memory_capacity;
  Millicores cpu_limits;           // sum over containers
  Mebibytes memory_held;           // by containers, starting ones included
  double cpu_used_millicores = 0;  // average over the window
  uint32_t nodes_ready = 0;
};

struct Snapshot {
  SimTime time;    // end of the window
  SimTime window;  // its length; zero before the first control period has passed
  FunctionWindows functions;
  ClusterState cluster;
};

}  // namespace reeve
