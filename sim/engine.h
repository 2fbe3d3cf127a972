// The inside of SimulatedCluster. Split over files by what they are about: engine_setup.cc (how it
// begins), engine_requests.cc (event loop, routing, execution: the hot path), engine_containers.cc
// (life and death of containers), engine_nodes.cc (nodes, their memory and pools),
// engine_invokers.cc (requests bound to nodes) and engine_observe.cc (decisions in, measurements
// out).
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/prefetch.h"
#include "core/random.h"
#include "sim/available_containers.h"
#include "sim/cluster.h"
#include "sim/eviction.h"
#include "sim/invokers.h"
#include "sim/large_pages.h"
#include "sim/min_heap.h"
#include "sim/node_cpu.h"
#include "sim/placement.h"
#include "sim/winner_tree.h"

namespace reeve {

inline constexpr uint32_t kNone = UINT32_MAX;

// Of a start. At least 1 us, so that one that fails and is tried again takes time.
inline int64_t MicrosFromMillis(double ms) {
  return std::max<int64_t>(1, static_cast<int64_t>(std::min(ms, 1e9) * 1000 + 0.5));
}

// A request in the system; pooled, one cache line.
struct alignas(64) Request {
  int64_t arrival_us;
  int64_t start_us;
  int64_t work_us;
  uint32_t function;
  uint32_t container;        // that it runs in, or waits for while `bound`; else kNone
  uint32_t prev, next;       // neighbours in its function's queue
  uint32_t older, newer;     // neighbours in order of deadline
  bool bound;                // waits for the start of `container`, outside the queue
  uint32_t invoker = kNone;  // the node it was sent to, under the sharding balancer
};

enum class ContainerState : uint8_t { kFree, kStarting, kReady, kDraining };

// One cache line for the engine and the router, the next for the node's CPU.
struct alignas(64) Container {
  RouterSlot slot;
  uint32_t function = kNone;
  uint32_t node = kNone;
  ContainerState state = ContainerState::kFree;
  bool start_fails = false;        // found out when the start ends
  bool outdated = false;           // of an earlier version: takes nothing more
  uint32_t bound_request = kNone;  // waits for this container's start
  int64_t ready_us = 0;
  int64_t idle_since_us = 0;
  int64_t expiry_us = WinnerTree::kNever;  // of the keep-alive timer in force; kNever: none
  int64_t memory_mib = 0;
  alignas(64) CpuRunner cpu;

  // As newly constructed, in the memory that there is.
  void Clear() {
    auto kept = std::move(cpu.others);
    kept.clear();
    *this = Container();
    cpu.others = std::move(kept);
  }
};

// A request that left the system, as the journal keeps it until its statistics are made.
struct Finished {
  int64_t latency_us;
  int64_t execution_us;  // 0 when it never ran
  int64_t work_us;
  uint32_t function;
  Outcome outcome;
};

// A count that changes in time, with its integral.
struct Metered {
  int64_t value = 0;
  int64_t integral_us = 0;
  int64_t changed_us = 0;
  void Add(int64_t delta, int64_t now) {
    integral_us += value * (now - changed_us);
    changed_us = now;
    value += delta;
  }
};

// Counts of the current window.
struct WindowCounts {
  uint32_t completions = 0, failures = 0, timeouts = 0, rejections = 0;
  uint32_t containers_started = 0, slo_violations = 0;
};

struct alignas(64) Function {
  explicit Function(RouterStrategy router) : available(router) {}

  // As newly constructed, in the memory that there is.
  void Clear(RouterStrategy router) {
    auto kept_available = std::move(available);
    auto kept_members = std::move(members);
    kept_available.Clear();
    kept_members.clear();
    *this = Function(router);
    available = std::move(kept_available);
    members = std::move(kept_members);
  }

  // Touched by every request: two cache lines.
  Metered in_flight;
  Metered busy;              // containers with a request
  uint32_t arrivals = 0;     // of the window
  uint32_t cold_starts = 0;  // of the window
  bool touched = false;      // stands in Engine::touched_
  uint8_t quiet = 0;         // windows closed since it was last touched, 2 at most
  uint32_t queue_head = kNone, queue_tail = kNone;
  AvailableContainers<LargeVector<Container>> available;
  int64_t keep_alive_us = 0;
  double cpu_used_window = 0;  // millicores * us

  // Touched when statistics are made: one line.
  alignas(64) WindowCounts window;
  int64_t slo_us = 0;
  int64_t time_in_system_us = 0;  // of the run
  int64_t latency_sum_us = 0;     // of the run

  // Touched when requests wait.
  Metered queued;  // in the queue, or bound to a starting container

