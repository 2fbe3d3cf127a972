#include "controller/net/backoff.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

// Waits before jitter are 0.8, 1.6, 3.2, …, 30 s; jitter takes up to half away.
TEST(BackoffTest, WaitsDoubleUpToTheMostWithinTheirJitter) {
  Backoff backoff({}, 7);
  SimTime now = SimTime::Seconds(100);
  for (const double level : {0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0}) {
    const SimTime wait = backoff.Next(now);
    EXPECT_LE(wait.seconds(), level);
    EXPECT_GE(wait.seconds(), level / 2 - 1e-6);
    now += wait;
  }
}

TEST(BackoffTest, BeginsAnewAfterAHealthyPeriodAndWhenReset) {
  Backoff backoff({}, 7);
  const SimTime now = SimTime::Seconds(100);
  for (int i = 0; i < 6; ++i) backoff.Next(now);
  EXPECT_GT(backoff.Next(now + SimTime::Minutes(1)), SimTime::Seconds(10));
  EXPECT_LE(backoff.Next(now + SimTime::Minutes(10)), SimTime::Millis(800));
  for (int i = 0; i < 6; ++i) backoff.Next(now + SimTime::Minutes(10));
  backoff.Reset();
  EXPECT_LE(backoff.Next(now + SimTime::Minutes(10)), SimTime::Millis(800));
}

TEST(BackoffTest, ClientsWithOtherSeedsWaitOtherTimes) {
  Backoff one({}, 1), two({}, 2), again({}, 1);
  const SimTime first = one.Next(SimTime::Seconds(1));
  EXPECT_NE(first, two.Next(SimTime::Seconds(1)));
  EXPECT_EQ(first, again.Next(SimTime::Seconds(1)));
}

// 10 at once, then one each 200 ms: the 13th at once waits 3 * 200 ms.
TEST(RateLimiterTest, LetsABurstThroughAndSpacesTheRest) {
  RateLimiter limiter(5, 10);
  const SimTime now = SimTime::Seconds(50);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(limiter.Take(now), SimTime());
  EXPECT_EQ(limiter.Take(now), SimTime::Millis(200));
  EXPECT_EQ(limiter.Take(now), SimTime::Millis(400));
  EXPECT_EQ(limiter.Take(now), SimTime::Millis(600));
  // Tokens that were given out ahead are paid back first.
  EXPECT_EQ(limiter.Take(now + SimTime::Millis(600)), SimTime::Millis(200));
  // After a long pause the burst is full again, and not fuller.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(limiter.Take(now + SimTime::Hours(1)), SimTime());
  EXPECT_GT(limiter.Take(now + SimTime::Hours(1)), SimTime());
}

}  // namespace
}  // namespace reeve
