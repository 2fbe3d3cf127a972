// Figures as Prometheus has them, of fractions and cumulative counts, into the columns of a
// snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "controller/prometheus/cumulative_histogram.h"
#include "controller/prometheus/function_figures.h"
#include "core/snapshot.h"
#include "core/units.h"

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

// What is remembered of a function from one window to the next.
struct FigureMemory {
  uint32_t in_flight = 0;                            // executed or waiting at the window's end
  double completions_carry = 0, failures_carry = 0;  // what rounding to whole requests left over
};

// What was measured of a function into row `row`, whose other columns are left alone. Arrivals are
// completions and the change of what waits or is being executed. Violations are failures, and
// completions slower than `slo_latency` (Max() = there is no objective).
void FillFigures(const FunctionFigures& figures, SimTime slo_latency, size_t row,
                 FigureMemory& memory, FunctionWindows& windows);

}  // namespace reeve
