#include "runs/twin.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>

#include "core/files.h"
#include "runs/run_folder.h"
#include "runs/simulation.h"
#include "runs/twin_search.h"
#include "traces/trace_edit.h"
#include "traces/trace_file.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Q = TwinQuantity;

TEST(TwinParameters, AreTheMomentsOfTheClusters) {
  ClusterSpec cluster;
  cluster.cold_start.time_ms = Distribution::LognormalFromMoments(900, 500);
  TwinParameters p = ParametersOf(cluster);
  EXPECT_NEAR(p.cold_start_ms, 900, 1e-9);
  EXPECT_NEAR(p.cold_start_spread, 500.0 / 900, 1e-12);
  EXPECT_EQ(p.service_factor, 1);
  EXPECT_EQ(p.interference, 0);
  cluster.cold_start.time_ms = Distribution::Uniform(100, 300);
  p = ParametersOf(cluster);
  EXPECT_NEAR(p.cold_start_ms, 200, 1e-9);
  EXPECT_NEAR(p.cold_start_spread, 200 / std::sqrt(12.0) / 200, 1e-4);
  cluster.interference = {{.load = 0.5, .slowdown = 1}, {.load = 1.5, .slowdown = 2}};
  EXPECT_NEAR(ParametersOf(cluster).interference, 0.5, 1e-12);
}

TEST(TwinParameters, OfTheClusterChangeNothing) {
  ClusterSpec cluster;
  cluster.cold_start.time_ms = Distribution::Uniform(100, 300);
  EXPECT_EQ(WriteConfig(ApplyParameters(cluster, ParametersOf(cluster))), WriteConfig(cluster));
}

TEST(TwinParameters, AreApplied) {
  ClusterSpec cluster;
  TwinParameters p = ParametersOf(cluster);
  p.cold_start_ms = 2000;
  p.cold_start_spread = 0.25;
  p.interference = 0.4;
  const ClusterSpec twin = ApplyParameters(cluster, p);
  EXPECT_EQ(twin.cold_start.time_ms, Distribution::LognormalFromMoments(2000, 500));
  // A line from 1 at load 0.5 through 1.4 at load 1: 3 at load 3.
  ASSERT_EQ(twin.interference.size(), 2u);
  EXPECT_EQ(twin.interference[0].load, 0.5);
  EXPECT_NEAR(twin.interference[1].slowdown, 3, 1e-12);
  EXPECT_TRUE(twin.Validate().ok());
  const TwinParameters again = ParametersOf(twin);
  EXPECT_NEAR(again.cold_start_ms, 2000, 1e-6);
  EXPECT_NEAR(again.cold_start_spread, 0.25, 1e-9);
  EXPECT_NEAR(again.interference, 0.4, 1e-12);
  // A curve that is there keeps its form.
  cluster.interference = {
      {.load = 0.5, .slowdown = 1}, {.load = 1, .slowdown = 1.2}, {.load = 3, .slowdown = 2.05}};
  p = ParametersOf(cluster);
  p.interference = 0.1;
  EXPECT_NEAR(ApplyParameters(cluster, p).interference[2].slowdown, 1 + 1.05 / 2, 1e-12);
}

TEST(TwinError, IsAFactorEitherWay) {
  EXPECT_NEAR(TwinError(Q::kLatencyP50, 20, 10), std::log(2), 1e-12);
  EXPECT_NEAR(TwinError(Q::kLatencyP50, 10, 20), std::log(2), 1e-12);
  EXPECT_NEAR(TwinError(Q::kColdStarts, 1, 0), std::log(2), 1e-12);
  EXPECT_EQ(TwinError(Q::kColdStarts, 0, 0), 0);
  EXPECT_EQ(TwinError(Q::kLatencyP50, 1e9, 1), kMostError);
}

