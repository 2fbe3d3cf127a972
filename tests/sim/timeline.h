// A small cluster with given invocations, and what became of each as a line of text.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/check.h"
#include "sim/cluster.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"

namespace reeve::testing {

// An invocation of function "f<function>".
struct Call {
  uint32_t function;
  int64_t at_ms, work_ms;
};

// Functions f0, f1, … of 128 MiB and a cold start of 1 s.
inline Trace CallsTrace(const std::vector<Call>& calls, uint32_t functions) {
  TraceBuilder builder;
  for (uint32_t i = 0; i < functions; ++i) {
    FunctionProfile profile;
    profile.name = fmt::format("f{}", i);
    profile.tenant = builder.Tenant("t");
    profile.app = builder.App("a");
    profile.memory = Mebibytes(128);
    builder.AddFunction(profile);
  }
  for (const Call& call : calls) {
    builder.AddInvocation({call.at_ms * 1000, call.work_ms * 1000, call.function, 0});
  }
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

// One node of 4 cores; a start takes 1 s; no time limits.
inline ClusterSpec PlainCluster(ScalingMode scaling) {
  ClusterSpec spec;
  spec.scaling = scaling;
  spec.nodes = {{1, Millicores::Cores(4), Mebibytes(4096)}};
  spec.placement = PlacementStrategy::kFirstFit;
  spec.cold_start.time_ms = Distribution::Constant(1000);
  spec.cold_start.prewarmed_ms = Distribution::Constant(100);
  spec.containers.request_timeout = SimTime::Max();
  spec.containers.keep_alive = SimTime::Hours(1);
  return spec;
}

// "f0@200 1100-1200 #0 cold": came at 200 ms, ran from 1100 to 1200 in the first container created,
// which was not ready when it came. Other outcomes than completion are named; what never ran has
// one time.
inline std::string RecordText(const InvocationRecord& r) {
  std::string text = fmt::format("f{}@{}", r.function.index(), r.arrival.millis());
  if (r.container.valid()) {
    text += fmt::format(" {}-{} #{}", r.start.millis(), r.end.millis(), r.container.index());
  } else {
    text += fmt::format(" {}", r.end.millis());
  }
  if (r.cold) text += " cold";
  if (r.outcome != Outcome::kCompleted) text += fmt::format(" {}", OutcomeName(r.outcome));
  return text;
}

// Decisions about one thing.
inline Decision Replicas(int32_t n) {
  Decision d;
  d.replicas = n;
  return d;
}
inline Decision CpuLimit(int64_t millicores) {
  Decision d;
  d.cpu_limit = Millicores(millicores);
  return d;
}
inline Decision MemoryLimit(int64_t mib) {
  Decision d;
  d.memory_limit = Mebibytes(mib);
  return d;
}
inline Decision Concurrency(int32_t n) {
  Decision d;
  d.concurrency = n;
  return d;
}
inline Decision KeepAlive(SimTime t) {
  Decision d;
  d.keep_alive = t;
  return d;
}

class Timeline {
 public:
  Timeline(const ClusterSpec& spec, const std::vector<Call>& calls, uint32_t functions = 1)
      : trace_(CallsTrace(calls, functions)),
        cluster_(trace_, spec, 1, MakeArrivalSource(trace_, {})) {
    cluster_.set_invocation_sink(
        [this](const InvocationRecord& r) { lines.push_back(RecordText(r)); });
  }

  // Plays up to and including `ms` and looks.
  const FunctionWindows& At(double ms) {
    cluster_.AdvanceTo(SimTime::FromSeconds(ms / 1000));
    EXPECT_TRUE(cluster_.Observe(snapshot).ok());
    return snapshot.functions;
  }
  void Decide(uint32_t function, const Decision& decision) {
    std::vector<Decision> all(trace_.functions().size());
    all[function] = decision;
    EXPECT_TRUE(cluster_.Apply(all).ok());
  }
  int64_t held_mib() const { return snapshot.cluster.memory_held.value(); }
  SimulatedCluster& cluster() { return cluster_; }

  std::vector<std::string> lines;  // in the order in which requests left
  Snapshot snapshot;               // of the last At

 private:
  Trace trace_;
  SimulatedCluster cluster_;
};

}  // namespace reeve::testing