  // Touched when containers change.
  alignas(64) std::vector<uint32_t> members;  // containers, by rising creation
  uint32_t ready = 0, starting = 0, draining = 0;
  uint32_t outdated = 0;  // ready or starting, of earlier versions; in none of the others
  uint32_t unplaced = 0;  // wanted, but no node had room
  bool pending = false;   // stands in Engine::pending_
  uint32_t target = 0;    // replicas, or floor of warm containers
  uint32_t max_replicas = 0;
  uint64_t starts_drawn = 0;
  Metered containers;  // ready, starting, draining and outdated
  Metered memory_mib;

  // Settings; CPU in millicores, shares 0: as the limit.
  int32_t cpu_limit = 0, cpu_demand = 0, cpu_shares = 0;
  int64_t memory_limit_mib = 0;
  uint32_t concurrency = 1;  // UINT32_MAX: unlimited
  Distribution cold_start_ms;

  // Integrals at the start of the window.
  int64_t queued_before = 0, in_flight_before = 0, memory_before = 0;

  uint32_t alive() const { return ready + starting; }
  int32_t weight() const { return cpu_shares > 0 ? cpu_shares : cpu_limit; }
};

// An odd number of cache lines each, so that the same line of all elements uses all of the cache.
static_assert(sizeof(Function) / 64 % 2 == 1 && sizeof(Container) / 64 % 2 == 1);

// CPU in millicores, and its weight against others.
struct CpuGrant {
  int32_t limit, weight;
};

struct Timer {
  enum class Kind : uint8_t {
    kContainerReady,
    kKeepAlive,
    kDeadline,
    kContainerFailure,
    kNodeEvent,
    kPrewarmReady,
    kResumed,
  };
  int64_t time_us;
  uint64_t order;
  Kind kind;
  uint32_t a;  // container, event or node
  uint32_t b;  // the container's sequence, or the pool
  friend bool Before(const Timer& x, const Timer& y) {
    return x.time_us != y.time_us ? x.time_us < y.time_us : x.order < y.order;
  }
};

class SimulatedCluster::Engine {
 public:
  Engine(const Trace& trace, const ClusterSpec& spec, uint64_t seed,
         std::unique_ptr<ArrivalSource> arrivals);

  // engine_setup.cc
  void Reset(uint64_t seed, const ArrivalOptions& arrivals, int from_minute);

  // engine_requests.cc
  void AdvanceTo(int64_t until_us);

  // engine_observe.cc
  absl::Status Observe(Snapshot& snapshot);
  absl::Status Apply(std::span<const Decision> decisions);
  void ApplyTo(uint32_t function, const Decision& decision);
  const FunctionTotals& Totals(uint32_t function);  // right after Observe
  std::vector<int64_t> UnfinishedAges() const;

  WakeCallback wake;
  InvocationSink sink;
  ContainerSink container_sink;
  CompletionHistograms completions;
  bool record_completions = true;

  int64_t now() const { return now_; }
  bool arrivals_done() const { return next_arrival_us_ == WinnerTree::kNever; }
  const LargeVector<Function>& functions() const { return functions_; }
  uint64_t invocations() const { return invocations_; }
  const ClusterSpec& spec() const { return spec_; }

 private:
  // ---- engine_requests.cc
  void LoadArrival();
  void PrefetchAhead() const;
  void PrefetchNextCompletion() const;
  void OnArrival();
  void OnCompletion();
  void OnTimer();
  void OnDeadline();
  uint32_t NewRequest(uint32_t function, int64_t work_us);
  void FreeRequest(uint32_t request);
  void Enqueue(Function& f, uint32_t request);
  void Unqueue(Function& f, uint32_t request);
  // A bound request waits for its container no more.
  void Unbind(Function& f, uint32_t container);
  void Begin(Function& f, uint32_t request, uint32_t container);
  // The request leaves the system; `started` says whether it was running.
  void Leave(Function& f, uint32_t request, Outcome outcome);
  // Makes the statistics of what left since the last call.
  void FlushJournal();
  // The container has one request fewer: next work, idle, or gone.
  void AfterRelease(uint32_t container);
  void ServeQueue(uint32_t function);
  // Who keeps the container while it has room for requests.
  AvailableContainers<LargeVector<Container>>& AvailableOf(Function& f, const Container& c) {
    return invokers_ ? invokers_->ShelfOf(c.function, c.node).available : f.available;
  }
  void SetNodeTime(uint32_t node) {
    const NodeCpu& cpu = cpus_[node];
    node_times_.Set(node, cpu.next_completion());
    // By the time this completion comes, its container is in the cache.
    const char* next = reinterpret_cast<const char*>(&containers_[cpu.next_runner()]);
    PrefetchLine(next);
    PrefetchLine(next + 64);
  }
  // The function has something to tell at the end of the window. Call before its state changes.
  void Touch(uint32_t function) {
    Function& f = functions_[function];
    f.quiet = 0;  // what changed now shows in the means of this window and of the next
    if (f.touched) return;
    f.touched = true;
    // While it was quiet only its memory went on; the mean of this window starts with the window.
    f.memory_before = f.memory_mib.integral_us +
                      f.memory_mib.value * (window_start_us_ - f.memory_mib.changed_us);
    touched_.push_back(function);
  }
  // A timer for kNever is none.
  void SetTimer(int64_t time_us, Timer::Kind kind, uint32_t a, uint32_t b);
  // now() + delay; kNever when that is beyond the end of time.
  int64_t After(int64_t delay_us) const {
    return delay_us < WinnerTree::kNever - now_ ? now_ + delay_us : WinnerTree::kNever;
  }

