#include "runs/simulation.h"

#include <fmt/format.h>

#include <algorithm>

#include "agents/simulated_policies.h"
#include "core/status.h"
#include "runs/run_recorder.h"
#include "sim/clairvoyant.h"
#include "sim/perturbed_platform.h"

namespace reeve {

absl::Status SimulationConfig::Validate() const {
  RETURN_IF_ERROR(cluster.Validate());
  RETURN_IF_ERROR(policy.Validate());
  if (report_interval % cluster.control_period != SimTime()) {
    return absl::InvalidArgumentError(
        fmt::format("report_interval: {} s is not a multiple of the control period, {} s",
                    report_interval.seconds(), cluster.control_period.seconds()));
  }
  return absl::OkStatus();
}

namespace {

ArrivalOptions ArrivalsOf(const SimulationConfig& config) {
  return {config.seed, config.within_minute};
}

// RunSimulation of the trace as it is.
absl::StatusOr<RunData> Play(const Trace& trace, const SimulationConfig& config, Policy& policy,
                             int threads, const SimulationHooks& hooks) {
  const ArrivalOptions arrival_options = ArrivalsOf(config);
  auto arrivals = MakeArrivalSource(trace, arrival_options);
  if (threads > 1) arrivals = Prefetched(std::move(arrivals));
  SimulatedCluster cluster(trace, config.cluster, config.seed, std::move(arrivals));
  PerturbedPlatform platform(cluster, config.perturbations, config.seed);
  cluster.set_wake([&](FunctionId function, SimTime now, Decision& decision) {
    policy.Wake(function, now, decision);
    platform.PerturbWake(function, now, decision);
  });
  if (hooks.on_invocation) cluster.set_invocation_sink(hooks.on_invocation);

  const size_t functions = trace.functions().size();
  const bool each_function =
      config.function_intervals == FunctionIntervals::kAll ||
      (config.function_intervals == FunctionIntervals::kAuto && functions <= 1000);
  const SafeguardedPolicy* const safeguard =
      hooks.safeguard != nullptr ? hooks.safeguard : dynamic_cast<SafeguardedPolicy*>(&policy);
  RunRecorder recorder(trace, cluster, config.report_interval, each_function, safeguard);
  Snapshot snapshot;
  std::vector<Decision> decisions(functions);
  bool complete = true;
  // The policy meets the cluster before the first request: initial scales are its to ask for.
  RETURN_IF_ERROR(platform.Observe(snapshot));
  RETURN_IF_ERROR(policy.Decide(snapshot, decisions));
  RETURN_IF_ERROR(platform.Apply(decisions));
  for (SimTime now; now < trace.duration();) {
    now = std::min(now + config.cluster.control_period, trace.duration());
    cluster.AdvanceTo(now);
    RETURN_IF_ERROR(platform.Observe(snapshot));
    recorder.Record(platform.truth());
    if (hooks.on_period) hooks.on_period(now, cluster, platform.truth());
    if (now < trace.duration() && hooks.stop && hooks.stop()) {
      complete = false;
      break;
    }
    std::fill(decisions.begin(), decisions.end(), Decision{});
    RETURN_IF_ERROR(policy.Decide(snapshot, decisions));
    RETURN_IF_ERROR(platform.Apply(decisions));
  }
  RunData data = recorder.Finish();
  RunSummary& summary = data.summary;
  summary.complete = complete;
  summary.policy = config.policy.name;
  summary.trace = config.trace;
  summary.cluster = config.cluster.name;
  summary.seed = config.seed;
  if (complete && config.bound) {
    const BoundDistance distance =
        DistanceTo(ComputeBound(trace, config.cluster, arrival_options).WithPrewarm(),
                   summary.gb_seconds, static_cast<double>(summary.cold_starts));
    summary.bound_gb_seconds = distance.fewest_gb_seconds;
    summary.gb_seconds_over_bound = distance.gb_seconds_factor;
  }
  data.config_yaml = WriteConfig(config);
  return data;
}

absl::StatusOr<RunData> PlayNamed(const Trace& trace, const SimulationConfig& config, int threads,
                                  const SimulationHooks& hooks) {
  ASSIGN_OR_RETURN(std::unique_ptr<Policy> policy,
                   MakeSimulatedPolicy(config.policy, trace, config.cluster, ArrivalsOf(config)));
  return Play(trace, config, *policy, threads, hooks);
}

}  // namespace

absl::StatusOr<RunData> RunSimulation(const Trace& trace, const SimulationConfig& config,
                                      int threads, const SimulationHooks& hooks) {
  if (config.workload_changes.empty()) return PlayNamed(trace, config, threads, hooks);
  ASSIGN_OR_RETURN(const Trace changed,
                   ChangeWorkload(trace, config.workload_changes, config.seed));
  return PlayNamed(changed, config, threads, hooks);
}

absl::StatusOr<RunData> RunSimulation(const Trace& trace, const SimulationConfig& config,
                                      Policy& policy, const SimulationHooks& hooks) {
  if (config.workload_changes.empty()) return Play(trace, config, policy, 1, hooks);
  ASSIGN_OR_RETURN(const Trace changed,
                   ChangeWorkload(trace, config.workload_changes, config.seed));
  return Play(changed, config, policy, 1, hooks);
}

}  // namespace reeve
