#include "agents/rules/rule_clock.h"

#include <fmt/format.h>

namespace reeve {

absl::StatusOr<bool> RuleClock::Advance(const Snapshot& snapshot, size_t decisions, size_t known) {
  const size_t functions = snapshot.functions.size();
  if (decisions != functions || functions < known) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {} decisions for {} functions, of which {} are known; there must be one "
                    "decision per function, and functions do not disappear",
                    rule_, decisions, functions, known));
  }
  if (started_ && snapshot.time < last_) {
    return absl::InvalidArgumentError(
        fmt::format("{}: the snapshot of {} s comes after the one of {} s; snapshots must come in "
                    "time order",
                    rule_, snapshot.time.seconds(), last_.seconds()));
  }
  const bool due = !started_ || snapshot.time >= next_;
  if (due) {
    next_ = started_ ? next_ + period_ : snapshot.time + period_;
    if (next_ <= snapshot.time) next_ = snapshot.time + period_;
  }
  started_ = true;
  last_ = snapshot.time;
  return due;
}

}  // namespace reeve
