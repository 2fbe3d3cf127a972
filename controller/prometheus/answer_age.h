// When the answers of a Prometheus were measured.
#pragma once

#include "core/units.h"

namespace reeve {

// What has been answered before, by a cache on the way say, is as old as it was then. Only whether
// the server's clock has gone on counts, not what it says: it need not agree with ours.
class AnswerAge {
 public:
  // When a round of answers that came at `now` (our clock) was measured. `evaluated`: the latest
  // time of its samples, by the server's clock in seconds since 1970; 0: it had no samples, and
  // tells nothing of its age.
  SimTime MeasuredAt(SimTime now, double evaluated) {
    if (evaluated == 0) return now;
    if (evaluated > evaluated_) measured_at_ = now;
    evaluated_ = evaluated;
    return measured_at_;
  }

 private:
  double evaluated_ = 0;  // the last answers were
  SimTime measured_at_;   // and this is when they came first
};

}  // namespace reeve