TEST(TwinLoss, IsTheMeanOverFunctionsOfTheMeansOfTheirGroups) {
  constexpr auto kNone = std::nullopt;
  const std::vector<TwinValues> observed = {TwinValues{10, 20, kNone, kNone, kNone, 3},
                                            TwinValues{kNone, kNone, kNone, 5, kNone, kNone},
                                            TwinValues{}};
  const std::vector<TwinValues> simulated = {TwinValues{20, 20, 50, kNone, kNone, 7},
                                             TwinValues{1, 1, 1, 10, kNone, 0},
                                             TwinValues{1, 1, 1, 1, 1, 1}};
  // Function 0: latencies (ln 2 + 0) / 2, cold starts ln(8 / 4); function 1: ln 2; 2: nothing seen.
  EXPECT_NEAR(TwinLoss(simulated, observed, {true, true, true}), 1.25 * std::log(2), 1e-12);
  EXPECT_NEAR(TwinLoss(simulated, observed, {false, true, true}), std::log(2), 1e-12);
  EXPECT_EQ(TwinLoss(simulated, observed, {false, false, true}), 0);
}

// Sum of the distances of logarithms, the least at (3, 700).
absl::StatusOr<double> Distance(std::span<const double> at) {
  return std::abs(std::log(at[0] / 3)) + std::abs(std::log(at[1] / 700));
}

