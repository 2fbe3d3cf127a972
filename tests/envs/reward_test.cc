#include "envs/reward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/status.h"
#include "tests/agents/allocation_counter.h"
#include "tests/envs/window_testing.h"

namespace reeve {
namespace {

using testing::HasSubstr;

double RewardOf(const RewardSpec& spec, const Snapshot& snapshot, ActionOutcome outcome = {},
                ActionOutcome previous = {}) {
  EXPECT_TRUE(spec.Validate().ok()) << spec.Validate();
  float reward = -99;
  RewardFunction(spec).Compute(snapshot, {&outcome, 1}, {&previous, 1}, {&reward, 1});
  return reward;
}

RewardSpec Only(const std::string& name, double scale = 0, double weight = 1) {
  return {.parts = {{.name = name, .weight = weight, .scale = scale}}};
}

constexpr ActionOutcome kOut = {.illegal = false, .horizontal = 1, .vertical = 0};
constexpr ActionOutcome kIn = {.illegal = false, .horizontal = -1, .vertical = 0};
constexpr ActionOutcome kIllegal = {.illegal = true, .horizontal = 0, .vertical = 0};

struct Case {
  const char* name;
  double scale, value;
};

// BusySnapshot: a window of 10 s, 5 containers of 500m and 256 MiB, 960 MiB held on average.
const std::vector<Case> kBusy = {
    {"cpu_utilisation", 0, 0.45},
    {"slo_preservation", 0, 0.25},
    {"illegal", 0, 0},
    {"unserved", 0, 0},
    {"undo", 0, 0},
    {"gb_seconds", 0, 960.0 / 256},
    {"gb_seconds", 3, 960.0 / 1024 * 10 / 3},
    {"cpu_cost", 0, 2.5},
    {"cpu_cost", 100, 0.25},
    {"idle_containers", 0, 0},
    {"churn", 0, 0},
    {"containers_started", 0, 3},
    {"slo_violations", 0, 0.25},
    {"slo_violation_count", 0, 16},
    {"slo_violation_count", 8, 2},
    {"cold_starts", 4, 2},
    {"latency", 0, 4},
    {"latency", 2, 2},
    {"queue", 0, 0.3},
    {"throughput", 0, 0.6},
};

TEST(Reward, EachPartIsWhatAHandGets) {
  for (const Case& c : kBusy) {
    EXPECT_NEAR(RewardOf(Only(c.name, c.scale), BusySnapshot()), c.value, 1e-6) << c.name;
  }
}

TEST(Reward, EachPartHasACase) {
  for (const RewardDoc& doc : DescribeRewards()) {
    bool found = false;
    for (const Case& c : kBusy) found = found || doc.name == c.name;
    EXPECT_TRUE(found) << doc.name;
  }
}

TEST(Reward, IdleContainersAreThoseThatNobodyNeeds) {
  Snapshot s = BusySnapshot();
  s.functions.in_flight = {3};  // two containers at two requests each
  EXPECT_NEAR(RewardOf(Only("idle_containers"), s), 2, 1e-6);
}

TEST(Reward, WeightsAddUp) {
  const RewardSpec spec{.parts = {{.name = "queue", .weight = -2},
                                  {.name = "throughput", .weight = 0.5},
                                  {.name = "churn", .weight = -0.1}}};
  EXPECT_NEAR(RewardOf(spec, BusySnapshot(), kOut), -0.6 + 0.3 - 0.1, 1e-6);
}

TEST(Reward, TheAuthors) {
  const RewardSpec spec;
  EXPECT_NEAR(RewardOf(spec, BusySnapshot()), 0.3 * 0.45 + 0.7 * 0.25, 1e-6);
  EXPECT_NEAR(RewardOf(spec, QuietSnapshot(1)), 0.7, 1e-6) << "nobody there: nothing is missed";
}

TEST(Reward, TheAuthorsMinusOneReplacesTheSum) {
  const RewardSpec spec;
  EXPECT_EQ(RewardOf(spec, BusySnapshot(), kIllegal), -1);
  EXPECT_EQ(RewardOf(spec, BusySnapshot(), kIn, kOut), -1) << "out, then in";
  EXPECT_NEAR(RewardOf(spec, BusySnapshot(), kOut, kIn), 0.31, 1e-6) << "in, then out is fine";
  EXPECT_NEAR(RewardOf(spec, BusySnapshot(), kIn, kIn), 0.31, 1e-6);
  EXPECT_NEAR(RewardOf(spec, BusySnapshot(), {}, kOut), 0.31, 1e-6);

  Snapshot none = QuietSnapshot(1);
  none.functions.arrivals = {1};
  EXPECT_EQ(RewardOf(spec, none), -1) << "load and no container";
  none.functions.containers_starting = {1};
  EXPECT_NEAR(RewardOf(spec, none), 0.7, 1e-6) << "one is on its way";
  none = QuietSnapshot(1);
  none.functions.queued = {1};
  EXPECT_EQ(RewardOf(spec, none), -1);
}

TEST(Reward, TheFirstRuleOfTheListCounts) {
  const RewardSpec spec{.parts = {{.name = "throughput"},
                                  {.name = "undo", .weight = -3},
                                  {.name = "illegal", .weight = -5}}};
  const ActionOutcome both{.illegal = true, .horizontal = -1, .vertical = 0};
  EXPECT_EQ(RewardOf(spec, BusySnapshot(), both, kOut), -3);
}

TEST(Reward, EachFunctionHasItsOwn) {
  Snapshot s = QuietSnapshot(2);
  s.functions.queued = {4, 8};
  const std::vector<ActionOutcome> none(2);
  std::vector<float> rewards(2);
  RewardFunction(Only("queue")).Compute(s, none, none, rewards);
  EXPECT_NEAR(rewards[0], 0.2, 1e-6);
  EXPECT_NEAR(rewards[1], 0.4, 1e-6);
}

// 0.25 of the mean of 1 and 5, which is 3, and 0.75 of the own; who is absent has no part in it.
TEST(Reward, ATeamSharesWhatItIsPaid) {
  RewardSpec spec;
  spec.team = 0.25;
  std::vector<float> rewards = {1, 100, 5};
  const std::vector<uint8_t> present = {1, 0, 1};
  RewardFunction(spec).Share(present, rewards);
  EXPECT_THAT(rewards, testing::ElementsAre(1.5F, 100.0F, 4.5F));
  RewardFunction(RewardSpec{}).Share(present, rewards);
  EXPECT_THAT(rewards, testing::ElementsAre(1.5F, 100.0F, 4.5F));
}

TEST(Reward, IsFiniteWhateverTheSnapshot) {
  RewardSpec spec;
  spec.parts.clear();
  for (const RewardDoc& doc : DescribeRewards()) {
    spec.parts.push_back({.name = doc.name, .weight = doc.name == "queue" ? -1e6 : 1e6});
  }
  for (const double number : {0.0, 1e-300, 1e308, HUGE_VAL, std::nan(""), -1.0}) {
    for (const uint32_t count : {0u, 1u, UINT32_MAX}) {
      for (const int64_t limit : {int64_t{0}, int64_t{1}, INT64_MAX}) {
        Snapshot s = QuietSnapshot(1);
        FunctionWindows& w = s.functions;
        s.window = SimTime::Micros(limit);
        w.mean_in_flight = w.mean_queued = w.cpu_used_millicores =
            w.memory_used_mebibytes = {number};
        w.latency_p99_ms = {static_cast<float>(number)};
        w.containers_ready = w.in_flight = w.completions = w.queued = w.cold_starts =
            w.slo_violations = {count};
        w.cpu_limit = {Millicores(limit)};
        w.memory_limit = {Mebibytes(limit)};
        w.slo_latency = {SimTime::Micros(limit)};
        EXPECT_TRUE(std::isfinite(RewardOf(spec, s))) << number << " " << count << " " << limit;
      }
    }
  }
}

TEST(Reward, NothingIsAllocated) {
  const RewardFunction reward{RewardSpec{}};
  const Snapshot s = QuietSnapshot(100);
  const std::vector<ActionOutcome> none(100);
  std::vector<float> rewards(100);
  const size_t before = AllocationCount();
  reward.Compute(s, none, none, rewards);
  EXPECT_EQ(AllocationCount(), before);
}

TEST(Reward, ErrorsNameThePlaceAndTheNearestPart) {
  const auto error_of = [](const std::string& text) {
    const auto node = ConfigNode::Parse(text, "f.yaml");
    RewardSpec spec;
    return MessageOf(ReadConfig(*node, spec));
  };
  EXPECT_EQ(error_of("parts: [slo_preservation, {name: queue, weight: -1, scale: 5}]\n"), "");
  EXPECT_THAT(error_of("parts:\n  - {name: gb_second, weight: -1}\n"),
              HasSubstr("f.yaml:2:5: unknown part 'gb_second' (did you mean 'gb_seconds'?)"));
  EXPECT_THAT(error_of("parts: [{name: churn, scale: 2}]\n"), HasSubstr("takes no scale"));
  EXPECT_THAT(error_of("parts: [churn, churn]\n"), HasSubstr("stands here twice"));
  EXPECT_THAT(error_of("parts: []\n"), HasSubstr("at least one part"));
}

}  // namespace
}  // namespace reeve
