// What must hold of every run, whatever the cluster, the faults and the decisions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "random_scenario.h"
#include "snapshot_testing.h"

namespace reeve {
namespace {

using testing::Dice;
using testing::ExpectSameSnapshot;
using testing::kScenarioFunctions;
using testing::kScenarioSeconds;

constexpr SimTime kPeriod = SimTime::Seconds(2);

using Row = std::tuple<uint32_t, int64_t, int64_t, int64_t, int64_t, uint32_t, bool, Outcome>;

Row RowOf(const InvocationRecord& r) {
  return {r.function.index(), r.arrival.micros(),  r.start.micros(), r.end.micros(),
          r.work.micros(),    r.container.index(), r.cold,           r.outcome};
}

// Sums over the windows of one function.
struct WindowSums {
  uint64_t arrivals = 0, completions = 0, failures = 0, timeouts = 0, rejections = 0;
  uint64_t cold_starts = 0, containers_started = 0, slo_violations = 0;
  double in_system_us = 0, memory_mib_us = 0, cpu_mc_us = 0;

  void Add(const FunctionWindows& w, size_t i, double length_us) {
    arrivals += w.arrivals[i];
    completions += w.completions[i];
    failures += w.failures[i];
    timeouts += w.timeouts[i];
    rejections += w.rejections[i];
    cold_starts += w.cold_starts[i];
    containers_started += w.containers_started[i];
    slo_violations += w.slo_violations[i];
    in_system_us += (w.mean_queued[i] + w.mean_in_flight[i]) * length_us;
    memory_mib_us += w.memory_used_mebibytes[i] * length_us;
    cpu_mc_us += w.cpu_used_millicores[i] * length_us;
  }
};

struct RunOptions {
  bool prefetched = false;
  bool fresh_snapshots = false;  // a new Snapshot object for every window
  bool decide = true;
};

// A scenario played to its end: 60 s of arrivals under random decisions, then every function in
// turn gets what it needs to finish, then silence.
class ScenarioRun {
 public:
  ScenarioRun(uint64_t seed, const RunOptions& options)
      : options_(options), trace_(testing::RandomTrace(seed)), spec_(testing::RandomCluster(seed)) {
    auto arrivals = MakeArrivalSource(trace_, {seed, WithinMinute::kByTrigger});
    if (options.prefetched) arrivals = Prefetched(std::move(arrivals));
    cluster_ = std::make_unique<SimulatedCluster>(trace_, spec_, seed, std::move(arrivals));
    cluster_->set_invocation_sink([this](const InvocationRecord& r) { rows.push_back(RowOf(r)); });
    Dice waking(seed, 2);
    cluster_->set_wake([waking](FunctionId, SimTime, Decision& d) mutable {
      if (waking.Chance(0.8)) d.replicas = static_cast<int32_t>(waking.Between(1, 3));
    });
    Dice deciding(seed, 3);
    while (cluster_->now() < SimTime::Seconds(kScenarioSeconds)) {
      Step(kPeriod);
      if (options.decide) Apply(testing::RandomDecisions(deciding));
    }
    for (uint32_t turn = 0; turn < kScenarioFunctions; ++turn) Drain(turn);
    Silence();
  }

  const SimulatedCluster& cluster() const { return *cluster_; }
  const Trace& trace() const { return trace_; }
  const ClusterSpec& spec() const { return spec_; }
  const Snapshot& last() const { return snapshots.back(); }

  std::vector<Row> rows;
  std::vector<Snapshot> snapshots;
  std::vector<WindowSums> sums = std::vector<WindowSums>(kScenarioFunctions);

 private:
  void Apply(const std::vector<Decision>& decisions) {
    ASSERT_TRUE(cluster_->Apply(decisions).ok());
  }

  void Drain(uint32_t turn) {
    std::vector<Decision> decisions(kScenarioFunctions);
    for (uint32_t i = 0; i < kScenarioFunctions; ++i) {
      decisions[i].replicas = spec_.scaling == ScalingMode::kReplicaTarget && i == turn ? 1 : 0;
      decisions[i].keep_alive = SimTime::Seconds(1);
    }
    Apply(decisions);
    for (int i = 0; i < 40; ++i) Step(SimTime::Seconds(5));
  }

