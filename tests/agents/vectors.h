// Runs test vectors of Knative's autoscaler, kept as JSON, against the rule.
//
// Two forms, which may share a file:
//   {"cases": [{"name", "spec": {…}, "steps": [{"t", "stable", "panic", "ready", "want", …}]}]}
//     one autoscaler per case; see scaler_vectors.cc for the keys;
//   {"linear_window_5s_granularity_1s": [["record", t, v], ["avg", t, want], …],
//    "weighted": {"nb_to_m": {…}}, "sample_size": {…}}
//     operations on a window; see window_vectors.cc.
#pragma once

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"

namespace reeve {

// Counts cases and prints a line for each: "ok NAME", "FAILED NAME: why".
class VectorReport {
 public:
  explicit VectorReport(std::ostream& out) : out_(out) {}
  // An empty `failure` is a pass.
  void Case(const std::string& name, const std::string& failure);
  int passed() const { return passed_; }
  int failed() const { return failed_; }

 private:
  std::ostream& out_;
  int passed_ = 0;
  int failed_ = 0;
};

using VectorFileRunner = absl::Status (*)(const std::string& path, VectorReport& report,
                                          std::ostream& notes);

// The whole of a program "NAME FILE.json…": runs the files, prints a line per case and "N passed, M
// failed". Exit code 0: all passed, 1: some failed, 2: a file could not be read or has no case.
int VectorsMain(const std::string& name, VectorFileRunner run, int argc, char** argv);

// Runs every case of a file into `report`; what it does not know of the form is ignored with a line
// on `notes`. Errors: the file cannot be read, is not JSON, or has no case.
absl::Status RunVectorFile(const std::string& path, VectorReport& report, std::ostream& notes);

// The two forms. Malformed cases fail, they do not throw.
void RunScalerCase(const nlohmann::json& test, VectorReport& report, std::ostream& notes);
void RunWindowSections(const nlohmann::json& document, VectorReport& report, std::ostream& notes);

}  // namespace reeve
