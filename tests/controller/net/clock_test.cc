#include "controller/net/clock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace reeve {
namespace {

TEST(StopSignalTest, EndsAWaitInAnotherThreadAtOnce) {
  StopSignal stop;
  std::atomic<bool> was_stopped{false};
  const SimTime begin = NetClock::Real().Now();
  std::thread waiting([&] { was_stopped = stop.WaitFor(SimTime::Hours(1)); });
  stop.Stop();
  waiting.join();
  EXPECT_TRUE(was_stopped);
  EXPECT_LT(NetClock::Real().Now() - begin, SimTime::Seconds(30));
}

TEST(StopSignalTest, WaitsItsTimeWhenNotStopped) {
  StopSignal stop;
  const SimTime begin = NetClock::Real().Now();
  EXPECT_FALSE(stop.WaitFor(SimTime::Millis(20)));
  EXPECT_GE(NetClock::Real().Now() - begin, SimTime::Millis(20));
}

TEST(StopSignalTest, CallsBackWhenStoppedAndNotAfterTheCallbackIsGone) {
  StopSignal stop;
  int first = 0, second = 0;
  {
    StopSignal::Callback gone(stop, [&] { ++first; });
  }
  StopSignal::Callback kept(stop, [&] { ++second; });
  stop.Stop();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
  int late = 0;
  StopSignal::Callback after(stop, [&] { ++late; });
  EXPECT_EQ(late, 1);
}

TEST(ManualClockTest, WaitingMovesIt) {
  ManualClock clock;
  StopSignal stop;
  const SimTime begin = clock.Now();
  EXPECT_FALSE(clock.WaitFor(SimTime::Minutes(5), stop));
  EXPECT_EQ(clock.Now() - begin, SimTime::Minutes(5));
  clock.SetWall(SimTime::Seconds(100));
  clock.Advance(SimTime::Seconds(1));
  EXPECT_EQ(clock.WallNow(), SimTime::Seconds(101));
}

}  // namespace
}  // namespace reeve
