#include "controller/store/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "agents/simulated_policies.h"
#include "controller/store/window_percentiles.h"
#include "core/portable_math.h"
#include "sim/cluster.h"
#include "traces/arrival_stream.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;

double QuantileMs(const RunHistogram& h, double q) {
  return h.Quantile(q) / 1000;
}

TEST(AddPercentiles, FewCompletionsAreWhatTheyWere) {
  RunHistogram sum;
  AddPercentiles(1, 5000, 5000, 5000, true, sum);
  EXPECT_EQ(sum.count(), 1u);
  EXPECT_NEAR(QuantileMs(sum, 1), 5, 0.05);
  // Of two, p50 is the smaller and p95 and p99 are the larger one.
  sum.Clear();
  AddPercentiles(2, 5000, 80'000, 80'000, true, sum);
  EXPECT_EQ(sum.count(), 2u);
  EXPECT_NEAR(QuantileMs(sum, 0.5), 5, 0.05);
  EXPECT_NEAR(QuantileMs(sum, 1), 80, 0.7);
  // Of three, p50 is the middle one; the smallest mirrors the largest: 20 * 20 / 80, or is the
  // middle one.
  for (const bool mirrored : {true, false}) {
    sum.Clear();
    AddPercentiles(3, 20'000, 80'000, 80'000, mirrored, sum);
    EXPECT_EQ(sum.count(), 3u);
    EXPECT_NEAR(QuantileMs(sum, 1.0 / 3), mirrored ? 5 : 20, 0.2);
    EXPECT_NEAR(QuantileMs(sum, 2.0 / 3), 20, 0.2);
    EXPECT_NEAR(QuantileMs(sum, 1), 80, 0.7);
  }
  sum.Clear();
  AddPercentiles(0, 1, 2, 3, true, sum);
  EXPECT_EQ(sum.count(), 0u);
}

TEST(AddPercentiles, ManyCompletionsKeepTheirPercentiles) {
  // Lognormal, sigma 0.5, median 40 ms.
  const auto at = [](double q) { return 40'000 * std::exp(0.5 * NormalQuantile(q)); };
  RunHistogram sum;
  AddPercentiles(10'000, at(0.5), at(0.95), at(0.99), true, sum);
  EXPECT_EQ(sum.count(), 10'000u);
  // 64 ranks: p99 lies in the last but one.
  EXPECT_NEAR(sum.Quantile(0.5) / at(0.5), 1, 0.04);
  EXPECT_NEAR(sum.Quantile(0.95) / at(0.95), 1, 0.04);
  EXPECT_NEAR(sum.Quantile(0.99) / at(0.99), 1, 0.04);
  // Mirrored: exact for what is symmetric on a logarithmic scale.
  EXPECT_NEAR(sum.Quantile(0.05) / at(0.05), 1, 0.06);
  EXPECT_NEAR(sum.Quantile(0.25) / at(0.25), 1, 0.04);
  EXPECT_NEAR(sum.Quantile(0.75) / at(0.75), 1, 0.04);
}

// Windows of one function, by hand.
struct Windows {
  StoredFunction function{"id/a", "a", "t"};
  Snapshot snapshot;
  RecordingBuilder builder{SimTime::Seconds(4)};
  explicit Windows(SimTime window = SimTime::Seconds(2)) {
    snapshot.window = window;
    snapshot.functions.Resize(1);
  }
  void Add(int64_t tick, int64_t wall_s, uint32_t arrivals) {
    snapshot.functions.arrivals[0] = arrivals;
    builder.Add({.wall_us = wall_s * 1'000'000,
                 .tick = tick,
                 .functions = {&function},
                 .snapshot = &snapshot});
  }
};

std::vector<int64_t> StartsInSeconds(const Trace& trace) {
  std::vector<int64_t> starts;
  for (const TimedInvocation& i : trace.invocations()) starts.push_back(i.start_us / 1'000'000);
  return starts;
}

TEST(Recording, WindowsLieWhereTheirTicksSay) {
  Windows w;
  w.Add(7, 1000, 1);   // [0, 2)
  w.Add(8, 1002, 1);   // [2, 4)
  w.Add(11, 5000, 1);  // three ticks on, whatever the wall clock says: [8, 10)
  w.Add(0, 5010, 1);   // a new loop, 10 s later: [18, 20)
  w.Add(0, 5000, 1);   // and one after a jump backwards: [20, 22)
  const auto recording = w.builder.Finish();
  ASSERT_TRUE(recording.ok()) << recording.status();
  std::vector<int64_t> windows;
  for (const int64_t s : StartsInSeconds(recording->trace)) windows.push_back(s / 2 * 2);
  EXPECT_THAT(windows, ElementsAre(0, 2, 8, 18, 20));
  EXPECT_EQ(recording->trace.duration(), SimTime::Seconds(22));
  EXPECT_EQ(recording->observed.summary.arrivals, 5u);
  // Of intervals of 4 s only those that had a window are there, each with two rows.
  std::vector<double> times;
  for (const IntervalRow& row : recording->observed.intervals) {
    if (!row.function.valid()) times.push_back(row.time_s);
  }
  EXPECT_THAT(times, ElementsAre(0, 8, 16, 20));
}

TEST(Recording, NamesAreUnique) {
  RecordingBuilder builder;
  const StoredFunction functions[] = {
      {"1", "a", "x"}, {"2", "a", "y"}, {"3", "b", "x"}, {"4", "a", "x"}};
  Snapshot snapshot;
  snapshot.window = SimTime::Seconds(2);
  snapshot.functions.Resize(5);
  snapshot.functions.arrivals = {1, 1, 1, 1, 9};
  builder.Add({.wall_us = 0,
               .tick = 1,
               .functions = {&functions[0], &functions[1], &functions[2], &functions[3], nullptr},
               .snapshot = &snapshot});
  const auto recording = builder.Finish();
  ASSERT_TRUE(recording.ok()) << recording.status();
  std::vector<std::string> names;
  for (const FunctionProfile& f : recording->trace.functions()) names.push_back(f.name);
  EXPECT_THAT(names, ElementsAre("x/a", "y/a", "b", "4"));
}

TEST(Recording, NothingIsSaidSo) {
  EXPECT_EQ(Windows().builder.Finish().status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadRecording(testing::TempDir() + "no_store_here.db", {}, {}).status().code(),
            absl::StatusCode::kNotFound);
}

// A simulated platform, seen through its windows alone, against what really happened there.
TEST(Recording, AgreesWithWhatHappened) {
  TraceBuilder traces;
  for (int f = 0; f < 4; ++f) {
    FunctionProfile profile;
    profile.name = "f" + std::to_string(f);
    profile.tenant = traces.Tenant("t");
    profile.app = traces.App(profile.name);
    profile.memory = Mebibytes(256);
    profile.duration_ms = Distribution::LognormalFromMoments(80 * (f + 1), 40 * (f + 1));
    const FunctionId id = traces.AddFunction(profile);
    for (int m = 0; m < 60; ++m) traces.AddCount(m, id, (m / 5) % 2 == 0 ? 300u >> f : 0u);
  }
  const Trace trace = *traces.Build();
  ClusterSpec spec;
  const ArrivalOptions options{.seed = 3};
  PolicySpec policy_spec;
  policy_spec.name = "kpa";
  auto policy = MakeSimulatedPolicy(policy_spec, trace, spec, options);
  ASSERT_TRUE(policy.ok());
  SimulatedCluster cluster(trace, spec, 3, MakeArrivalSource(trace, options));
  cluster.set_wake([&](FunctionId f, SimTime now, Decision& d) { (*policy)->Wake(f, now, d); });
  std::vector<StoredFunction> functions;
  for (const FunctionProfile& f : trace.functions()) functions.push_back({f.name, f.name, "t"});
  RecordingBuilder builder;
  Snapshot snapshot;
  std::vector<Decision> decisions(4);
  int64_t tick = 0;
  for (SimTime now; now < trace.duration(); now += SimTime::Seconds(2)) {
    cluster.AdvanceTo(now);
    ASSERT_TRUE(cluster.Observe(snapshot).ok());
    StoredTick seen{
        .wall_us = now.micros(), .tick = tick++, .functions = {}, .snapshot = &snapshot};
    for (const StoredFunction& f : functions) seen.functions.push_back(&f);
    builder.Add(seen);
    std::fill(decisions.begin(), decisions.end(), Decision{});
    ASSERT_TRUE((*policy)->Decide(snapshot, decisions).ok());
    ASSERT_TRUE(cluster.Apply(decisions).ok());
  }
  const auto recording = builder.Finish();
  ASSERT_TRUE(recording.ok()) << recording.status();
  EXPECT_EQ(recording->trace.total_invocations(), cluster.invocations());
  for (uint32_t f = 0; f < 4; ++f) {
    const FunctionTotals& truth = cluster.totals(FunctionId(f));
    const FunctionRow& row = recording->observed.functions[f];
    EXPECT_EQ(row.arrivals, truth.arrivals);
    EXPECT_EQ(row.completions, truth.completions);
    EXPECT_EQ(row.cold_starts, truth.cold_starts);
    EXPECT_EQ(row.containers_started, truth.containers_started);
    // Buckets of windows and of the whole are at most 6.25 % wide each; ranks between those known
    // are interpolated.
    EXPECT_NEAR(*row.latency_p50_ms * 1000 / truth.histogram.Quantile(0.5), 1, 0.1) << f;
    EXPECT_NEAR(*row.execution_p50_ms * 1000 / truth.histogram.Quantile(0.5, kExecutionLane), 1,
                0.1);
    EXPECT_NEAR(*row.execution_p99_ms * 1000 / truth.histogram.Quantile(0.99, kExecutionLane), 1,
                0.15);
    EXPECT_NEAR(row.gb_seconds, static_cast<double>(truth.memory_mib_us) / 1024 / 1e6,
                0.01 * row.gb_seconds);
    // What a simulation then draws has the mean that was drawn from.
    EXPECT_NEAR(recording->trace.functions()[f].duration_ms.Mean() / (80.0 * (f + 1)), 1, 0.1);
  }
}

}  // namespace
}  // namespace reeve
