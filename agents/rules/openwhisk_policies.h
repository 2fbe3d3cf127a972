// OpenWhisk as policies: its invokers' keep-alive, and its newer scheduler.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "agents/rules/openwhisk_decision.h"
#include "agents/rules/openwhisk_options.h"
#include "core/policy.h"

namespace reeve {

// The invoker's container pool, for a platform that starts containers on demand: a container goes
// pause_grace + idle_container after its last request (610 s; core/invoker, ContainerProxy.scala).
// The rest of the pool (pre-warmed containers, eviction, run buffer, the cost of resuming a paused
// container) and the balancer before it are the platform's own: in the simulator, the cluster's
// `balancer`, `eviction`, `pause` and `prewarm`.
class OpenWhiskPolicy : public Policy {
 public:
  explicit OpenWhiskPolicy(const OpenWhiskPoolOptions& options)
      : keep_alive_(OpenWhiskKeepAlive(options.pause_grace, options.idle_container)) {}
  std::string_view name() const override { return "openwhisk"; }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;

 private:
  const SimTime keep_alive_;
};

// The newer scheduler: DecideOpenWhisk for every function in every control period, for a platform
// that is given a number of replicas. A function without containers gets its first at once (Wake).
//
// Upstream decides every 100 ms; here, as often as the control period of the platform. A longer one
// makes the rule see fuller queues later: it adds the same containers in fewer and larger steps,
// and what arrives within a period waits for its end unless a container is free.
//
// What upstream measures and a snapshot does not show is made as follows:
// - stale messages: those in the queue beyond the number of arrivals within the last
//   stale_threshold, since a queue is served first come, first served. Exact where the control
//   period is the stale_threshold or a whole fraction of it; in a longer one arrivals count as
//   spread evenly.
// - duration: the windows' median execution times, averaged over about the last
//   duration_buffer_size completions.
// - the end of containers: upstream a container ends itself when no request has come to it for
//   pause_grace + idle_container. Here the replicas fall to the most that were in use, or were
//   asked for, within that time: what the platform's removal of idle containers would leave if
//   requests went to the most recently used ones. The warm container that upstream keeps longest
//   (warmed-container-keeping-count) gets no special treatment.
// - throttling: upstream refuses requests of a throttled namespace. A decision cannot; so
// throttling
//   here means that no container is added until there is capacity again, and requests wait.
// A container that fails is replaced by the platform, not by a new decision.
//
// Cost of a Decide: O(functions); for a function that sleeps a few reads. No allocation beyond the
// growth of the history of peaks. Not thread-safe.
class OpenWhiskSchedulerPolicy : public Policy {
 public:
  // `options` are within their ranges.
  explicit OpenWhiskSchedulerPolicy(const OpenWhiskSchedulerOptions& options);

  std::string_view name() const override { return "openwhisk_scheduler"; }

  // Sets `replicas` of a function when they change. Functions may be added from one call to the
  // next, at the end. InvalidArgument when decisions and functions differ in number, functions
  // disappear, or time runs backwards.
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;
  void Wake(FunctionId function, SimTime now, Decision& decision) override;

 private:
  // The most containers since some time, for all times that matter: levels fall, times rise.
  struct Peak {
    int64_t until_us;  // counts before this
    int32_t level;
  };
  struct Function {
    int32_t asked = 0;                  // replicas
    int32_t counted = 0;                // containers that it adds to in_cluster_
    std::optional<double> duration_ms;  // mean of the last completions
    bool initialized = false;
    bool throttled = false;
    std::vector<Peak> peaks;
  };

  // Learns of functions seen for the first time.
  void AddFunctions(const FunctionWindows& windows, int64_t now_us);
  // Notes the window's arrivals in the ring.
  void CountArrivals(const Snapshot& snapshot);
  // Requests of the function that wait for longer than the threshold.
  int32_t Stale(const FunctionWindows& windows, size_t f) const;
  void LearnDuration(const FunctionWindows& windows, size_t f);
  OpenWhiskQueueSnapshot QueueOf(const FunctionWindows& windows, size_t f) const;
  // Keeps the decision's state and raises the replicas asked for.
  void Carry(const OpenWhiskDecision& decision, Function& function, int32_t have, int64_t now_us);
  // At least `level` containers count as used up to now.
  void NotePeak(Function& function, int32_t level, int64_t now_us) const;
  // The most that were used within the keep-alive time.
  static int32_t HighestPeak(Function& function, int64_t now_us);

  const OpenWhiskSchedulerOptions options_;
  const OpenWhiskRule rule_;
  const int64_t keep_us_;
  std::vector<Function> functions_;
  int64_t in_cluster_ = 0;                       // containers of all functions
  std::vector<std::vector<uint32_t>> arrivals_;  // [windows in a threshold, F], a ring
  size_t newest_ = 0;                            // its last row
  double newest_share_ = 1;                      // of the last window, within the threshold
  SimTime last_;
};

}  // namespace reeve
