// Small traces and clusters for tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/random.h"
#include "sim/cluster.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"

namespace reeve::testing {

// One function with Poisson arrivals at `rate_per_s` for `seconds`, timed to the microsecond.
inline Trace PoissonTrace(double rate_per_s, int64_t seconds, const Distribution& duration_ms,
                          uint64_t seed = 1, int functions = 1) {
  TraceBuilder builder;
  for (int i = 0; i < functions; ++i) {
    FunctionProfile profile;
    profile.name = "f" + std::to_string(i);
    profile.tenant = builder.Tenant("tenant" + std::to_string(i));
    profile.app = builder.App("app" + std::to_string(i));
    profile.duration_ms = duration_ms;
    profile.memory = Mebibytes(128);
    const FunctionId id = builder.AddFunction(profile);
    RandomCursor random(RandomStream(seed, StreamPurpose::kGenerator, static_cast<uint32_t>(i)));
    double t = 0;
    while (true) {
      t += random.Exponential() / rate_per_s;
      if (t >= static_cast<double>(seconds)) break;
      builder.AddInvocation(
          {static_cast<int64_t>(t * 1e6), TimedInvocation::kDrawDuration, id.index(), 0});
    }
  }
  builder.set_minimum_duration(SimTime::Seconds(seconds));
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

// Invocations of one function at given times (us) with given durations (us).
inline Trace TimedTrace(const std::vector<std::pair<int64_t, int64_t>>& invocations) {
  TraceBuilder builder;
  FunctionProfile profile;
  profile.name = "f";
  profile.tenant = builder.Tenant("t");
  profile.app = builder.App("a");
  profile.memory = Mebibytes(128);
  const FunctionId id = builder.AddFunction(profile);
  for (const auto& [start, duration] : invocations) {
    builder.AddInvocation({start, duration, id.index(), 0});
  }
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

// One big node, no cold-start time, no time limits: what queueing formulas assume.
inline ClusterSpec IdealCluster() {
  ClusterSpec spec;
  spec.nodes = {NodeGroupSpec{1, Millicores::Cores(1000), Mebibytes(1 << 24)}};
  spec.cold_start.time_ms = Distribution::Constant(0);
  spec.containers.request_timeout = SimTime::Max();
  spec.containers.queue_limit = 1'000'000'000;
  spec.containers.max_replicas = 1'000'000;
  return spec;
}

inline std::unique_ptr<SimulatedCluster> MakeCluster(const Trace& trace, const ClusterSpec& spec,
                                                     uint64_t seed = 1) {
  return std::make_unique<SimulatedCluster>(
      trace, spec, seed, MakeArrivalSource(trace, {seed, WithinMinute::kByTrigger}));
}

}  // namespace reeve::testing