  void Silence() {
    std::vector<Decision> decisions(kScenarioFunctions);
    for (Decision& d : decisions) d.replicas = 0;
    Apply(decisions);
    Step(SimTime::Minutes(10));
    Step(kPeriod);
  }

  void Step(SimTime period) {
    cluster_->AdvanceTo(cluster_->now() + period);
    Snapshot fresh;
    Snapshot& snapshot = options_.fresh_snapshots ? fresh : kept_;
    ASSERT_TRUE(cluster_->Observe(snapshot).ok());
    snapshots.push_back(snapshot);
    for (size_t i = 0; i < kScenarioFunctions; ++i) {
      sums[i].Add(snapshot.functions, i, static_cast<double>(snapshot.window.micros()));
    }
    CheckNow(snapshot);
  }

  // What holds at every moment.
  void CheckNow(const Snapshot& s) {
    const std::vector<int64_t> ages = cluster_->UnfinishedAges();
    for (uint32_t i = 0; i < kScenarioFunctions; ++i) {
      const FunctionTotals& t = cluster_->totals(FunctionId(i));
      const uint64_t unfinished = cluster_->unfinished(FunctionId(i));
      EXPECT_EQ(t.arrivals, t.completions + t.failures + t.rejections + t.timeouts + unfinished);
      EXPECT_EQ(t.time_in_system_us + ages[i], t.in_system_integral_us);
      EXPECT_EQ(s.functions.queued[i] + s.functions.in_flight[i], unfinished);
      EXPECT_LE(s.functions.queued[i], static_cast<uint32_t>(spec_.containers.queue_limit));
      if (spec_.balancer != BalancerStrategy::kSharding) {
        EXPECT_LE(s.functions.containers_ready[i] + s.functions.containers_starting[i],
                  static_cast<uint32_t>(spec_.containers.max_replicas));
      }
    }
    EXPECT_LE(s.cluster.memory_held, s.cluster.memory_capacity);
    EXPECT_GE(s.cluster.memory_held, Mebibytes(0));
    EXPECT_GE(s.cluster.cpu_limits, Millicores(0));
    EXPECT_LE(s.cluster.cpu_used_millicores,
              static_cast<double>(cluster_->cpu_capacity().value()) * (1 + 1e-9));
  }

