// Comparing snapshots, bit for bit.
#pragma once

#include <gtest/gtest.h>

#include "core/snapshot.h"

namespace reeve::testing {

inline void ExpectSameSnapshot(const Snapshot& a, const Snapshot& b) {
  const FunctionWindows &x = a.functions, &y = b.functions;
  EXPECT_EQ(x.arrivals, y.arrivals);
  EXPECT_EQ(x.completions, y.completions);
  EXPECT_EQ(x.failures, y.failures);
  EXPECT_EQ(x.timeouts, y.timeouts);
  EXPECT_EQ(x.rejections, y.rejections);
  EXPECT_EQ(x.cold_starts, y.cold_starts);
  EXPECT_EQ(x.containers_started, y.containers_started);
  EXPECT_EQ(x.slo_violations, y.slo_violations);
  EXPECT_EQ(x.queued, y.queued);
  EXPECT_EQ(x.in_flight, y.in_flight);
  EXPECT_EQ(x.containers_ready, y.containers_ready);
  EXPECT_EQ(x.containers_starting, y.containers_starting);
  EXPECT_EQ(x.replicas_asked, y.replicas_asked);
  EXPECT_EQ(x.mean_queued, y.mean_queued);
  EXPECT_EQ(x.mean_in_flight, y.mean_in_flight);
  EXPECT_EQ(x.cpu_used_millicores, y.cpu_used_millicores);
  EXPECT_EQ(x.memory_used_mebibytes, y.memory_used_mebibytes);
  EXPECT_EQ(x.latency_p50_ms, y.latency_p50_ms);
  EXPECT_EQ(x.latency_p95_ms, y.latency_p95_ms);
  EXPECT_EQ(x.latency_p99_ms, y.latency_p99_ms);
  EXPECT_EQ(x.execution_p95_ms, y.execution_p95_ms);
  EXPECT_EQ(x.cpu_limit, y.cpu_limit);
  EXPECT_EQ(x.memory_limit, y.memory_limit);
  EXPECT_EQ(x.concurrency_limit, y.concurrency_limit);
  EXPECT_EQ(x.slo_latency, y.slo_latency);
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.window, b.window);
  EXPECT_EQ(a.cluster.cpu_used_millicores, b.cluster.cpu_used_millicores);
  EXPECT_EQ(a.cluster.nodes_ready, b.cluster.nodes_ready);
  EXPECT_EQ(a.cluster.memory_held, b.cluster.memory_held);
  EXPECT_EQ(a.cluster.cpu_limits, b.cluster.cpu_limits);
}

}  // namespace reeve::testing
