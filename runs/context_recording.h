// The contexts of a run under a fixed rule, with the truth about its environments: what any number
// of detectors can then be held against.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agents/adapt/context.h"
#include "agents/adapt/detection_score.h"
#include "agents/adapt/detector_spec.h"
#include "agents/policy_factory.h"
#include "core/units.h"
#include "envs/scenario.h"
#include "traces/environments.h"

namespace reeve {

struct ContextRecording {
  std::vector<std::string> labels;     // of true environments; one, "usual", without a schedule
  std::vector<EnvironmentSpan> truth;  // environment: index into `labels`
  SimTime end;
  std::vector<std::string> names;  // [D]
  std::vector<SimTime> times;      // [T] ends of the control periods
  std::vector<double> contexts;    // [T, D]
};

struct RecordingSpec {
  const EnvironmentScheduleSpec* schedule = nullptr;  // null: the scenario as it is
  PolicySpec policy;
  ContextSpec context;
  SimTime length;
  uint64_t seed = 0;
};

// Plays the scenario. On one thread. Cancelled when `stop` (may be empty) said so.
absl::StatusOr<ContextRecording> RecordContexts(const Scenario& scenario, const RecordingSpec& spec,
                                                const std::function<bool()>& stop);

struct DetectorReplay {
  std::vector<EnvironmentSpan> detected;  // the first from 0; environment: ids of the detector
  DetectionScore score;
};

// What a detector of this specification says to it, against the truth. An oracle without a schedule
// is given the truth.
DetectorReplay ReplayDetector(const ContextRecording& recording, const DetectorSpec& spec,
                              SimTime tolerance);

}  // namespace reeve
