#include "traces/load_trace.h"

#include <filesystem>

#include "core/files.h"
#include "core/status.h"
#include "traces/trace_file.h"

namespace reeve {

absl::StatusOr<ReadResult> LoadTrace(const std::string& path, const ReadOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return ReadTrace(path, options);
  {
    ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
    // By name as well, so that a trace file whose first bytes are gone is called damaged, not a
    // format nobody knows.
    if (!TraceFile::HasMagic(file->bytes()) && !path.ends_with(".rtrace")) {
      return ReadTrace(path, options);
    }
  }
  ReadResult result;
  ASSIGN_OR_RETURN(result.trace, TraceFile::Open(path));
  result.report.functions = result.trace.functions().size();
  result.report.invocations = result.trace.total_invocations();
  return result;
}

}  // namespace reeve
