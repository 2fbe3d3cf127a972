// Targets and bounds as worked out in vpa_recommender_test.cc.
#include "agents/rules/vpa_policy.h"

#include <gtest/gtest.h>

#include "tests/agents/allocation_counter.h"
#include "tests/agents/rule_driver.h"

namespace reeve {
namespace {

struct Change {
  double time = -1;  // s; -1: none came
  Decision decision;
};

// Decides every 60 s until the limits of function 0 change or `end`.
Change UntilChange(RuleDriver& driver, double end) {
  double t = driver.snapshot.time.seconds();
  if (t == 0) driver.Decide(0, 0);
  while ((t += 60) <= end) {
    const Mebibytes memory = driver.windows().memory_limit[0];
    driver.Decide(t, 60);
    const Decision& decision = driver.decisions[0];
    if (decision.cpu_limit || decision.memory_limit) return {t, decision};
    EXPECT_EQ(driver.windows().memory_limit[0], memory);
  }
  return {};
}

// One container of 1000 millicores and 512 MiB.
void OneContainer(RuleDriver& driver, double cpu, double memory) {
  driver.Set(0, 1);
  driver.windows().cpu_used_millicores[0] = cpu;
  driver.windows().memory_used_mebibytes[0] = memory;
}

TEST(VpaPolicy, TooLargeALimitIsChangedOnceItIsCertain) {
  VpaPolicy policy{VpaOptions()};
  RuleDriver driver(policy);
  OneContainer(driver, 100, 512);
  // 1000 > 116 (1 + 1440 / minutes) from 189 minutes between first and last sample, which start
  // at 0 and 189 min: the decision at 190 min.
  const Change change = UntilChange(driver, 86400);
  EXPECT_EQ(change.time, 190 * 60);
  EXPECT_EQ(change.decision.cpu_limit, Millicores(116));
  EXPECT_FALSE(change.decision.memory_limit);  // all of the limit in use says nothing
  EXPECT_EQ(UntilChange(driver, 190 * 60 + 86400).time, -1);
}

TEST(VpaPolicy, WithinTheBoundsOnlyAfterHalfADay) {
  VpaPolicy policy{VpaOptions()};
  RuleDriver driver(policy);
  OneContainer(driver, 600, 512);  // target 710, 29 % off; upper bound above 1000 for 2.4 days
  const Change change = UntilChange(driver, 86400);
  EXPECT_EQ(change.time, 12 * 3600);
  EXPECT_EQ(change.decision.cpu_limit, Millicores(710));
  VpaPolicy second{VpaOptions()};
  RuleDriver near(second);
  OneContainer(near, 800, 512);  // target 961, 4 % off
  EXPECT_EQ(UntilChange(near, 86400).time, -1);
}

TEST(VpaPolicy, MemoryAlone) {
  VpaOptions options;
  options.control_cpu = false;
  VpaPolicy policy(options);
  RuleDriver driver(policy);
  OneContainer(driver, 1, 100);
  // 512 MiB > 126,805,489 (1 + 1440 / minutes) from 446 minutes; the least is 250 MiB.
  const Change change = UntilChange(driver, 86400);
  EXPECT_EQ(change.time, 447 * 60);
  EXPECT_EQ(change.decision.memory_limit, Mebibytes(250));
  EXPECT_FALSE(change.decision.cpu_limit);
}

TEST(VpaPolicy, MemoryOfUnsteadyWindowsDoesNotCount) {
  VpaPolicy policy{VpaOptions()};
  RuleDriver driver(policy);
  OneContainer(driver, 1, 100);
  driver.windows().containers_started[0] = 1;
  driver.Decide(0, 0);
  for (int t = 60; t <= 600; t += 60) driver.Decide(t, 60);
  driver.windows().containers_started[0] = 0;
  driver.Set(0, 2);
  driver.Decide(660, 60);
  EXPECT_EQ(policy.RecommendationOf(FunctionId(0)).memory_bytes.target, 0);
  driver.Decide(720, 60);
  EXPECT_GT(policy.RecommendationOf(FunctionId(0)).memory_bytes.target, 0);
}

TEST(VpaPolicy, TheLimitIsAMultipleOfTheRequest) {
  VpaOptions options;
  options.cpu_limit_per_request = 2;
  VpaPolicy policy(options);
  RuleDriver driver(policy);
  OneContainer(driver, 100, 512);
  // 500 > 116 (1 + 1440 / minutes) from 436 minutes.
  const Change change = UntilChange(driver, 86400);
  EXPECT_EQ(change.time, 437 * 60);
  EXPECT_EQ(change.decision.cpu_limit, Millicores(232));
}

TEST(VpaPolicy, UseOfBusyContainers) {
  VpaOptions options;
  options.cpu_use = VpaCpuUse::kBusyContainer;
  VpaPolicy policy(options);
  RuleDriver driver(policy);
  OneContainer(driver, 100, 512);
  driver.windows().mean_in_flight[0] = 0.1;
  // A whole core while it executes: 1.0207 cores and 15 % are 1173, whose lower bound
  // 1173 / (1 + 1.44 / minutes)^2 is above 1000 from 18 minutes.
  const Change change = UntilChange(driver, 86400);
  EXPECT_EQ(change.time, 19 * 60);
  EXPECT_EQ(change.decision.cpu_limit, Millicores(1173));
}

TEST(VpaPolicy, LeastTimeBetweenChanges) {
  VpaOptions options;
  options.min_time_between_changes = SimTime::Hours(5);
  VpaPolicy policy(options);
  RuleDriver driver(policy);
  OneContainer(driver, 100, 512);
  EXPECT_EQ(UntilChange(driver, 86400).time, 5 * 3600);
}

TEST(VpaPolicy, ReplicasWhenAsked) {
  VpaOptions options;
  VpaPolicy leaves(options);
  RuleDriver first(leaves);
  EXPECT_EQ(first.Replicas(0, 0), std::nullopt);
  options.replicas = 3;
  VpaPolicy keeps(options);
  RuleDriver second(keeps);
  EXPECT_EQ(second.Replicas(0, 0), std::optional<int32_t>(3));
}

TEST(VpaPolicy, DecideDoesNotAllocate) {
  VpaPolicy policy{VpaOptions()};
  RuleDriver driver(policy, 20);
  for (size_t f = 0; f < 20; ++f) driver.Set(f, 1);
  driver.Decide(0, 0);
  for (int t = 1; t < 500; ++t) {
    for (size_t f = 0; f < 20; ++f) {
      driver.windows().cpu_used_millicores[f] = static_cast<double>((f * 131 + t * 37) % 1000);
      driver.windows().memory_used_mebibytes[f] = static_cast<double>((f * 13 + t * 7) % 500);
    }
    driver.snapshot.time = SimTime::Minutes(t * 10);
    driver.snapshot.window = SimTime::Minutes(10);
    const size_t before = AllocationCount();
    ASSERT_TRUE(policy.Decide(driver.snapshot, driver.decisions).ok());
    ASSERT_EQ(AllocationCount(), before) << "at " << t;
  }
  EXPECT_GT(AllocationCount(), 0u);
}

}  // namespace
}  // namespace reeve
