// What a saved version of an expert library consists of.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "agents/adapt/gaussian.h"
#include "agents/adapt/state_vectors.h"

namespace reeve {

// Plain data.
struct LibraryIndex {
  int64_t version = 0;
  std::map<int64_t, int64_t> experts;  // environment -> version of its file
  SpreadPrior prior;                   // by which contexts are compared
  StateVectors detector;               // the detector's state at that moment
};

std::string SerialiseIndex(const LibraryIndex& index);
// Errors name `path` and what is wrong.
absl::StatusOr<LibraryIndex> ParseIndex(const std::string& bytes, const std::string& path);

}  // namespace reeve
