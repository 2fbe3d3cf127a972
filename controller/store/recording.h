// What a loop saw of a live platform, as a workload that can be simulated and as a run to compare
// with: `reeve record`.
//
// The store has windows of a control period: how many requests came, percentiles of latency and
// execution, cold starts, containers. Of these are made
//
//   a trace   of timed invocations. Those of a window are put uniformly into it (a Poisson process
//             given its count). Execution times are drawn from the function's distribution over all
//             windows
//   a run     with the same columns as a simulated one
//
// How distributions are put together from windows' percentiles: window_percentiles.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "controller/store/store_reader.h"
#include "core/units.h"
#include "runs/run_data.h"
#include "traces/trace.h"

namespace reeve {

struct Recording {
  Trace trace;
  RunData observed;
};

// Puts windows together. Not thread-safe.
class RecordingBuilder {
 public:
  // Intervals of the run are `interval` long.
  explicit RecordingBuilder(SimTime interval = SimTime::Minutes(1));
  ~RecordingBuilder();

  // The next window. Time is that of the ticks, whose wall clock may jump: a window begins as many
  // periods after the one before as ticks lie between them; where a loop started anew (ticks count
  // from the beginning again), as much later as the wall clock says, never earlier.
  void Add(const StoredTick& tick);

  // Functions are named as on the platform; of one name in several tenants, TENANT/NAME.
  // NotFound when no window had a request.
  absl::StatusOr<Recording> Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Reads the stretch [since, until] (us since 1970) of a store.
absl::StatusOr<Recording> ReadRecording(const std::string& path, std::optional<int64_t> since_us,
                                        std::optional<int64_t> until_us);

}  // namespace reeve
