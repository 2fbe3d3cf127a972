// Experiments of kind "adaptation": the part of `reeve experiment` that runs them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/table.h"

namespace reeve {

struct AdaptationStudyOptions {
  std::string file, out;
  std::vector<std::string> problems;  // only these; none: all
  std::vector<std::string> assignments;
  int threads = 1;
  bool quiet = false;
  TableFormat format = TableFormat::kText;
};
// The exit code.
absl::StatusOr<int> RunAdaptationStudyCommand(const AdaptationStudyOptions& options);

}  // namespace reeve
