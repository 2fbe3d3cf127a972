// Opens a trace in whatever form it has: a trace file (.rtrace), or a production format.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "traces/readers/reader.h"

namespace reeve {

// A trace file is mapped (the report then says only how much it holds; `options` do not matter);
// everything else goes through ReadTrace.
absl::StatusOr<ReadResult> LoadTrace(const std::string& path, const ReadOptions& options = {});

}  // namespace reeve