  RunOptions options_;
  Trace trace_;
  ClusterSpec spec_;
  std::unique_ptr<SimulatedCluster> cluster_;
  Snapshot kept_;
};

class Accounting : public ::testing::TestWithParam<uint64_t> {};

void CheckRows(const ScenarioRun& run) {
  std::set<std::pair<uint32_t, int64_t>> seen;
  const int64_t timeout_us = run.spec().containers.request_timeout.micros();
  int64_t last_end = 0;
  for (const Row& row : run.rows) {
    const auto& [function, arrival, start, end, work, container, cold, outcome] = row;
    EXPECT_TRUE(seen.insert({function, arrival}).second) << "reported twice";
    EXPECT_GE(end, last_end);
    last_end = end;
    EXPECT_LE(arrival, start);
    EXPECT_LE(start, end);
    const bool ran = ContainerId(container).valid();
    if (outcome == Outcome::kCompleted) {
      EXPECT_TRUE(ran);
      EXPECT_GE(end - start, work);  // nothing is faster than on an idle machine
      EXPECT_LE(end - arrival, timeout_us);
    } else if (outcome == Outcome::kTimedOut) {
      EXPECT_EQ(end - arrival, timeout_us);
    } else if (outcome == Outcome::kRejected) {
      EXPECT_FALSE(ran);
      EXPECT_EQ(end, arrival);
    } else {
      EXPECT_TRUE(ran);  // only what runs is lost
    }
    if (!ran) {
      EXPECT_EQ(start, end);
    }
  }
  // Each is an invocation of the trace.
  std::set<std::pair<uint32_t, int64_t>> invoked;
  for (const TimedInvocation& i : run.trace().invocations()) {
    invoked.insert({i.function, i.start_us});
  }
  EXPECT_EQ(invoked.size(), run.trace().total_invocations());
  EXPECT_TRUE(std::includes(invoked.begin(), invoked.end(), seen.begin(), seen.end()));
}

TEST_P(Accounting, EveryRequestOnce) {
  const ScenarioRun run(GetParam(), {});
  CheckRows(run);
  std::vector<std::array<uint64_t, 4>> by_outcome(kScenarioFunctions);
  std::vector<int64_t> latency(kScenarioFunctions), in_system(kScenarioFunctions);
  std::vector<uint64_t> cold(kScenarioFunctions);
  for (const auto& [function, arrival, start, end, work, container, was_cold, outcome] : run.rows) {
    ++by_outcome[function][static_cast<size_t>(outcome)];
    in_system[function] += end - arrival;
    cold[function] += was_cold;
    if (outcome == Outcome::kCompleted) latency[function] += end - arrival;
  }
  std::vector<uint64_t> invoked(kScenarioFunctions);
  for (const TimedInvocation& i : run.trace().invocations()) ++invoked[i.function];
  EXPECT_EQ(run.cluster().invocations(), run.trace().total_invocations());
  for (uint32_t i = 0; i < kScenarioFunctions; ++i) {
    SCOPED_TRACE(i);
    const FunctionTotals& t = run.cluster().totals(FunctionId(i));
    EXPECT_EQ(t.arrivals, invoked[i]);
    EXPECT_EQ(t.completions, by_outcome[i][static_cast<size_t>(Outcome::kCompleted)]);
    EXPECT_EQ(t.failures, by_outcome[i][static_cast<size_t>(Outcome::kFailed)]);
    EXPECT_EQ(t.rejections, by_outcome[i][static_cast<size_t>(Outcome::kRejected)]);
    EXPECT_EQ(t.timeouts, by_outcome[i][static_cast<size_t>(Outcome::kTimedOut)]);
    EXPECT_EQ(t.latency_sum_us, latency[i]);
    EXPECT_EQ(t.time_in_system_us, in_system[i]);
    EXPECT_EQ(t.cold_starts, cold[i]);
    EXPECT_LE(t.busy_container_us, t.container_us);
    EXPECT_LE(t.containers_stopped, t.containers_started);
  }
}

TEST_P(Accounting, WindowsAddUpToTheTotals) {
  const ScenarioRun run(GetParam(), {});
  for (uint32_t i = 0; i < kScenarioFunctions; ++i) {
    SCOPED_TRACE(i);
    const FunctionTotals& t = run.cluster().totals(FunctionId(i));
    const WindowSums& w = run.sums[i];
    EXPECT_EQ(w.arrivals, t.arrivals);
    EXPECT_EQ(w.completions, t.completions);
    EXPECT_EQ(w.failures, t.failures);
    EXPECT_EQ(w.timeouts, t.timeouts);
    EXPECT_EQ(w.rejections, t.rejections);
    EXPECT_EQ(w.cold_starts, t.cold_starts);
    EXPECT_EQ(w.containers_started, t.containers_started);
    EXPECT_EQ(w.slo_violations, t.slo_violations);
    // Means are doubles: some 300 windows, each rounded to 2^-53.
    const auto near = [](double sum, double total) {
      EXPECT_NEAR(sum, total, 1e-12 * total + 1e-3);
    };
    near(w.in_system_us, static_cast<double>(t.in_system_integral_us));
    near(w.memory_mib_us, static_cast<double>(t.memory_mib_us));
    near(w.cpu_mc_us, t.cpu_used_mc_us);
  }
}

TEST_P(Accounting, SilenceLeavesNothingButThePools) {
  const ScenarioRun run(GetParam(), {});
  EXPECT_EQ(run.cluster().in_system(), 0u);
  EXPECT_TRUE(run.cluster().arrivals_done());
  EXPECT_EQ(run.rows.size(), run.trace().total_invocations());
  const FunctionWindows& w = run.last().functions;
  const std::vector<uint32_t> none(kScenarioFunctions, 0);
  EXPECT_EQ(w.queued, none);
  EXPECT_EQ(w.in_flight, none);
  EXPECT_EQ(w.containers_ready, none);
  EXPECT_EQ(w.containers_starting, none);
  EXPECT_EQ(w.memory_used_mebibytes, std::vector<double>(kScenarioFunctions, 0));
  EXPECT_EQ(w.cpu_used_millicores, std::vector<double>(kScenarioFunctions, 0));
  int64_t pools = 0;
  for (const PrewarmPoolSpec& pool : run.spec().prewarm) {
    pools += pool.count * pool.memory.value() * run.spec().node_count();
  }
  EXPECT_EQ(run.last().cluster.memory_held.value(), pools);
  EXPECT_EQ(run.last().cluster.cpu_limits.value(), 0);
  EXPECT_EQ(run.last().cluster.nodes_ready, static_cast<uint32_t>(run.spec().node_count()));
}

TEST_P(Accounting, RepeatsExactlyOnOneThreadAndTwo) {
  const ScenarioRun first(GetParam(), {}), again(GetParam(), {});
  EXPECT_EQ(first.rows, again.rows);
  const ScenarioRun ahead(GetParam(), {.prefetched = true});
  EXPECT_EQ(first.rows, ahead.rows);
}

// A snapshot that is filled again and again skips the functions that were quiet; it shows the same
// as one that is filled for the first time.
TEST_P(Accounting, KeptSnapshotIsLikeAFreshOne) {
  const ScenarioRun kept(GetParam(), {}), fresh(GetParam(), {.fresh_snapshots = true});
  EXPECT_EQ(kept.rows, fresh.rows);
  ASSERT_EQ(kept.snapshots.size(), fresh.snapshots.size());
  for (size_t i = 0; i < kept.snapshots.size(); ++i) {
    SCOPED_TRACE(i);
    ExpectSameSnapshot(kept.snapshots[i], fresh.snapshots[i]);
    if (HasFailure()) return;
  }
}

// Without decisions the concurrency limit stays, and no container has more at once.
TEST_P(Accounting, NoContainerTakesMoreThanItsConcurrency) {
  const ScenarioRun run(GetParam(), {.decide = false});
  const int limit = run.spec().containers.concurrency;
  if (limit == 0) return;
  std::map<uint32_t, std::vector<std::pair<int64_t, int>>> changes;
  for (const auto& [function, arrival, start, end, work, container, cold, outcome] : run.rows) {
    if (!ContainerId(container).valid()) continue;
    changes[container].push_back({start, 1});
    changes[container].push_back({end, -1});
  }
  for (auto& [container, at] : changes) {
    std::sort(at.begin(), at.end());  // at one time, ends come first
    int running = 0;
    for (const auto& [time, change] : at) {
      running += change;
      ASSERT_LE(running, limit) << "container " << container << " at " << time;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Accounting, ::testing::Range<uint64_t>(0, 60));

// The scenarios are of use only as far as they reach everything; this says that they do.
TEST(AccountingTest, ScenariosReachEveryOutcome) {
  uint64_t completions = 0, failures = 0, timeouts = 0, rejections = 0, cold = 0, stopped = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const ScenarioRun run(seed, {});
    for (uint32_t i = 0; i < kScenarioFunctions; ++i) {
      const FunctionTotals& t = run.cluster().totals(FunctionId(i));
      completions += t.completions;
      failures += t.failures;
      timeouts += t.timeouts;
      rejections += t.rejections;
      cold += t.cold_starts;
      stopped += t.containers_stopped;
    }
  }
  EXPECT_GT(completions, 1000u);
  EXPECT_GT(failures, 20u);
  EXPECT_GT(timeouts, 100u);
  EXPECT_GT(rejections, 100u);
  EXPECT_GT(cold, 100u);
  EXPECT_GT(stopped, 100u);
}

}  // namespace
}  // namespace reeve
