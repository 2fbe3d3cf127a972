// Tells when a system is back to what the fallback alone would hold, after a learner has driven.
//
// The fallback's window is "recovered" when, since the learner's last decision,
// - each function was once seen with at most `queue` requests waiting, at least as many containers
//   ready as the fallback wished for before that window, and as many requests left as were in the
//   system at the learner's last decision;
// - after that, `settle` has passed: for executions that began under the learner and are still
//   going on, and for what the fallback remembers of the learner's time; in it, no more than
//   `healthy_share` of the requests that left violated their SLO, or it passes once more: a cluster
//   that is overloaded by its own cold starts can stay so although the load is one that it can
//   bear;
// - where containers expire, the longest keep-alive time of the fallback has passed, as only then
//   its own warm containers would be those that were used since.
//
// Times stand in for what cannot be observed: snapshots do not show ages. An execution that
// outlasts `settle`, or a fallback whose memory does (a vertical autoscaler that learns from days
// of use), is not seen. A function that never gets what the fallback wishes, as the cluster is
// full, is never recovered; nor are containers that never expire.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agents/adapt/violation_budget.h"
#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

// Not thread-safe. No allocation once the functions are known.
class RecoveryWatch {
 public:
  RecoveryWatch(const ViolationBudgetSpec& spec, double queue) : spec_(spec), queue_(queue) {}

  // The learner decides on this snapshot.
  void LearnerActs(const Snapshot& snapshot);
  // The next snapshot, before anyone decides on it; `asked` [F] are the containers that the
  // fallback wished for at the last one (0: left as they were), `keep_alive` the longest that it
  // wished for. Returns whether the window that it ends is the fallback's own.
  bool Add(const Snapshot& snapshot, std::span<const int32_t> asked, SimTime keep_alive);

  // As of the last Add.
  bool recovered() const { return recovered_; }
  // Nothing is left to repair: what is waited for is only time.
  bool repaired() const { return recovered_ || healthy_since_ != SimTime::Max(); }

 private:
  bool AllWereHealthy(const Snapshot& snapshot, std::span<const int32_t> asked);
  // Whether `settle` has passed well.
  bool Settled(const Snapshot& snapshot);

  const ViolationBudgetSpec spec_;
  const double queue_;
  bool recovered_ = true;  // nothing was broken yet
  SimTime learner_time_;   // of its last decision
  SimTime healthy_since_;  // when the last function was; Max() while there is one that was not
  double left_ = 0, violations_ = 0;  // requests since then
  std::vector<int64_t> owed_;         // [F] requests to leave that were there under the learner
  std::vector<uint8_t> healthy_;      // [F] was so once since
};

}  // namespace reeve
