// Figures as Prometheus has them, of fractions and cumulative counts, into the columns of a
// snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "controller/prometheus/cumulative_histogram.h"

namespace reeve {

// The nearest whole number; 0 for what is negative or NaN.
uint32_t WholeRequests(double count);

// The whole requests in `count` and what `carry` holds from before; the rest stays in `carry` for
// the next window, so that over many windows none is lost.
uint32_t WholeWithCarry(double count, double& carry);

// Element `row` of three columns of milliseconds, from a histogram of seconds; zero when it is
// empty.
void FillQuantiles(const CumulativeHistogram& seconds, size_t row, std::vector<float>& p50_ms,
                   std::vector<float>& p95_ms, std::vector<float>& p99_ms);

}  // namespace reeve
