// The least of a function of a few positive numbers that is costly, noisy and not smooth.
//
// One number after another: first a grid over its whole range, then grids of a few points between
// the neighbours of the best one, each 2/5 as wide as the one before; in the next round around
// where it stands, narrower. No derivatives, no chance: the same calls give the same result on any
// number of threads.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace reeve {

struct SearchedNumber {
  std::string name;
  double start = 1;
  double low = 0, high = 0;  // 0 < low < high
};

struct TwinSearchOptions {
  int sweeps = 3;
  // A number moves only when the result falls by this share of it.
  double least_gain = 0.002;
  int threads = 1;
};

struct SearchResult {
  std::vector<double> numbers;
  std::vector<bool> moved;  // else it stands where it started
  double before = 0, after = 0;
  int evaluations = 0;
};

// `function` is called from several threads at once. Its first error is returned.
// `progress`, which may be empty, is told of every evaluation; false ends the search: Cancelled.
absl::StatusOr<SearchResult> MinimizeByCoordinates(
    const std::vector<SearchedNumber>& numbers, const TwinSearchOptions& options,
    const std::function<absl::StatusOr<double>(std::span<const double>)>& function,
    const std::function<bool(int done, int planned)>& progress = {});

}  // namespace reeve
