// What a few paired runs say: means and how sure they are.
//
// Runs of different policies with the same seed meet the same requests at the same times with the
// same work (common random numbers), so their differences vary less than the runs themselves:
// comparisons pair them by seed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace reeve {

struct Interval {
  double value = 0;          // the mean, or the ratio of means
  double low = 0, high = 0;  // percentile bootstrap: (1 - level) / 2 and (1 + level) / 2
};

struct BootstrapOptions {
  int resamples = 10'000;
  double level = 0.95;
  uint64_t seed = 1;
};

// Mean of the runs' values; unset when there are none. With one value the interval is that value.
// B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.
std::optional<Interval> MeanInterval(std::span<const double> values,
                                     const BootstrapOptions& options = {});

// Mean of `values` over mean of `baseline`, element i of both from the same seed; resamples draw
// pairs. Unset when there are none, or the baseline's mean is 0.
// REQUIRES: equally many.
std::optional<Interval> RatioInterval(std::span<const double> values,
                                      std::span<const double> baseline,
                                      const BootstrapOptions& options = {});

}  // namespace reeve
