#include "agents/rules/ensure_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/status.h"
#include "tests/agents/rule_driver.h"

namespace reeve {
namespace {

using Limit = std::optional<Millicores>;

// One container of 1000 millicores on a cluster of `capacity`, of which `limits` are given away.
class EnsurePolicyTest : public testing::Test {
 protected:
  EnsurePolicyTest() : driver_(policy_) {
    driver_.Set(0, 1);
    Cluster(16000, 1000);
    driver_.Decide(0, 0);
  }
  void Cluster(int64_t capacity, int64_t limits) {
    driver_.snapshot.cluster.cpu_capacity = Millicores(capacity);
    driver_.snapshot.cluster.cpu_limits = Millicores(limits);
  }
  Limit Window(uint32_t completions, float median_ms) {
    driver_.windows().completions[0] = completions;
    driver_.windows().execution_p50_ms[0] = median_ms;
    driver_.Decide(++t_, 1);
    return driver_.decisions[0].cpu_limit;
  }

  EnsurePolicy policy_{EnsureOptions()};
  RuleDriver driver_;
  double t_ = 0;
};

TEST_F(EnsurePolicyTest, ShortFunctionsGetTwoStepsAfterThreeInvocations) {
  EXPECT_EQ(Window(1, 100), Limit());
  EXPECT_EQ(Window(1, 100), Limit());
  EXPECT_EQ(Window(1, 129), Limit());  // mean of three 109.7, 1.097 times the best
  EXPECT_EQ(Window(1, 115), Limit());
  EXPECT_EQ(Window(1, 90), Limit());
  EXPECT_EQ(Window(1, 93), Limit(Millicores(1200)));  // (115 + 90 + 93) / 3 / 90 = 1.104
  EXPECT_EQ(Window(0, 0), Limit());
  EXPECT_EQ(Window(5, 99), Limit(Millicores(1400)));  // 1.1, the threshold itself
  EXPECT_EQ(Window(5, 98), Limit());
}

TEST_F(EnsurePolicyTest, LongFunctionsGetOneStepAfterFive) {
  EXPECT_EQ(Window(4, 6000), Limit());
  EXPECT_EQ(Window(1, 6000), Limit());
  EXPECT_EQ(Window(4, 9000), Limit());
  EXPECT_EQ(Window(1, 9000), Limit(Millicores(1100)));
}

TEST_F(EnsurePolicyTest, WhenTheClusterIsShortCpuIsGivenBack) {
  Cluster(4000, 3800);  // 200 left are no more than two steps
  EXPECT_EQ(Window(3, 100), Limit(Millicores(800)));
  Cluster(4000, 3700);
  EXPECT_EQ(Window(3, 100), Limit());
  EXPECT_EQ(Window(3, 200), Limit(Millicores(1000)));
  // The step is for each container.
  driver_.Set(0, 2);
  EXPECT_EQ(Window(3, 200), Limit(Millicores(800)));
}

TEST_F(EnsurePolicyTest, BoundsHold) {
  driver_.windows().cpu_limit[0] = Millicores(3900);
  Window(3, 100);
  EXPECT_EQ(Window(3, 200), Limit(Millicores(4000)));
  EXPECT_EQ(Window(3, 200), Limit());
  driver_.windows().cpu_limit[0] = Millicores(150);
  Cluster(4000, 4000);
  EXPECT_EQ(Window(3, 200), Limit(Millicores(100)));
  EXPECT_EQ(Window(3, 200), Limit());
}

TEST(EnsurePolicy, WhatOneFunctionTakesIsGoneForTheNext) {
  EnsureOptions options;
  options.replicas = 1;
  EnsurePolicy policy(options);
  RuleDriver driver(policy, 2);
  driver.snapshot.cluster.cpu_capacity = Millicores(2350);
  driver.snapshot.cluster.cpu_limits = Millicores(2000);
  driver.Decide(0, 0);
  EXPECT_EQ(driver.decisions[1].replicas, std::optional<int32_t>(1));
  driver.windows().completions = {3, 3};
  driver.windows().execution_p50_ms = {100, 100};
  driver.Decide(1, 1);
  driver.windows().execution_p50_ms = {200, 200};
  driver.Decide(2, 1);
  EXPECT_EQ(driver.decisions[0].cpu_limit, Limit(Millicores(1200)));
  EXPECT_EQ(driver.decisions[1].cpu_limit, Limit(Millicores(800)));  // 150 left
}

TEST(EnsureOptions, Validate) {
  EnsureOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.min_cpu = Millicores(9000);
  EXPECT_THAT(MessageOf(options.Validate()), testing::HasSubstr("min_cpu: 9000 is more"));
}

}  // namespace
}  // namespace reeve
