#include "agents/rules/keda_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/status.h"
#include "tests/agents/rule_driver.h"

namespace reeve {
namespace {

using Replicas = std::optional<int32_t>;
using testing::HasSubstr;

TEST(KedaPolicy, WakesAtOnceAndGoesAfterTheCooldown) {
  KedaPolicy policy{KedaOptions()};
  RuleDriver driver(policy);
  EXPECT_EQ(driver.Wake(0), Replicas());  // not seen yet
  EXPECT_EQ(driver.Replicas(0, 0), Replicas());
  EXPECT_EQ(driver.Wake(7), Replicas(1));
  EXPECT_EQ(driver.Wake(8), Replicas());
  driver.windows().mean_in_flight[0] = 0.5;
  EXPECT_EQ(driver.Replicas(30, 30), Replicas());  // seen active at the poll of 30
  driver.windows().mean_in_flight[0] = 0;
  for (int t = 60; t <= 330; t += 30) EXPECT_EQ(driver.Replicas(t, 30), Replicas()) << t;
  EXPECT_EQ(driver.Replicas(360, 30), Replicas(0));  // 330 is not yet past 30 + 300
  EXPECT_EQ(driver.Replicas(390, 30), Replicas());
}

TEST(KedaPolicy, APollFindsWhatWasActiveMeanwhile) {
  KedaOptions options;
  options.triggers[0].activation_target = 2;
  KedaPolicy policy(options);
  RuleDriver driver(policy);
  driver.Decide(0, 0);
  driver.windows().mean_queued[0] = 2;
  for (int t = 2; t <= 30; t += 2) EXPECT_EQ(driver.Replicas(t, 2), Replicas()) << t;
  driver.windows().mean_queued[0] = 2.5;
  EXPECT_EQ(driver.Replicas(32, 2), Replicas());
  driver.windows().mean_queued[0] = 0;
  for (int t = 34; t <= 58; t += 2) EXPECT_EQ(driver.Replicas(t, 2), Replicas()) << t;
  EXPECT_EQ(driver.Replicas(60, 2), Replicas(1));
}

TEST(KedaPolicy, AboveOneReplicaTheHpaDecidesOnTheTotal) {
  KedaOptions options;
  options.triggers[0].target = 10;
  options.max_replica_count = 6;
  KedaPolicy policy(options);
  RuleDriver driver(policy);
  driver.Decide(0, 0);
  driver.Wake(1);
  driver.windows().containers_ready[0] = 0;  // an external metric does not need them ready
  driver.windows().mean_queued[0] = 45;
  EXPECT_EQ(driver.Replicas(15, 15), Replicas(5));  // ceil(45 / 10), 1 + 4 pods allowed
  driver.windows().mean_queued[0] = 95;
  EXPECT_EQ(driver.Replicas(30, 15), Replicas(6));
}

TEST(KedaPolicy, WhatRanBeforeGoesAtTheFirstPollWithoutActivity) {
  KedaPolicy policy{KedaOptions()};
  RuleDriver driver(policy);
  driver.Set(0, 3);
  EXPECT_EQ(driver.Replicas(100, 2), Replicas(0));
}

TEST(KedaPolicy, TheMinimumIsKept) {
  KedaOptions options;
  options.min_replica_count = 2;
  KedaPolicy policy(options);
  RuleDriver driver(policy);
  EXPECT_EQ(driver.Replicas(0, 0), Replicas(2));
  for (int t = 30; t <= 900; t += 30) EXPECT_EQ(driver.Replicas(t, 30), Replicas()) << t;
}

TEST(KedaPolicy, RequestsPerSecond) {
  KedaOptions options;
  options.triggers = {{.metric = HpaMetric::kRps, .target = 5}};
  KedaPolicy policy(options);
  RuleDriver driver(policy);
  driver.Decide(0, 0);
  driver.windows().arrivals[0] = 150;
  EXPECT_EQ(driver.Replicas(15, 15), Replicas());  // no poll, and the HPA rests at zero
  EXPECT_EQ(driver.Replicas(30, 15), Replicas(1));
  EXPECT_EQ(driver.Replicas(45, 15), Replicas(2));  // 10 a second over 5
}

TEST(KedaOptions, CpuCannotWake) {
  KedaOptions options;
  options.triggers = {{.metric = HpaMetric::kCpu}};
  EXPECT_THAT(MessageOf(options.Validate()), HasSubstr("cannot wake"));
  options.min_replica_count = 1;
  EXPECT_TRUE(options.Validate().ok());
  options.min_replica_count = 101;
  EXPECT_THAT(MessageOf(options.Validate()), HasSubstr("min_replica_count: 101 is more"));
}

}  // namespace
}  // namespace reeve
