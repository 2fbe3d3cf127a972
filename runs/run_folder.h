// A run is a folder:
//
//   config.yaml     the resolved configuration; there as soon as the run starts
//   functions.csv   one row per function (FunctionRow)
//   windows.csv     one row per interval, and per function and interval (IntervalRow)
//   quantiles.csv   latency, execution, wait and slowdown distributions (QuantileRow)
//   summary.json    RunSummary, format version, sizes and checksums of the CSV files; written last:
//                   a folder that has it holds a whole run
//   report.html     the page to look at (report_page.h)
//
// Equal inputs give equal files, but for the "host" object of summary.json (and what of it
// report.html shows). Every file appears whole or not at all.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runs/run_data.h"

namespace reeve {

enum class FolderState {
  kAbsent,       // no such path, or an empty folder
  kInterrupted,  // a run was started in it, and did not come to its end
  kFinished,     // holds a whole run
  kForeign,      // something else is there
};

FolderState StateOfFolder(const std::string& path);

// A run folder that is being filled. Not thread-safe.
class RunFolder {
 public:
  // Makes the folder ready for a new run and writes config.yaml. A folder that is absent, empty or
  // left by an interrupted run is taken. One that holds a finished run is AlreadyExists unless
  // `replace`; then the files of the old run are removed, others stay. A folder with anything else
  // in it is FailedPrecondition, whatever `replace` says.
  static absl::StatusOr<RunFolder> Create(const std::string& path, const std::string& config_yaml,
                                          bool replace);

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const;

  // Writes functions.csv, windows.csv, quantiles.csv, report.html and, last, summary.json.
  // `data.config_yaml` is not looked at. InvalidArgument when two functions have one name, a name
  // is empty, or an interval names a function that is not there.
  absl::Status Write(const RunData& data);

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Reads a finished run. NotFound when there is none (the message says what there is instead),
// InvalidArgument or DataLoss with file and line when a file is broken or of another version.
absl::StatusOr<RunData> ReadRun(const std::string& path);

// The text of summary.json but for its file list: what `reeve report -o json` shows.
std::string SummaryJson(const RunSummary& summary);

}  // namespace reeve
