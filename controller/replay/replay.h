// A workload sent to a live target, and what came back as a run: what `reeve replay` does.
//
// An open loop: every request has an intended start, from the trace, and is sent then, whether or
// not others were answered. Latency is measured from the intended start, so a target that stalls
// shows in all requests that came meanwhile, as it does for those who wait (no coordinated
// omission; G. Tene, "How NOT to Measure Latency", 2013).
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "controller/replay/replay_spec.h"
#include "runs/run_data.h"
#include "traces/trace.h"

namespace reeve {

struct ReplayProgress {
  double now_s = 0, total_s = 0;  // of the clock, since the first request could be due
  uint64_t due = 0, completions = 0, failures = 0, in_flight = 0;
  double timing_error_p99_ms = 0;
};

struct ReplayHooks {
  // At least ten times a second; false ends the replay early: what is under way then counts as
  // unfinished, and the run is not complete.
  std::function<bool(const ReplayProgress&)> on_tick = {};
};

// Sends `trace` as `spec` says (spec.trace only names it) from the calling thread; arrivals are
// computed ahead on another. Host information is left to the caller. InvalidArgument for a target
// that cannot be, or a stretch that the trace does not have; Unavailable when the target cannot be
// reached at the start; FailedPrecondition for too many connections.
absl::StatusOr<RunData> RunReplay(const Trace& trace, const LiveReplaySpec& spec,
                                  const ReplayHooks& hooks = {});

}  // namespace reeve
