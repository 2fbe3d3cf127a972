// What `reeve serve` decided live, against the same policy in plain simulation: for the windows
// that the loop kept, decision by decision the same.
#pragma once

#include <cstddef>
#include <string>

#include "agents/policy_factory.h"
#include "runs/run_data.h"
#include "sim/cluster_spec.h"
#include "traces/trace.h"

namespace reeve {

struct ReplayedDecisions {
  size_t compared = 0;   // decisions in the store
  size_t of_policy = 0;  // of them, the policy's own
  size_t moved = 0;      // of these, a change: of replicas, or of memory
};

// Plays the windows of `store` (kept with decisions: all) to a policy made as simulations of
// `trace` on `cluster` make it, and expects of it the replicas and the memory that the store has.
// Failures are the calling test's.
ReplayedDecisions ExpectDecisionsAsSimulated(const std::string& store, const PolicySpec& policy,
                                             const Trace& trace, const ClusterSpec& cluster,
                                             uint64_t seed);

// A line of figures, to be read beside another.
void PrintRun(const char* name, const RunSummary& run);

}  // namespace reeve