TEST(MinimizeByCoordinates, FindsTheLeast) {
  const std::vector<SearchedNumber> numbers = {{"a", 1, 0.1, 10}, {"b", 100, 10, 120'000}};
  std::vector<double> first;
  for (const int threads : {1, 3}) {
    const auto found = MinimizeByCoordinates(numbers, {.threads = threads}, Distance);
    ASSERT_TRUE(found.ok());
    EXPECT_NEAR(found->numbers[0], 3, 0.03);
    EXPECT_NEAR(found->numbers[1], 700, 7);
    EXPECT_THAT(found->moved, ElementsAre(true, true));
    EXPECT_NEAR(found->before, std::log(3) + std::log(7), 1e-9);
    EXPECT_LT(found->after, 0.02);
    if (first.empty()) first = found->numbers;
    EXPECT_EQ(found->numbers, first);  // to the bit
  }
}

TEST(MinimizeByCoordinates, LeavesWhatDoesNotMatter) {
  const auto found =
      MinimizeByCoordinates({{"a", 1, 0.1, 10}, {"unseen", 0, 0.01, 20}}, {},
                            [](std::span<const double> at) -> absl::StatusOr<double> {
                              return 1 + std::abs(std::log(at[0] / 2)) - 1e-4 * at[1];
                            });
  ASSERT_TRUE(found.ok());
  EXPECT_NEAR(found->numbers[0], 2, 0.03);
  EXPECT_EQ(found->numbers[1], 0);
  EXPECT_THAT(found->moved, ElementsAre(true, false));
}

TEST(MinimizeByCoordinates, StopsWhenToldAndReturnsErrors) {
  std::atomic<int> calls = 0;
  const auto stopped = MinimizeByCoordinates({{"a", 1, 0.1, 10}, {"b", 20, 10, 100}}, {}, Distance,
                                             [&](int, int) { return ++calls < 5; });
  EXPECT_EQ(stopped.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(calls, 5);
  const auto failed = MinimizeByCoordinates(
      {{"a", 1, 0.1, 10}}, {},
      [](std::span<const double>) -> absl::StatusOr<double> { return absl::NotFoundError("x"); });
  EXPECT_EQ(failed.status().code(), absl::StatusCode::kNotFound);
}

TEST(ParseObserved, ReadsTheColumnsThatAreThere) {
  const auto rows = ParseObserved(
      "cold_starts,name,other,latency_p95_ms,completions\n4,\"a,b\",x,12.5,300\n,b,,,\n", "o.csv");
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].name, "a,b");
  EXPECT_EQ((*rows)[0].completions, 300u);
  EXPECT_EQ((*rows)[0].values,
            (TwinValues{std::nullopt, 12.5, std::nullopt, std::nullopt, std::nullopt, 4}));
  EXPECT_EQ((*rows)[1].values, TwinValues{});
  EXPECT_FALSE((*rows)[1].completions.has_value());
}

TEST(ParseObserved, SaysWhatIsWrongAndWhere) {
  const auto error = [](const char* text) {
    const auto rows = ParseObserved(text, "o.csv");
    EXPECT_FALSE(rows.ok()) << text;
    return std::string(rows.status().message());
  };
  EXPECT_THAT(error(""), HasSubstr("o.csv:1: the file is empty"));
  EXPECT_THAT(error("function,cold_starts\n"), HasSubstr("no column 'name'"));
  EXPECT_THAT(error("name,arrivals\n"), HasSubstr("nothing to compare"));
  EXPECT_THAT(error("name,cold_starts\na,1\nb,-1\n"),
              HasSubstr("o.csv:3: '-1' is not a value of column 'cold_starts'"));
  EXPECT_THAT(error("name,cold_starts\na,inf\n"), HasSubstr("'inf' is not a value"));
  EXPECT_THAT(error("name,cold_starts\na\n"), HasSubstr("1 fields instead of 2"));
  EXPECT_THAT(error("name,cold_starts\na,1\na,2\n"),
              HasSubstr("o.csv:3: function 'a' was on line 2 already"));
}

// `functions` functions that are invoked `per_minute` times a minute on average, in bursts with
// pauses in between in which containers go, for `minutes`.
Trace Bursts(int functions, int minutes, int per_minute) {
  TraceBuilder builder;
  for (int f = 0; f < functions; ++f) {
    FunctionProfile profile;
    profile.name = fmt::format("f{}", f);
    profile.tenant = builder.Tenant("t");
    profile.app = builder.App(profile.name);
    profile.memory = Mebibytes(128);
    profile.duration_ms = Distribution::LognormalFromMoments(60 + 25 * f, 20 + 5 * f);
    const FunctionId id = builder.AddFunction(profile);
    for (int m = 0; m < minutes; ++m) {
      // Busy for a minute in every four: containers are gone in between.
      if ((m + f) % 4 == 0) builder.AddCount(m, id, static_cast<uint32_t>(4 * per_minute));
    }
  }
  return *builder.Build();
}

TEST(MatchObserved, LeavesOutPercentilesOfFewRequests) {
  const Trace trace = Bursts(2, 4, 1);
  const std::vector<ObservedFunction> observed = {{"f1", 999, {1, 2, 3, 4, 5, 6}}, {"x", {}, {}}};
  const auto values = MatchObserved(observed, trace);
  ASSERT_TRUE(values.ok());
  EXPECT_EQ((*values)[0], TwinValues{});
  EXPECT_EQ((*values)[1], (TwinValues{1, 2, {}, 4, {}, 6}));
  EXPECT_FALSE(MatchObserved({{"x", {}, {}}}, trace).ok());
}

TEST(TwinSplit, HoldsOutTheShareByName) {
  const Trace trace = Bursts(200, 4, 1);
  TwinFitSpec fit;
  fit.holdout = 0.3;
  const std::vector<bool> train = TwinSplit(trace, fit);
  // Binomial(200, 0.3): deviation 6.5; 4 of them.
  EXPECT_NEAR(static_cast<double>(std::ranges::count(train, false)), 60, 26);
  fit.split_seed = 2;
  EXPECT_NE(TwinSplit(trace, fit), train);
  fit.holdout = 0;
  EXPECT_EQ(std::ranges::count(TwinSplit(trace, fit), false), 0);
  // Names decide, not places.
  fit = {};
  const std::vector<bool> few = TwinSplit(Bursts(20, 4, 1), fit);
  EXPECT_EQ(few, std::vector<bool>(train.begin(), train.begin() + 20));
}

// The cluster as it is, which the fit does not know: cold starts of 1.3 s, execution times 1.25
// times the trace's.
constexpr double kColdMs = 1300, kColdSpread = 0.3, kService = 1.25;

TwinConfig KnownAbout() {
  TwinConfig config;
  config.trace = "bursts";
  config.cluster.nodes = {{.count = 2, .cpu = Millicores::Cores(8), .memory = Mebibytes(16384)}};
  config.policy.name = "kpa";
  config.fit.sweeps = 2;
  config.seed = 5;
  return config;
}

class TwinTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new std::string(testing::TempDir() + "twin_recording");
    std::filesystem::remove_all(*folder_);
    // One of a dozen requests is cold, so that p95 and p99 are those of cold starts: one percentile
    // alone would not tell their mean from their spread.
    trace_ = new Trace(Bursts(12, 480, 3));
    const TwinConfig config = KnownAbout();
    SimulationConfig truth;
    truth.cluster = config.cluster;
    truth.cluster.cold_start.time_ms =
        Distribution::LognormalFromMoments(kColdMs, kColdSpread * kColdMs);
    truth.policy = config.policy;
    truth.seed = 11;  // other draws than the twin's
    auto run = RunSimulation(*ScaleDurations(*trace_, kService), truth, 1);
    ASSERT_TRUE(run.ok()) << run.status();
    run->summary.name = "recorded";
    auto folder = RunFolder::Create(*folder_, "", false);
    ASSERT_TRUE(folder.ok());
    ASSERT_TRUE(folder->Write(*run).ok());
  }
  static void TearDownTestSuite() {
    delete trace_;
    std::filesystem::remove_all(*folder_);
    delete folder_;
  }
  static inline Trace* trace_ = nullptr;
  static inline std::string* folder_ = nullptr;
};

