// Runs a study of learning: trains every variant on every scenario with every seed, holds what was
// trained against fresh requests, and says what the runs show.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/table.h"
#include "runs/json_store.h"
#include "runs/learning_run.h"
#include "runs/learning_study_config.h"
#include "runs/statistics.h"

namespace reeve {

struct StudyRow {
  std::string scenario, variant;
  std::vector<StudyRun> runs;  // by seed
};

// A ratio of p99 latencies: of one function, or (empty name) of the geometric mean over functions.
struct StudyRatioRow {
  std::string scenario, ratio, function;
  std::optional<Interval> value;  // over seeds, paired
  double reference = 1;           // where nothing differs: 0 for an excess over 1
};

struct StudyResults {
  std::string name, title;
  double confidence = 0.95;
  int32_t resamples = 10'000;
  std::vector<StudyRow> rows;  // by scenario, then in the order of the variants
  std::vector<StudyRatioRow> ratios;
};

struct StudyHooks {
  std::function<bool()> stop = {};                                    // any thread
  std::function<void(size_t done, size_t planned)> on_progress = {};  // any thread
};

// `folder`: that paths of the configuration are relative to. Trainings run side by side on
// `threads` threads, each on one; results do not depend on it, nor on what `store` already holds.
// Cancelled when stopped.
absl::StatusOr<StudyResults> RunLearningStudy(const LearningStudyConfig& config,
                                              const std::string& folder, JsonStore& store,
                                              int threads, const StudyHooks& hooks = {});

// One row per variant and scenario: means and intervals.
Table StudyTable(const StudyResults& results);
// One row per ratio and function.
Table StudyRatioTable(const StudyResults& results);
// Everything, as JSON: format "reeve-learning-study", version 1.
std::string StudyJson(const StudyResults& results);

}  // namespace reeve
