// Experiments of kind "learning": the part of `reeve experiment` that runs them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/table.h"

namespace reeve {

// What the file says under `kind`: "learning", "detection", "adaptation"; nothing for a comparison
// of policies, and when it cannot be read: then whoever reads it next says why.
std::string KindOfExperiment(const std::string& file);

struct StudyOptions {
  std::string file, out;
  std::vector<std::string> assignments;
  int threads = 1;
  bool quiet = false;
  TableFormat format = TableFormat::kText;
};
// The exit code.
absl::StatusOr<int> RunStudy(const StudyOptions& options);

}  // namespace reeve
