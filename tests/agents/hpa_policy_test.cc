#include "agents/rules/hpa_policy.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/agents/allocation_counter.h"
#include "tests/agents/rule_driver.h"

namespace reeve {
namespace {

using Replicas = std::optional<int32_t>;

HpaOptions On(HpaMetric metric, double target) {
  HpaOptions options;
  options.metrics = {{.metric = metric, .target = target}};
  return options;
}

TEST(HpaPolicy, StartsWithTheMinimumAndKeepsItUnderItsTarget) {
  HpaOptions options;
  options.min_replicas = 2;
  HpaPolicy policy(options);
  RuleDriver driver(policy);
  EXPECT_EQ(driver.Replicas(0, 0), Replicas(2));
  driver.windows().cpu_used_millicores[0] = 1600;  // 80 % of 2 cores
  EXPECT_EQ(driver.Replicas(15, 15), Replicas());
}

TEST(HpaPolicy, UtilizationAboveTheTarget) {
  HpaPolicy policy(On(HpaMetric::kCpu, 50));
  RuleDriver driver(policy);
  driver.Set(0, 4);
  driver.Decide(0, 0);
  driver.windows().cpu_used_millicores[0] = 3000;  // 75 % of 4 cores, 1.5 times the target
  EXPECT_EQ(driver.Replicas(15, 15), Replicas(6));
  EXPECT_EQ(policy.ReasonOf(FunctionId(0)), HpaReason::kDesiredWithinRange);
}

TEST(HpaPolicy, TheRateOnTheWayUpAndTheWindowOnTheWayDown) {
  HpaPolicy policy(On(HpaMetric::kConcurrency, 1));
  RuleDriver driver(policy);
  driver.Set(0, 1);
  driver.Decide(0, 0);
  driver.windows().mean_in_flight[0] = 60;
  driver.windows().mean_queued[0] = 40;
  EXPECT_EQ(driver.Replicas(15, 15), Replicas(5));  // 4 pods beat 100 %
  EXPECT_EQ(policy.ReasonOf(FunctionId(0)), HpaReason::kScaleUpLimit);
  EXPECT_EQ(driver.Replicas(30, 15), Replicas(10));
  EXPECT_EQ(driver.Replicas(45, 15), Replicas(20));
  EXPECT_EQ(driver.Replicas(60, 15), Replicas(40));
  EXPECT_EQ(driver.Replicas(75, 15), Replicas(80));
  EXPECT_EQ(driver.Replicas(90, 15), Replicas(100));
  driver.windows().mean_in_flight[0] = 10;
  driver.windows().mean_queued[0] = 0;
  // 100 was last recommended at 90.
  for (int t = 105; t <= 375; t += 15) EXPECT_EQ(driver.Replicas(t, 15), Replicas()) << t;
  EXPECT_EQ(driver.Replicas(390, 15), Replicas(10));
}

TEST(HpaPolicy, MetricsAreAveragesSinceTheLastSync) {
  HpaPolicy policy(On(HpaMetric::kConcurrency, 1));
  RuleDriver driver(policy);
  driver.Set(0, 10);
  driver.Decide(0, 0);
  for (int t = 3; t <= 15; t += 3) {
    driver.windows().mean_in_flight[0] = t <= 9 ? 20 : 10;  // 16 on average
    EXPECT_EQ(driver.Replicas(t, 3), t == 15 ? Replicas(16) : Replicas()) << t;
  }
  HpaPolicy rps(On(HpaMetric::kRps, 2));
  RuleDriver second(rps);
  second.Set(0, 10);
  second.Decide(0, 0);
  for (int t = 5; t <= 15; t += 5) {
    second.windows().arrivals[0] = t == 5 ? 300 : 75;  // 450 in 15 s
    EXPECT_EQ(second.Replicas(t, 5), t == 15 ? Replicas(15) : Replicas()) << t;
  }
}

TEST(HpaPolicy, UnreadyPodsCountAsIdleOnTheWayUp) {
  HpaPolicy policy(On(HpaMetric::kConcurrency, 1));
  RuleDriver driver(policy);
  driver.Set(0, 4);
  driver.windows().containers_ready[0] = 2;
  driver.Decide(0, 0);
  driver.windows().containers_ready[0] = 2;
  driver.windows().mean_in_flight[0] = 6;  // 3 a pod; with the unready ones 1.5
  EXPECT_EQ(driver.Replicas(15, 15), Replicas(6));
  driver.Set(0, 4);
  driver.windows().containers_ready[0] = 2;
  driver.windows().mean_in_flight[0] = 3;  // 0.75: the direction would flip
  EXPECT_EQ(driver.Replicas(30, 15), Replicas());
}

TEST(HpaPolicy, TheLargestOfSeveralMetricsCounts) {
  HpaOptions options = On(HpaMetric::kConcurrency, 1);
  options.metrics.push_back({.metric = HpaMetric::kCpu, .target = 50});
  options.metrics.push_back({.metric = HpaMetric::kMemory, .target = 50});
  HpaPolicy policy(options);
  RuleDriver driver(policy);
  driver.Set(0, 4);
  driver.Decide(0, 0);
  driver.windows().mean_in_flight[0] = 5;               // 5
  driver.windows().cpu_used_millicores[0] = 2600;       // 65 %: ceil(1.3 * 4) = 6
  driver.windows().memory_used_mebibytes[0] = 4 * 128;  // 25 %: 2
  EXPECT_EQ(driver.Replicas(15, 15), Replicas(6));
}

TEST(HpaPolicy, WithoutReadyPodsNothingChanges) {
  HpaPolicy policy(On(HpaMetric::kConcurrency, 1));
  RuleDriver driver(policy);
  driver.Set(0, 3);
  driver.windows().containers_ready[0] = 0;
  driver.Decide(0, 0);
  driver.windows().mean_queued[0] = 50;
  EXPECT_EQ(driver.Replicas(15, 15), Replicas());
  HpaOptions external = On(HpaMetric::kConcurrency, 10);
  external.metrics[0].external = true;
  HpaPolicy second(external);
  RuleDriver other(second);
  other.Set(0, 3);
  other.windows().containers_ready[0] = 0;
  other.Decide(0, 0);
  other.windows().mean_queued[0] = 50;
  EXPECT_EQ(other.Replicas(15, 15), Replicas(5));
}

TEST(HpaPolicy, OutsideOfTheBoundsItDoesNotAskTheMetrics) {
  HpaOptions options = On(HpaMetric::kConcurrency, 1);
  options.min_replicas = 3;
  options.max_replicas = 8;
  HpaPolicy policy(options);
  RuleDriver driver(policy, 2);
  driver.Set(0, 20);
  driver.Set(1, 1);
  driver.Decide(0, 0);
  EXPECT_EQ(driver.decisions[0].replicas, Replicas(8));
  EXPECT_EQ(driver.decisions[1].replicas, Replicas(3));
  EXPECT_EQ(policy.ReasonOf(FunctionId(0)), HpaReason::kTooManyReplicas);
  EXPECT_EQ(policy.ReasonOf(FunctionId(1)), HpaReason::kTooFewReplicas);
}

TEST(HpaPolicy, DefaultTargets) {
  const auto target = [](HpaMetric metric, int32_t limit) {
    return HpaMetricSpec{.metric = metric}.TargetFor(limit);
  };
  EXPECT_EQ(target(HpaMetric::kCpu, 1), 80);
  EXPECT_DOUBLE_EQ(target(HpaMetric::kConcurrency, 10), 7);
  EXPECT_DOUBLE_EQ(target(HpaMetric::kConcurrency, 0), 70);
  EXPECT_EQ(target(HpaMetric::kRps, 10), 200);
}

TEST(HpaPolicy, ImpossibleNumbersCountAsNone) {
  HpaPolicy policy(On(HpaMetric::kConcurrency, 1));
  RuleDriver driver(policy);
  driver.Set(0, 2);
  driver.Decide(0, 0);
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -3.0}) {
    driver.windows().mean_in_flight[0] = value;
    driver.Decide(driver.snapshot.time.seconds() + 5, 5);
  }
  EXPECT_EQ(driver.windows().replicas_asked[0], 2u);
  driver.windows().mean_in_flight[0] = 4;
  EXPECT_EQ(driver.Replicas(30, 15), Replicas(4));
}

TEST(HpaPolicy, DecideDoesNotAllocate) {
  HpaOptions options = On(HpaMetric::kConcurrency, 1);
  HpaPolicy policy(options);
  RuleDriver driver(policy, 50);
  driver.Decide(0, 0);
  for (int t = 2; t < 900; t += 2) {
    for (size_t f = 0; f < 50; ++f) {
      driver.windows().mean_in_flight[f] = static_cast<double>((f * 7 + t) % 23);
    }
    driver.snapshot.time = SimTime::Seconds(t);
    driver.snapshot.window = SimTime::Seconds(2);
    driver.decisions.assign(50, Decision());
    const size_t before = AllocationCount();
    ASSERT_TRUE(policy.Decide(driver.snapshot, driver.decisions).ok());
    ASSERT_EQ(AllocationCount(), before) << "at " << t;
    for (size_t f = 0; f < 50; ++f) {
      if (driver.decisions[f].replicas) {
        driver.Set(f, static_cast<uint32_t>(*driver.decisions[f].replicas));
      }
    }
  }
  EXPECT_GT(AllocationCount(), 0u);
}

}  // namespace
}  // namespace reeve
