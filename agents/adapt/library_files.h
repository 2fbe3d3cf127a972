// Names of the files of an expert library (agents/adapt/expert_library.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

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

// What is in a folder; nothing when there is none.
std::vector<std::string> NamesIn(const std::string& folder);

// Those among these names that are a library's, by rising version.
std::vector<LibraryFile> LibraryFilesAmong(std::span<const std::string> names);
std::vector<LibraryFile> LibraryFiles(const std::string& folder);
// What a killed process left of files that it was writing.
std::vector<std::string> HalfWrittenFiles(const std::string& folder);

}  // namespace reeve