  // ---- engine_containers.cc
  void WakeUp(uint32_t function);
  void Reconcile(uint32_t function);
  // On demand: sees that every waiting request has a container on its way, as far as there is room.
  void StartForQueue(uint32_t function);
  // The container; kNone: no node had room, nor could get it.
  uint32_t StartContainer(uint32_t function, bool ready_at_once = false);
  // The same on a node with room, or in a pre-warmed container taken there.
  uint32_t CreateContainer(uint32_t function, uint32_t node, bool prewarmed, bool ready_at_once);
  void AddUnplaced(uint32_t function, uint32_t count);
  void OnReady(uint32_t container);
  void OnKeepAlive(uint32_t container);
  // It became idle or has room for another request.
  void AfterChange(uint32_t container) {
    const Container& c = containers_[container];
    const uint32_t node = c.node;
    const bool idle = on_demand_ && c.slot.outstanding == 0;
    if (idle) ArmExpiry(container, After(functions_[c.function].keep_alive_us));
    // From here on it may have been ended to make room.
    if (invokers_) ServeBuffer(node);
    if (idle) OnIdle(node);
  }
  // Looks at an idle container at `time_us`, unless that happens before anyway.
  void ArmExpiry(uint32_t container, int64_t time_us);
  // The keep-alive or the warm floor fell: what was idle for long enough goes.
  void ReviewIdle(uint32_t function);
  void Stop(uint32_t container);     // by scaling: at once if idle, else it drains
  void Remove(uint32_t container);   // frees everything; no request runs in it
  void Discard(uint32_t container);  // the same, without giving its memory to who waits for it
  void Fail(uint32_t container);     // its requests fail with it
  void ScaleDown(uint32_t function, uint32_t excess);
  void ConfigureCpu(uint32_t container);
  // Where one that does not drain is counted.
  static uint32_t& CountOf(Function& f, const Container& c) {
    if (c.outdated) return f.outdated;
    return c.state == ContainerState::kStarting ? f.starting : f.ready;
  }
  void Tell(const Container& c, ContainerEvent event) const {
    if (!container_sink) return;
    container_sink(
        {FunctionId(c.function), ContainerId(c.slot.sequence), event, SimTime::Micros(now_)});
  }

  // ---- engine_nodes.cc
  void OnNodeEvent(const NodeEventSpec& event);
  void OnMemoryFreed(uint32_t node);
  // Starts what waits for a place and now finds one on the node, `evict`: by ending idle ones.
  void PlacePending(uint32_t node, bool evict);
  // On demand: an idle container has to make way for what waits.
  void OnIdle(uint32_t node) {
    if (on_demand_ && !pending_.empty()) PlacePending(node, /*evict=*/true);
  }
  // Something other than memory changed for those who wait for a place.
  void RetryPending();
  void RefillPrewarm(uint32_t node);
  bool Evictable(uint32_t container) const;
  // A ready pre-warmed container for the need, taken; its node, or kNone.
  uint32_t TakePrewarmed(uint32_t function, const Need& need);
  bool TakePrewarmedOn(uint32_t node, const Need& need);
  // Ends idle containers of one node, as few as make room; that node, or kNone without ending any.
  uint32_t EvictFor(uint32_t function);
  // Fills victims_ with the containers whose end makes room on the node, in the order of eviction;
  // false when even all that may go do not.
  bool FindVictims(uint32_t node, const Need& need);
  void EvictVictims();

