// How well a detector did, against the truth: which environment was in force when.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/units.h"

namespace reeve {

// From this time on, until the next one's. Truth: any numbers; detections: ids.
struct EnvironmentSpan {
  SimTime from;
  int64_t environment = 0;
};

// One true shift: what came of it.
struct ShiftOutcome {
  SimTime at;
  int64_t before = 0, after = 0;  // true environments
  bool detected = false;
  double delay_s = 0;       // with `detected`
  bool returned = false;    // `after` had been there before
  bool recognised = false;  // with `returned`
};

struct DetectionScore {
  std::vector<ShiftOutcome> shifts;
  int64_t changes = 0;                   // that the detector made
  int64_t false_alarms = 0;              // those of them that are no shift's
  double days = 0;                       // length of the run
  int64_t environments = 0, opened = 0;  // true ones; ids that the detector used
  // Share of the time in which the detected environment stands for the true one: each id stands for
  // the true environment that it was in force during the longest.
  double agreement = 0;

  int64_t detected() const;
  int64_t returns() const;
  int64_t recognised() const;
  double false_alarms_per_day() const;
  // NaN where there is nothing to divide by (no change; no shift; neither).
  double precision() const;         // detected / changes
  double recall() const;            // detected / shifts
  double f1() const;                // 2 detected / (shifts + changes)
  double mean_delay_s() const;      // over those detected
  double recognised_share() const;  // recognised / returns
};

// `truth` and `detected` by rising time, the first of each at the start of the run (for detections:
// the first environment, which is no change), repeated environments allowed; the run ends at `end`.
//
// - A shift at t is detected by the first change in (t, t + tolerance], if that is before the next
//   shift and the end. Its delay is the time between. Every other change is a false alarm.
// - A detected shift to an environment that was there before is recognised when the detector ends
//   the visit with the id with which it ended the last visit of that environment.
DetectionScore ScoreDetections(std::span<const EnvironmentSpan> truth,
                               std::span<const EnvironmentSpan> detected, SimTime end,
                               SimTime tolerance);

}  // namespace reeve
