// Servers with queues, and jobs that get a duplicate when they are not done in time: the exact,
// event-driven part of the straggler environment.
//
// A job goes to the server with the fewest jobs (its own included; ties to the lowest number) and
// is served there first come first served. It takes its size, or `slow_factor` times as long with
// `slow_probability`. When it is not done at the age of the timeout that was chosen when it came,
// one duplicate of the same size goes to the server with the fewest jobs among the others and draws
// its own luck. The job is done when the first of the two is. The loser is not called back: it
// keeps its place in the queue and takes its time, as in the authors' code (pouyahmdn/LCPO,
// straggler_mitigate/cenv/clb), so duplicates cost capacity.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/random.h"
#include "core/units.h"
#include "envs/straggler_spec.h"
#include "sim/min_heap.h"

namespace reeve {

// Jobs and copies of them so far. arrived = done + waiting or in service (without their
// duplicates).
struct StragglerTotals {
  uint64_t arrived = 0, done = 0;
  uint64_t duplicates = 0;       // sent
  uint64_t copies_finished = 0;  // jobs and duplicates that left a server
  uint64_t slow = 0;             // of jobs and duplicates begun
};

// What was done and came between two calls of StartWindow.
struct StragglerWindow {
  std::vector<int64_t> latencies_us;  // of the jobs done, in the order in which they were
  uint64_t arrivals = 0;
  double gap_sum_ms = 0;         // between each arrival and the one before
  double size_sum_ms = 0;        // of the arrivals
  std::vector<double> queue_us;  // [servers] integral of the jobs at each
};

// Events at the same microsecond: arrivals, then duplicates, then completions, each in the order in
// which they were set. Deterministic; no allocation once a load has been seen; not thread-safe.
class StragglerServers {
 public:
  explicit StragglerServers(const StragglerSpec& spec);

  // Empty servers at time 0; draws of slow jobs follow from the seed and the job's number.
  void Reset(uint64_t seed);

  // A job comes at now() or later, not before one that came. Events before it happen first.
  // timeout_us < 0: it never gets a duplicate.
  void Arrive(int64_t time_us, int64_t gap_us, int64_t size_us, int64_t timeout_us);
  // Everything up to and including this time.
  void AdvanceTo(int64_t time_us);
  // The next time at which something happens here, or INT64_MAX.
  int64_t next_event_us() const;

  int64_t now_us() const { return now_us_; }
  std::span<const int32_t> queues() const {
    return queues_;
  }  // [servers] jobs, served one included
  int32_t longest_queue() const;
  const StragglerTotals& totals() const { return totals_; }
  const StragglerWindow& window() const { return window_; }
  void StartWindow();

 private:
  struct Job {
    int64_t arrival_us, size_us, done_us;  // done: of the copy that is the first
    uint64_t number;
    int32_t copies;  // at servers, or to come
    int32_t server;  // of the job itself
    bool done;
  };
  struct Event {
    int64_t time_us;
    uint64_t order;
    uint32_t job;
    int32_t server;  // of the copy that is finished; -1: time for a duplicate
    friend bool Before(const Event& a, const Event& b) {
      const bool a_finish = a.server >= 0, b_finish = b.server >= 0;
      if (a.time_us != b.time_us) return a.time_us < b.time_us;
      if (a_finish != b_finish) return b_finish;
      return a.order < b.order;
    }
  };

  void MoveTo(int64_t time_us);
  void Happen(const Event& event);
  // Puts a copy of the job into a queue; `copy` 0: the job itself.
  int32_t Enqueue(uint32_t job, uint64_t copy, int32_t other_than);
  uint32_t NewJob();

  const double slow_probability_, slow_factor_;
  RandomStream luck_;
  int64_t now_us_ = 0;
  uint64_t events_set_ = 0;
  std::vector<int32_t> queues_;   // [servers]
  std::vector<int64_t> free_us_;  // [servers] when what is there is finished
  std::vector<Job> jobs_;
  std::vector<uint32_t> free_jobs_;
  MinHeap<Event> events_;
  StragglerTotals totals_;
  StragglerWindow window_;
};

}  // namespace reeve
