#include "core/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>

namespace reeve {
namespace {

TEST(Interrupt, FirstSignalSetsTheFlag) {
  HandleInterrupts();
  EXPECT_FALSE(InterruptRequested());
  EXPECT_EQ(InterruptSignal(), 0);
  std::raise(SIGTERM);
  EXPECT_TRUE(InterruptRequested());
  EXPECT_EQ(InterruptSignal(), SIGTERM);
  HandleInterrupts();
  EXPECT_FALSE(InterruptRequested());
}

TEST(InterruptDeathTest, SecondSignalKills) {
  EXPECT_EXIT(
      {
        HandleInterrupts();
        std::raise(SIGTERM);
        std::raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace reeve
