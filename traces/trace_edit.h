// Cutting traces down and scaling them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/units.h"
#include "traces/trace.h"

namespace reeve {

struct SliceOptions {
  // The part of time that is kept, [from, to); the result starts at 0. Whole minutes for traces of
  // counts. `to` beyond the end means the end.
  SimTime from = {};
  SimTime to = SimTime::Max();
  // Functions that meet all conditions that are set.
  std::vector<std::string> functions = {}, apps = {},
                           tenants = {};  // by name; each name must exist
  std::vector<Trigger> triggers = {};
  // Of those, a random sample, then the first so many. The sample depends on names and seed only.
  std::optional<uint32_t> random = {}, first = {};
  uint64_t seed = 1;
};

// Functions keep their order; tenants and applications without functions are dropped.
// InvalidArgument when a name does not exist (with the nearest one), nothing is left, or the times
// do not fit.
absl::StatusOr<Trace> SliceTrace(const Trace& trace, const SliceOptions& options);

struct ScaleOptions {
  // Counts are multiplied and rounded up or down at random, with the expectation exact; the draw is
  // keyed by (seed, function's name, minute), so that scaling and slicing may be exchanged.
  // Timed invocations are kept with probability `rate`, which must not exceed 1 for them.
  double rate = 1;
  // Instead of `rate`: the factor that leads to about so many invocations.
  std::optional<uint64_t> total_invocations = {};
  // Time runs this much faster (above 1) or slower. For counts a whole number of minutes that
  // become one. Execution times stay.
  double speed = 1;
  uint64_t seed = 1;
};

// InvalidArgument for factors that are not positive or do not fit the form, counts beyond 2^32 - 1
// a minute, or a total asked of a trace without invocations.
absl::StatusOr<Trace> ScaleTrace(const Trace& trace, const ScaleOptions& options);

// The same invocations with execution times multiplied by `factor`: distributions of functions, and
// those of timed invocations, which become at least 1 us. InvalidArgument unless 0 < factor < 10^6.
absl::StatusOr<Trace> ScaleDurations(const Trace& trace, double factor);

}  // namespace reeve
