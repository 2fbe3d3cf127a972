// A whole simulation as one configuration, and its run: a trace, a cluster and a policy in, RunData
// out.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/adapt/safeguarded_policy.h"
#include "agents/policy_factory.h"
#include "core/config.h"
#include "core/policy.h"
#include "core/units.h"
#include "runs/run_data.h"
#include "sim/cluster.h"
#include "sim/cluster_spec.h"
#include "sim/perturbation.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"
#include "traces/trace_shift.h"

namespace reeve {

enum class FunctionIntervals : uint8_t { kAuto, kAll, kNone };
constexpr auto EnumNames(FunctionIntervals) {
  return std::array<std::pair<FunctionIntervals, std::string_view>, 3>{
      {{FunctionIntervals::kAuto, "auto"},
       {FunctionIntervals::kAll, "all"},
       {FunctionIntervals::kNone, "none"}}};
}

// Everything that decides a run's results; what config.yaml of a run folder holds.
struct SimulationConfig {
  std::string trace;
  uint64_t seed = 0;
  WithinMinute within_minute = WithinMinute::kByTrigger;
  SimTime report_interval = SimTime::Minutes(1);
  FunctionIntervals function_intervals = FunctionIntervals::kAuto;
  bool bound = true;
  ClusterSpec cluster;
  PolicySpec policy;
  WorkloadChanges workload_changes;
  PerturbationSpec perturbations;

  template <class V>
  static void Fields(V& v) {
    using C = SimulationConfig;
    v.Field("trace", &C::trace, "The workload: a .rtrace file, or what `reeve trace import` reads");
    v.Field("seed", &C::seed, "All random draws follow from it");
    v.Field("within_minute", &C::within_minute,
            "Where the invocations of a per-minute trace fall within their minute");
    v.Field("report_interval", &C::report_interval,
            "Length of the intervals of windows.csv; a multiple of the control period",
            Between(0.01, 86400));
    v.Field("function_intervals", &C::function_intervals,
            "Intervals of every function by itself: auto writes them for up to 1000 functions");
    v.Field("bound", &C::bound,
            "Compare with the clairvoyant bound; takes another pass over the arrivals");
    v.Field("cluster", &C::cluster, "The simulated cluster");
    v.Field("policy", &C::policy, "The policy that drives it");
    v.Field("workload_changes", &C::workload_changes, "What happens to the workload on the way");
    v.Field("perturbations", &C::perturbations,
            "What stands between the policy and the cluster; nodes lost are cluster.events");
  }

  absl::Status Validate() const;
};

// What the run tells while it goes, and asks.
struct SimulationHooks {
  // Called after every control period.
  std::function<void(SimTime now, const SimulatedCluster&, const Snapshot&)> on_period;
  // Asked after every control period; true ends the run early with complete = false.
  std::function<bool()> stop;
  // Called for every request that leaves; costs time.
  SimulatedCluster::InvocationSink on_invocation;
  // The policy's safeguard, for the report, where the policy holds it inside; one that itself is a
  // SafeguardedPolicy need not be named.
  const SafeguardedPolicy* safeguard = nullptr;
};

// Runs `trace`, with the workload's changes, to its end. Requests that are still there then count
// as unfinished. Results do not depend on `threads` (1: everything on the calling thread; more:
// arrivals are computed ahead on another). `config.trace` only names the trace. Host information is
// left to the caller. Reports and hooks are given what happened, the policy what the perturbations
// make of it. InvalidArgument for workload changes that do not fit the trace; errors of the policy
// are returned as they are.
absl::StatusOr<RunData> RunSimulation(const Trace& trace, const SimulationConfig& config,
                                      int threads, const SimulationHooks& hooks = {});
// The same with a policy that is there already, in place of config.policy; on the calling thread.
// The policy has met no other run.
absl::StatusOr<RunData> RunSimulation(const Trace& trace, const SimulationConfig& config,
                                      Policy& policy, const SimulationHooks& hooks = {});

}  // namespace reeve
