// The simulated cluster: a Platform whose functions, nodes and containers exist in memory.
//
// Event-driven and deterministic: the same trace, cluster, seed and decisions give bit-identical
// results. Every request is accounted for exactly once, as completed, failed, rejected, timed out
// or unfinished. Events at the same microsecond happen in a fixed order: completions (by node),
// timers (in the order they were set), arrivals.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/histogram.h"
#include "core/platform.h"
#include "sim/cluster_spec.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"

namespace reeve {

enum class Outcome : uint8_t { kCompleted, kFailed, kRejected, kTimedOut };
std::string_view OutcomeName(Outcome outcome);

// One request that left the system.
struct InvocationRecord {
  FunctionId function;
  SimTime arrival, start, end;  // start == end when it never ran
  SimTime work;                 // execution time on an idle machine
  ContainerId container;        // invalid when it never ran; numbered by creation
  bool cold = false;            // its container was not ready when it came
  Outcome outcome = Outcome::kCompleted;
};

// What became of a container, for whoever has a counterpart of it elsewhere.
enum class ContainerEvent : uint8_t {
  kStarted,   // it has a place on a node, and starts
  kReady,     // it takes requests
  kDraining,  // by scaling: it ends when its requests have
  kEnded,     // it is gone: by scaling, keep-alive, eviction or failure
};
struct ContainerRecord {
  FunctionId function;
  ContainerId container;  // as in InvocationRecord
  ContainerEvent event = ContainerEvent::kStarted;
  SimTime time;
};

// What one function did since the start of the run.
struct alignas(64) FunctionTotals {
  // Little's law: time_in_system (summed request by request as they leave) plus the ages of the
  // unfinished equals in_system_integral_us, the integral of the number in
  // the system. Both in us.
  int64_t time_in_system_us = 0;
  int64_t latency_sum_us = 0;  // completions

  uint64_t arrivals = 0, completions = 0, failures = 0, timeouts = 0, rejections = 0;
  uint64_t cold_starts = 0;         // requests begun on a container not ready when they came
  uint64_t containers_started = 0;  // starts begun
  uint64_t containers_stopped = 0;  // ended by scaling, keep-alive or eviction, not by failure
  uint64_t slo_violations = 0;  // completions over the objective, failures, timeouts, rejections

  // See time_in_system_us.
  int64_t in_system_integral_us = 0;

  int64_t container_us = 0;       // containers held, starting and draining ones included
  int64_t busy_container_us = 0;  // containers with at least one request
  int64_t memory_mib_us = 0;      // memory held
  double cpu_used_mc_us = 0;      // CPU used, starts included where they use CPU

  InvocationHistogram histogram;  // of the completions
};

// Completions of all functions together.
struct CompletionHistograms {
  RunHistogram latency_us, execution_us, wait_us;
  RunHistogram slowdown_per_mille;
  void Clear();
  void Merge(const CompletionHistograms& other);
};

class SimulatedCluster : public Platform {
 public:
  // Called in replica-target mode when a request comes for a function with no container (none
  // starting either) and no request waiting; the decision is applied at once.
  using WakeCallback = std::function<void(FunctionId, SimTime now, Decision&)>;
  using InvocationSink = std::function<void(const InvocationRecord&)>;
  // In order. Called in the middle of an event: it must not call the cluster.
  using ContainerSink = std::function<void(const ContainerRecord&)>;

  // `trace` must outlive the cluster. `arrivals` is a source over the same trace.
  SimulatedCluster(const Trace& trace, const ClusterSpec& spec, uint64_t seed,
                   std::unique_ptr<ArrivalSource> arrivals);
  ~SimulatedCluster() override;

  // The cluster as newly constructed with this seed, over arrivals that were restarted so
  // (ArrivalSource::Restart): its time 0 is the start of `from_minute` of the trace. The callbacks
  // stay. Without allocation, but for what was never needed before.
  void Reset(uint64_t seed, const ArrivalOptions& arrivals, int from_minute);

  void set_wake(WakeCallback wake);
  void set_invocation_sink(InvocationSink sink);  // costs time per invocation
  // Containers that stand ready at the beginning are told of by Reset only: before it there was
  // nobody to tell.
  void set_container_sink(ContainerSink sink);

  // Processes every event up to and including `time`, which is not before now().
  void AdvanceTo(SimTime time);
  SimTime now() const;
  // No arrival is left to come.
  bool arrivals_done() const;
  // Requests queued or running.
  uint64_t in_system() const;
  uint64_t invocations() const;  // arrivals so far, all functions

  absl::Status Observe(Snapshot& snapshot) override;
  absl::Status Apply(std::span<const Decision> decisions) override;

  size_t function_count() const;
  // Totals up to the last Observe, which must have been at now().
  const FunctionTotals& totals(FunctionId function) const;
  // Completions up to the last Observe; ClearCompletions starts them anew.
  const CompletionHistograms& completions() const;
  // Off: completions() stays empty, which spares time and cache where many clusters take turns.
  void set_record_completions(bool record);
  void ClearCompletions();
  SimTime slo_latency(FunctionId function) const;
  Mebibytes memory_limit(FunctionId function) const;  // of its containers from now on
  // [F] Sum of the ages of each function's requests in the system, us: what Little's law needs at
  // the end. O(functions + requests in the system).
  std::vector<int64_t> UnfinishedAges() const;
  uint64_t unfinished(FunctionId function) const;
  Millicores cpu_capacity() const;  // of all nodes, ready or not
  Mebibytes memory_capacity() const;

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace reeve
