// What one function did in one control period, as read from a platform's metrics.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "controller/prometheus/cumulative_histogram.h"
#include "core/units.h"

namespace reeve {

struct RevisionFigures {
  double completions = 0;                                // requests answered
  double failures = 0;                                   // of them, with 5xx
  std::optional<CumulativeHistogram> latency_seconds;    // of completions, arrival to answer
  std::optional<CumulativeHistogram> execution_seconds;  // of completions, in the function itself
  double mean_in_flight = 0;                             // requests
  std::optional<double> queued;                          // waiting for a container now
  std::optional<double> cpu_used_millicores;             // by all containers, averaged
  std::optional<double> memory_used_mebibytes;
};

struct FigureRound {
  absl::Status status;                               // not OK: nothing is known in this round
  std::map<std::string, RevisionFigures> revisions;  // by "namespace/revision"; absent: missing
  SimTime measured_at;  // monotonic: when the youngest of it was measured
  SimTime window;       // what counts are over
};

}  // namespace reeve