  // ---- engine_invokers.cc, of use when invokers_ is there
  // Memory that the balancer holds for so many requests of the function on one node.
  int64_t SlotsFor(const Function& f, uint64_t requests) const;
  void CountInSystem(uint32_t function, uint32_t node, int change);
  // The number of nodes when none takes requests: they wait there for one.
  uint32_t ChooseInvoker(uint32_t function);
  void ArriveAtInvoker(uint32_t function, int64_t work_us);
  // Starts or buffers there a request that is counted as queued.
  void SendTo(uint32_t request, uint32_t node);
  void LeaveInvoker(Request& r);
  void Buffer(uint32_t request, uint32_t node);
  void Unbuffer(uint32_t request);
  void ServeBuffer(uint32_t node);
  void ServeBuffers();
  void AfterEviction(uint32_t node);
  // The pool: a warm container, one on its way, a pre-warmed one, a new one, a new one in place of
  // idle ones; false: none of these.
  bool StartAt(uint32_t request, uint32_t node);
  void Assign(uint32_t request, uint32_t container);
  void Unassign(uint32_t request);
  void ReviewWarming(uint32_t container);
  bool Paused(uint32_t container) const;  // of a warm one
  void Resume(uint32_t container);
  void OnResumed(uint32_t container);
  void BeginAssigned(uint32_t container);
  void Detach(uint32_t container);
  void DisplaceBuffer(uint32_t node);
  void Redispatch();
  bool Resuming(uint32_t container) const {
    return invokers_ && invokers_->assigned(container).resuming;
  }

  // ---- engine_setup.cc
  void MakeNodes();
  void MakeFunctions();
  void Begin();
  void BeginNodes();
  void BeginFunctions();

  // ---- engine_observe.cc
  void ResizeCpu(uint32_t function, Millicores limit);
  void ResizeMemory(uint32_t function, Mebibytes limit);
  void FollowMemory(uint32_t function, bool limit_too);
  const FunctionOverride* OverrideOf(uint32_t function) const;
  CpuGrant GrantOf(const Container& c) const;
  bool MakesNewVersion(const Function& f, const Decision& decision) const;
  void Outdate(uint32_t function);
  void SetConcurrency(uint32_t function, int32_t concurrency);
  // Adds what the window counted and integrated to the function's totals.
  void CloseWindow(uint32_t function);
  void OpenWindow();
  void CollectCpu();
  void Publish(uint32_t function, double span, FunctionWindows& out);

  const Trace& trace_;
  const ClusterSpec spec_;
  const bool on_demand_;
  const int64_t timeout_us_;
  const uint32_t queue_limit_;
  const InterferenceCurve curve_;
  uint64_t seed_;

  // Arrivals.
  std::unique_ptr<ArrivalSource> source_;
  ArrivalBatch batch_;
  size_t batch_at_ = 0;
  int64_t next_arrival_us_ = 0;  // kNever at the end
  uint64_t invocations_ = 0;

  // Events.
  int64_t now_ = 0;
  WinnerTree node_times_;  // earliest completion of each node
  MinHeap<Timer> timers_;
  uint64_t timers_set_ = 0;

  // State; all indexed by dense numbers.
  LargeVector<Function> functions_;
  WindowHistograms histograms_;         // [F], of the window
  LargeVector<FunctionTotals> totals_;  // [F], up to the window's start
  std::vector<Node> nodes_;
  std::vector<NodeCpu> cpus_;  // [nodes]
  LargeVector<Container> containers_;
  uint32_t containers_used_ = 0;           // of them since the run began, at the front
  std::vector<uint32_t> cpu_generations_;  // [containers]
  std::vector<uint32_t> free_containers_;
  uint32_t containers_made_ = 0;
  LargeVector<Request> requests_;
  uint32_t free_request_ = kNone;                             // list through `next`
  uint32_t oldest_request_ = kNone, newest_request_ = kNone;  // by deadline
  bool deadline_armed_ = false;
  std::vector<uint32_t> pending_;  // functions with unplaced containers, first come first served
  // Buffers for what has to be done one after the other, while doing it may call for more.
  std::vector<uint32_t> spare_pending_, spare_freed_, spare_lost_;
  std::vector<uint32_t> scratch_;
  std::vector<uint32_t> victims_;
  Placement placement_;
  std::unique_ptr<Invokers<LargeVector<Container>>> invokers_;  // under the sharding balancer
  std::unique_ptr<GreedyDual> greedy_dual_;                     // under greedy-dual eviction
  std::vector<uint64_t> function_hash_;                         // [F]
  std::vector<uint32_t> function_on_node_;  // [nodes] scratch: containers of one function
  std::vector<uint8_t> image_on_node_;      // [F * nodes]; empty when pulls cost nothing
  std::vector<Finished> journal_;
  std::vector<uint32_t> touched_;            // functions to look at when the window ends
  const Snapshot* last_snapshot_ = nullptr;  // holds what did not change since
  int64_t window_start_us_ = 0;
  bool window_closed_ = false;  // the histograms are still those of the last snapshot
};

}  // namespace reeve
