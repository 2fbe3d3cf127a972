#include "core/snapshot.h"

namespace reeve {

void FunctionWindows::Resize(size_t functions) {
  const auto resize = [functions](auto&... vectors) { (vectors.resize(functions), ...); };
  resize(arrivals, completions, failures, timeouts, rejections, cold_starts, containers_started,
         slo_violations);
  resize(queued, in_flight, containers_ready, containers_starting, replicas_asked);
  resize(mean_queued, mean_in_flight, cpu_used_millicores, memory_used_mebibytes);
  resize(latency_p50_ms, latency_p95_ms, latency_p99_ms);
  resize(execution_p50_ms, execution_p95_ms, execution_p99_ms);
  resize(cpu_limit, memory_limit, concurrency_limit, slo_latency);
}

}  // namespace reeve
