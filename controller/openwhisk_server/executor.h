// The simulated cluster as what executes activations: each version of an action is a function of
// its own there, so that the containers of a version that was replaced stand idle until keep-alive
// or somebody else's need ends them, as in OpenWhisk, and the new one begins cold.
//
// A simulated cluster has a fixed set of functions. Every action's behaviour has a pool of them,
// which its versions use one after the other; one is free again when no container of it is left.
// Pools are used up only by actions that change faster than their containers go: then idle
// containers of the oldest version are ended.
//
// The number of containers of an action is held by holding activations back (`instances` times
// `concurrency` are in the cluster at most): a multiple of a millisecond after one has ended the
// next is let in. With the same invocations at the same times, results are the same however often
// AdvanceTo is called in between. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/openwhisk_server/server_config.h"
#include "core/histogram.h"
#include "core/snapshot.h"
#include "core/units.h"
#include "sim/cluster.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"

namespace reeve::openwhisk_server {

// A pool: how the activations of one action behave, and how many versions may have containers.
struct ExecutionPool {
  std::string ns, action;  // names in the simulator
  BehaviourSpec behaviour;
  int32_t versions = 1;
};

struct VersionLimits {
  Mebibytes memory{256};
  int32_t concurrency = 1;
  std::optional<int32_t> instances = std::nullopt;
};

// An activation that left the cluster; times since the start.
struct Execution {
  uint64_t ticket = 0;
  SimTime arrival;  // at Invoke
  SimTime start;    // of its initialisation, or of its run without one
  SimTime init;     // how long that took; zero: its container was initialised already
  SimTime end;
  bool cold = false;  // its container was not ready when it came
  Outcome outcome = Outcome::kCompleted;
};

// Counts since the start, and the present, of the whole cluster.
struct ExecutorFigures {
  uint64_t containers_started = 0, containers_ended = 0, cold_starts = 0, activations = 0;
  RunHistogram latency_us;    // of those that completed, from Invoke to their end
  int64_t memory_mib_us = 0;  // held by containers, those of old versions included
  uint64_t containers() const { return containers_started - containers_ended; }
  double gib_seconds() const { return static_cast<double>(memory_mib_us) / 1024 / 1e6; }
};

class Executor {
 public:
  // Called between two steps of the simulator: it may call the executor.
  using Sink = std::function<void(const Execution&)>;

  // `spec` is valid and scales on demand.
  Executor(const ClusterSpec& spec, const std::vector<ExecutionPool>& pools, double init_share,
           uint64_t seed, Sink sink);

  // A version of an action of this pool; costs nothing until it is invoked.
  uint32_t AddVersion(uint32_t pool, const VersionLimits& limits);
  // There will be no more invocations; those under way go on.
  void Retire(uint32_t version);

  // An activation that comes now, with so much work on an idle machine; its ticket.
  // ResourceExhausted when every version of the pool has something under way.
  absl::StatusOr<uint64_t> Invoke(uint32_t version, SimTime work);

  // Not before now(); the sink is told of what ended.
  void AdvanceTo(SimTime time);
  SimTime now() const { return cluster_->now(); }
  // Activations under way, held back ones included.
  uint64_t under_way() const { return tickets_waiting_ + inside_; }
  // While there is a watcher, the sink is told of ends at whole milliseconds, so that what it
  // invokes then comes at the same time however AdvanceTo is called.
  void AddWatcher() { ++watchers_; }
  void RemoveWatcher() { --watchers_; }
  // As of now().
  const ExecutorFigures& figures();

 private:
  static constexpr uint32_t kNoSlot = UINT32_MAX;

  struct Waiting {
    uint64_t ticket;
    SimTime arrival, work;
  };
  struct Version {
    uint32_t pool = 0;
    VersionLimits limits;
    uint32_t slot = kNoSlot;  // of the simulator's functions
    bool retired = false;
    uint64_t inside = 0;
    std::deque<Waiting> waiting;
  };
  struct Slot {
    uint32_t pool = 0;
    uint32_t version = UINT32_MAX;  // UINT32_MAX: free
    uint64_t containers = 0;
    uint64_t since = 0;    // the order in which versions took their slots
    bool emptied = false;  // its keep-alive is zero
  };
  struct Container {
    SimTime started, ready;
    bool used = false;
  };
  struct Key {
    uint32_t slot;
    int64_t arrival_us, work_us;
    auto operator<=>(const Key&) const = default;
  };
  struct Inside {
    uint64_t ticket;
    SimTime arrival;  // before it was held back
  };
  class LiveArrivals;

  absl::Status TakeSlot(uint32_t version);
  void Configure(uint32_t slot, const Decision& decision);
  void Enter(uint32_t version, const Waiting& activation);
  void ReviewSlot(uint32_t slot);
  void EndWindow();
  void Step(SimTime time);
  void Deliver();
  void OnInvocation(const InvocationRecord& record);
  void OnContainer(const ContainerRecord& record);

  const double init_share_;
  const SimTime keep_alive_;
  const Sink sink_;
  Trace trace_;  // names and behaviours of the slots
  std::vector<Slot> slots_;
  std::vector<std::vector<uint32_t>> free_;  // [pools] slots
  std::unique_ptr<SimulatedCluster> cluster_;
  LiveArrivals* arrivals_ = nullptr;  // the cluster's
  std::vector<Version> versions_;
  std::map<uint32_t, Container> containers_;  // by number
  std::multimap<Key, Inside> inside_of_;
  struct Ended {
    uint32_t version;
    Execution execution;
  };
  std::vector<Ended> ended_;  // not yet delivered
  std::vector<Decision> decisions_;
  uint64_t next_ticket_ = 0, tickets_waiting_ = 0, inside_ = 0, taken_ = 0;
  int watchers_ = 0;
  ExecutorFigures figures_;
  SimTime observed_;
  Snapshot window_;
};

}  // namespace reeve::openwhisk_server
