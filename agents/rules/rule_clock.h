// What every rule with a state per function and a period of its own does first at each call: see
// that the calls fit together, and whether a decision is due.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

// Not thread-safe.
class RuleClock {
 public:
  // `rule` (for messages) must outlive the clock. `period` > 0.
  RuleClock(std::string_view rule, SimTime period) : rule_(rule), period_(period) {}

  // Takes up the next snapshot; true when a decision is due: at the first one, and then each time a
  // period has passed. The phase is kept unless snapshots come less often than that.
  // InvalidArgument when `decisions` is not one per function, when functions have disappeared
  // (there were `known`), or when time went backwards.
  absl::StatusOr<bool> Advance(const Snapshot& snapshot, size_t decisions, size_t known);

 private:
  std::string_view rule_;
  SimTime period_;
  bool started_ = false;
  SimTime last_;  // of the last snapshot
  SimTime next_;  // earliest time of the next decision
};

}  // namespace reeve
