// Runs a study of shift detection: records the contexts of every workload and seed once, tunes each
// detector on the tuning seeds' recordings, and holds it against the others.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "agents/adapt/detection_score.h"
#include "core/table.h"
#include "runs/detection_study_config.h"
#include "runs/statistics.h"

namespace reeve {

struct DetectionRun {
  uint64_t seed = 0;
  std::vector<EnvironmentSpan> detected;  // the first from 0; environment: ids of the detector
  DetectionScore score;
};

// One detector on one workload.
struct DetectionRow {
  std::string workload, detector;
  std::vector<std::string> labels;  // of the workload's true environments
  Assignments parameters;           // chosen by tuning; none: as given
  std::optional<double> tuning_f1;  // their mean F1 on the tuning seeds
  std::vector<DetectionRun> runs;   // by seed
};

// A figure of a run that studies compare.
struct DetectionMetric {
  std::string_view key, title;
  double (*of)(const DetectionScore&);  // NaN: the run has none
};
// In the order of tables.
const std::vector<DetectionMetric>& DetectionMetrics();

struct DetectionResults {
  std::string name, title;
  std::vector<std::string> context;  // what a context is made of, of the first workload
  double tolerance_s = 0;
  double confidence = 0.95;
  int resamples = 10'000;
  std::vector<DetectionRow> rows;  // by workload, then in the order of the detectors

  std::optional<Interval> Mean(const DetectionRow& row, const DetectionMetric& metric) const;
};

struct DetectionHooks {
  std::function<bool()> stop = {};  // any thread
  std::function<void(std::string_view what, size_t done, size_t planned)> on_progress = {};  // any
};

// `folder`: that paths of the configuration are relative to. Results do not depend on `threads`.
// NotFound for a trace that is not there, named with its workload. Cancelled when stopped.
absl::StatusOr<DetectionResults> RunDetectionStudy(const DetectionStudyConfig& config,
                                                   const std::string& folder, int threads,
                                                   const DetectionHooks& hooks = {});

// A row for each workload and detector: means over the seeds with their intervals.
Table DetectionTable(const DetectionResults& results);
// A row for each workload, detector and size of shift (the environment that is not the first,
// coming and going): how many were detected in all runs, and how late on average.
Table ShiftSizeTable(const DetectionResults& results);
// Everything, as JSON: format "reeve-detection-study", version 1.
std::string DetectionJson(const DetectionResults& results);

}  // namespace reeve
