// Experiments of kind "detection": the part of `reeve experiment` that runs them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/table.h"

namespace reeve {

struct DetectionOptions {
  std::string file, out;
  std::vector<std::string> workloads;  // only these; none: all
  std::vector<std::string> assignments;
  int threads = 1;
  bool quiet = false;
  TableFormat format = TableFormat::kText;
};
// The exit code.
absl::StatusOr<int> RunDetection(const DetectionOptions& options);

}  // namespace reeve
