#include "agents/rules/kpa_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <vector>

#include "core/random.h"
#include "core/status.h"
#include "tests/agents/allocation_counter.h"

namespace reeve {
namespace {

using testing::HasSubstr;
using Replicas = std::optional<int32_t>;

SimTime S(double seconds) {
  return SimTime::FromSeconds(seconds);
}

// Drives one KpaPolicy over functions whose replicas are ready as soon as they are asked for.
class Driver {
 public:
  explicit Driver(const KpaOptions& options, size_t functions = 1)
      : policy(options), ready(functions), decisions(functions) {
    snapshot.functions.Resize(functions);
  }

  // The control period that ends at `t`; its load is what snapshot's arrays say.
  void Decide(double t, double window = 2) {
    snapshot.time = S(t);
    snapshot.window = S(window);
    for (size_t f = 0; f < ready.size(); ++f) {
      snapshot.functions.containers_ready[f] = static_cast<uint32_t>(ready[f]);
    }
    decisions.assign(ready.size(), Decision());
    const absl::Status status = policy.Decide(snapshot, decisions);
    ASSERT_TRUE(status.ok()) << status;
    for (size_t f = 0; f < ready.size(); ++f) ready[f] = decisions[f].replicas.value_or(ready[f]);
  }
  Replicas DecideOne(double t, double in_flight, double window = 2) {
    snapshot.functions.mean_in_flight[0] = in_flight;
    Decide(t, window);
    return decisions[0].replicas;
  }
  Replicas Wake(double t, uint32_t f = 0) {
    Decision decision;
    policy.Wake(FunctionId(f), S(t), decision);
    ready[f] = decision.replicas.value_or(ready[f]);
    return decision.replicas;
  }
  KpaStatus Status() { return policy.StatusOf(FunctionId(0), ready[0]); }

