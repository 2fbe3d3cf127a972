// Every feature of the last window against a value worked out by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "envs/feature_table.h"
#include "envs/observation.h"
#include "tests/envs/window_testing.h"

namespace reeve {
namespace {

double FeatureOf(const Snapshot& snapshot, const FeatureSpec& spec, size_t f = 0) {
  FeatureExtractor extractor(ObservationSpec{.features = {spec}});
  std::vector<float> out(snapshot.functions.size());
  extractor.Extract(snapshot, out);
  return out[f];
}

double FeatureOf(const Snapshot& snapshot, const std::string& name) {
  return FeatureOf(snapshot, FeatureSpec{.name = name});
}

struct Case {
  const char* name;
  double value;
};

// 5 containers (4 ready) of 500m and 256 MiB, 2 requests at once each, in a cluster of 16 cores and
// 8 GiB that holds limits of 10.5 cores and 5376 MiB.
const std::vector<Case> kBusy = {
    {"cpu_utilisation", 900.0 / (4 * 500)},
    {"slo_preservation", 2000.0 / 8000},
    {"cpu_share", 2500.0 / 16'000},
    {"others_cpu_share", 8000.0 / 16'000},
    {"containers", 5.0 / 20},
    {"arrival_rate", 8.0 / 10},
    {"memory_utilisation", 960.0 / (5 * 256)},
    {"memory_share", 5 * 256.0 / 8192},
    {"others_memory_share", 4096.0 / 8192},
    {"cpu_limit", 500.0 / 2048},
    {"memory_limit", 256.0 / 2048},
    {"memory_size", 2.0 / 9},  // 256 MiB: two doublings of the nine above 64 MiB
    {"replicas_asked", 5.0 / 20},
    {"slo", std::log(2001.0) / std::log(600'001.0)},
    {"queued", 6.0 / 20},
    {"in_flight", 7.0 / 20},
    {"concurrency_utilisation", 5.0 / 8},
    {"containers_starting", 1.0 / 20},
    {"containers_idle", 0},  // 7 requests need 4 containers
    {"cold_start_share", 8.0 / 80},
    {"slo_violation_share", 16.0 / 64},
    {"latency_p50", 1.0 / 3},  // 1 s to an SLO of 2 s: r = 1/2
    {"latency_p95", 3.0 / 4},
    {"latency_p99", 4.0 / 5},
    {"execution_p50", 0.25 / 1.25},
    {"execution_p95", 1.0 / 2},
    {"cluster_cpu_load", 4000.0 / 16'000},
    {"cluster_memory_load", 5376.0 / 8192},
    {"day_sine", std::sin(2 * M_PI * 10 / 86'400)},
    {"day_cosine", std::cos(2 * M_PI * 10 / 86'400)},
};

TEST(WindowFeatures, EachIsWhatAHandGets) {
  for (const Case& c : kBusy)
    EXPECT_NEAR(FeatureOf(BusySnapshot(), c.name), c.value, 1e-6) << c.name;
}

TEST(WindowFeatures, EachHasACase) {
  for (const FeatureRow& row : WindowFeatures()) {
    bool found = false;
    for (const Case& c : kBusy) found = found || row.name == c.name;
    EXPECT_TRUE(found) << row.name;
  }
}

TEST(WindowFeatures, AFunctionWithNothingAtAll) {
  const Snapshot quiet = QuietSnapshot(1);
  EXPECT_EQ(FeatureOf(quiet, "slo_preservation"), 1);
  for (const char* name : {"cpu_utilisation", "memory_utilisation", "concurrency_utilisation",
                           "containers_idle", "cold_start_share", "slo_violation_share",
                           "latency_p99", "execution_p95", "cpu_share", "others_cpu_share"}) {
    EXPECT_EQ(FeatureOf(quiet, name), 0) << name;
  }
}

// Nothing completed in 10 s, in which 4 requests were there on average, of which 5 still are: each
// has spent 8 s of the window here.
TEST(WindowFeatures, WithoutCompletionsTheAgeOfWhatIsThereCounts) {
  Snapshot s = QuietSnapshot(1);
  s.functions.mean_queued = {3};
  s.functions.mean_in_flight = {1};
  s.functions.queued = {4};
  s.functions.in_flight = {1};
  EXPECT_NEAR(FeatureOf(s, "slo_preservation"), 2.0 / 8, 1e-6);
  EXPECT_NEAR(FeatureOf(s, "latency_p50"), 4.0 / 5, 1e-6);
  EXPECT_NEAR(FeatureOf(s, "latency_p99"), 4.0 / 5, 1e-6);
}

TEST(WindowFeatures, WithoutCompletionsLossesAreNoPreservation) {
  Snapshot s = QuietSnapshot(1);
  s.functions.rejections = {3};
  EXPECT_EQ(FeatureOf(s, "slo_preservation"), 0);
}

TEST(WindowFeatures, WithoutASloEverythingKeepsIt) {
  Snapshot s = BusySnapshot();
  s.functions.slo_latency = {SimTime::Max()};
  EXPECT_EQ(FeatureOf(s, "slo_preservation"), 1);
  EXPECT_NEAR(FeatureOf(s, "latency_p99"), 0, 1e-9);
  EXPECT_EQ(FeatureOf(s, "slo"), 1);
}

TEST(WindowFeatures, AContainerWithoutALimitCountsAsAHundred) {
  Snapshot s = BusySnapshot();
  s.functions.concurrency_limit = {0};
  EXPECT_NEAR(FeatureOf(s, "concurrency_utilisation"), 5.0 / 400, 1e-6);
  EXPECT_NEAR(FeatureOf(s, "containers_idle"), 3.0 / 4, 1e-6);
}

TEST(WindowFeatures, ScaleIsTheValueAtWhichAFeatureIsOne) {
  const Snapshot s = BusySnapshot();
  EXPECT_NEAR(FeatureOf(s, FeatureSpec{.name = "arrival_rate", .scale = 8}), 1, 1e-6);
  EXPECT_NEAR(FeatureOf(s, FeatureSpec{.name = "queued", .scale = 12}), 0.5, 1e-6);
  EXPECT_EQ(FeatureOf(s, FeatureSpec{.name = "queued", .scale = 0.1}), 4) << "the range's end";
}

TEST(WindowFeatures, TheDayTurns) {
  Snapshot s = QuietSnapshot(1);
  const auto at = [&](double hours, const char* name) {
    s.time = SimTime::FromSeconds(hours * 3600);
    return FeatureOf(s, name);
  };
  EXPECT_NEAR(at(0, "day_sine"), 0, 1e-7);
  EXPECT_NEAR(at(6, "day_sine"), 1, 1e-7);
  EXPECT_NEAR(at(12, "day_cosine"), -1, 1e-7);
  EXPECT_NEAR(at(18, "day_sine"), -1, 1e-7);
  EXPECT_NEAR(at(24 + 3, "day_sine"), std::sqrt(0.5), 1e-7) << "and begins anew";
  EXPECT_NEAR(at(24 + 21, "day_cosine"), std::sqrt(0.5), 1e-7);
}

}  // namespace
}  // namespace reeve
