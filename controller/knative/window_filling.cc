#include "controller/knative/window_filling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "controller/prometheus/row_filling.h"
#include "controller/window_rows.h"

namespace reeve {
namespace {

void FillFigures(const RevisionView& view, const RevisionFigures& figures, size_t slot,
                 RowMemory& memory, FunctionWindows& w) {
  const uint32_t answered = WholeWithCarry(figures.completions, memory.completions_carry);
  const uint32_t failed =
      std::min(answered, WholeWithCarry(figures.failures, memory.failures_carry));
  w.completions[slot] = answered - failed;
  w.failures[slot] = failed;
  w.mean_in_flight[slot] = figures.mean_in_flight;
  w.in_flight[slot] = WholeRequests(figures.mean_in_flight);
  w.queued[slot] = WholeRequests(figures.queued.value_or(0));
  w.mean_queued[slot] = figures.queued.value_or(0);
  w.cpu_used_millicores[slot] = figures.cpu_used_millicores.value_or(0);
  w.memory_used_mebibytes[slot] = figures.memory_used_mebibytes.value_or(0);
  const uint32_t open = w.in_flight[slot] + w.queued[slot];
  w.arrivals[slot] = answered + open >= memory.in_flight ? answered + open - memory.in_flight : 0;
  memory.in_flight = open;
  w.slo_violations[slot] = failed;
  if (figures.latency_seconds) {
    FillQuantiles(*figures.latency_seconds, slot, w.latency_p50_ms, w.latency_p95_ms,
                  w.latency_p99_ms);
    if (view.slo_latency != SimTime::Max()) {
      const uint32_t slow =
          WholeRequests(figures.latency_seconds->CountAbove(view.slo_latency.seconds()));
      w.slo_violations[slot] += std::min(slow, w.completions[slot]);
    }
  }
  if (figures.execution_seconds) {
    FillQuantiles(*figures.execution_seconds, slot, w.execution_p50_ms, w.execution_p95_ms,
                  w.execution_p99_ms);
  }
}

}  // namespace

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
