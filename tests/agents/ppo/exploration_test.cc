#include "agents/ppo/exploration.h"

#include "gtest/gtest.h"

namespace reeve {
namespace {

constexpr ExplorationSpec kSpec{.entropy = 0.1, .final_entropy = 0.02, .steps = 100};

TEST(Exploration, FallsOnceAndStays) {
  Exploration exploration(kSpec);
  EXPECT_DOUBLE_EQ(exploration.entropy(), 0.1);
  exploration.Advance(25);
  EXPECT_DOUBLE_EQ(exploration.entropy(), 0.08);
  EXPECT_FALSE(exploration.finished());
  exploration.Advance(1000);
  EXPECT_DOUBLE_EQ(exploration.entropy(), 0.02);
  EXPECT_TRUE(exploration.finished());
  EXPECT_EQ(exploration.steps_done(), 100);
}

TEST(Exploration, IsNotOpenedAgain) {
  Exploration first(kSpec);
  first.Advance(60);
  Exploration back(kSpec, first.steps_done());  // the environment returns
  EXPECT_DOUBLE_EQ(back.entropy(), first.entropy());
  back.Advance(40);
  EXPECT_TRUE(Exploration(kSpec, back.steps_done()).finished());
  EXPECT_TRUE(Exploration(kSpec, int64_t{1} << 62).finished());  // of a longer specification
}

}  // namespace
}  // namespace reeve
