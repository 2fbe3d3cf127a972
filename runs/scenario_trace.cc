#include "runs/scenario_trace.h"

#include <algorithm>

namespace reeve {

absl::StatusOr<Trace> ScenarioTrace(const Scenario& scenario, uint64_t seed, SimTime length) {
  TraceBuilder builder;
  for (const FunctionProfile& profile : scenario.trace.functions()) {
    FunctionProfile copy = profile;
    copy.tenant = builder.Tenant(scenario.trace.tenants()[profile.tenant.index()]);
    copy.app = builder.App(scenario.trace.apps()[profile.app.index()]);
    builder.AddFunction(std::move(copy));
  }
  const SimTime whole = scenario.loads.empty() ? scenario.trace.duration() : scenario.spec.length;
  const SimTime end = std::min(length, whole);
  const std::unique_ptr<ArrivalSource> arrivals = scenario.MakeArrivals(seed);
  ArrivalBatch batch;
  while (arrivals->Next(batch) && batch.start < end) {
    for (const Arrival& a : batch.arrivals) {
      const SimTime at = batch.start + SimTime::Micros(a.offset_us);
      if (at < end) builder.AddInvocation({at.micros(), a.work_us, a.function, 0});
    }
  }
  builder.set_minimum_duration(end);
  return builder.Build();
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
