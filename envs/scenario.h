// A decision problem as YAML: whose functions, how they are invoked, on which cluster, what agents
// see, may do and are paid, and what an episode is. configs/scenarios/ has examples.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/config.h"
#include "core/distribution.h"
#include "core/units.h"
#include "envs/action.h"
#include "envs/observation.h"
#include "envs/reward.h"
#include "envs/straggler_spec.h"
#include "sim/cluster_spec.h"
#include "sim/perturbation.h"
#include "traces/arrival_stream.h"
#include "traces/function_load.h"
#include "traces/trace.h"
#include "traces/workload.h"

namespace reeve {

// A function of a hand-made scenario.
struct ScenarioFunction {
  std::string name;
  std::string tenant;
  LoadSpec load;
  Distribution duration_ms = Distribution::Exponential(100);
  Mebibytes memory{128};
  std::optional<Distribution> cold_start_ms;
  std::optional<SimTime> slo_latency;
  std::optional<Millicores> cpu_limit;
  std::optional<int32_t> initial_replicas;
  std::vector<SimTime> present;

  template <class V>
  static void Fields(V& v) {
    using F = ScenarioFunction;
    v.Field("name", &F::name, "Of the function; each once");
    v.Field("tenant", &F::tenant, "Whose it is; unset: a tenant of its own, named as it is");
    v.Field("load", &F::load, "How often it is invoked");
    v.Field("duration_ms", &F::duration_ms, "Execution time on an idle machine, in ms");
    v.Field("memory", &F::memory, "Of a container", {1, 1e9});
    v.Field("cold_start_ms", &F::cold_start_ms, "Start of a container; unset: the cluster's");
    v.Field("slo_latency", &F::slo_latency, "Latency objective; unset: as `slo` says",
            AtLeast(0.001));
    v.Field("cpu_limit", &F::cpu_limit, "CPU of a container at first; unset: the cluster's",
            {1, 1e7});
    v.Field("initial_replicas", &F::initial_replicas,
            "Containers when it is deployed, ready at once at the episode's start; unset: the "
            "cluster's",
            {0, 100000});
    v.Field("present", &F::present,
            "[from, to): deployed and removed at these times of the episode, multiples of the "
            "control period; unset: always there");
  }
  absl::Status Validate() const;
};

// The objective of functions that have none of their own.
enum class SloRule : uint8_t {
  kCluster,  // the cluster's `slo`
  kKnee,     // the p99 at the knee of the function's latency curve (envs/latency_knee.h)
};
constexpr auto EnumNames(SloRule) {
  return std::array<std::pair<SloRule, std::string_view>, 2>{
      {{SloRule::kCluster, "cluster"}, {SloRule::kKnee, "knee"}}};
}

enum class EpisodeStart : uint8_t { kZero, kRandomMinute };
constexpr auto EnumNames(EpisodeStart) {
  return std::array<std::pair<EpisodeStart, std::string_view>, 2>{
      {{EpisodeStart::kZero, "zero"}, {EpisodeStart::kRandomMinute, "random_minute"}}};
}

struct EpisodeSpec {
  SimTime length = SimTime::Seconds(1000);
  EpisodeStart start = EpisodeStart::kRandomMinute;

  template <class V>
  static void Fields(V& v) {
    v.Field("length", &EpisodeSpec::length, "Rounded up to whole control periods", AtLeast(0.01));
    v.Field("start", &EpisodeSpec::start, "Where in the workload's time an episode begins");
  }
};

struct ScenarioSpec {
  std::string name = "scenario";
  std::string cluster;
  std::vector<std::string> cluster_changes;
  std::optional<ClusterSpec> inline_cluster;
  std::optional<WorkloadSpec> workload;
  Part part = Part::kTrain;
  WithinMinute within_minute = WithinMinute::kByTrigger;
  std::vector<ScenarioFunction> functions;
  double rate = 1;
  SimTime length = SimTime::Hours(24);
  SloRule slo = SloRule::kCluster;
  SimTime control_period = SimTime();
  EpisodeSpec episode;
  ObservationSpec observation;
  ActionSpec action;
  RewardSpec reward;
  PerturbationSpec perturbations;
  int32_t environments = 8;
  std::optional<StragglerSpec> straggler;

  template <class V>
  static void Fields(V& v) {
    using S = ScenarioSpec;
    v.Field("name", &S::name, "Name in reports");
    v.Field("cluster", &S::cluster, "The cluster's YAML file, relative to the scenario's");
    v.Field("cluster_changes", &S::cluster_changes,
            "What is different from the file, as of --set: [\"containers.concurrency=2\"]");
    v.Field("inline_cluster", &S::inline_cluster, "The cluster itself, instead of `cluster`");
    v.Field("workload", &S::workload,
            "A trace or a generated population, paths relative to the scenario's file");
    v.Field("part", &S::part, "Part of the workload that episodes are of");
    v.Field("within_minute", &S::within_minute,
            "Where the invocations of a per-minute trace fall within their minute");
    v.Field("functions", &S::functions, "Hand-made functions, instead of `workload`");
    v.Field("rate", &S::rate, "Factor on the rates of hand-made functions", Between(1e-6, 1e6));
    v.Field("length", &S::length, "Time in which episodes of hand-made functions lie",
            Between(1, 1e7));
    v.Field("slo", &S::slo, "Latency objective of functions without one");
    v.Field("control_period", &S::control_period, "Time between two decisions; 0: the cluster's",
            Between(0, 86400));
    v.Field("episode", &S::episode, "What an episode is");
    v.Field("observation", &S::observation, "What agents see");
    v.Field("action", &S::action, "What agents may do");
    v.Field("reward", &S::reward, "What agents are paid");
    v.Field("perturbations", &S::perturbations, "What stands between agents and the cluster");
    v.Field("environments", &S::environments, "Clusters side by side", Between(1, 100000));
    v.Field("straggler", &S::straggler,
            "Another problem in place of the cluster's: straggler mitigation "
            "(envs/straggler_env.h); nothing else but the name counts then");
  }
  // One of cluster and inline_cluster, one of workload and functions; names are given once. Or
  // straggler, and none of these.
  absl::Status Validate() const;
};

// A scenario with everything it names: what environments are made of. Immutable, shared by threads.
struct Scenario {
  ScenarioSpec spec;                      // control_period is set
  ClusterSpec cluster;                    // objectives and initial replicas are in its `functions`
  Trace trace;                            // profiles; its invocations, unless there are loads
  std::vector<FunctionLoad> loads;        // [F], or empty: the trace's own invocations
  std::vector<int32_t> initial_replicas;  // [F] when they are deployed

  // Of all functions, from the start of the episode.
  std::unique_ptr<ArrivalSource> MakeArrivals(uint64_t seed) const;
  SimTime present_from(size_t function) const;
  SimTime present_to(size_t function) const;
  int32_t steps() const;      // of an episode
  int first_minutes() const;  // minutes at which an episode may begin: 0 .. this - 1
};

// Located errors; paths are relative to the file. NotFound for a trace that is not there.
absl::StatusOr<Scenario> LoadScenario(const std::string& path,
                                      const std::vector<std::string>& assignments = {});
// The same of a specification that has passed Validate(); paths from `folder`. InvalidArgument for
// one of the straggler environment, which has no cluster.
absl::StatusOr<Scenario> ResolveScenario(const ScenarioSpec& spec, const std::string& folder);

}  // namespace reeve
