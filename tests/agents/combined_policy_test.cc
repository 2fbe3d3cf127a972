#include "agents/rules/combined_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/status.h"
#include "tests/agents/rule_driver.h"

namespace reeve {
namespace {

using testing::HasSubstr;
using Replicas = std::optional<int32_t>;

// 20 requests a second of 0.1 core seconds, one at a time in a container; a request can use one
// core, so its time is 0.1 s / min(1, limit) and with replicas to spare 2 / min(1, limit) are in
// flight.
class Loop {
 public:
  Loop(const CombinedOptions& options, int64_t millicores) : policy_(options), driver_(policy_) {
    driver_.windows().cpu_limit[0] = Millicores(millicores);
    driver_.windows().concurrency_limit[0] = 1;
    driver_.Set(0, 12);
    driver_.Decide(0, 0);
  }

  void Run(int hours) {
    const int64_t end = (driver_.snapshot.time + SimTime::Hours(hours)) / SimTime::Seconds(1);
    for (int64_t t = driver_.snapshot.time / SimTime::Seconds(1) + 10; t <= end; t += 10) {
      FunctionWindows& windows = driver_.windows();
      const double speed = std::min(1.0, windows.cpu_limit[0].cores());
      const double replicas = windows.containers_ready[0];
      const double busy = std::min(2 / speed, replicas);
      windows.arrivals[0] = 200;
      windows.mean_in_flight[0] = busy;
      windows.cpu_used_millicores[0] = 1000 * busy * speed;
      windows.memory_used_mebibytes[0] = replicas * 512;
      const Millicores before = windows.cpu_limit[0];
      driver_.Decide(static_cast<double>(t), 10);
      if (windows.cpu_limit[0] != before) {
        changes.push_back(windows.cpu_limit[0].value() - before.value());
      }
      replicas_seen.push_back(static_cast<int>(windows.replicas_asked[0]));
    }
  }

  int64_t limit() { return driver_.windows().cpu_limit[0].value(); }

  std::vector<int64_t> changes;    // of the CPU limit, millicores
  std::vector<int> replicas_seen;  // every 10 s

 private:
  CombinedPolicy policy_;
  RuleDriver driver_;
};

CombinedOptions With(HorizontalRule rule) {
  CombinedOptions options;
  options.horizontal = rule;
  options.kpa.min_scale = 1;
  return options;
}

TEST(CombinedPolicy, SettlesFromTooMuchCpu) {
  for (const HorizontalRule rule : {HorizontalRule::kKpa, HorizontalRule::kHpa}) {
    Loop loop(With(rule), 4000);
    loop.Run(24);
    // One core while busy: 1.0207 and 15 %. One change, and nothing after it.
    EXPECT_THAT(loop.changes, testing::ElementsAre(1173 - 4000));
    EXPECT_EQ(loop.replicas_seen.back(), 3);  // ceil(2 / 0.7)
    loop.replicas_seen.clear();
    loop.Run(24);
    EXPECT_EQ(loop.changes.size(), 1u);
    EXPECT_THAT(loop.replicas_seen, testing::Each(3));
  }
}

TEST(CombinedPolicy, GrowsOutOfStarvationInOneDirection) {
  for (const HorizontalRule rule : {HorizontalRule::kKpa, HorizontalRule::kHpa}) {
    CombinedOptions options = With(rule);
    options.vpa.cpu_half_life = SimTime::Minutes(10);
    Loop loop(options, 250);
    loop.Run(24);
    EXPECT_GE(loop.limit(), 1000);
    EXPECT_LE(loop.limit(), 1250);
    EXPECT_GT(loop.changes.size(), 5u);
    for (const int64_t change : loop.changes) EXPECT_GT(change, 0);
    // 8 in flight at first, 2 at last; replicas follow down and do not come back up.
    EXPECT_EQ(loop.replicas_seen.front(), 12);
    EXPECT_EQ(loop.replicas_seen.back(), 3);
    EXPECT_TRUE(std::is_sorted(loop.replicas_seen.rbegin(), loop.replicas_seen.rend()));
  }
}

// Why the vertical part looks at busy containers: upstream's use per ready container shrinks with
// the containers that the horizontal part adds for the slower requests.
TEST(CombinedPolicy, UsePerReadyContainerWouldDrift) {
  CombinedOptions options = With(HorizontalRule::kKpa);
  options.vpa.cpu_use = VpaCpuUse::kContainer;
  Loop loop(options, 1000);
  loop.Run(240);
  EXPECT_LT(loop.limit(), 500);
  EXPECT_GT(loop.replicas_seen.back(), 5);
}

TEST(CombinedPolicy, ReplicasDoNotGoDownJustAfterAChangeOfLimits) {
  CombinedOptions options = With(HorizontalRule::kHpa);
  options.hpa.metrics[0].target = 1;
  options.hpa.scale_down.stabilization_window = SimTime();
  CombinedPolicy policy(options);
  RuleDriver driver(policy);
  driver.Set(0, 4);
  driver.windows().mean_in_flight[0] = 4;
  driver.windows().cpu_used_millicores[0] = 4000;
  driver.Decide(0, 0);
  // As in VpaPolicy.UseOfBusyContainers, the limit of 1000 is raised after 19 minutes.
  for (int t = 15; t < 1140; t += 15) driver.Decide(t, 15);
  EXPECT_EQ(driver.windows().cpu_limit[0], Millicores(1000));
  EXPECT_EQ(driver.Replicas(1140, 15), Replicas());
  EXPECT_EQ(driver.windows().cpu_limit[0], Millicores(1173));
  driver.windows().mean_in_flight[0] = 1;
  EXPECT_EQ(driver.Replicas(1155, 15), Replicas());
  EXPECT_EQ(driver.Replicas(1170, 15), Replicas());
  driver.windows().mean_in_flight[0] = 8;
  EXPECT_EQ(driver.Replicas(1185, 15), Replicas(8));  // up is free
  driver.windows().mean_in_flight[0] = 1;
  EXPECT_EQ(driver.Replicas(1200, 15), Replicas(1));
}

TEST(CombinedPolicy, WakesAsTheHorizontalRule) {
  CombinedOptions options;
  options.kpa.initial_scale = 0;
  CombinedPolicy policy(options);
  RuleDriver driver(policy);
  driver.Decide(0, 0);
  driver.Decide(2, 2);
  EXPECT_EQ(driver.Wake(3), Replicas(1));
}

TEST(CombinedOptions, RulesThatWouldAnswerEachOtherAreRefused) {
  CombinedOptions options;
  options.hpa.metrics[0].metric = HpaMetric::kCpu;
  EXPECT_TRUE(options.Validate().ok());  // not in use
  options.horizontal = HorizontalRule::kHpa;
  EXPECT_THAT(MessageOf(options.Validate()), HasSubstr("answer each other"));
  options.hpa.metrics[0].metric = HpaMetric::kRps;
  EXPECT_TRUE(options.Validate().ok());
  options.vpa.replicas = 2;
  EXPECT_THAT(MessageOf(options.Validate()), HasSubstr("vpa.replicas"));
  options.vpa.replicas.reset();
  options.hpa.min_replicas = 3;
  options.hpa.max_replicas = 2;
  EXPECT_THAT(MessageOf(options.Validate()), HasSubstr("hpa.min_replicas: 3 is more"));
}

}  // namespace
}  // namespace reeve
