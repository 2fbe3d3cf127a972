#include "agents/adapt/expert_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "core/status.h"
#include "tests/agents/adapt/expert_testing.h"
#include "tests/agents/adapt/online_rig.h"

namespace reeve {
namespace {

using testing::HasSubstr;

constexpr int kStep = 5;  // s

OnlineSpec Small() {
  OnlineSpec spec;
  spec.learner.form = Form::kSRl;
  spec.learner.actor = spec.learner.critic = {.width = 4, .layers = 1};
  spec.stretch = 4;
  spec.stretches = 2;
  return spec;
}

DetectorSpec OneDimension() {
  DetectorSpec spec;
  spec.confirm = SimTime::Seconds(10);
  spec.min_dwell = SimTime::Seconds(20);
  spec.learn = SimTime::Seconds(30);
  return spec;
}

// A learner and a detector of one platform whose context is a number.
struct Platform {
  VectorEnvSpec shape = OnlineShape(1, 1, 3);
  OnlineExperts learner{shape, Small(), FakeTrainers(), 1};
  ShiftDetector detector{OneDimension(), 1};
  SimTime now;

  absl::Status Play(double context, int periods, ExpertKeeper& keeper) {
    std::array<int32_t, 1> actions{};
    const std::array<float, 1> observations = {0.5F}, rewards = {1};
    const std::array<uint8_t, 3> legal = {1, 1, 1};
    const std::array<uint8_t, 1> ones = {1};
    for (int i = 0; i < periods; ++i) {
      now += SimTime::Seconds(kStep);
      const Detection d = detector.Observe(now, std::array{context});
      if (d.environment != learner.environment() || d.is_new) learner.Switch(d.environment, {});
      if (absl::Status s = learner.Act({observations, legal, ones}, actions); !s.ok()) return s;
      learner.Reward(rewards, ones);
      if (absl::Status s = keeper.Keep(now, learner, detector); !s.ok()) return s;
    }
    return absl::OkStatus();
  }
};

std::unique_ptr<ExpertKeeper> KeeperOf(const std::string& folder, int32_t most = 16) {
  ExpertLibrarySpec spec;
  spec.max_experts = most;
  absl::StatusOr<ExpertLibrary> library = ExpertLibrary::Open(
      folder, spec, OneDimension().spread_prior(), ExpertLibrary::Access::kWrite);
  EXPECT_TRUE(library.ok()) << library.status();
  return std::make_unique<ExpertKeeper>(*std::move(library), CheckpointInfo{});
}

TEST(ExpertKeeperTest, WhatWasLearnedIsThereAfterARestart) {
  const std::string folder = FreshFolder();
  Platform first;
  {
    const auto keeper = KeeperOf(folder);
    ASSERT_TRUE(keeper->Restore(first.learner, first.detector).ok());  // of nothing
    ASSERT_TRUE(first.Play(0, 60, *keeper).ok());
    ASSERT_TRUE(first.Play(20, 60, *keeper).ok());
    ASSERT_TRUE(keeper->Finish(first.now, first.learner, first.detector).ok());
    EXPECT_GE(keeper->saved(), 2);
  }
  ASSERT_EQ(first.learner.environments().size(), 2u);

  Platform second;
  const auto keeper = KeeperOf(folder);
  ASSERT_TRUE(keeper->Restore(second.learner, second.detector).ok());
  EXPECT_EQ(second.detector.time(), first.now);
  EXPECT_EQ(second.detector.environment(), 1);
  for (const int64_t environment : {0, 1}) {
    EXPECT_EQ(second.learner.StateOf(environment)->trainer.model.actor_parameters,
              first.learner.StateOf(environment)->trainer.model.actor_parameters);
    EXPECT_EQ(second.learner.StateOf(environment)->steps,
              first.learner.StateOf(environment)->steps);
  }
  second.now = second.detector.time();
  ASSERT_TRUE(second.Play(0, 40, *keeper).ok());
  EXPECT_EQ(second.detector.environment(), 0);
  EXPECT_EQ(second.learner.counts().experts_begun, 0);
}

// Whenever the process ends, what is there is a whole version: nothing is written but as one.
TEST(ExpertKeeperTest, WithoutAnEndTheLastWholeVersionIsThere) {
  const std::string folder = FreshFolder();
  Platform platform;
  {
    const auto keeper = KeeperOf(folder);
    ASSERT_TRUE(platform.Play(0, 200, *keeper).ok());
  }  // no Finish
  Platform next;
  const auto keeper = KeeperOf(folder);
  ASSERT_TRUE(keeper->Restore(next.learner, next.detector).ok());
  EXPECT_EQ(next.learner.environments().size(), 1u);
  EXPECT_GT(next.detector.time(), SimTime());
  EXPECT_TRUE(keeper->TakeMessages().empty());
}

TEST(ExpertKeeperTest, WhoMakesRoomGoesEverywhere) {
  const std::string folder = FreshFolder();
  Platform platform;
  const auto keeper = KeeperOf(folder, 2);
  for (const double context : {0.0, 20.0, 21.5, 60.0}) {
    ASSERT_TRUE(platform.Play(context, 60, *keeper).ok());
    ASSERT_TRUE(keeper->Finish(platform.now, platform.learner, platform.detector).ok());
  }
  EXPECT_LE(platform.learner.environments().size(), 3u);  // one of them may be in charge
  EXPECT_LE(platform.detector.environments().size(), 3u);
  const std::vector<std::string> messages = keeper->TakeMessages();
  ASSERT_FALSE(messages.empty());
  EXPECT_TRUE(keeper->TakeMessages().empty());
}

// Decisions go on while nothing can be written, and all is there once it can.
TEST(ExpertKeeperTest, WhatCannotBeWrittenIsSaidAndTriedAgain) {
  const std::string folder = FreshFolder();
  Platform platform;
  {
    const auto keeper = KeeperOf(folder);
    std::filesystem::remove_all(folder);
    ASSERT_TRUE(platform.Play(0, 100, *keeper).ok());
    EXPECT_FALSE(keeper->Finish(platform.now, platform.learner, platform.detector).ok());
    EXPECT_EQ(keeper->saved(), 0);
    const std::vector<std::string> messages = keeper->TakeMessages();
    ASSERT_FALSE(messages.empty());
    EXPECT_THAT(messages.front(), HasSubstr("experts are not saved"));
    std::filesystem::create_directories(folder);
    ASSERT_TRUE(platform.Play(0, 100, *keeper).ok());
    ASSERT_TRUE(keeper->Finish(platform.now, platform.learner, platform.detector).ok());
  }
  Platform next;
  const auto keeper = KeeperOf(folder);
  ASSERT_TRUE(keeper->Restore(next.learner, next.detector).ok());
  EXPECT_EQ(next.learner.environments().size(), 1u);
}

TEST(ExpertKeeperTest, ExpertsOfOtherNetworksAreRefused) {
  const std::string folder = FreshFolder();
  {
    Platform platform;
    const auto keeper = KeeperOf(folder);
    ASSERT_TRUE(platform.Play(0, 40, *keeper).ok());
    ASSERT_TRUE(keeper->Finish(platform.now, platform.learner, platform.detector).ok());
  }
  OnlineSpec wide = Small();
  wide.learner.actor.width = 5;
  OnlineExperts other(OnlineShape(1, 1, 3), wide, FakeTrainers(), 1);
  ShiftDetector detector(OneDimension(), 1);
  const auto keeper = KeeperOf(folder);
  const absl::Status status = keeper->Restore(other, detector);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(status), HasSubstr(folder));
  EXPECT_THAT(MessageOf(status), HasSubstr("other networks"));
}

}  // namespace
}  // namespace reeve
