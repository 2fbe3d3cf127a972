// Policies by name where the platform is simulated: those that know the workload, and all others.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "agents/policy_factory.h"
#include "agents/ppo/learned_policy.h"
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

// The policy of a checkpoint (agents/ppo/learned_policy.h) for the functions of `trace`. NotFound
// for a checkpoint that is not there, and for functions that it was not trained for.
absl::StatusOr<std::unique_ptr<LearnedPolicy>> MakeLearnedPolicy(const LearnedOptions& options,
                                                                 const Trace& trace, uint64_t seed);

// The policy knows what is to come: a reference, not something that could be deployed.
bool IsClairvoyant(const PolicySpec& spec);

}  // namespace reeve
