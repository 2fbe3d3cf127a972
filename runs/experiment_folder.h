// The folder of an experiment or a search: what it leaves for people and for programs.
//
//   cells/            results of single simulations (runs/cell_store.h): why it can be resumed
//   config.yaml       the resolved configuration
//   results.json      every run, means, intervals, bounds
//   results.csv       the table
//   report.html       the page
//   tuned/W-P.yaml    the policy that tuning chose for policy P on workload W, as
//                     `reeve simulate --config` takes it
//   tuned/W-P.csv     what the search tried
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/table.h"
#include "runs/experiment.h"

namespace reeve {

class ExperimentFolder {
 public:
  // Makes the folder, or goes on in the one of an earlier experiment. FailedPrecondition when
  // something else is there.
  static absl::StatusOr<ExperimentFolder> Open(const std::string& path);

  std::string File(const std::string& name) const;
  std::string cells() const { return File("cells"); }

  absl::Status WriteConfigFile(const ExperimentConfig& config) const;
  // Everything that stands above but cells and config.yaml.
  absl::Status Write(const ExperimentResults& results) const;
  // The two files of one search.
  absl::Status WriteTuned(const std::string& workload, const std::string& policy,
                          const TuningResult& tuning) const;

 private:
  explicit ExperimentFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// What a search tried, the best of the last round first.
Table TrialsTable(const TuningResult& tuning);

}  // namespace reeve
