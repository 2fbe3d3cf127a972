// The order in which a router's strategy hands out containers (sim/available_containers.h).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/random.h"
#include "sim/available_containers.h"

namespace reeve {
namespace {

struct TestContainer {
  RouterSlot slot;
};
using Slots = std::vector<TestContainer>;

// Containers and their router, used as the engine uses them.
class Bench {
 public:
  Bench(RouterStrategy strategy, uint32_t containers, uint32_t concurrency = 1)
      : available_(strategy) {
    for (uint32_t c = 0; c < containers; ++c) {
      slots.push_back({{.concurrency = concurrency, .sequence = c}});
      available_.Add(slots, c);
    }
  }
  // The container that takes the next request; kNone when none can.
  uint32_t Take() {
    const uint32_t c = available_.Pick();
    if (c == Router::kNone) return c;
    ++slots[c].slot.outstanding;
    available_.Taken(slots, c);
    return c;
  }
  std::vector<uint32_t> Take(int n) {
    std::vector<uint32_t> taken;
    for (int i = 0; i < n; ++i) taken.push_back(Take());
    return taken;
  }
  void End(uint32_t c) {
    --slots[c].slot.outstanding;
    available_.Released(slots, c);
  }
  void Remove(uint32_t c) { available_.Remove(slots, c); }
  void Add(uint32_t c) { available_.Add(slots, c); }

  using Router = AvailableContainers<Slots>;
  static constexpr uint32_t kNone = Router::kNone;
  Slots slots;

 private:
  Router available_;
};

using ::testing::ElementsAre;
constexpr uint32_t kNone = Bench::kNone;

TEST(RouterTest, LeastOutstandingSpreadsAndTiesGoToTheOldest) {
  Bench bench(RouterStrategy::kLeastOutstanding, 3, 2);
  EXPECT_THAT(bench.Take(7), ElementsAre(0, 1, 2, 0, 1, 2, kNone));
  bench.End(1);
  bench.End(2);
  bench.End(2);
  // Outstanding: 2, 1, 0.
  EXPECT_THAT(bench.Take(4), ElementsAre(2, 1, 2, kNone));
}

TEST(RouterTest, RoundRobinTakesTurns) {
  Bench bench(RouterStrategy::kRoundRobin, 3, 2);
  EXPECT_THAT(bench.Take(4), ElementsAre(0, 1, 2, 0));  // 0 is full and leaves the round
  EXPECT_THAT(bench.Take(3), ElementsAre(1, 2, kNone));
  bench.End(2);
  bench.End(0);
  EXPECT_THAT(bench.Take(3), ElementsAre(2, 0, kNone));  // in the order in which they came back
}

TEST(RouterTest, RoundRobinWithOneAtATimeIsFirstFreedFirstTaken) {
  Bench bench(RouterStrategy::kRoundRobin, 3);
  EXPECT_THAT(bench.Take(3), ElementsAre(0, 1, 2));
  bench.End(1);
  bench.End(0);
  bench.End(2);
  EXPECT_THAT(bench.Take(3), ElementsAre(1, 0, 2));
}

TEST(RouterTest, MostRecentTakesWhatBecameFreeLast) {
  Bench bench(RouterStrategy::kMostRecent, 3);
  EXPECT_THAT(bench.Take(4), ElementsAre(2, 1, 0, kNone));
  bench.End(1);
  bench.End(0);
  bench.End(2);
  EXPECT_THAT(bench.Take(3), ElementsAre(2, 0, 1));
}

TEST(RouterTest, MostRecentFillsOneContainerFirst) {
  Bench bench(RouterStrategy::kMostRecent, 2, 3);
  EXPECT_THAT(bench.Take(7), ElementsAre(1, 1, 1, 0, 0, 0, kNone));
  bench.End(0);
  bench.End(1);
  EXPECT_THAT(bench.Take(3), ElementsAre(1, 0, kNone));
}

TEST(RouterTest, NewestTakesTheOneCreatedLast) {
  Bench bench(RouterStrategy::kNewest, 3, 2);
  EXPECT_THAT(bench.Take(4), ElementsAre(2, 2, 1, 1));
  bench.End(1);
  bench.End(2);
  EXPECT_THAT(bench.Take(3), ElementsAre(2, 1, 0));
}

class EveryStrategy : public ::testing::TestWithParam<RouterStrategy> {};

TEST_P(EveryStrategy, RemovedIsNotTakenAndMayComeBack) {
  Bench bench(GetParam(), 3);
  bench.Remove(1);
  bench.Remove(1);  // twice is once
  auto taken = bench.Take(3);
  EXPECT_THAT(taken, ::testing::UnorderedElementsAre(0, 2, kNone));
  bench.Remove(0);  // busy: not available anyway
  bench.Add(1);
  EXPECT_THAT(bench.Take(2), ElementsAre(1, kNone));
  bench.End(1);
  EXPECT_EQ(bench.Take(), 1u);
}

// The naive version: a list of who can take a request, in the order in which they became able to.
class NaiveRouter {
 public:
  NaiveRouter(RouterStrategy strategy, const Slots& slots) : strategy_(strategy), slots_(slots) {}
  void Add(uint32_t c) { list_.push_back(c); }
  void Remove(uint32_t c) { std::erase(list_, c); }
  bool Has(uint32_t c) const { return std::find(list_.begin(), list_.end(), c) != list_.end(); }
  uint32_t Pick() const {
    if (list_.empty()) return kNone;
    const auto slot = [this](uint32_t c) { return slots_[c].slot; };
    switch (strategy_) {
      case RouterStrategy::kRoundRobin:
        return list_.front();
      case RouterStrategy::kMostRecent:
        return list_.back();
      case RouterStrategy::kNewest:
        return *std::max_element(list_.begin(), list_.end(), [&](uint32_t a, uint32_t b) {
          return slot(a).sequence < slot(b).sequence;
        });
      case RouterStrategy::kLeastOutstanding:
        break;
    }
    return *std::min_element(list_.begin(), list_.end(), [&](uint32_t a, uint32_t b) {
      return std::pair(slot(a).outstanding, slot(a).sequence) <
             std::pair(slot(b).outstanding, slot(b).sequence);
    });
  }
  // After the container took a request, or ended one.
  void Update(uint32_t c, bool took) {
    const RouterSlot& slot = slots_[c].slot;
    const bool can = slot.outstanding < slot.concurrency;
    if (took && (!can || strategy_ == RouterStrategy::kRoundRobin)) Remove(c);
    if (can && !Has(c)) Add(c);
  }

