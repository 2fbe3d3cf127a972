// The page of a training: one HTML file with its curves (html_page.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace reeve {

// What the log does not say.
struct TrainingPageFacts {
  std::string name;
  int64_t steps_done = 0, steps_planned = 0;  // of environments
  bool finished = false;                      // nothing is left to train
};

// `csv`: the content of training.csv (iteration,step,name,value; names as runs/training_log.h has
// them; others get charts of their own). Curves are thinned to at most 600 points, each the mean of
// as many iterations. InvalidArgument, located, for what is not such a log. Pure; thread-safe.
absl::StatusOr<std::string> TrainingPage(const TrainingPageFacts& facts, std::string_view csv);

// Replaces the file at `path`.
absl::Status WriteTrainingPage(const TrainingPageFacts& facts, std::string_view csv,
                               const std::string& path);

}  // namespace reeve
