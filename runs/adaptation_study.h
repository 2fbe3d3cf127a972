// Runs a study of learning under a changing load (AdaptationStudyConfig).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/table.h"
#include "runs/adaptation_study_config.h"
#include "runs/json_store.h"
#include "runs/statistics.h"

namespace reeve {

struct AdaptationStudyRow {
  std::string problem, variant, cost_unit;
  Assignments parameters;  // chosen by tuning; none: as given
  // By metric (AdaptationMetrics), by seed; NaN: the run has none.
  std::map<std::string, std::vector<double>> values;
};

struct AdaptationStudyResults {
  std::string name, title, reference;
  double confidence = 0.95;
  int resamples = 10'000;
  std::vector<AdaptationStudyRow> rows;  // by problem, then in the order of the variants

  // Mean over the seeds that have the metric.
  std::optional<Interval> Mean(const AdaptationStudyRow& row, const std::string& metric) const;
  // p99 latency over that of the reference on the same problem, paired by seed; none without a
  // reference there.
  std::optional<Interval> OverReference(const AdaptationStudyRow& row) const;
};

struct AdaptationStudyHooks {
  std::function<bool()> stop = {};                                    // any thread
  std::function<void(size_t done, size_t planned)> on_progress = {};  // any thread
};

// `folder`: that paths of the configuration are relative to. Runs are side by side on `threads`
// threads; results do not depend on it, nor on what `store` holds. Cancelled when stopped.
absl::StatusOr<AdaptationStudyResults> RunAdaptationStudy(const AdaptationStudyConfig& config,
                                                          const std::string& folder,
                                                          JsonStore& store, int threads,
                                                          const AdaptationStudyHooks& hooks = {});

// A row for each problem and variant.
Table AdaptationStudyTable(const AdaptationStudyResults& results);
// Everything, as JSON: format "reeve-adaptation-study", version 1.
nlohmann::ordered_json AdaptationStudyJson(const AdaptationStudyResults& results);

}  // namespace reeve
