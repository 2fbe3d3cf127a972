// What one function did in one control period, as read from a platform's metrics.
#pragma once

#include <optional>

#include "controller/prometheus/cumulative_histogram.h"

namespace reeve {

struct FunctionFigures {
  double completions = 0;                                // requests answered
  double failures = 0;                                   // of them, with 5xx
  std::optional<CumulativeHistogram> latency_seconds;    // of completions, arrival to answer
  std::optional<CumulativeHistogram> execution_seconds;  // of completions, in the function itself
  double mean_in_flight = 0;                             // requests
  std::optional<double> queued;                          // waiting for a container now
  std::optional<double> cpu_used_millicores;             // by all containers, averaged
  std::optional<double> memory_used_mebibytes;
};

}  // namespace reeve
