// Bounds, rates and flaps around a policy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "agents/adapt/bounded_policy.h"
#include "agents/adapt/flap_budget_policy.h"
#include "agents/adapt/rate_limited_policy.h"
#include "core/random.h"
#include "core/status.h"
#include "tests/agents/rule_driver.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;
using Replicas = std::optional<int32_t>;

// Wants what `wish` says.
class Wisher : public Policy {
 public:
  explicit Wisher(const Decision& wish) : wish_(wish) {}
  std::string_view name() const override { return "wisher"; }
  absl::Status Decide(const Snapshot&, std::span<Decision> decisions) override {
    for (Decision& d : decisions) d = wish_;
    return absl::OkStatus();
  }
  void Wake(FunctionId, SimTime, Decision& decision) override { decision = wish_; }

 private:
  const Decision& wish_;
};

TEST(BoundedPolicy, HoldsDecisionsAndWhatIsInForce) {
  Decision wish;
  BoundsSpec spec;
  spec.min_replicas = 1;
  spec.max_replicas = 5;
  spec.min_cpu = Millicores(200);
  spec.max_memory = Mebibytes(400);
  spec.min_keep_alive = SimTime::Seconds(10);
  spec.max_keep_alive = SimTime::Seconds(60);
  BoundedPolicy policy(std::make_unique<Wisher>(wish), spec);
  EXPECT_EQ(policy.name(), "wisher");
  RuleDriver driver(policy);  // 1000m, 512 MiB, no replicas
  driver.Decide(2, 2);
  Decision held;
  held.replicas = 1;
  held.memory_limit = Mebibytes(400);
  EXPECT_EQ(driver.decisions[0], held);
  driver.Decide(4, 2);
  EXPECT_EQ(driver.decisions[0], Decision());  // all is within

  wish = {.replicas = 9,
          .cpu_limit = Millicores(10),
          .memory_limit = Mebibytes(10),
          .concurrency = 3,
          .keep_alive = SimTime()};
  held = {.replicas = 5,
          .cpu_limit = Millicores(200),
          .memory_limit = Mebibytes(10),
          .concurrency = 3,
          .keep_alive = SimTime::Seconds(10)};
  driver.Decide(6, 2);
  EXPECT_EQ(driver.decisions[0], held);
  Decision woken;
  policy.Wake(FunctionId(0), SimTime::Seconds(7), woken);
  EXPECT_EQ(woken, held);
}

TEST(BoundedPolicy, LeastIsAtMostMost) {
  BoundsSpec spec;
  spec.min_cpu = Millicores(300);
  EXPECT_TRUE(spec.Validate().ok());
  spec.max_cpu = Millicores(200);
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("min_cpu: it is more than max_cpu"));
}

TEST(RateLimitedPolicy, CountsChangesOfTheLastPeriod) {
  Decision wish;
  RateLimitSpec spec;
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("nothing is limited"));
  spec.period = SimTime::Seconds(60);
  spec.add_containers = 4;
  spec.add_share = 0.5;
  spec.remove_share = 0.25;
  ASSERT_TRUE(spec.Validate().ok());
  RateLimitedPolicy policy(std::make_unique<Wisher>(wish), spec);
  RuleDriver driver(policy);
  driver.Set(0, 10);
  wish.replicas = 100;
  EXPECT_EQ(driver.Replicas(10, 2), 15);  // half of 10 is more than 4
  EXPECT_EQ(driver.Replicas(20, 2), 15);  // used up
  EXPECT_EQ(driver.Replicas(69, 2), 15);
  EXPECT_EQ(driver.Replicas(70, 2), 23);  // 15 + ceil(7.5)
  wish.replicas = 0;
  // 60 s ago there were 15: a quarter of them, floored, may go; what was added goes too.
  EXPECT_EQ(driver.Replicas(80, 2), 12);
  EXPECT_EQ(driver.Replicas(129, 2), 12);
  EXPECT_EQ(driver.Replicas(130, 2), 12);  // 23 then: 5 may go and 11 have
  EXPECT_EQ(driver.Replicas(140, 2), 9);   // 12 then
  wish.replicas = 10;
  EXPECT_EQ(driver.Replicas(142, 2), 10);  // within
  wish = {};
  EXPECT_EQ(driver.Replicas(144, 2), std::nullopt);
}

