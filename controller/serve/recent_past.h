// What the page shows of the recent past: every window of every function and of the cluster, what
// policies saw last, and the newest events. Bounded in memory, in the order in which things came.
//
// Shape letters: F slots of the catalogue, N present functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/control_loop.h"
#include "controller/loop_records.h"
#include "controller/store/store_reader.h"
#include "core/histogram.h"

namespace reeve {

// One function in one window.
struct FunctionPoint {
  uint32_t slot = 0;
  uint32_t arrivals = 0, completions = 0, lost = 0;  // lost: failures, timeouts and rejections
  uint32_t cold_starts = 0, slo_violations = 0;
  uint32_t queued = 0, in_flight = 0;           // at its end
  uint32_t ready = 0, starting = 0, asked = 0;  // containers
  int32_t wished = -1;                          // replicas; -1: the decision leaves them
  float mean_queued = 0, mean_in_flight = 0, p50_ms = 0, p99_ms = 0, cpu_millicores = 0;
  std::string_view why = "";
  // Of a window that another run recorded nobody knows who decided.
  std::optional<Decider> decider;
  ControlMode mode = ControlMode::kOff;
  bool paused = false, sound = false;
};

// The whole cluster in one window.
struct ClusterPoint {
  uint64_t seq = 0;  // rises by one from window to window
  uint64_t tick = 0;
  int64_t wall_us = 0;  // of its end, since 1970 UTC
  SimTime window;       // its length
  bool observed = false, decided = false;
  SimTime lateness, duration;  // of the tick
  uint64_t arrivals = 0, completions = 0, lost = 0, cold_starts = 0, slo_violations = 0;
  uint64_t ready = 0, starting = 0, asked = 0;
  double mean_queued = 0, mean_in_flight = 0;
  // Over all requests where the platform has histograms; elsewhere unset.
  std::optional<double> p50_ms, p95_ms, p99_ms;
  // Of the function that missed its objective, or was slowest, by most; 0 where nothing completed.
  double slowest_p99_ms = 0;
  uint32_t functions = 0, over_objective = 0;  // the latter: p99 above the objective
  uint32_t safeguarded = 0, held = 0;          // functions by whose decision it was
  ClusterState cluster;
  std::optional<AdaptationNow> adaptation;
};

// What the functions of a stretch of windows are called.
struct FunctionNames {
  uint64_t generation = 0;
  std::vector<LiveFunction> functions;  // [F]
};

struct RecentWindow {
  ClusterPoint cluster;
  std::shared_ptr<const FunctionNames> names;
  std::vector<FunctionPoint> functions;  // [N] by rising slot
};

struct RecentEvent : PastEvent {
  uint64_t seq = 0;  // rises by one from event to event
};

// What policies saw at the last tick at which they were asked.
struct SeenWindow {
  int64_t wall_us = 0;
  std::vector<uint32_t> slots;  // [N]
  Snapshot view;                // [N]
};

// Thread-safe. Sink of the loop: a tick costs one pass over its functions.
class RecentPast : public LoopSink {
 public:
  // `bytes`: for the windows of functions; at least the newest window is kept.
  explicit RecentPast(size_t bytes) : bytes_(bytes) {}

  // Windows and events that an earlier run has stored, oldest first; before the loop begins.
  void AddPast(const PastWindow& window);
  void AddPast(const PastEvent& event);
  // How many windows of `functions` functions find room.
  size_t RoomFor(size_t functions) const;

  void OnTick(const TickRecord& tick) override;
  void OnEvent(const EventRecord& event) override;

  // Oldest first, those from `since` on; a window's or an event's `seq` is what comes next.
  std::vector<std::shared_ptr<const RecentWindow>> Windows(uint64_t since) const;
  std::vector<RecentEvent> Events(uint64_t since) const;
  std::shared_ptr<const RecentWindow> Newest() const;  // of this run; null before its first tick
  std::shared_ptr<const SeenWindow> Seen() const;      // null before a policy was asked

 private:
  // Windows of all functions together, and events, at most.
  static constexpr size_t kMostWindows = 1800, kMostEvents = 1000;

  void Keep(std::shared_ptr<const RecentWindow> window);
  void KeepEvent(const PastEvent& event);
  std::shared_ptr<const FunctionNames> NamesOf(const Catalogue& catalogue);
  void AddPercentiles(const FunctionWindows& windows, ClusterPoint& cluster);

  const size_t bytes_;
  // The loop's thread only.
  std::shared_ptr<const FunctionNames> names_, past_names_;
  InvocationHistogram all_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<std::shared_ptr<const RecentWindow>> windows_;
  std::deque<RecentEvent> events_;
  std::shared_ptr<const RecentWindow> newest_;
  std::shared_ptr<const SeenWindow> seen_;
  size_t used_ = 0;  // bytes
  uint64_t next_window_ = 0, next_event_ = 0;
};

}  // namespace reeve
