// A loop that shares the work with other instances: what it may act on, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/fake_platform.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LoopShardsTest, OnlyWhatIsOursIsTakenOverWrittenAndHandedBack) {
  LoopFixture f({"t", "u"}, ControlMode::kActive);
  f.platform.others = {1};
  ASSERT_TRUE(f.Run(3).ok());
  EXPECT_THAT(f.platform.taken, ElementsAre(0));
  ASSERT_EQ(f.platform.applied.size(), 1u);
  EXPECT_EQ(f.platform.applied[0][0].replicas, 3);
  EXPECT_EQ(f.platform.applied[0][1], Decision{});
  EXPECT_EQ(f.At(2, 1).why, "not_leading");
  EXPECT_EQ(f.At(2, 1).wished.replicas, 3);  // it is decided for all
  EXPECT_FALSE(f.At(2, 1).led);
  EXPECT_THAT(f.platform.handed_back, ElementsAre(0));
}

// Meanwhile another wrote what we do not know: the same wish as before is written again.
TEST(LoopShardsTest, WhatComesBackIsWrittenWhole) {
  LoopFixture f({"t"}, ControlMode::kActive);
  ASSERT_TRUE(f.Run(6, [&](int n) {
                 f.platform.others.clear();
                 if (n == 3 || n == 4) f.platform.others = {0};
               }).ok());
  ASSERT_EQ(f.platform.applied.size(), 2u);
  EXPECT_EQ(f.At(0, 0).applied.replicas, 3);
  EXPECT_EQ(f.At(1, 0).applied, Decision{});
  EXPECT_EQ(f.At(3, 0).why, "not_leading");
  EXPECT_EQ(f.At(4, 0).applied.replicas, 3);
}

// It went to shadow mode while another instance acted on it: that one hands it back, not we.
TEST(LoopShardsTest, WhatAnotherActsOnIsNotHandedBackByUs) {
  LoopFixture f({"t"}, ControlMode::kActive);
  ASSERT_TRUE(f.Run(4, [&](int n) {
                 if (n == 2) f.platform.others = {0};
                 if (n == 3) f.modes.Set("t", {ControlMode::kShadow, false});
               }).ok());
  EXPECT_THAT(f.platform.handed_back, IsEmpty());
}

// A request for a function without containers is answered by whoever acts on it.
TEST(LoopShardsTest, FunctionsOfOthersAreNotWoken) {
  LoopFixture f({"t", "u"}, ControlMode::kActive);
  Decision ours, others;
  ASSERT_TRUE(f.Run(3, [&](int n) {
                 f.platform.others = n == 3 ? std::set<uint32_t>{1} : std::set<uint32_t>();
                 if (n < 3) return;
                 f.platform.hooks.wake(FunctionId(0), SimTime::Seconds(4), ours);
                 f.platform.hooks.wake(FunctionId(1), SimTime::Seconds(4), others);
               }).ok());
  EXPECT_EQ(ours.replicas, 7);
  EXPECT_EQ(others, Decision{});
}

}  // namespace
}  // namespace reeve
