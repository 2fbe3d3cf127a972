#include "envs/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/status.h"
#include "envs/latency_knee.h"
#include "sim/function_settings.h"

namespace reeve {
namespace {

absl::StatusOr<ClusterSpec> ClusterOf(const ScenarioSpec& spec, const std::string& folder) {
  if (spec.inline_cluster) return *spec.inline_cluster;
  const std::string path = (std::filesystem::path(folder) / spec.cluster).lexically_normal();
  ASSIGN_OR_RETURN(ClusterSpec cluster, LoadCluster(path, spec.cluster_changes));
  return cluster;
}

// The profiles of hand-made functions.
absl::StatusOr<Trace> TraceOf(const ScenarioSpec& spec) {
  TraceBuilder builder;
  for (const ScenarioFunction& f : spec.functions) {
    FunctionProfile profile;
    profile.name = f.name;
    profile.tenant = builder.Tenant(f.tenant.empty() ? f.name : f.tenant);
    profile.app = builder.App(f.name);
    profile.trigger = Trigger::kHttp;
    profile.memory = f.memory;
    profile.duration_ms = f.duration_ms;
    profile.cold_start_ms = f.cold_start_ms;
    builder.AddFunction(std::move(profile));
  }
  builder.set_minimum_duration(spec.length);
  return builder.Build();
}

// What hand-made functions say about their containers, as the cluster's differences.
void AddOverrides(Scenario& scenario) {
  for (const ScenarioFunction& f : scenario.spec.functions) {
    FunctionOverride& own = scenario.cluster.functions[f.name];
    own.memory = f.memory;
    if (f.cpu_limit) own.cpu_limit = f.cpu_limit;
    if (f.initial_replicas) own.initial_replicas = f.initial_replicas;
    if (f.slo_latency) own.slo_latency = f.slo_latency;
    FunctionLoad load{.load = f.load};
    load.load.rate_rps *= scenario.spec.rate;
    if (!f.present.empty()) {
      load.from = f.present[0];
      load.to = f.present[1];
    }
    scenario.loads.push_back(load);
  }
}

// The knees are of the containers that functions begin with.
void AddKnees(Scenario& scenario) {
  for (const FunctionProfile& profile : scenario.trace.functions()) {
    FunctionOverride& own = scenario.cluster.functions[profile.name];
    if (!own.slo_latency) own.slo_latency = KneeLatency(scenario.cluster, profile);
  }
}

// What is deployed later has nothing at the start.
void HoldBackReplicas(Scenario& scenario) {
  for (size_t i = 0; i < scenario.trace.functions().size(); ++i) {
    const FunctionProfile& profile = scenario.trace.functions()[i];
    scenario.initial_replicas.push_back(
        static_cast<int32_t>(SettingsFor(scenario.cluster, profile).initial_replicas));
    if (scenario.present_from(i) > SimTime()) {
      scenario.cluster.functions[profile.name].initial_replicas = 0;
    }
  }
}

absl::Status CheckTimes(const Scenario& scenario) {
  const SimTime period = scenario.spec.control_period;
  for (const ScenarioFunction& f : scenario.spec.functions) {
    for (const SimTime time : f.present) {
      if (time % period == SimTime() || time == SimTime::Max()) continue;
      return absl::InvalidArgumentError(
          fmt::format("function '{}': present: {} s is no multiple of the control period, {} s",
                      f.name, time.seconds(), period.seconds()));
    }
  }
  if (scenario.first_minutes() < 1) {
    return absl::InvalidArgumentError(
        fmt::format("episode: {} s do not fit into the workload's {} s",
                    scenario.spec.episode.length.seconds(), scenario.trace.duration().seconds()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ScenarioFunction::Validate() const {
  if (name.empty()) return absl::InvalidArgumentError("a function has a name");
  if (present.empty() || (present.size() == 2 && present[0] < present[1])) return absl::OkStatus();
  return absl::InvalidArgumentError("present: give two times, the first before the second");
}

absl::Status ScenarioSpec::Validate() const {
  if (straggler) {
    if (cluster.empty() && !inline_cluster && !workload && functions.empty()) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        "straggler: it has servers and a workload of its own; leave out cluster, workload and "
        "functions");
  }
  if (cluster.empty() == !inline_cluster.has_value()) {
    return absl::InvalidArgumentError("a scenario has either 'cluster' or 'inline_cluster'");
  }
  if (functions.empty() == !workload.has_value()) {
    return absl::InvalidArgumentError("a scenario has either 'workload' or 'functions'");
  }
  std::set<std::string> names;
  for (const ScenarioFunction& f : functions) {
    if (!names.insert(f.name).second) {
      return absl::InvalidArgumentError(fmt::format("functions: '{}' stands twice", f.name));
    }
  }
  return absl::OkStatus();
}

std::unique_ptr<ArrivalSource> Scenario::MakeArrivals(uint64_t seed) const {
  const ArrivalOptions options{seed, spec.within_minute};
  if (loads.empty()) return MakeArrivalSource(trace, options);
  return MakeLoadSource(trace, loads, options);
}

SimTime Scenario::present_from(size_t function) const {
  return loads.empty() ? SimTime() : loads[function].from;
}

SimTime Scenario::present_to(size_t function) const {
  return loads.empty() ? SimTime::Max() : loads[function].to;
}

int32_t Scenario::steps() const {
  const SimTime period = spec.control_period;
  return static_cast<int32_t>((spec.episode.length + period - SimTime::Micros(1)) / period);
}

int Scenario::first_minutes() const {
  const SimTime left = trace.duration() - spec.control_period * steps();
  if (left < SimTime()) return 0;
  if (spec.episode.start == EpisodeStart::kZero) return 1;
  return static_cast<int>(left / SimTime::Minutes(1)) + 1;
}

absl::StatusOr<Scenario> ResolveScenario(const ScenarioSpec& spec, const std::string& folder) {
  if (spec.straggler) {
    return absl::InvalidArgumentError(fmt::format(
        "'{}' is a scenario of the straggler environment: there is no cluster to play it "
        "on",
        spec.name));
  }
  Scenario scenario;
  scenario.spec = spec;
  ASSIGN_OR_RETURN(scenario.cluster, ClusterOf(spec, folder));
  SimTime& period = scenario.spec.control_period;
  if (period == SimTime()) period = scenario.cluster.control_period;
  scenario.cluster.control_period = period;
  if (spec.workload) {
    ASSIGN_OR_RETURN(const Trace whole, LoadWorkload(*spec.workload, folder));
    ASSIGN_OR_RETURN(scenario.trace, SelectPart(whole, spec.workload->split, spec.part));
  } else {
    ASSIGN_OR_RETURN(scenario.trace, TraceOf(spec));
    AddOverrides(scenario);
  }
  RETURN_IF_ERROR(CheckTimes(scenario));
  if (spec.slo == SloRule::kKnee) AddKnees(scenario);
  HoldBackReplicas(scenario);
  return scenario;
}

absl::StatusOr<Scenario> LoadScenario(const std::string& path,
                                      const std::vector<std::string>& assignments) {
  ASSIGN_OR_RETURN(ConfigNode node, ConfigNode::Load(path));
  for (const std::string& assignment : assignments) RETURN_IF_ERROR(node.Set(assignment));
  ScenarioSpec spec;
  RETURN_IF_ERROR(ReadConfig(node, spec));
  return ResolveScenario(spec, std::filesystem::path(path).parent_path());
}

}  // namespace reeve
