// What reaches the platform, and what becomes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "tests/controller/fake_platform.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;

TEST(ControlLoopTest, CoolDownsAreKept) {
  LoopFixture f({"t"}, ControlMode::kActive);
  const std::vector<int32_t> wishes = {4, 3, 6, 2, 2, 2};
  f.rule = [&](const Snapshot&, std::span<Decision> d) {
    d[0].replicas = wishes[static_cast<size_t>(f.platform.observations - 1)];
    return absl::OkStatus();
  };
  f.options.spec.writes.cool_down_down = SimTime::Seconds(3);
  ASSERT_TRUE(f.Run(6).ok());
  std::vector<int32_t> written;
  for (const auto& decisions : f.platform.applied) written.push_back(*decisions[0].replicas);
  // 3 comes 2 s after 4: held. 6 goes up at once. 2 comes 2 s after 6: held; 4 s after, not.
  EXPECT_THAT(written, ElementsAre(4, 6, 2));
  EXPECT_EQ(f.At(1, 0).why, "cool_down");
}

TEST(ControlLoopTest, OwnersLimitsAndThePlatformsAbilitiesHold) {
  LoopFixture f({"t"}, ControlMode::kActive);
  f.rule = [](const Snapshot&, std::span<Decision> d) {
    d[0] = {.replicas = 9,
            .cpu_limit = Millicores(50),
            .memory_limit = Mebibytes(64),
            .concurrency = {},
            .keep_alive = {}};
    return absl::OkStatus();
  };
  f.platform.can.memory_limit = false;
  f.platform.cat.functions[0].max_replicas = 6;
  f.platform.cat.functions[0].min_cpu = Millicores(100);
  ASSERT_TRUE(f.Run(2).ok());
  ASSERT_EQ(f.platform.applied.size(), 1u);
  EXPECT_EQ(f.platform.applied[0][0].replicas, 6);
  EXPECT_EQ(f.platform.applied[0][0].cpu_limit, Millicores(100));
  EXPECT_FALSE(f.platform.applied[0][0].memory_limit.has_value());
  EXPECT_EQ(f.At(0, 0).wished.replicas, 9);
}

TEST(ControlLoopTest, WhatIsOverriddenIsWrittenAgainNowAndThen) {
  LoopFixture f({"t"}, ControlMode::kActive);
  f.options.spec.writes.retry = SimTime::Seconds(6);
  ASSERT_TRUE(f.Run(8, [&](int n) {
                 f.platform.status[0].actuation =
                     n >= 2 ? Actuation::kOverridden : Actuation::kNone;
               }).ok());
  // At 0, 6 and 12 s.
  EXPECT_EQ(f.platform.applied.size(), 3u);
  EXPECT_EQ(f.At(1, 0).why, "overridden");
  EXPECT_EQ(f.sink.Count(EventKind::kActuation), 1u);
}

TEST(ControlLoopTest, WhatCouldNotBeAppliedIsTriedAgain) {
  LoopFixture f({"t"}, ControlMode::kActive);
  ASSERT_TRUE(f.Run(4, [&](int n) {
                 f.platform.apply_status =
                     n <= 2 ? absl::UnavailableError("no route") : absl::OkStatus();
               }).ok());
  EXPECT_EQ(f.At(0, 0).why, "apply_failed");
  EXPECT_EQ(f.At(2, 0).applied.replicas, 3);
  EXPECT_EQ(f.sink.Count(EventKind::kPlatform), 2u);
}

TEST(ControlLoopTest, FunctionsFromZeroAreAnsweredAtOnce) {
  LoopFixture f({"t", "u"}, ControlMode::kActive);
  f.modes.Set("u", {ControlMode::kShadow, false});
  Decision woken, left_alone;
  ASSERT_TRUE(f.Run(4, [&](int n) {
                 if (n == 3) {
                   f.platform.hooks.wake(FunctionId(0), SimTime::Seconds(3), woken);
                   f.platform.hooks.wake(FunctionId(1), SimTime::Seconds(3), left_alone);
                 }
                 if (n == 4) f.platform.hooks.poke(FunctionId(0));
               }).ok());
  EXPECT_EQ(woken.replicas, 7);
  EXPECT_EQ(left_alone, Decision{});
  EXPECT_EQ(f.sink.ticks[2].record.wakes, 1u);
  // What was woken counts as written: the policy's 3 is a change again.
  EXPECT_EQ(f.At(2, 0).applied.replicas, 3);
}

// Everything failed for once, and by then the wish is the one before again.
TEST(ControlLoopTest, WhatFailedIsDecidedAnew) {
  LoopFixture f({"t"}, ControlMode::kActive);
  const std::vector<int32_t> wishes = {2, 3, 2, 2};
  f.rule = [&](const Snapshot&, std::span<Decision> d) {
    d[0].replicas = wishes[static_cast<size_t>(f.platform.observations - 1)];
    return absl::OkStatus();
  };
  f.options.spec.writes.cool_down_down = SimTime::Seconds(60);
  ASSERT_TRUE(f.Run(4, [&](int n) {
                 f.platform.apply_status =
                     n == 2 ? absl::UnavailableError("no route") : absl::OkStatus();
               }).ok());
  // The 3 may have arrived, though no answer did: the 2 is written again, and at once.
  EXPECT_EQ(f.At(1, 0).why, "apply_failed");
  EXPECT_EQ(f.At(2, 0).applied.replicas, 2);
  EXPECT_EQ(f.At(2, 0).why, "");
  EXPECT_EQ(f.platform.applied.size(), 2u);
}

TEST(ControlLoopTest, WhatFailedInPartIsToldOfEachFunctionAndBeginsNoCoolDown) {
  LoopFixture f({"t", "t"}, ControlMode::kActive);
  const std::vector<int32_t> wishes = {6, 6, 4, 3};  // every 2 s
  f.rule = [&](const Snapshot&, std::span<Decision> decisions) {
    for (Decision& d : decisions) {
      d.replicas = wishes[static_cast<size_t>(f.platform.observations - 1)];
    }
    return absl::OkStatus();
  };
  f.options.spec.writes.cool_down_down = SimTime::Seconds(3);
  ASSERT_TRUE(f.Run(4, [&](int n) {
                 f.platform.fails = n == 3 ? std::set<uint32_t>{1} : std::set<uint32_t>();
               }).ok());
  EXPECT_EQ(f.At(2, 0).applied.replicas, 4);
  EXPECT_EQ(f.At(2, 1).applied, Decision{});
  EXPECT_EQ(f.At(2, 1).why, "apply_failed");
  EXPECT_EQ(f.At(3, 0).why, "cool_down");
  EXPECT_EQ(f.At(3, 1).applied.replicas, 3);
}

}  // namespace
}  // namespace reeve