TEST(RateLimitedPolicy, AWakeGetsItsContainer) {
  Decision wish;
  wish.replicas = 5;
  RateLimitSpec spec;
  spec.add_containers = 0;
  RateLimitedPolicy policy(std::make_unique<Wisher>(wish), spec);
  RuleDriver driver(policy);
  EXPECT_EQ(driver.Replicas(2, 2), 0);
  EXPECT_EQ(driver.Wake(3), 1);
  EXPECT_EQ(driver.Replicas(4, 2), 1);
}

TEST(FlapBudgetPolicy, HoldsTheChangeDownThatWouldBreakIt) {
  Decision wish;
  FlapBudgetSpec spec;
  spec.reversals = 4;
  spec.period = SimTime::Seconds(100);
  FlapBudgetPolicy policy(std::make_unique<Wisher>(wish), spec);
  RuleDriver driver(policy);
  driver.Set(0, 1);
  double t = 0;
  const auto want = [&](int32_t replicas) {
    wish.replicas = replicas;
    return driver.Replicas(t += 2, 2);
  };
  EXPECT_EQ(want(5), 5);  // t = 2; the first change is no reversal
  EXPECT_EQ(want(6), 6);
  EXPECT_EQ(want(2), 2);  // 6: one
  EXPECT_EQ(want(1), 1);  // on in the same direction
  EXPECT_EQ(want(4), 4);  // 10: two
  EXPECT_EQ(want(3), 3);  // 12: three
  EXPECT_EQ(want(7), 7);  // 14: four
  EXPECT_EQ(want(2), 7);  // none left
  EXPECT_EQ(want(9), 9);  // upwards as ever
  EXPECT_EQ(policy.held(), 1u);
  t = 104;                // the first two have passed at 110
  EXPECT_EQ(want(2), 9);  // 106: room for one
  EXPECT_EQ(want(2), 9);
  EXPECT_EQ(want(2), 2);  // 110: for two
  EXPECT_EQ(want(1), 1);
  EXPECT_EQ(want(8), 8);  // 114
}

// Whatever is wished for: counted from outside, no period has more reversals than allowed, and no
// wish for more is cut.
TEST(FlapBudgetPolicy, HoldsOnRandomWishes) {
  RandomCursor random(RandomStream(7, StreamPurpose::kPolicy, 0));
  Decision wish;
  FlapBudgetSpec spec;
  spec.reversals = 5;
  spec.period = SimTime::Seconds(60);
  FlapBudgetPolicy policy(std::make_unique<Wisher>(wish), spec);
  RuleDriver driver(policy);
  int32_t last = 0, direction = 0;
  std::vector<double> reversals;
  for (int i = 1; i <= 5000; ++i) {
    const double t = 2.0 * i;
    wish.replicas = static_cast<int32_t>(random.Below(6));
    const bool woken = i > 1 && last == 0 && random.Uniform() < 0.3;
    const int32_t now = *(woken ? driver.Wake(t) : driver.Replicas(t, 2));
    EXPECT_GE(now, *wish.replicas);
    const int32_t change = now > last ? 1 : now < last ? -1 : 0;
    if (change != 0 && direction != 0 && change != direction) reversals.push_back(t);
    if (change != 0) direction = change;
    last = now;
    const auto recent =
        std::count_if(reversals.begin(), reversals.end(), [&](double at) { return t - at < 60; });
    ASSERT_LE(recent, 5);
  }
  EXPECT_GT(reversals.size(), 500u);
  EXPECT_GT(policy.held(), 500u);
}

}  // namespace
}  // namespace reeve
