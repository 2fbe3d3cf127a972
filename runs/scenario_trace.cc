#include "runs/scenario_trace.h"

#include <algorithm>

namespace reeve {

absl::StatusOr<Trace> ScenarioTrace(const Scenario& scenario, uint64_t seed, SimTime length) {
  const SimTime whole = scenario.loads.empty() ? scenario.trace.duration() : scenario.spec.length;
  const std::unique_ptr<ArrivalSource> arrivals = scenario.MakeArrivals(seed);
  return RecordArrivals(scenario.trace, *arrivals, std::min(length, whole));
}

SimulationConfig ScenarioSimulation(const Scenario& scenario, uint64_t seed) {
  SimulationConfig config;
  config.seed = seed;
  config.cluster = scenario.cluster;
  config.cluster.control_period = scenario.spec.control_period;
  config.perturbations = scenario.spec.perturbations;
  config.report_interval = scenario.spec.control_period;
  config.within_minute = scenario.spec.within_minute;
  return config;
}

}  // namespace reeve