TEST_F(TwinTest, FindsWhatTheRecordingWasMadeWith) {
  TwinConfig config = KnownAbout();
  config.observed = *folder_;
  const auto rows = ReadObserved(config.observed);
  ASSERT_TRUE(rows.ok()) << rows.status();
  const auto observed = MatchObserved(*rows, *trace_);
  ASSERT_TRUE(observed.ok());
  const auto twin = FitTwin(*trace_, *observed, config, 2);
  ASSERT_TRUE(twin.ok()) << twin.status();
  EXPECT_NEAR(twin->after_parameters.service_factor, kService, 0.05 * kService);
  EXPECT_NEAR(twin->after_parameters.cold_start_ms, kColdMs, 0.05 * kColdMs);
  // The tail tells less of the spread than of the mean.
  EXPECT_NEAR(twin->after_parameters.cold_start_spread, kColdSpread, 0.5 * kColdSpread);
  // There is no interference, and none is made up that would count.
  EXPECT_LT(twin->after_parameters.interference, 0.1);
  EXPECT_EQ(twin->before_parameters, ParametersOf(config.cluster));
  EXPECT_GT(twin->held_out_before.functions, 0u);
  EXPECT_GT(twin->train_before.functions, 0u);
  // The functions that the fit did not see: from off by a fifth and more to a few per cent.
  EXPECT_GT(twin->held_out_before.loss, 0.4);
  EXPECT_LT(twin->held_out_after.loss, 0.1);
  EXPECT_LT(*twin->held_out_after.median_factor[static_cast<size_t>(Q::kLatencyP50)], 1.05);

  const std::string out = testing::TempDir() + "twin_out";
  std::filesystem::remove_all(out);
  ASSERT_TRUE(WriteTwin(out, config, *trace_, *twin, false).ok());
  EXPECT_EQ(WriteTwin(out, config, *trace_, *twin, false).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(WriteTwin(out, config, *trace_, *twin, true).ok());
  // What is written is what was fitted: playing it gives the run after.
  SimulationConfig again;
  const auto cluster = LoadCluster(out + "/cluster.yaml");
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  again.cluster = *cluster;
  again.policy = config.policy;
  again.seed = config.seed;
  const auto scaled = TraceFile::Open(out + "/trace.rtrace");
  ASSERT_TRUE(scaled.ok()) << scaled.status();
  const auto played = RunSimulation(*scaled, again, 1);
  ASSERT_TRUE(played.ok());
  EXPECT_EQ(played->summary.latency_p99_ms, twin->after_run.summary.latency_p99_ms);
  EXPECT_EQ(played->summary.cold_starts, twin->after_run.summary.cold_starts);
  EXPECT_THAT(*ReadFile(out + "/functions.csv"),
              HasSubstr("name,part,latency_p50_ms_observed,latency_p50_ms_before,"));
  EXPECT_THAT(TwinSummaryTable(*twin).ToText(false), HasSubstr("service_factor"));
  std::filesystem::remove_all(out);
}

TEST_F(TwinTest, ResultsDoNotDependOnThreads) {
  TwinConfig config = KnownAbout();
  config.fit.sweeps = 1;
  config.fit.cold_start_spread = config.fit.interference = false;
  const auto observed = MatchObserved(*ReadObserved(*folder_), *trace_);
  ASSERT_TRUE(observed.ok());
  const auto one = FitTwin(*trace_, *observed, config, 1);
  const auto three = FitTwin(*trace_, *observed, config, 3);
  ASSERT_TRUE(one.ok() && three.ok());
  EXPECT_EQ(one->after_parameters, three->after_parameters);
  EXPECT_EQ(one->after, three->after);
}

TEST_F(TwinTest, RefusesWhatItCannotFit) {
  TwinConfig config = KnownAbout();
  const std::vector<TwinValues> nothing(trace_->functions().size());
  EXPECT_EQ(FitTwin(*trace_, nothing, config, 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  config.from = SimTime::Hours(9);
  EXPECT_THAT(std::string(FitTwin(*trace_, nothing, config, 1).status().message()),
              HasSubstr("only 28800 s long"));
  const std::string foreign = testing::TempDir() + "twin_foreign";
  std::filesystem::create_directories(foreign);
  ASSERT_TRUE(WriteFileAtomically(foreign + "/mine.txt", "x").ok());
  EXPECT_EQ(CheckTwinFolder(foreign, true).code(), absl::StatusCode::kFailedPrecondition);
  std::filesystem::remove_all(foreign);
}

TEST(TwinModel, CountsColdStartsAsTheRecordingDid) {
  // One request every four minutes, the first when the container that there is at the beginning is
  // gone: each a cold start of exactly 1 s; execution 400 ms.
  TraceBuilder builder;
  FunctionProfile profile;
  profile.name = "f";
  profile.tenant = builder.Tenant("t");
  profile.app = builder.App("a");
  profile.duration_ms = Distribution::Constant(400);
  builder.AddFunction(profile);
  for (int i = 0; i < 5; ++i) {
    builder.AddInvocation({SimTime::Minutes(4 * i + 4).micros(), 400'000, 0, 0});
  }
  builder.set_minimum_duration(SimTime::Minutes(24));
  const Trace trace = *builder.Build();
  TwinConfig config;
  config.policy.name = "kpa";
  config.cluster.cold_start.time_ms = Distribution::Constant(1000);
  const auto counted = [&] {
    const auto values = TwinModel(trace, config).Simulate(ParametersOf(config.cluster));
    EXPECT_TRUE(values.ok());
    return *(*values)[0][static_cast<size_t>(Q::kColdStarts)];
  };
  EXPECT_EQ(counted(), 5);
  config.cold_starts.rule = ColdStartRule::kLate;
  config.cold_starts.threshold = SimTime::Millis(900);
  EXPECT_EQ(counted(), 5);
  config.cold_starts.beyond_execution = true;  // 1,000 - 400 < 900
  EXPECT_EQ(counted(), 0);
  config.cold_starts.threshold = SimTime::Millis(500);
  EXPECT_EQ(counted(), 5);
  config.from = SimTime::Minutes(5);
  config.to = SimTime::Minutes(13);
  EXPECT_EQ(counted(), 2);
}

}  // namespace
}  // namespace reeve