  KpaPolicy policy;
  Snapshot snapshot;
  std::vector<int32_t> ready;
  std::vector<Decision> decisions;
};

TEST(KpaPolicy, ToZeroSixtySecondsAfterTheLoadAndTheGracePeriod) {
  KpaOptions options;
  options.target_burst_capacity = 0;  // the activator leaves the path, so the grace period counts
  Driver driver(options);
  EXPECT_EQ(driver.DecideOne(0, 0, 0), Replicas(1));  // initial scale
  for (int t = 2; t <= 20; t += 2) EXPECT_EQ(driver.DecideOne(t, 1), Replicas(1)) << t;
  // The last load was scraped at 20, so the stable window holds some until 79.
  for (int t = 22; t <= 78; t += 2) EXPECT_EQ(driver.DecideOne(t, 0), Replicas(1)) << t;
  for (int t = 80; t <= 108; t += 2) EXPECT_EQ(driver.DecideOne(t, 0), Replicas()) << t;
  EXPECT_EQ(driver.Status().phase, KpaPhase::kInactive);
  EXPECT_EQ(driver.DecideOne(110, 0), Replicas(0));
}

TEST(KpaPolicy, ToZeroOneTickAfterInactiveWhenTheActivatorWasInThePath) {
  Driver driver{KpaOptions()};  // 100 - 211 < 0
  driver.DecideOne(0, 0, 0);
  for (int t = 2; t <= 20; t += 2) driver.DecideOne(t, 1);
  EXPECT_EQ(driver.Status().excess_burst_capacity, -112);
  EXPECT_EQ(driver.Status().mode, KpaMode::kProxy);
  EXPECT_EQ(driver.Status().activators, 4);  // ceil((100 + 211) / 100)
  for (int t = 22; t <= 78; t += 2) EXPECT_EQ(driver.DecideOne(t, 0), Replicas(1)) << t;
  EXPECT_EQ(driver.DecideOne(80, 0), Replicas());
  EXPECT_EQ(driver.DecideOne(82, 0), Replicas(0));
}

TEST(KpaPolicy, AFunctionWithoutLoadGoesAfterBeingActiveForAStableWindow) {
  Driver driver{KpaOptions()};
  EXPECT_EQ(driver.DecideOne(0, 0, 0), Replicas(1));
  EXPECT_EQ(driver.DecideOne(2, 0), Replicas());  // activating; becomes active at this tick
  for (int t = 4; t <= 60; t += 2) EXPECT_EQ(driver.DecideOne(t, 0), Replicas(1)) << t;
  EXPECT_EQ(driver.DecideOne(62, 0), Replicas());
  EXPECT_EQ(driver.DecideOne(64, 0), Replicas(0));
}

TEST(KpaPolicy, AContainerThatDoesNotStartIsWaitedForUntilTheDeadline) {
  Driver driver{KpaOptions()};
  EXPECT_EQ(driver.DecideOne(0, 0, 0), Replicas(1));
  for (int t = 2; t <= 610; t += 2) {
    driver.ready[0] = 0;
    EXPECT_EQ(driver.DecideOne(t, 0), Replicas()) << t;
  }
  driver.ready[0] = 0;
  EXPECT_EQ(driver.DecideOne(612, 0), Replicas(0));
}

TEST(KpaPolicy, WakeScalesFromZeroAtOnce) {
  KpaOptions options;
  options.initial_scale = 0;
  Driver driver(options);
  EXPECT_EQ(driver.Wake(0), Replicas());  // not seen yet
  EXPECT_EQ(driver.DecideOne(0, 0, 0), Replicas(0));
  EXPECT_EQ(driver.DecideOne(2, 0), Replicas(0));
  EXPECT_EQ(driver.Wake(3.5), Replicas(1));
  EXPECT_EQ(driver.Wake(3.6), Replicas());  // already wanted
  EXPECT_EQ(driver.Status().phase, KpaPhase::kActivating);
  EXPECT_EQ(driver.DecideOne(4, 0.25), Replicas(1));
  EXPECT_EQ(driver.Status().phase, KpaPhase::kActive);
}

TEST(KpaPolicy, ThePokedRequestIsNotCountedTwice) {
  KpaOptions options;
  options.initial_scale = 0;
  options.panic_threshold_percentage = 1000;
  Driver driver(options);
  driver.snapshot.functions.concurrency_limit[0] = 1;  // target 0.7
  driver.DecideOne(200, 0, 0);
  EXPECT_EQ(driver.Wake(200.5), Replicas(2));  // ceil(1 / 0.7)
  // Seconds 200, 201, 202 hold 1 (the poke), max(0.75 - 1, 0) and 0.75: on average 0.5833.
  driver.DecideOne(202, 0.75);
  EXPECT_EQ(driver.Status().desired, 1);
}

TEST(KpaPolicy, QueuedRequestsCountAndPanicFollowsTheLastSixSeconds) {
  Driver driver{KpaOptions()};
  driver.snapshot.functions.concurrency_limit[0] = 10;  // target 7
  driver.DecideOne(0, 0, 0);
  for (int t = 2; t <= 60; t += 2) driver.DecideOne(t, 7);
  EXPECT_EQ(driver.ready[0], 1);
  // 5 in flight and 37 queued: the panic average goes from 7 to (4 x 7 + 2 x 42) / 6 = 18.67, three
  // replicas; the stable one to 8.17.
  driver.snapshot.functions.mean_queued[0] = 37;
  EXPECT_EQ(driver.DecideOne(62, 5), Replicas(3));
  EXPECT_TRUE(driver.Status().panicking);
  // (2 x 7 + 4 x 42) / 6 = 30.33: five for three.
  EXPECT_EQ(driver.DecideOne(64, 5), Replicas(5));
  driver.snapshot.functions.mean_queued[0] = 0;
  // The threshold was last reached at 62; no scaling down until after 122.
  for (int t = 66; t <= 122; t += 2) EXPECT_EQ(driver.DecideOne(t, 7), Replicas(5)) << t;
  EXPECT_EQ(driver.DecideOne(124, 7), Replicas(2));  // floor(5 / 2)
  EXPECT_FALSE(driver.Status().panicking);
}

TEST(KpaPolicy, RequestsPerSecond) {
  KpaOptions options;
  options.metric = KpaMetric::kRps;
  options.min_scale = 1;
  Driver driver(options);
  driver.DecideOne(0, 0, 0);
  driver.snapshot.functions.arrivals[0] = 278;  // 139 a second, target 140
  EXPECT_EQ(driver.DecideOne(2, 500), Replicas(1));
  driver.snapshot.functions.arrivals[0] = 300;  // on average 144.5
  EXPECT_EQ(driver.DecideOne(4, 500), Replicas(2));
}

TEST(KpaPolicy, BoundsAndInitialScale) {
  KpaOptions options;
  options.initial_scale = 5;
  options.max_scale = 4;
  options.min_scale = 2;
  options.target = 1;
  Driver driver(options);
  EXPECT_EQ(driver.DecideOne(0, 0, 0), Replicas(5));  // until reached, as upstream, even above max
  EXPECT_EQ(driver.DecideOne(2, 100), Replicas(4));
  for (int t = 4; t <= 200; t += 2) driver.DecideOne(t, 0);
  EXPECT_EQ(driver.ready[0], 2);
}

TEST(KpaPolicy, TicksEveryTwoSecondsWhateverTheControlPeriod) {
  Driver fast{KpaOptions()};
  EXPECT_EQ(fast.DecideOne(0, 0, 0), Replicas(1));
  for (int i = 1; i <= 40; ++i) {
    const Replicas replicas = fast.DecideOne(i * 0.5, 100, 0.5);
    EXPECT_EQ(replicas.has_value(), i % 4 == 0) << i;
  }
  EXPECT_EQ(fast.ready[0], 2);  // the load of 100 is whole in each second
  KpaOptions calm;
  calm.panic_threshold_percentage = 1000;
  Driver slow(calm);
  slow.DecideOne(0, 0, 0);
  EXPECT_EQ(slow.DecideOne(10, 100, 10), Replicas(2));
  EXPECT_EQ(slow.DecideOne(20, 0, 10), Replicas(1));  // 10 of 20 seconds
}

TEST(KpaPolicy, TakesOverARunningPlatformWithoutScalingDownAtOnce) {
  Driver driver{KpaOptions()};
  driver.ready[0] = 8;
  driver.DecideOne(1000, 1);
  EXPECT_TRUE(driver.Status().panicking);
  for (int t = 1002; t <= 1060; t += 2) EXPECT_EQ(driver.DecideOne(t, 1), Replicas(8)) << t;
  EXPECT_EQ(driver.DecideOne(1062, 1), Replicas(4));
}

TEST(KpaPolicy, ImpossibleLoadIsIgnored) {
  Driver driver{KpaOptions()};
  driver.DecideOne(0, 0, 0);
  driver.DecideOne(2, 100);
  EXPECT_EQ(driver.DecideOne(4, std::numeric_limits<double>::quiet_NaN()), Replicas(2));
  EXPECT_EQ(driver.DecideOne(6, std::numeric_limits<double>::infinity()), Replicas(2));
  EXPECT_EQ(driver.DecideOne(8, -5), Replicas(2));
  EXPECT_EQ(driver.DecideOne(10, 100), Replicas(2));
}

TEST(KpaPolicy, MisuseIsAnError) {
  Driver driver(KpaOptions(), 3);
  driver.Decide(10);
  std::vector<Decision> two(2);
  EXPECT_THAT(MessageOf(driver.policy.Decide(driver.snapshot, two)),
              HasSubstr("2 decisions for 3 functions"));
  driver.snapshot.functions.Resize(2);
  EXPECT_FALSE(driver.policy.Decide(driver.snapshot, two).ok());
  driver.snapshot.functions.Resize(3);
  driver.snapshot.time = S(9);
  std::vector<Decision> three(3);
  EXPECT_THAT(MessageOf(driver.policy.Decide(driver.snapshot, three)), HasSubstr("time order"));
}

TEST(KpaPolicy, FunctionsMayBeAdded) {
  Driver driver(KpaOptions(), 1);
  driver.Decide(0, 0);
  driver.snapshot.functions.Resize(2);
  driver.ready.push_back(0);
  driver.Decide(2);
  EXPECT_EQ(driver.decisions[1].replicas, Replicas(1));
}

// Mostly idle functions with bursts: the policy, which skips the idle ones, against one KpaFunction
// each that is never skipped.
void CompareWithOneByOne(const KpaOptions& options) {
  constexpr uint32_t kFunctions = 40;
  Driver driver(options, kFunctions);
  const KpaSpec spec = ResolveKpaSpec(options, 0);
  std::vector<KpaFunction> functions(kFunctions, KpaFunction(options, spec, S(0), 0));
  std::vector<int32_t> ready(kFunctions, KpaFunction::Initial(options));
  driver.Decide(0, 0);
  for (KpaFunction& function : functions) function.Tick(options, spec, S(0), 0);

  size_t at_zero = 0, wakes = 0;
  RandomCursor random(RandomStream(3, StreamPurpose::kPolicy, 0));
  for (int t = 2; t <= 2000; t += 2) {
    for (uint32_t f = 0; f < kFunctions; ++f) {
      const bool busy = random.Below(60 + 10 * f) == 0;
      const double load = busy ? 150 * random.Uniform() : 0.0;
      if (load > 0 && ready[f] == 0) {
        const Replicas expected = functions[f].Poke(options, spec, S(t - 0.5));
        ASSERT_EQ(driver.Wake(t - 0.5, f), expected);
        ready[f] = expected.value_or(ready[f]);
        ++wakes;
      }
      driver.snapshot.functions.mean_in_flight[f] = load;
      if (ready[f] > 0 || load > 0) functions[f].Record(S(t - 2), S(t), load);
      const Replicas expected = functions[f].Tick(options, spec, S(t), ready[f]);
      ready[f] = expected.value_or(ready[f]);
      at_zero += ready[f] == 0;
    }
    driver.Decide(t);
    ASSERT_EQ(driver.ready, ready) << "at " << t;
  }
  EXPECT_GT(at_zero, 5000u);
  EXPECT_GT(wakes, 50u);
}

TEST(KpaPolicy, SkippingIdleFunctionsChangesNothing) {
  KpaOptions options;
  CompareWithOneByOne(options);
  options.initial_scale = 0;
  options.scale_down_delay = S(20);
  options.activation_scale = 3;
  CompareWithOneByOne(options);
  options.metric_aggregation_algorithm = WindowAggregation::kWeightedExponential;
  options.target_burst_capacity = 0;
  CompareWithOneByOne(options);
}

TEST(KpaPolicy, DecideDoesNotAllocate) {
  KpaOptions options;
  options.scale_down_delay = S(30);
  Driver driver(options, 100);
  for (size_t f = 0; f < 100; ++f) {
    driver.snapshot.functions.concurrency_limit[f] = static_cast<int32_t>(f % 4);
    driver.snapshot.functions.mean_in_flight[f] = static_cast<double>(f % 3);
  }
  driver.Decide(0, 0);
  for (int t = 2; t < 400; t += 2) {
    driver.snapshot.time = S(t);
    driver.snapshot.window = S(2);
    const size_t before = AllocationCount();
    ASSERT_TRUE(driver.policy.Decide(driver.snapshot, driver.decisions).ok());
    ASSERT_EQ(AllocationCount(), before) << "at " << t;
  }
  EXPECT_GT(AllocationCount(), 0u);
}

}  // namespace
}  // namespace reeve
