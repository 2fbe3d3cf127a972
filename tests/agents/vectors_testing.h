// What the tests of the vector programs share: running a file or a text, and finding upstream's.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "tests/agents/vectors.h"

namespace reeve {

struct VectorResult {
  absl::Status status;
  int passed, failed;
  std::string out, notes;
};

inline VectorResult RunVectors(VectorFileRunner run, const std::string& path) {
  std::ostringstream out, notes;
  VectorReport report(out);
  absl::Status status = run(path, report, notes);
  return {std::move(status), report.passed(), report.failed(), out.str(), notes.str()};
}

inline VectorResult RunVectorsText(VectorFileRunner run, const std::string& text) {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const std::string path = testing::TempDir() + "/" + test->test_suite_name() + ".json";
  std::ofstream(path) << text;
  return RunVectors(run, path);
}

// Where upstream's vectors are, if they are there: $REEVE_SHARED, else ../shared.
inline std::string SharedVectors(const std::string& file) {
  const char* directory = std::getenv("REEVE_SHARED");
  return std::string(directory != nullptr ? directory : REEVE_SOURCE_DIR "/../shared") +
         "/vectors/" + file;
}

}  // namespace reeve
