// Policies by name where the platform is simulated: those that know the workload, and all others.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "agents/policy_factory.h"
#include "core/policy.h"
#include "sim/cluster_spec.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"

namespace reeve {

// As MakePolicy, for a simulation of `trace` with these arrivals on this cluster: oracle_prewarm
// can be made, and hybrid_histogram learns what functions make up an application. Making an oracle
// streams the whole trace once.
absl::StatusOr<std::unique_ptr<Policy>> MakeSimulatedPolicy(const PolicySpec& spec,
                                                            const Trace& trace,
                                                            const ClusterSpec& cluster,
                                                            const ArrivalOptions& arrivals);

// The policy knows what is to come: a reference, not something that could be deployed.
bool IsClairvoyant(const PolicySpec& spec);

}  // namespace reeve
