#include "controller/knative/window_filling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "controller/prometheus/row_filling.h"
#include "controller/window_rows.h"

namespace reeve {

void FillRow(const RevisionView& view, const FunctionFigures* figures, const RowDefaults& defaults,
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
    FillFigures(*figures, view.slo_latency, slot, memory.figures, w);
  } else {
    memory.figures.in_flight = 0;
  }
  // A pod may have started for a request of the next window.
  w.cold_starts[slot] = std::min(w.cold_starts[slot], w.arrivals[slot]);
  memory.ready = view.ready();
  memory.observed = true;
}

}  // namespace reeve
