// What the activations of one tenant say of its actions: each one is counted once as an arrival and
// once as a completion, however often its record is read and in whatever order.
//
// Records are made by OpenWhisk when an activation ends, some time later; some servers have those
// under way too, without an end. An arrival is counted in the window in which its record was first
// read, and a completion in that in which its end was: nothing that comes late is lost. After a gap
// in reading, what happened before the present window belongs to windows that nobody has seen, and
// is in no row.
//
// Our own activations, to keep containers warm, hold containers and are no requests.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/openwhisk/warm_containers.h"
#include "controller/openwhisk/whisk_objects.h"
#include "controller/prometheus/cumulative_histogram.h"
#include "core/units.h"

namespace reeve {

// What one action did in a window, and how it stands at its end.
struct ActionFigures {
  uint32_t arrivals = 0;
  uint32_t completions = 0;         // ended by themselves: with a result, or an error of their own
  uint32_t failures = 0;            // ended by a developer's or the platform's error
  uint32_t timeouts = 0;            // ended at their time limit
  uint32_t cold_starts = 0;         // of those that ended: begun on a container started for them
  uint32_t containers_started = 0;  // the same, our own included
  struct Times {
    int64_t latency_ms = 0;    // from the request to its end
    int64_t execution_ms = 0;  // of that, in the function
  };
  std::vector<Times> completed;  // [completions]
  double mean_in_flight = 0;     // being executed
  double mean_queued = 0;        // waiting for a container, or for it to start
  uint32_t in_flight = 0;        // at the end, as far as is known
  uint32_t containers = 0;       // at the end, estimated (warm_containers.h)
  // In place of `completed`, where only counters are known: seconds from the request to the start
  // of its container's work, and from there to its end.
  std::optional<CumulativeHistogram> wait_seconds, duration_seconds;
};

// Not thread-safe.
class ActivationLedger {
 public:
  // `keep_alive`: after which the invokers reclaim idle containers.
  explicit ActivationLedger(SimTime keep_alive) : keep_alive_(keep_alive) {}

  // The action as it is now. Another version than before: its containers are not used any more. (A
  // record of a version that is newer says the same.)
  void SetAction(const std::string& path, const std::string& version, int32_t concurrency);
  // An activation of ours, before its record is read.
  void IgnoreAsRequest(const std::string& id);

  // What was read. Arrivals and ends before `count_from_ms` are not counted (of a gap, or from
  // before the beginning), but hold containers as all do.
  void Add(std::span<const WhiskActivation> activations, int64_t count_from_ms);
  // Records that began earlier will not be read again, and are passed over if they are: what is
  // remembered of them is forgotten. Does not go back.
  void ForgetBefore(int64_t start_ms);

  // The window from `begin_ms` to `end_ms`, of what was counted since the last one. Once for each
  // action of SetAction; zeros for others.
  ActionFigures Take(const std::string& path, int64_t begin_ms, int64_t end_ms);

  // Mean time that the last cold starts of any action took longer than other activations waited,
  // and mean execution time of the last completions of an action, ms; 0: none was seen.
  double cold_start_ms() const { return cold_start_ms_; }
  double execution_ms(const std::string& path) const;
  // As WarmContainers::LastInUse, of the last Take.
  std::optional<int64_t> LastInUse(const std::string& path, uint32_t containers) const;

  uint64_t counted() const { return counted_; }          // completions in rows, failed ones too
  uint64_t passed_over() const { return passed_over_; }  // before count_from_ms
  size_t remembered() const { return seen_.size(); }

 private:
  struct Action {
    explicit Action(SimTime keep_alive) : containers(keep_alive) {}
    std::string version;
    int32_t concurrency = 1;
    uint64_t epoch = 0;  // counts versions
    WarmContainers containers;
    ActionFigures window;
    struct Span {
      int64_t begin_ms, end_ms;
    };
    std::vector<Span> executed, waited;   // of this window
    std::map<std::string, int64_t> open;  // by id: since when
    double execution_ms = 0;              // exponentially weighted
  };
  struct Seen {
    Action* action = nullptr;  // in actions_, which only grows
    int64_t start_ms = 0;
    bool ended = false;
    uint64_t epoch = 0;  // of its action, when it began to hold a container
    bool holds = false;  // one of the current version then
  };
  void See(const WhiskActivation& a, int64_t count_from_ms);
  static void Renew(Action& action, const std::string& version);
  static void LeaveContainer(const Seen& seen, int64_t ms, bool cold);
  void CountEnd(const WhiskActivation& a, Action& action, bool own, int64_t count_from_ms);

  const SimTime keep_alive_;
  std::map<std::string, Action> actions_;  // by path
  std::unordered_map<std::string, Seen> seen_;
  std::set<std::string> own_;
  std::deque<std::string> own_in_order_;  // oldest first: some may never be read
  int64_t forgotten_before_ = INT64_MIN;
  bool lists_open_ = false;  // this server has records of what has not ended
  double cold_start_ms_ = 0, warm_wait_ms_ = 0;
  uint64_t counted_ = 0, passed_over_ = 0;
};

}  // namespace reeve
