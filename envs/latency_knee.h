// Where a latency curve turns: the objective that the MA-PPO authors give their functions, "the
// knee of the tail-latency curve" (WoSC'21; SIMPPO, SoCC'22).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/units.h"
#include "sim/cluster_spec.h"
#include "traces/trace.h"

namespace reeve {

struct LatencyPoint {
  double utilisation;  // of the containers: rate over the most they can serve
  double p99_ms;       // arrival to answer
};

struct LatencyCurveOptions {
  int32_t requests = 20'000;  // at each utilisation
  uint64_t seed = 1;
  int32_t containers = 0;  // 0: as many as the function begins with, at least one
};

// Latency of the function under Poisson arrivals, alone on the cluster with containers that
// are always there, at utilisations 0.10, 0.15, … 0.95. Simulated; works are the same at all
// utilisations, so the curve is smooth. Takes about 0.1 s. Pure; thread-safe.
std::vector<LatencyPoint> LatencyCurve(const ClusterSpec& cluster, const FunctionProfile& function,
                                       const LatencyCurveOptions& options = {});

// The point of a rising convex curve that lies farthest below the chord between its ends, both axes
// scaled to [0, 1] (V. Satopaa et al., "Finding a 'kneedle' in a haystack", ICDCSW'11, for a curve
// of this shape, without smoothing). At least one point; the first where none lies below.
size_t KneeOf(std::span<const LatencyPoint> curve);

// The latency there.
SimTime KneeLatency(const ClusterSpec& cluster, const FunctionProfile& function,
                    const LatencyCurveOptions& options = {});

}  // namespace reeve
