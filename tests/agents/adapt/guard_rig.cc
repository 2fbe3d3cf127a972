#include "tests/agents/adapt/guard_rig.h"

#include <algorithm>
#include <cmath>

#include "agents/rules/kpa_policy.h"
#include "agents/rules/simple_policies.h"
#include "core/check.h"
#include "core/random.h"
#include "traces/arrival_stream.h"
#include "traces/generator.h"

namespace reeve::testing {
namespace {

constexpr int kFunctions = 6;
constexpr double kSeconds = 600;

// Relative rate at a time.
double Shape(Load load, double t) {
  switch (load) {
    case Load::kBursts:  // 20 s of five times the load, each 100 s
      return std::fmod(t, 100) < 20 ? 2.5 : 0.5;
    case Load::kRamp:  // up, and down again
      return 2 * (1 - std::abs(t / kSeconds * 2 - 1));
    default:
      return 1;
  }
}

Trace Population(uint64_t seed) {
  GeneratorConfig config;
  config.functions = kFunctions;
  config.seed = seed;
  config.length = SimTime::Minutes(10);
  config.first_minute = 600;
  config.max_rate_rps = 4;
  config.rate.quantiles = {{0, 20'000}, {0.5, 60'000}, {0.9, 200'000}};
  auto trace = GenerateTrace(config);
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

// What the learner's last decision could harm.
class ExposureTrack {
 public:
  // After a decision.
  void Add(const SimulatedCluster& cluster, const SafeguardedPolicy& guard, GuardedRun& run) {
    const auto come = static_cast<double>(cluster.invocations());
    const double beyond = in_system_ + come - come_before_ - reserved_;
    if (!guard.any_engaged()) {
      in_system_ = static_cast<double>(cluster.in_system());
      come_before_ = come;
      reserved_ = guard.budget().at_risk();
      broken_ = unrecovered_ = true;
      return;
    }
    if (broken_) run.overshoot_until_repaired = std::max(run.overshoot_until_repaired, beyond);
    if (unrecovered_) run.overshoot = std::max(run.overshoot, beyond);
    broken_ = broken_ && !guard.recovery().repaired();
    unrecovered_ = !guard.recovery().recovered();
  }

 private:
  double in_system_ = 0, come_before_ = 0, reserved_ = 0;
  bool broken_ = false, unrecovered_ = false;
};

}  // namespace

Trace MakeLoad(Load load, uint64_t seed) {
  if (load == Load::kPopulation) return Population(seed);
  TraceBuilder builder;
  for (uint32_t i = 0; i < kFunctions; ++i) {
    FunctionProfile profile;
    profile.name = "f" + std::to_string(i);
    profile.tenant = builder.Tenant(i % 2 == 0 ? "even" : "odd");
    profile.app = builder.App(profile.name);
    profile.duration_ms = Distribution::LognormalFromMoments(60 + 40 * i, 50);
    profile.memory = Mebibytes(256);
    const uint32_t f = builder.AddFunction(profile).index();
    RandomCursor random(RandomStream(seed, StreamPurpose::kGenerator, i));
    // Thinning of a Poisson process at the highest rate.
    const double rate = 0.5 * (1 + i), highest = 2.5;
    for (double t = 0;;) {
      t += random.Exponential() / (rate * highest);
      if (t >= kSeconds) break;
      if (random.Uniform() * highest >= Shape(load, t)) continue;
      builder.AddInvocation({static_cast<int64_t>(t * 1e6), TimedInvocation::kDrawDuration, f, 0});
    }
  }
  builder.set_minimum_duration(SimTime::FromSeconds(kSeconds));
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

ClusterSpec MakePlatform(ScalingMode scaling, Room room) {
  ClusterSpec spec;
  spec.scaling = scaling;
  switch (room) {
    case Room::kAmple:
      spec.nodes = {NodeGroupSpec{2, Millicores::Cores(64), Mebibytes(65536)}};
      break;
    case Room::kContended:
      spec.nodes = {NodeGroupSpec{2, Millicores::Cores(6), Mebibytes(6144)}};
      break;
    case Room::kTooSmall:
      spec.nodes = {NodeGroupSpec{2, Millicores::Cores(3), Mebibytes(4096)}};
      break;
  }
  spec.containers.memory = Mebibytes(256);
  spec.containers.memory_from_trace = false;
  spec.containers.request_timeout = SimTime::Seconds(60);
  spec.containers.keep_alive = SimTime::Seconds(100);
  spec.cold_start.time_ms = Distribution::LognormalFromMoments(600, 350);
  if (room != Room::kAmple) {
    spec.cold_start.cpu = Millicores(500);
    spec.interference = {{0.5, 1.0}, {1.5, 1.5}};
  }
  REEVE_CHECK(spec.Validate().ok());
  return spec;
}

std::unique_ptr<Policy> MakeFallback(ScalingMode scaling) {
  if (scaling == ScalingMode::kReplicaTarget) return std::make_unique<KpaPolicy>(KpaOptions());
  KeepAliveOptions options;
  options.keep_alive = SimTime::Seconds(100);
  return std::make_unique<KeepAlivePolicy>(options);
}

double PeakRate(const Trace& trace, const ClusterSpec& cluster, uint64_t seed) {
  const auto source = MakeArrivalSource(trace, {seed, WithinMinute::kByTrigger});
  std::vector<double> counts;
  ArrivalBatch batch;
  while (source->Next(batch)) {
    for (const Arrival& arrival : batch.arrivals) {
      const SimTime at = batch.start + SimTime::Micros(arrival.offset_us);
      const auto window = static_cast<size_t>(at / cluster.control_period);
      if (counts.size() <= window) counts.resize(window + 1);
      ++counts[window];
    }
  }
  const double most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  return most / cluster.control_period.seconds();
}

GuardedRun RunPolicy(const Trace& trace, const ClusterSpec& spec, uint64_t seed, Policy& policy,
                     const SafeguardedPolicy* guard) {
  SimulatedCluster cluster(trace, spec, seed,
                           MakeArrivalSource(trace, {seed, WithinMinute::kByTrigger}));
  cluster.set_wake([&](FunctionId function, SimTime now, Decision& decision) {
    policy.Wake(function, now, decision);
  });
  GuardedRun run;
  Snapshot snapshot;
  std::vector<Decision> decisions(trace.functions().size());
  ExposureTrack track;
  const auto decide = [&] {
    std::fill(decisions.begin(), decisions.end(), Decision{});
    REEVE_CHECK(policy.Decide(snapshot, decisions).ok());
    if (guard != nullptr) track.Add(cluster, *guard, run);
  };
  REEVE_CHECK(cluster.Observe(snapshot).ok());
  decide();
  REEVE_CHECK(cluster.Apply(decisions).ok());
  // Long enough after the last arrival for all requests to leave.
  const SimTime end = trace.duration() + spec.containers.request_timeout + SimTime::Seconds(2);
  for (SimTime now; now < end;) {
    now += spec.control_period;
    cluster.AdvanceTo(now);
    REEVE_CHECK(cluster.Observe(snapshot).ok());
    decide();
    REEVE_CHECK(cluster.Apply(decisions).ok());
  }
  for (uint32_t f = 0; f < decisions.size(); ++f) {
    const FunctionTotals& totals = cluster.totals(FunctionId(f));
    run.arrivals += totals.arrivals;
    run.violations += totals.slo_violations + cluster.unfinished(FunctionId(f));
    run.gb_seconds += static_cast<double>(totals.memory_mib_us) / 1024 / 1e6;
  }
  return run;
}

}  // namespace reeve::testing
