// `reeve serve`: a platform, the loop, the store and the HTTP server put together, from one
// configuration.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/control_loop.h"
#include "controller/serve/serve_config.h"

namespace reeve {

struct ServeSummary {
  uint64_t ticks = 0, skipped = 0, overrun = 0;
  uint64_t functions = 0;  // at the last tick
  uint64_t decisions = 0;  // about single functions
  uint64_t writes = 0;     // of them, written to the platform
  uint64_t taken_over = 0, handed_back = 0;
  uint64_t stored = 0, dropped = 0;  // records
  int port = 0;                      // that HTTP was served on; 0: none
};

struct ServeHooks {
  std::function<bool()> stop;                // asked several times a second
  std::function<void(int port)> on_started;  // port of HTTP, 0: none
  // In place of the policy of the configuration; may be empty.
  LivePolicyMaker make_policy;
  // Who learns, where the configuration says `adapt` and nothing of a learner elsewhere;
  // FailedPrecondition if that is empty then.
  TrainerMaker trainers;
  LoopSink* sink = nullptr;  // beside those of the configuration; may be null
};

// Runs until `stop` says so or a simulated platform has ended; then what was taken over is handed
// back, as the configuration says. Errors before the first tick are those of the configuration's
// parts; those after it of handing back.
absl::StatusOr<ServeSummary> Serve(const ServeConfig& config, const ServeHooks& hooks);

}  // namespace reeve
