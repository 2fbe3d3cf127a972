// Whole simulations under perturbations and changes of the workload.
#include "runs/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "core/check.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr uint32_t kFunctions = 6;
constexpr int kMinutes = 20;

Trace SmallTrace() {
  TraceBuilder builder;
  for (uint32_t f = 0; f < kFunctions; ++f) {
    FunctionProfile profile;
    profile.name = "f" + std::to_string(f);
    profile.tenant = builder.Tenant("t");
    profile.app = builder.App(profile.name);
    profile.trigger = Trigger::kHttp;
    profile.memory = Mebibytes(128);
    profile.duration_ms = Distribution::Exponential(2500);
    const FunctionId id = builder.AddFunction(profile);
    for (int m = 0; m < kMinutes; ++m) builder.AddCount(m, id, 5 * (f + 1));
  }
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

SimulationConfig SmallConfig() {
  SimulationConfig config;
  config.trace = "small";
  config.seed = 11;
  config.cluster.nodes = {NodeGroupSpec{2, Millicores::Cores(4), Mebibytes(4096)}};
  config.cluster.cold_start.time_ms = Distribution::Constant(700);
  return config;
}

SimulationConfig PerturbedConfig() {
  SimulationConfig config = SmallConfig();
  config.perturbations.metric_lag.lag = SimTime::Seconds(5);
  config.perturbations.metric_noise.cv = 0.5;
  config.perturbations.metric_loss.probability = 0.2;
  config.perturbations.actuation_delay.time_ms = Distribution::Exponential(4000);
  config.perturbations.actuation_failure.probability = 0.2;
  config.workload_changes.flash_crowds.push_back({.at = SimTime::Minutes(5),
                                                  .ramp = SimTime::Minutes(1),
                                                  .length = SimTime::Minutes(3),
                                                  .factor = 4,
                                                  .share = 0.5,
                                                  .functions = {}});
  config.workload_changes.shifts.push_back({.at = SimTime::Minutes(12), .rate = 2, .exchange = 1});
  config.cluster.events = {{SimTime::Minutes(6), 1, NodeEventKind::kLose},
                           {SimTime::Minutes(8), 1, NodeEventKind::kRestore}};
  return config;
}

void ExpectEqualRuns(const RunData& a, const RunData& b) {
  EXPECT_EQ(a.summary.arrivals, b.summary.arrivals);
  EXPECT_EQ(a.summary.completions, b.summary.completions);
  EXPECT_EQ(a.summary.cold_starts, b.summary.cold_starts);
  EXPECT_EQ(a.summary.gb_seconds, b.summary.gb_seconds);
  EXPECT_EQ(a.summary.latency_p99_ms, b.summary.latency_p99_ms);
  EXPECT_EQ(a.summary.cpu_utilisation, b.summary.cpu_utilisation);
  EXPECT_EQ(a.summary.replica_changes_per_hour, b.summary.replica_changes_per_hour);
}

// What RunSimulation does, with nothing between policy and cluster.
struct Bare {
  uint64_t completions = 0, cold_starts = 0;
  int64_t container_us = 0;
};
Bare PlayBare(const Trace& trace, const SimulationConfig& config) {
  auto policy = *MakePolicy(config.policy);
  SimulatedCluster cluster(trace, config.cluster, config.seed,
                           MakeArrivalSource(trace, {config.seed, config.within_minute}));
  cluster.set_wake([&](FunctionId f, SimTime now, Decision& d) { policy->Wake(f, now, d); });
  Snapshot snapshot;
  for (SimTime now;; now += config.cluster.control_period) {
    cluster.AdvanceTo(now);
    EXPECT_TRUE(cluster.Observe(snapshot).ok());
    if (now == trace.duration()) break;
    std::vector<Decision> decisions(kFunctions);
    EXPECT_TRUE(policy->Decide(snapshot, decisions).ok());
    EXPECT_TRUE(cluster.Apply(decisions).ok());
  }
  Bare sums;
  for (uint32_t f = 0; f < kFunctions; ++f) {
    sums.completions += cluster.totals(FunctionId(f)).completions;
    sums.cold_starts += cluster.totals(FunctionId(f)).cold_starts;
    sums.container_us += cluster.totals(FunctionId(f)).container_us;
  }
  return sums;
}

TEST(RunSimulation, WithoutPerturbationsIsThePolicyOnTheCluster) {
  const Trace trace = SmallTrace();
  const SimulationConfig config = SmallConfig();
  const Bare bare = PlayBare(trace, config);
  const RunData run = *RunSimulation(trace, config, 1);
  EXPECT_EQ(run.summary.arrivals, trace.total_invocations());
  EXPECT_EQ(run.summary.completions, bare.completions);
  EXPECT_EQ(run.summary.cold_starts, bare.cold_starts);
  EXPECT_NEAR(run.summary.container_seconds, static_cast<double>(bare.container_us) / 1e6, 1e-6);
}

// One replica for everything, which is too few, and Knative's rule when queues get long.
SimulationConfig GuardedConfig() {
  SimulationConfig config = SmallConfig();
  config.policy.name = "static";
  config.policy.safeguard.emplace();
  config.policy.safeguard->queue = {.engage = 10, .release = 1};
  config.policy.safeguard->budget.emplace();
  config.policy.safeguard->budget->violations = 100'000;
  return config;
}

TEST(RunSimulation, TellsWhenTheSafeguardWasEngaged) {
  const Trace trace = SmallTrace();
  const SimulationConfig config = GuardedConfig();
  const RunData run = *RunSimulation(trace, config, 1);
  ASSERT_TRUE(run.summary.safeguard.has_value());
  const SafeguardSummary& guard = *run.summary.safeguard;
  // A decision before the first control period, and one after each.
  const double period_s = config.cluster.control_period.seconds();
  EXPECT_EQ(static_cast<double>(guard.steps), 1 + kMinutes * 60 / period_s);
  EXPECT_GT(guard.engagements_queue, 0u);
  EXPECT_EQ(guard.engagements, guard.engagements_queue);  // the only trigger of these
  EXPECT_GT(guard.engaged_steps, 0u);
  EXPECT_LT(guard.engaged_steps, guard.steps);
  // One scope for all functions: the share of decisions is that of steps.
  EXPECT_DOUBLE_EQ(guard.engaged_share,
                   static_cast<double>(guard.engaged_steps) / static_cast<double>(guard.steps));
  EXPECT_GE(*guard.budget_granted, 100'000);
  EXPECT_GT(*guard.budget_charged, 0);

  double engaged_s = 0;
  std::map<double, double> by_time;
  for (const IntervalRow& row : run.intervals) {
    ASSERT_TRUE(row.safeguard_engaged.has_value());
    if (row.function.valid()) {
      EXPECT_EQ(*row.safeguard_engaged, by_time.at(row.time_s));
      continue;
    }
    by_time[row.time_s] = *row.safeguard_engaged;
    engaged_s += *row.safeguard_engaged * 60;
  }
  // All but the last decision, after which nothing was played.
  EXPECT_NEAR(engaged_s / period_s, static_cast<double>(guard.engaged_steps), 1 + 1e-6);
}

// Holds a safeguard inside.
class Wrapped : public Policy {
 public:
  explicit Wrapped(const PolicySpec& spec) : inner_(*MakePolicy(spec)) {}
  std::string_view name() const override { return "wrapped"; }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override {
    return inner_->Decide(snapshot, decisions);
  }
  void Wake(FunctionId function, SimTime now, Decision& decision) override {
    inner_->Wake(function, now, decision);
  }
  const SafeguardedPolicy* safeguard() const {
    return dynamic_cast<const SafeguardedPolicy*>(inner_.get());
  }

 private:
  std::unique_ptr<Policy> inner_;
};

TEST(RunSimulation, TheSafeguardMayBeInsideThePolicy) {
  const Trace trace = SmallTrace();
  const SimulationConfig config = GuardedConfig();
  Wrapped silent(config.policy), named(config.policy);
  const RunData none = *RunSimulation(trace, config, silent);
  EXPECT_FALSE(none.summary.safeguard.has_value());
  EXPECT_FALSE(none.intervals.front().safeguard_engaged.has_value());
  SimulationHooks hooks;
  hooks.safeguard = named.safeguard();
  const RunData told = *RunSimulation(trace, config, named, hooks);
  EXPECT_EQ(told.summary.safeguard, RunSimulation(trace, config, 1)->summary.safeguard);
  EXPECT_EQ(told.summary.completions, none.summary.completions);  // looking changes nothing
}

TEST(RunSimulation, AccountsForEveryRequestUnderEverythingAtOnce) {
  const Trace trace = SmallTrace();
  const SimulationConfig config = PerturbedConfig();
  const RunData run = *RunSimulation(trace, config, 1);
  const RunSummary& s = run.summary;
  EXPECT_EQ(s.arrivals, s.completions + s.failures + s.rejections + s.timeouts + s.unfinished);
  EXPECT_EQ(s.littles_law_error, 0);
  EXPECT_GT(s.failures, 0u);
  EXPECT_EQ(s.arrivals,
            ChangeWorkload(trace, config.workload_changes, config.seed)->total_invocations());
  // Twelve minutes as before, eight at twice the load; the crowd is of three of six functions with
  // 5 to 30 a minute: 3 (1 + 3) minutes' worth of between 30 and 75 a minute.
  const double plain = 105.0 * (12 + 2 * 8);
  EXPECT_GE(static_cast<double>(s.arrivals), plain + 12 * 30 - 30);
  EXPECT_LE(static_cast<double>(s.arrivals), plain + 12 * 75 + 30);
  // It reports what happened, not what the policy saw: intervals add up to the totals.
  uint64_t in_intervals = 0;
  for (const IntervalRow& row : run.intervals) {
    if (!row.function.valid()) in_intervals += row.arrivals;
  }
  EXPECT_EQ(in_intervals, s.arrivals);
}

TEST(RunSimulation, PerturbationsAreDeterministicWhateverTheThreads) {
  const Trace trace = SmallTrace();
  const RunData one = *RunSimulation(trace, PerturbedConfig(), 1);
  ExpectEqualRuns(one, *RunSimulation(trace, PerturbedConfig(), 1));
  ExpectEqualRuns(one, *RunSimulation(trace, PerturbedConfig(), 2));
  SimulationConfig other = PerturbedConfig();
  other.perturbations.metric_noise.cv = 0;
  EXPECT_NE(RunSimulation(trace, other, 1)->summary.gb_seconds, one.summary.gb_seconds);
}

TEST(RunSimulation, NothingCarriedOutMeansNothingServed) {
  // The cluster begins without containers, and no decision ever arrives.
  SimulationConfig config = SmallConfig();
  config.perturbations.actuation_failure.probability = 1;
  const RunSummary s = RunSimulation(SmallTrace(), config, 1)->summary;
  EXPECT_EQ(s.completions, 0u);
  EXPECT_EQ(s.container_seconds, 0);
}

TEST(RunSimulation, TheConfigurationKeepsThem) {
  SimulationConfig again;
  const std::string yaml = WriteConfig(PerturbedConfig());
  ASSERT_TRUE(ReadConfig(*ConfigNode::Parse(yaml, "config.yaml"), again).ok());
  EXPECT_EQ(WriteConfig(again), yaml);
  EXPECT_EQ(again.workload_changes.flash_crowds[0].factor, 4);
  EXPECT_EQ(again.perturbations.metric_lag.lag, SimTime::Seconds(5));
}

}  // namespace
}  // namespace reeve
