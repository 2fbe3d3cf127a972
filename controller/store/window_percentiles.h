// A distribution, put together from the percentiles of many windows.
//
// In a window of n completions the p-th percentile is the value of rank ceil(p n), as the
// histograms behind it have it, so windows with few completions (p50 is the middle one, p95 and p99
// the largest) lose little. Between known ranks logarithms are interpolated by normal quantiles,
// which is exact for what is lognormal. Below the median nothing is known.
#pragma once

#include <cstdint>

#include "core/histogram.h"

namespace reeve {

// Adds a window of `n` completions with these percentiles (in us) to `sum`. `mirrored`: values
// below the median mirror those above it on a logarithmic scale, as execution times do that are
// about lognormal; else they are taken to be the median.
void AddPercentiles(uint32_t n, double p50, double p95, double p99, bool mirrored,
                    RunHistogram& sum);

}  // namespace reeve
