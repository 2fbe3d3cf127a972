#include "envs/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "core/config.h"
#include "core/status.h"
#include "envs/latency_knee.h"
#include "sim/function_settings.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

std::string Shipped(const std::string& name) {
  return std::string(REEVE_SOURCE_DIR) + "/configs/scenarios/" + name + ".yaml";
}

absl::StatusOr<Scenario> Read(const std::string& yaml) {
  ScenarioSpec spec;
  const absl::Status status = ReadConfig(*ConfigNode::Parse(yaml, "s.yaml"), spec);
  if (!status.ok()) return status;
  return ResolveScenario(spec, std::string(REEVE_SOURCE_DIR) + "/configs/scenarios");
}

TEST(LatencyKneeTest, LiesWhereTheChordIsFarthest) {
  // y = x^2 from 0 to 1: x - x^2 is largest at 1/2.
  std::vector<LatencyPoint> curve;
  for (int i = 0; i <= 10; ++i) curve.push_back({i / 10.0, 3 + 7 * i * i / 100.0});
  EXPECT_EQ(KneeOf(curve), 5u);
  EXPECT_EQ(KneeOf({{{0.1, 5}, {0.5, 5}, {0.9, 5}}}), 2u) << "flat: load costs nothing";
  EXPECT_EQ(KneeOf({{{0.1, 5}, {0.5, 9}, {0.9, 10}}}), 0u) << "concave: nothing lies below";
}

// With exponential times a container is M/M/1: the p99 of the time in the system is
// ln(100) * mean / (1 - utilisation). Its knee between 0.10 and 0.95 is where the slope is the
// chord's: 1 - u = sqrt(0.85 / (1 / 0.05 - 1 / 0.9)), u = 0.788; of the points, 0.80.
TEST(LatencyKneeTest, OfAnMM1QueueIsWhereTheoryHasIt) {
  ClusterSpec cluster;
  FunctionProfile function;
  function.name = "f";
  function.memory = Mebibytes(128);
  function.duration_ms = Distribution::Exponential(100);
  const auto curve = LatencyCurve(cluster, function, {.requests = 100'000});
  ASSERT_EQ(curve.size(), 18u);
  for (const LatencyPoint& p : curve) {
    if (p.utilisation > 0.7) continue;
    // Requests are correlated over about 1 / (1 - u)^2 of them; at 0.7 as 9,000 independent ones,
    // whose p99 has a deviation of 2.3 %.
    const double expected = std::log(100) * 100 / (1 - p.utilisation);
    EXPECT_NEAR(p.p99_ms / expected, 1, 0.1) << p.utilisation;
  }
  EXPECT_NEAR(curve[KneeOf(curve)].utilisation, 0.8, 0.051);
  EXPECT_NEAR(KneeLatency(cluster, function, {.requests = 100'000}).millis(), 2303, 700);
}

TEST(ScenarioTest, ShippedOnesAreRead) {
  const auto small = LoadScenario(Shipped("small"));
  ASSERT_TRUE(small.ok()) << small.status();
  EXPECT_EQ(small->trace.functions().size(), 2u);
  EXPECT_EQ(small->trace.tenants().size(), 2u);
  EXPECT_EQ(small->steps(), 50);

  const auto five = LoadScenario(Shipped("five_tenants"));
  ASSERT_TRUE(five.ok()) << five.status();
  EXPECT_EQ(five->trace.functions().size(), 5u);
  EXPECT_EQ(five->cluster.node_count(), 3);
  EXPECT_EQ(five->steps(), 200);
  EXPECT_EQ(five->initial_replicas, (std::vector<int32_t>{4, 3, 2, 3, 4}));
  for (const FunctionProfile& f : five->trace.functions()) {
    // A knee lies above the time that a request takes by itself, and not absurdly far.
    const double p99 = f.duration_ms.Sample(0.99);
    const double slo = SettingsFor(five->cluster, f).slo_latency.millis();
    EXPECT_GT(slo, 1.5 * p99) << f.name;
    EXPECT_LT(slo, 16 * p99) << f.name;
  }

  const auto generated = LoadScenario(Shipped("generated"));
  ASSERT_TRUE(generated.ok()) << generated.status();
  EXPECT_NEAR(static_cast<double>(generated->trace.functions().size()), 100, 30);
  EXPECT_EQ(generated->trace.duration(), SimTime::Hours(4));
  EXPECT_EQ(generated->first_minutes(), 121);

  const auto azure = LoadScenario(Shipped("azure"));
  if (absl::IsNotFound(azure.status())) GTEST_SKIP() << azure.status();
  ASSERT_TRUE(azure.ok()) << azure.status();
  EXPECT_EQ(azure->trace.duration(), SimTime::Hours(4));
}

TEST(ScenarioTest, IsWrittenAndReadBack) {
  const auto five = LoadScenario(Shipped("five_tenants"), {"environments=3"});
  ASSERT_TRUE(five.ok());
  EXPECT_EQ(five->spec.environments, 3);
  const auto again = Read(WriteConfig(five->spec));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(WriteConfig(again->spec), WriteConfig(five->spec));
}

TEST(ScenarioTest, WhatIsDeployedLaterHasNothingAtTheStart) {
  const auto scenario = Read(
      "cluster: ../clusters/contention.yaml\n"
      "functions:\n"
      "  - {name: now, initial_replicas: 2}\n"
      "  - {name: later, initial_replicas: 3, present: [10s, 20s], tenant: other}\n");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  EXPECT_EQ(scenario->initial_replicas, (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(scenario->cluster.functions.at("now").initial_replicas, 2);
  EXPECT_EQ(scenario->cluster.functions.at("later").initial_replicas, 0);
  EXPECT_EQ(scenario->spec.control_period, SimTime::Seconds(2));  // the cluster's
}

TEST(ScenarioTest, SaysWhatIsWrong) {
  const auto wrong = [](const std::string& yaml) { return MessageOf(Read(yaml).status()); };
  EXPECT_THAT(wrong("functions: [{name: a}]"), HasSubstr("either 'cluster' or"));
  EXPECT_THAT(wrong("cluster: ../clusters/contention.yaml"), HasSubstr("either 'workload' or"));
  const std::string cluster = "cluster: ../clusters/contention.yaml\n";
  EXPECT_THAT(wrong(cluster + "functions: [{name: a}, {name: a}]"), HasSubstr("'a' stands twice"));
  EXPECT_THAT(wrong(cluster + "functions: [{name: a, present: [20s, 10s]}]"),
              HasSubstr("s.yaml:2:13: present:"));
  EXPECT_THAT(wrong(cluster + "functions: [{name: a, present: [3s, 10s]}]"),
              HasSubstr("no multiple of the control period"));
  EXPECT_THAT(wrong(cluster + "functions: [{name: a}]\nlength: 10m"),
              HasSubstr("do not fit into the workload's 600 s"));
  EXPECT_THAT(wrong("cluster: nowhere.yaml\nfunctions: [{name: a}]"), HasSubstr("nowhere.yaml"));
}

}  // namespace
}  // namespace reeve
