#include "envs/latency_knee.h"

#include <algorithm>

#include "core/check.h"
#include "sim/cluster.h"
#include "sim/function_settings.h"
#include "traces/function_load.h"

namespace reeve {
namespace {

// The cluster with `containers` of the function and nothing that disturbs them.
ClusterSpec Undisturbed(const ClusterSpec& cluster, const std::string& function,
                        uint32_t containers) {
  ClusterSpec spec = cluster;
  spec.scaling = ScalingMode::kReplicaTarget;
  spec.balancer = BalancerStrategy::kAnyContainer;
  spec.pause = {};
  spec.prewarm.clear();
  spec.failures = {};
  spec.events.clear();
  spec.cpu_overcommit = 0;
  spec.containers.request_timeout = SimTime::Max();
  spec.containers.queue_limit = 1'000'000'000;
  FunctionOverride& own = spec.functions[function];
  own.initial_replicas = own.max_replicas = static_cast<int32_t>(containers);
  return spec;
}

// Requests a second that a container can serve.
double Capacity(const ClusterSpec& spec, const FunctionProfile& function) {
  const FunctionSettings s = SettingsFor(spec, function);
  const double jobs =
      std::min(static_cast<double>(s.concurrency), static_cast<double>(s.cpu_limit.value()) /
                                                       static_cast<double>(s.cpu_demand.value()));
  return jobs * 1000 / std::max(function.duration_ms.Mean(), 1e-3);
}

double TailLatency(const ClusterSpec& spec, const FunctionProfile& function, double rate,
                   const LatencyCurveOptions& options) {
  const SimTime length = SimTime::FromSeconds(options.requests / rate);
  TraceBuilder builder;
  FunctionProfile profile = function;
  profile.tenant = builder.Tenant("tenant");
  profile.app = builder.App("app");
  builder.AddFunction(std::move(profile));
  builder.set_minimum_duration(length);
  absl::StatusOr<Trace> trace = builder.Build();
  REEVE_CHECK(trace.ok());
  LoadSpec load;
  load.rate_rps = rate;
  SimulatedCluster cluster(*trace, spec, options.seed,
                           MakeLoadSource(*trace, {{.load = load}}, {.seed = options.seed}));
  // Time for those that still wait when the last one has come.
  cluster.AdvanceTo(length + length);
  Snapshot snapshot;
  REEVE_CHECK(cluster.Observe(snapshot).ok());
  return cluster.completions().latency_us.Quantile(0.99) / 1000;
}

}  // namespace

std::vector<LatencyPoint> LatencyCurve(const ClusterSpec& cluster, const FunctionProfile& function,
                                       const LatencyCurveOptions& options) {
  const uint32_t containers =
      std::max(options.containers > 0 ? static_cast<uint32_t>(options.containers)
                                      : SettingsFor(cluster, function).initial_replicas,
               1u);
  const ClusterSpec spec = Undisturbed(cluster, function.name, containers);
  const double capacity = Capacity(spec, function) * containers;
  std::vector<LatencyPoint> curve;
  for (int percent = 10; percent <= 95; percent += 5) {
    const double utilisation = percent / 100.0;
    curve.push_back({utilisation, TailLatency(spec, function, utilisation * capacity, options)});
  }
  return curve;
}

size_t KneeOf(std::span<const LatencyPoint> curve) {
  REEVE_CHECK(!curve.empty());
  const LatencyPoint first = curve.front(), last = curve.back();
  const double width = std::max(last.utilisation - first.utilisation, 1e-12);
  const double height = std::max(last.p99_ms - first.p99_ms, 1e-12);
  size_t knee = 0;
  double farthest = 0;
  for (size_t i = 0; i < curve.size(); ++i) {
    const double below = (curve[i].utilisation - first.utilisation) / width -
                         (curve[i].p99_ms - first.p99_ms) / height;
    if (below > farthest) {
      farthest = below;
      knee = i;
    }
  }
  return knee;
}

SimTime KneeLatency(const ClusterSpec& cluster, const FunctionProfile& function,
                    const LatencyCurveOptions& options) {
  const std::vector<LatencyPoint> curve = LatencyCurve(cluster, function, options);
  return SimTime::FromSeconds(curve[KneeOf(curve)].p99_ms / 1000);
}

}  // namespace reeve
