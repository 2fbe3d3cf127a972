#include "agents/adapt/metrics_check.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

namespace reeve {
namespace {

bool SizesFit(const FunctionWindows& w, size_t n) {
  for (const auto* counts :
       {&w.arrivals, &w.completions, &w.failures, &w.timeouts, &w.rejections, &w.cold_starts,
        &w.containers_started, &w.slo_violations, &w.queued, &w.in_flight, &w.containers_ready,
        &w.containers_starting, &w.replicas_asked}) {
    if (counts->size() != n) return false;
  }
  for (const auto* means :
       {&w.mean_queued, &w.mean_in_flight, &w.cpu_used_millicores, &w.memory_used_mebibytes}) {
    if (means->size() != n) return false;
  }
  for (const auto* times : {&w.latency_p50_ms, &w.latency_p95_ms, &w.latency_p99_ms,
                            &w.execution_p50_ms, &w.execution_p95_ms, &w.execution_p99_ms}) {
    if (times->size() != n) return false;
  }
  return w.cpu_limit.size() == n && w.memory_limit.size() == n && w.concurrency_limit.size() == n &&
         w.slo_latency.size() == n;
}

// Whether every number is finite and not negative, by its bits: those of such numbers are, as
// integers, from 0 up to those of the largest finite one (-0 and a few others are not, and are
// looked at again). Column by column and without a branch, so that compilers turn it into vector
// instructions: this looks at every number of every window.
bool AllSoundBits(const std::vector<float>& column) {
  constexpr auto kMost = std::bit_cast<int32_t>(std::numeric_limits<float>::max());
  int32_t bad = 0;
  for (const float x : column) {
    const auto bits = std::bit_cast<int32_t>(x);
    bad |= static_cast<int32_t>(bits < 0) | static_cast<int32_t>(bits > kMost);
  }
  return bad == 0;
}
bool AllSoundBits(const std::vector<double>& column) {
  // The upper halves are enough: all ones in the exponent is what is not finite.
  constexpr int32_t kMost = 0x7fefffff;
  int32_t bad = 0;
  for (const double x : column) {
    const auto upper = static_cast<int32_t>(std::bit_cast<uint64_t>(x) >> 32);
    bad |= static_cast<int32_t>(upper < 0) | static_cast<int32_t>(upper > kMost);
  }
  return bad == 0;
}
template <class Unit>
bool NoneNegative(const std::vector<Unit>& column) {
  Unit least{};
  for (const Unit& x : column) least = std::min(least, x);
  return least >= Unit();
}
bool InOrder(const std::vector<float>& lower, const std::vector<float>& upper) {
  int32_t bad = 0;
  for (size_t f = 0; f < lower.size(); ++f) bad |= static_cast<int32_t>(!(lower[f] <= upper[f]));
  return bad == 0;
}

// CheckFunctionMetrics finds no fault with any function.
bool AllSound(const FunctionWindows& w, const MetricsTrigger& spec) {
  for (const auto* means :
       {&w.mean_queued, &w.mean_in_flight, &w.cpu_used_millicores, &w.memory_used_mebibytes}) {
    if (!AllSoundBits(*means)) return false;
  }
  // In order, finite at both ends and not below 0: so is what lies between.
  for (const auto& [p50, p95, p99] :
       {std::tie(w.latency_p50_ms, w.latency_p95_ms, w.latency_p99_ms),
        std::tie(w.execution_p50_ms, w.execution_p95_ms, w.execution_p99_ms)}) {
    if (!AllSoundBits(p50) || !AllSoundBits(p99) || !InOrder(p50, p95) || !InOrder(p95, p99)) {
      return false;
    }
  }
  uint32_t most = 0;
  for (const uint32_t ready : w.containers_ready) most = std::max(most, ready);
  return static_cast<double>(most) <= spec.max_containers && NoneNegative(w.cpu_limit) &&
         NoneNegative(w.memory_limit) && NoneNegative(w.concurrency_limit) &&
         NoneNegative(w.slo_latency);
}

}  // namespace

std::string_view MetricsFaultName(MetricsFault fault) {
  switch (fault) {
    case MetricsFault::kNone:
      return "none";
    case MetricsFault::kTimeStands:
      return "time stands still";
    case MetricsFault::kNoWindow:
      return "impossible length of the window";
    case MetricsFault::kWrongSize:
      return "wrong number of functions";
    case MetricsFault::kNotANumber:
      return "not a number";
    case MetricsFault::kNegative:
      return "negative";
    case MetricsFault::kPercentiles:
      return "percentiles out of order";
    case MetricsFault::kTooManyContainers:
      return "more containers than can be";
    case MetricsFault::kTooMuchMemory:
      return "more memory held than there is";
  }
  return "unknown";
}

MetricsFault CheckFunctionMetrics(const FunctionWindows& w, size_t f, const MetricsTrigger& spec) {
  const std::array<double, 4> means = {w.mean_queued[f], w.mean_in_flight[f],
                                       w.cpu_used_millicores[f], w.memory_used_mebibytes[f]};
  const std::array<std::array<float, 3>, 2> times = {
      {{w.latency_p50_ms[f], w.latency_p95_ms[f], w.latency_p99_ms[f]},
       {w.execution_p50_ms[f], w.execution_p95_ms[f], w.execution_p99_ms[f]}}};
  for (const double mean : means) {
    if (!std::isfinite(mean)) return MetricsFault::kNotANumber;
    if (mean < 0) return MetricsFault::kNegative;
  }
  for (const auto& [p50, p95, p99] : times) {
    if (!std::isfinite(p50) || !std::isfinite(p95) || !std::isfinite(p99)) {
      return MetricsFault::kNotANumber;
    }
    if (p50 < 0) return MetricsFault::kNegative;
    if (p50 > p95 || p95 > p99) return MetricsFault::kPercentiles;
  }
  if (w.cpu_limit[f] < Millicores() || w.memory_limit[f] < Mebibytes() ||
      w.concurrency_limit[f] < 0 || w.slo_latency[f] < SimTime()) {
    return MetricsFault::kNegative;
  }
  if (static_cast<double>(w.containers_ready[f]) > spec.max_containers) {
    return MetricsFault::kTooManyContainers;
  }
  return MetricsFault::kNone;
}

MetricsFault CheckMetrics(const Snapshot& snapshot, size_t functions, SimTime last, bool first,
                          const MetricsTrigger& spec) {
  if (!SizesFit(snapshot.functions, functions)) return MetricsFault::kWrongSize;
  if (!first && snapshot.time <= last) return MetricsFault::kTimeStands;
  // Before the first control period there is no window.
  if (snapshot.window < SimTime() || (!first && snapshot.window == SimTime()) ||
      snapshot.window > snapshot.time) {
    return MetricsFault::kNoWindow;
  }
  const ClusterState& cluster = snapshot.cluster;
  if (!std::isfinite(cluster.cpu_used_millicores)) return MetricsFault::kNotANumber;
  if (cluster.cpu_used_millicores < 0 || cluster.memory_held < Mebibytes()) {
    return MetricsFault::kNegative;
  }
  if (static_cast<double>(cluster.memory_held.value()) >
      static_cast<double>(cluster.memory_capacity.value()) * (1 + spec.memory_tolerance)) {
    return MetricsFault::kTooMuchMemory;
  }
  if (AllSound(snapshot.functions, spec)) return MetricsFault::kNone;
  for (size_t f = 0; f < functions; ++f) {
    const MetricsFault fault = CheckFunctionMetrics(snapshot.functions, f, spec);
    if (fault != MetricsFault::kNone) return fault;
  }
  return MetricsFault::kNone;
}

}  // namespace reeve