 private:
  RouterStrategy strategy_;
  const Slots& slots_;
  std::vector<uint32_t> list_;
};

TEST_P(EveryStrategy, AgreesWithTheNaiveModel) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    RandomCursor random(RandomStream(seed, StreamPurpose::kGenerator, 1));
    constexpr uint32_t kContainers = 12;
    Slots slots(kContainers);
    // Numbers are reused for younger containers, so sequence is not position.
    for (uint32_t c = 0; c < kContainers; ++c) {
      slots[c].slot.concurrency = 1 + static_cast<uint32_t>(random.Below(3));
      slots[c].slot.sequence = (c * 5 + 3) % kContainers;
    }
    AvailableContainers<Slots> router(GetParam());
    NaiveRouter naive(GetParam(), slots);
    std::vector<bool> alive(kContainers);
    for (int step = 0; step < 3000; ++step) {
      ASSERT_EQ(router.Pick(), naive.Pick()) << "seed " << seed << " step " << step;
      const uint32_t c = static_cast<uint32_t>(random.Below(kContainers));
      RouterSlot& slot = slots[c].slot;
      switch (random.Below(4)) {
        case 0:
        case 1: {
          const uint32_t picked = router.Pick();
          if (picked == kNone) break;
          ++slots[picked].slot.outstanding;
          router.Taken(slots, picked);
          naive.Update(picked, true);
          break;
        }
        case 2:
          if (!alive[c] || slot.outstanding == 0) break;
          --slot.outstanding;
          router.Released(slots, c);
          naive.Update(c, false);
          break;
        default:
          if (alive[c] && random.Below(3) == 0) {
            router.Remove(slots, c);
            naive.Remove(c);
            alive[c] = false;
          } else if (!alive[c] && slot.outstanding < slot.concurrency) {
            router.Add(slots, c);
            naive.Add(c);
            alive[c] = true;
          } else if (!alive[c]) {
            slot.outstanding = 0;
          }
      }
      ASSERT_EQ(slot.available(), naive.Has(c));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Router, EveryStrategy,
                         ::testing::Values(RouterStrategy::kLeastOutstanding,
                                           RouterStrategy::kRoundRobin, RouterStrategy::kMostRecent,
                                           RouterStrategy::kNewest));

}  // namespace
}  // namespace reeve
