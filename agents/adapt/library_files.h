// Names of the files of an expert library (agents/adapt/expert_library.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agents/adapt/environment_book.h"

namespace reeve {

struct LibraryFile {
  std::string name;
  int64_t version = 0;
  int64_t environment = kNoEnvironment;  // none: an index
  bool is_index() const { return environment == kNoEnvironment; }
};

std::string ExpertFileName(int64_t environment, int64_t version);
std::string IndexFileName(int64_t version);

// Those that are in the folder, by rising version; none when there is no folder.
std::vector<LibraryFile> LibraryFiles(const std::string& folder);
// What a killed process left of files that it was writing.
std::vector<std::string> HalfWrittenFiles(const std::string& folder);
absl::Status Remove(const std::string& folder, const std::string& name);

}  // namespace reeve
