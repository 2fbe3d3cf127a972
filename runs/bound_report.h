// The clairvoyant bound of a workload (sim/clairvoyant.h) as tables and files.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "core/table.h"
#include "sim/clairvoyant.h"
#include "traces/trace.h"

namespace reeve {

// The corners of both curves, all functions together: without_prewarm, then with_prewarm, each by
// falling cold starts. At most `rows` of each, evenly spread from end to end; 0: all.
Table BoundTable(const ClairvoyantBound& bound, size_t rows);

// Every function, and all together in the last row (its name is empty).
Table BoundFunctionsTable(const ClairvoyantBound& bound, const Trace& trace);

// {"version": 1, "trace": …, "cluster": …, "seed": …, "total": {…}, "without_prewarm": [points],
// "with_prewarm": [points]}; numbers in full.
std::string BoundJson(const ClairvoyantBound& bound, std::string_view trace_name,
                      std::string_view cluster_name, uint64_t seed);

// Makes the folder and writes bound.json, bound.csv (BoundTable, all rows) and
// bound_functions.csv, each whole.
absl::Status WriteBound(const ClairvoyantBound& bound, const Trace& trace,
                        const std::string& folder, std::string_view trace_name,
                        std::string_view cluster_name, uint64_t seed);

// For people: "1,234 requests; needed 56 GB-seconds; without cold starts …".
std::string BoundSentence(const ClairvoyantBound& bound);

}  // namespace reeve
