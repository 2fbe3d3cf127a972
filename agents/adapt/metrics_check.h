// Whether a snapshot can be true. A controller must not act on numbers that are stale or
// impossible.
#pragma once

#include <cstdint>
#include <string_view>

#include "agents/adapt/safeguard_spec.h"
#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

enum class MetricsFault : uint8_t {
  kNone,
  kTimeStands,         // not later than the last one
  kNoWindow,           // a window of no length, but at the start; or one that began before time did
  kWrongSize,          // an array is not of the number of functions
  kNotANumber,         // NaN or infinite
  kNegative,           // what cannot be below zero
  kPercentiles,        // p50 > p95 or p95 > p99
  kTooManyContainers,  // more ready than can be
  kTooMuchMemory,      // more held than there is
};
std::string_view MetricsFaultName(MetricsFault fault);  // "time stands still"

// The first fault that is found. `functions` is how many there are; `last` the time of the last
// snapshot that was right, `first` whether there was none. Costs a pass over the functions.
MetricsFault CheckMetrics(const Snapshot& snapshot, size_t functions, SimTime last, bool first,
                          const MetricsTrigger& spec);

// The same of one function's row alone; every column is long enough.
MetricsFault CheckFunctionMetrics(const FunctionWindows& windows, size_t function,
                                  const MetricsTrigger& spec);

}  // namespace reeve
