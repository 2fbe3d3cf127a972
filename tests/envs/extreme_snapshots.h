#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/random.h"
#include "tests/envs/window_testing.h"

namespace reeve {

// Snapshots of the worst numbers there are, mixed at random.
class ExtremeSnapshots {
 public:
  Snapshot Next() {
    Snapshot s = QuietSnapshot(3);
    s.time = SimTime::Micros(random_.Below(4) == 0 ? INT64_MAX : ++ticks_ * 1'000'000);
    s.window = SimTime::Micros(Pick<int64_t>({0, 1, 1'000'000, INT64_MAX, -5}));
    FunctionWindows& w = s.functions;
    for (size_t f = 0; f < 3; ++f) {
      for (auto* counts :
           {&w.arrivals, &w.completions, &w.failures, &w.timeouts, &w.rejections, &w.cold_starts,
            &w.containers_started, &w.slo_violations, &w.queued, &w.in_flight, &w.containers_ready,
            &w.containers_starting, &w.replicas_asked}) {
        (*counts)[f] = Pick<uint32_t>({0, 0, 1, UINT32_MAX});
      }
      constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
      for (auto* means :
           {&w.mean_queued, &w.mean_in_flight, &w.cpu_used_millicores, &w.memory_used_mebibytes}) {
        (*means)[f] = Pick<double>({0, 1e-300, 1, 1e308, HUGE_VAL, kNan, -1});
      }
      for (auto* times : {&w.latency_p50_ms, &w.latency_p95_ms, &w.latency_p99_ms,
                          &w.execution_p50_ms, &w.execution_p95_ms, &w.execution_p99_ms}) {
        (*times)[f] = Pick<float>({0, 1, 3e38f, HUGE_VALF, static_cast<float>(kNan)});
      }
      w.cpu_limit[f] = Millicores(Pick<int64_t>({0, 500, INT64_MAX, -7}));
      w.memory_limit[f] = Mebibytes(Pick<int64_t>({0, 256, INT64_MAX, -7}));
      w.concurrency_limit[f] = Pick<int32_t>({0, 1, INT32_MAX, -1});
      w.slo_latency[f] = SimTime::Micros(Pick<int64_t>({0, 1, 2'000'000, INT64_MAX, -9}));
    }
    s.cluster.cpu_capacity = Millicores(Pick<int64_t>({0, 16'000, INT64_MAX}));
    s.cluster.memory_capacity = Mebibytes(Pick<int64_t>({0, 8192, INT64_MAX}));
    s.cluster.cpu_limits = Millicores(Pick<int64_t>({0, 16'000, INT64_MAX}));
    s.cluster.memory_held = Mebibytes(Pick<int64_t>({0, 8192, INT64_MAX}));
    s.cluster.cpu_used_millicores = Pick<double>({0, 1e308, HUGE_VAL});
    return s;
  }

 private:
  template <class T>
  T Pick(std::vector<T> values) {
    return values[random_.Below(values.size())];
  }
  RandomCursor random_{RandomStream(7, StreamPurpose::kPolicy, 0)};
  int64_t ticks_ = 0;
};

}  // namespace reeve
