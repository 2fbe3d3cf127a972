// The simulated cluster seen as pods: each pod that somebody else makes has one of its containers,
// and each function has as many containers as there are pods of it.
//
// A pod waits until the simulator has a place for it, starts as long as the simulated cold start,
// takes its share of the function's requests while it is ready, drains when its deletion is asked
// for, and is gone when its last request has been answered. Which container of a function goes is
// the simulator's choice (ClusterSpec::scale_down), which pod goes that of whoever deletes it: the
// two are exchanged where they differ, so that counters stay with their pod. A container that fails
// is followed by another in the same pod, as a kubelet does.
//
// The simulated clock stands at 0 until the first AdvanceTo; containers that stand ready at the
// beginning are there for pods that come before. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "controller/fleet/pod_statistics.h"
#include "core/snapshot.h"
#include "core/units.h"
#include "sim/cluster.h"
#include "sim/cluster_spec.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"

namespace reeve {

enum class PodStage : uint8_t {
  kWaiting,   // no container: no node has room, or the clock stands
  kStarting,  // its container starts
  kReady,     // it takes requests
  kDraining,  // it is to go, and still has requests
  kGone,      // it was to go, and is free to
};

struct SimulatedPod {
  FunctionId function;
  PodStage stage = PodStage::kWaiting;
  bool leaving = false;               // deletion was asked for
  uint32_t restarts = 0;              // containers that failed
  std::optional<uint32_t> container;  // its number in the simulator
  PodCounters counters;
  PodRates rates;  // over the last window
};

// Requests of a function that no pod has.
struct ActivatorFigures {
  double queued = 0;  // wait for a container now
};

class SimulatedPods {
 public:
  // `trace` outlives this.
  SimulatedPods(const Trace& trace, const ClusterSpec& spec, const ArrivalOptions& arrivals);

  // A pod that is there. `name`: any, unique; again does nothing.
  void Add(const std::string& name, FunctionId function);
  // Its deletion was asked for. Again, and for pods that are not there, does nothing. Takes effect
  // at the next AdvanceTo; kGone says when it may go.
  void Remove(const std::string& name);
  // Nobody will ask for it any more; one that does not leave yet is removed first, and drains
  // unseen.
  void Forget(const std::string& name);

  // Brings the functions to as many containers as they have pods, and the clock to `time`, which is
  // not before now().
  void AdvanceTo(SimTime time);
  SimTime now() const { return cluster_.now(); }
  // Ends the window that rates are over: fills `snapshot` as the simulator observes it.
  absl::Status CloseWindow(Snapshot& snapshot);

  const SimulatedPod* Find(const std::string& name) const;  // null: not there
  const std::map<std::string, SimulatedPod>& pods() const { return pods_; }
  const ActivatorFigures& activator(FunctionId function) const {
    return activator_[function.index()];
  }
  SimulatedCluster& cluster() { return cluster_; }

 private:
  struct Container {
    FunctionId function;
    bool ready = false, draining = false;
    SimTime ready_at;
    std::string pod;  // whose it is; "": nobody's
  };
  // What one function has besides its pods' containers.
  struct Function {
    std::vector<std::string> waiting;   // pods without a container, first come first served
    std::vector<std::string> removing;  // pods to go whose container the simulator still has to end
    std::vector<uint32_t> loose;        // containers without a pod, oldest first
    uint32_t wanted = 0;                // pods that do not leave
  };

  void OnInvocation(const InvocationRecord& record);
  void OnContainer(const ContainerRecord& record);
  void OnEnding(uint32_t number, Container& container, bool ended);
  // Gives a container that is nobody's to the pod that has waited longest, if there is one.
  void Offer(uint32_t number);
  void Bind(const std::string& name, uint32_t number);
  // The pod has no container; it waits for the next.
  void Unbind(const std::string& name);
  void CarryOut();
  void Settle(FunctionId function);

  SimulatedCluster cluster_;
  std::map<std::string, SimulatedPod> pods_;
  std::map<uint32_t, Container> containers_;         // alive ones
  std::vector<Function> functions_;                  // [F]
  std::vector<Decision> decisions_;                  // [F]
  std::vector<ActivatorFigures> activator_;          // [F]
  std::map<std::string, uint64_t> answered_before_;  // of pods, at the last window's end
  std::vector<std::string> forgotten_;               // gone with their last request
};

}  // namespace reeve
