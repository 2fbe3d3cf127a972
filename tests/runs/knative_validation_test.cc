// The simulator against a measured Knative cluster, within what docs/validation.md claims. Skipped
// where the measurement is not there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "core/status.h"
#include "runs/simulation.h"
#include "sim/cluster_spec.h"
#include "traces/readers/reader.h"

namespace reeve {
namespace {

constexpr SimTime kThreshold = SimTime::Millis(700);
constexpr double kShortMs = 700;

// Cold starts of each application, by the first 8 digits of its name.
using ByName = std::map<std::string, double>;

// Ranks from 1; equal values share the mean of theirs.
std::vector<double> Ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t i = 0; i < order.size();) {
    size_t j = i;
    while (j < order.size() && values[order[j]] == values[order[i]]) ++j;
    for (size_t k = i; k < j; ++k) ranks[order[k]] = static_cast<double>(i + j + 1) / 2;
    i = j;
  }
  return ranks;
}

double Spearman(const std::vector<double>& a, const std::vector<double>& b) {
  const std::vector<double> x = Ranks(a), y = Ranks(b);
  const double mean = static_cast<double>(x.size() + 1) / 2;  // of any ranks
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xy / std::sqrt(xx * yy);
}

TEST(Spearman, HandWorked) {
  EXPECT_DOUBLE_EQ(Spearman({1, 2, 3, 4}, {10, 20, 30, 40}), 1);
  EXPECT_DOUBLE_EQ(Spearman({1, 2, 3, 4}, {4, 3, 2, 1}), -1);
  // Ranks 1 2.5 2.5 4 and 1 2 3 4: 4.5 / sqrt(4.5 * 5).
  EXPECT_DOUBLE_EQ(Spearman({0, 5, 5, 9}, {1, 2, 3, 4}), 4.5 / std::sqrt(4.5 * 5));
}

class KnativeValidation : public testing::Test {
 protected:
  void SetUp() override {
    const char* root = std::getenv("REEVE_SHARED");
    folder_ = std::string(root != nullptr ? root : REEVE_SHARED_DEFAULT) +
              "/traces/azure2019-100apps-day-knative";
    if (!std::filesystem::is_directory(folder_)) {
      GTEST_SKIP() << folder_ << " is not there; set REEVE_SHARED to the folder with traces/";
    }
  }

  // COLD_START_COUNT of vanilla_per_app_cold_starts.csv: APP_NAME,REQUEST_COUNT,COLD_START_COUNT,…
  ByName Measured() const {
    std::ifstream file(folder_ + "/vanilla_per_app_cold_starts.csv");
    std::string line, name, requests, cold;
    std::getline(file, line);
    EXPECT_TRUE(line.starts_with("APP_NAME,REQUEST_COUNT,COLD_START_COUNT,"));
    ByName measured;
    while (std::getline(file, line)) {
      std::istringstream cells(line);
      std::getline(cells, name, ',');
      std::getline(cells, requests, ',');
      std::getline(cells, cold, ',');
      measured[name.substr(name.size() - 8)] = std::stod(cold);
    }
    return measured;
  }

  std::string folder_;
};

TEST_F(KnativeValidation, ColdStartsOfTheDefaultKpa) {
  auto read = ReadTrace(folder_);
  ASSERT_TRUE(read.ok()) << MessageOf(read.status());
  const Trace& trace = read->trace;
  EXPECT_EQ(trace.functions().size(), 99u);
  SimulationConfig config;
  auto cluster = LoadCluster(REEVE_SOURCE "/configs/clusters/femux.yaml");
  ASSERT_TRUE(cluster.ok()) << MessageOf(cluster.status());
  config.cluster = *cluster;
  config.policy.name = "kpa";
  config.within_minute = WithinMinute::kCentred;

  // As it was measured: minutes 5 to 1315, a request is cold when it began 0.7 s later than it
  // takes to execute. And all that found no ready pod.
  ByName counted, all;
  double requests = 0;
  SimulationHooks hooks;
  hooks.on_invocation = [&](const InvocationRecord& record) {
    if (record.arrival < SimTime::Minutes(5) || record.arrival >= SimTime::Minutes(1315)) return;
    const std::string name = trace.functions()[record.function.index()].name.substr(0, 8);
    ++requests;
    counted[name] += record.start - record.arrival - record.work >= kThreshold;
    all[name] += record.cold;
  };
  auto run = RunSimulation(trace, config, 1, hooks);
  ASSERT_TRUE(run.ok()) << MessageOf(run.status());

  const ByName measured = Measured();
  std::vector<double> a, b;
  double measured_total = 0, counted_total = 0, measured_short = 0, all_short = 0;
  for (const FunctionProfile& f : trace.functions()) {
    const std::string name = f.name.substr(0, 8);
    a.push_back(measured.at(name));
    b.push_back(counted[name]);
    measured_total += a.back();
    counted_total += b.back();
    if (f.duration_known && f.duration_ms.Mean() < kShortMs) {
      measured_short += a.back();
      all_short += all[name];
    }
  }
  EXPECT_EQ(measured_total, 7989);
  EXPECT_NEAR(requests / 232479, 1, 1e-3);
  EXPECT_NEAR(counted_total / measured_total, 1, 0.25);
  EXPECT_GT(Spearman(a, b), 0.64);
  // Where executions are too short to hide a cold start, whatever way they are counted.
  EXPECT_NEAR(all_short / measured_short, 1, 0.05);
}

}  // namespace
}  // namespace reeve
