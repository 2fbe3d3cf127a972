#include "controller/openwhisk/warm_containers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/random.h"

namespace reeve {
namespace {

TEST(WarmContainers, AsManyAsWereInUseAtOnceWithinKeepAlive) {
  WarmContainers containers(SimTime::Seconds(60));
  for (const int64_t begin : {1000, 1500, 1800}) containers.Begin(begin);
  for (const int64_t end : {2000, 2100, 2500}) containers.End(end, false);
  containers.Begin(30'000);
  containers.End(31'000, false);
  EXPECT_EQ(containers.Count(31'000, 1), 3u);
  EXPECT_EQ(containers.Count(60'000, 1), 3u);
  // The three were in use until 2.5 s; after 62.5 s (and what is left of that second) one is left.
  EXPECT_EQ(containers.Count(63'000, 1), 1u);
  EXPECT_EQ(containers.Count(92'000, 1), 0u);
}

TEST(WarmContainers, WhoBeginsAsAnotherEndsMayHaveItsContainer) {
  WarmContainers containers(SimTime::Seconds(60));
  containers.Begin(1000);
  containers.Begin(1200);  // told before the end
  containers.End(1200, false);
  containers.End(1400, false);
  EXPECT_EQ(containers.Count(2000, 1), 1u);
}

TEST(WarmContainers, StartsAreContainersThoughOthersIdle) {
  WarmContainers containers(SimTime::Seconds(60));
  // One after the other, each on an invoker of its own.
  for (int64_t i = 0; i < 3; ++i) {
    containers.Begin(1000 + 2000 * i);
    containers.End(2000 + 2000 * i, true);
  }
  EXPECT_EQ(containers.Count(7000, 1), 3u);
}

TEST(WarmContainers, SeveralShareOneWhereConcurrencyAllows) {
  WarmContainers containers(SimTime::Seconds(60));
  for (int i = 0; i < 7; ++i) containers.Begin(1000 + i);
  EXPECT_EQ(containers.Count(2000, 1), 7u);
  EXPECT_EQ(containers.Count(2000, 3), 3u);
  EXPECT_EQ(containers.LastInUse(3, 3), 1000);
  EXPECT_FALSE(containers.LastInUse(4, 3));
}

TEST(WarmContainers, AnotherVersionHasNone) {
  WarmContainers containers(SimTime::Seconds(60));
  containers.Begin(1000);
  containers.End(1500, true);
  containers.Clear();
  EXPECT_EQ(containers.Count(2000, 1), 0u);
}

// An invoker's pool played step by step: who comes takes the idle container that became free last,
// or starts one; those idle for keep-alive go. Then the estimate is exact, but for the seconds it
// counts in.
TEST(WarmContainers, IsWhatAnInvokersPoolHas) {
  constexpr int64_t kKeepAlive = 20'000;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    RandomCursor random(RandomStream(seed, StreamPurpose::kArrivals, 0));
    struct Activation {
      int64_t begin, end;
    };
    std::vector<Activation> all;
    int64_t at = 1000;
    for (int i = 0; i < 400; ++i) {
      // Calm and bursts: gaps of 0.03 to 3 s.
      at += static_cast<int64_t>((i / 50 % 2 == 0 ? 60 : 6000) * random.Uniform());
      all.push_back({at, at + 1 + static_cast<int64_t>(2000 * random.Uniform())});
    }
    struct Container {
      int64_t busy_until;
    };
    std::vector<Container> pool;
    const auto alive = [&](int64_t now) {
      return std::count_if(pool.begin(), pool.end(),
                           [&](const Container& c) { return c.busy_until + kKeepAlive > now; });
    };
    WarmContainers estimate(SimTime::Millis(kKeepAlive));
    for (const Activation& a : all) {
      Container* last = nullptr;
      for (Container& c : pool) {
        if (c.busy_until > a.begin || c.busy_until + kKeepAlive <= a.begin) continue;
        if (last == nullptr || c.busy_until > last->busy_until) last = &c;
      }
      if (last == nullptr) last = &pool.emplace_back();
      last->busy_until = a.end;
      estimate.Begin(a.begin);
      estimate.End(a.end, false);
      // Records come when they have ended: what has been told reaches to the end of the last.
      int64_t latest = 0;
      for (const Container& c : pool) latest = std::max(latest, c.busy_until);
      const int64_t now = latest;
      const uint32_t count = estimate.Count(now, 1);
      EXPECT_GE(count, alive(now)) << "seed " << seed;
      EXPECT_LE(count, alive(now - 1000)) << "seed " << seed;
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace reeve
