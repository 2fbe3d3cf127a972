#include "controller/knative/window_filling.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace reeve {
namespace {

uint32_t Whole(double value) {
  if (!(value > 0)) return 0;
  return static_cast<uint32_t>(std::min(std::round(value), 4e9));
}

// Whole requests of a count that is not: what is left over comes with the next window.
uint32_t WholeWithCarry(double value, double& carry) {
  const double exact = std::max(0.0, value) + carry;
  const double whole = std::floor(std::min(exact, 4e9));
  carry = std::min(exact - whole, 1.0);
  return static_cast<uint32_t>(whole);
}

void FillLatency(const CumulativeHistogram& seconds, size_t slot, std::vector<float>& p50,
                 std::vector<float>& p95, std::vector<float>& p99) {
  p50[slot] = static_cast<float>(1e3 * seconds.Quantile(0.5));
  p95[slot] = static_cast<float>(1e3 * seconds.Quantile(0.95));
  p99[slot] = static_cast<float>(1e3 * seconds.Quantile(0.99));
}

void FillFigures(const RevisionView& view, const RevisionFigures& figures, size_t slot,
                 RowMemory& memory, FunctionWindows& w) {
  const uint32_t answered = WholeWithCarry(figures.completions, memory.completions_carry);
  const uint32_t failed =
      std::min(answered, WholeWithCarry(figures.failures, memory.failures_carry));
  w.completions[slot] = answered - failed;
  w.failures[slot] = failed;
  w.mean_in_flight[slot] = figures.mean_in_flight;
  w.in_flight[slot] = Whole(figures.mean_in_flight);
  w.queued[slot] = Whole(figures.queued.value_or(0));
  w.mean_queued[slot] = figures.queued.value_or(0);
  w.cpu_used_millicores[slot] = figures.cpu_used_millicores.value_or(0);
  w.memory_used_mebibytes[slot] = figures.memory_used_mebibytes.value_or(0);
  const uint32_t open = w.in_flight[slot] + w.queued[slot];
  w.arrivals[slot] = answered + open >= memory.in_flight ? answered + open - memory.in_flight : 0;
  memory.in_flight = open;
  w.slo_violations[slot] = failed;
  if (figures.latency_seconds) {
    FillLatency(*figures.latency_seconds, slot, w.latency_p50_ms, w.latency_p95_ms,
                w.latency_p99_ms);
    if (view.slo_latency != SimTime::Max()) {
      const uint32_t slow = Whole(figures.latency_seconds->CountAbove(view.slo_latency.seconds()));
      w.slo_violations[slot] += std::min(slow, w.completions[slot]);
    }
  }
  if (figures.execution_seconds) {
    FillLatency(*figures.execution_seconds, slot, w.execution_p50_ms, w.execution_p95_ms,
                w.execution_p99_ms);
  }
}

}  // namespace

void ClearRow(size_t slot, FunctionWindows& w) {
  for (auto* counts :
       {&w.arrivals, &w.completions, &w.failures, &w.timeouts, &w.rejections, &w.cold_starts,
        &w.containers_started, &w.slo_violations, &w.queued, &w.in_flight, &w.containers_ready,
        &w.containers_starting, &w.replicas_asked}) {
    (*counts)[slot] = 0;
  }
  for (auto* means :
       {&w.mean_queued, &w.mean_in_flight, &w.cpu_used_millicores, &w.memory_used_mebibytes}) {
    (*means)[slot] = 0;
  }
  for (auto* latencies : {&w.latency_p50_ms, &w.latency_p95_ms, &w.latency_p99_ms,
                          &w.execution_p50_ms, &w.execution_p95_ms, &w.execution_p99_ms}) {
    (*latencies)[slot] = 0;
  }
  w.cpu_limit[slot] = Millicores();
  w.memory_limit[slot] = Mebibytes();
  w.concurrency_limit[slot] = 0;
  w.slo_latency[slot] = SimTime();
}

void FillRow(const RevisionView& view, const RevisionFigures* figures, const RowDefaults& defaults,
             size_t slot, RowMemory& memory, FunctionWindows& w) {
  ClearRow(slot, w);
  w.containers_ready[slot] = view.ready();
  w.containers_starting[slot] = view.starting();
  std::set<std::string> pods;
  for (const PodView& pod : view.pods) {
    const std::string& identity = pod.uid.empty() ? pod.name : pod.uid;
    pods.insert(identity);
    // Not by its time of creation: clocks of machines differ.
    if (!memory.observed || memory.pods.count(identity) > 0) continue;
    ++w.containers_started[slot];
    if (memory.ready == 0) ++w.cold_starts[slot];
  }
  memory.pods = std::move(pods);
  Millicores cpu = view.cpu_limit;
  Mebibytes memory_limit = view.memory_limit;
  for (const PodView& pod : view.pods) {
    if (!pod.ready || pod.terminating) continue;
    cpu = pod.cpu_limit;  // as it was resized, if it was
    memory_limit = pod.memory_limit;
    break;
  }
  w.cpu_limit[slot] = cpu > Millicores() ? cpu : defaults.cpu;
  w.memory_limit[slot] = memory_limit > Mebibytes() ? memory_limit : defaults.memory;
  w.concurrency_limit[slot] = view.concurrency_limit;
  w.slo_latency[slot] = view.slo_latency;
  if (figures != nullptr) {
    FillFigures(view, *figures, slot, memory, w);
  } else {
    memory.in_flight = 0;
  }
  // A pod may have started for a request of the next window.
  w.cold_starts[slot] = std::min(w.cold_starts[slot], w.arrivals[slot]);
  memory.ready = view.ready();
  memory.observed = true;
}

}  // namespace reeve
