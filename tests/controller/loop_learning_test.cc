// What a policy that learns is told of what became of its decisions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/controller/fake_platform.h"

namespace reeve {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

using Flags = std::vector<uint8_t>;

// A fixture whose policy keeps what it is told.
struct LearningLoop : LoopFixture {
  using LoopFixture::LoopFixture;

  void Tell() {
    const LivePolicyMaker make = options.make_policy;
    options.make_policy = [this, make](const auto& functions, const auto& tenants) {
      absl::StatusOr<LivePolicy> policy = make(functions, tenants);
      policy->carried_out = [this](std::span<const uint8_t> flags) {
        told.emplace_back(flags.begin(), flags.end());
      };
      policy->by_safeguard = [this](FunctionId function) { return function == guarded; };
      return policy;
    };
  }

  std::vector<Flags> told;
  FunctionId guarded{99};
};

TEST(LearningLoopTest, OnlyWhatIsCarriedOutIsThePolicysOwn) {
  LearningLoop f({"active", "shadow", "off", "active"}, ControlMode::kActive);
  f.Tell();
  f.guarded = FunctionId(3);
  f.modes.Set("shadow", {ControlMode::kShadow, false});
  f.modes.Set("off", {ControlMode::kOff, false});
  ASSERT_TRUE(f.Run(3).ok());
  ASSERT_EQ(f.told.size(), 3u);
  EXPECT_THAT(f.told, Each(ElementsAre(1, 0, 0, 0)));
}

TEST(LearningLoopTest, BadNumbersPausesAndFailuresAreNot) {
  LearningLoop f({"t", "u"}, ControlMode::kActive);
  f.Tell();
  // Another number each time, so that there is something to write.
  f.rule = [n = 0](const Snapshot&, std::span<Decision> decisions) mutable {
    for (Decision& decision : decisions) decision.replicas = ++n;
    return absl::OkStatus();
  };
  ASSERT_TRUE(f.Run(5, [&](int n) {
                 // At the second, t's numbers are gone; at the third u is paused; at the fourth
                 // nothing can be written.
                 f.platform.status[0].metrics_age = n == 2 ? SimTime::Max() : SimTime();
                 f.modes.Set("u", {ControlMode::kActive, n == 3});
                 f.platform.apply_status =
                     n == 4 ? absl::UnavailableError("down") : absl::OkStatus();
               }).ok());
  EXPECT_THAT(f.told, ElementsAre(Flags{1, 1}, Flags{0, 1}, Flags{1, 0}, Flags{0, 0}, Flags{1, 1}));
}

TEST(LearningLoopTest, ThatAnotherInstanceLeadsIsNot) {
  LearningLoop f({"t"}, ControlMode::kActive);
  f.Tell();
  ASSERT_TRUE(f.Run(4, [&](int n) { f.platform.may_act = n >= 3; }).ok());
  EXPECT_THAT(f.told, ElementsAre(Flags{0}, Flags{0}, Flags{1}, Flags{1}));
}

// A tick that takes longer than its period is thrown away.
TEST(LearningLoopTest, WhatCameTooLateIsNot) {
  LearningLoop f({"t"}, ControlMode::kActive);
  f.Tell();
  ASSERT_TRUE(f.Run(3, [&](int n) {
                 f.platform.observe_takes = n == 2 ? SimTime::Seconds(3) : SimTime();
               }).ok());
  EXPECT_THAT(f.told, ElementsAre(Flags{1}, Flags{0}, Flags{1}));
}

// A policy made anew is shown the past, none of which was its doing.
TEST(LearningLoopTest, ThePastIsNot) {
  LearningLoop f({"t"}, ControlMode::kActive);
  f.Tell();
  ASSERT_TRUE(f.Run(4, [&](int n) {
                 if (n == 3) f.platform.Add("t");
               }).ok());
  ASSERT_EQ(f.policies_made, 2);
  // Two ticks, one window of the past (the first had no length), two ticks with two functions.
  EXPECT_THAT(f.told, ElementsAre(Flags{1}, Flags{1}, Flags{0, 0}, Flags{1, 1}, Flags{1, 1}));
}

}  // namespace
}  // namespace reeve
