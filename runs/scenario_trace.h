// A stretch of a scenario as a workload that simulations play: what policies are judged on.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/units.h"
#include "envs/scenario.h"
#include "runs/simulation.h"
#include "traces/trace.h"

namespace reeve {

// The scenario's requests from its beginning on, as an environment with this seed would meet them,
// `length` long (its own length, if that is shorter): times and work of every one. Memory is 24
// bytes a request.
absl::StatusOr<Trace> ScenarioTrace(const Scenario& scenario, uint64_t seed, SimTime length);

// A simulation of such a trace on the scenario's cluster under its perturbations, with its control
// period; the policy is the caller's to set.
SimulationConfig ScenarioSimulation(const Scenario& scenario, uint64_t seed);

}  // namespace reeve
