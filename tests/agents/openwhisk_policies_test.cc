// OpenWhisk's policies against snapshots written by hand.
#include "agents/rules/openwhisk_policies.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace reeve {
namespace {

// What one function shows at the end of a window.
struct Shown {
  uint32_t queued = 0, arrivals = 0, in_flight = 0, ready = 0, starting = 0;
  uint32_t completions = 0;
  float execution_ms = 0;
};

class Rig {
 public:
  explicit Rig(const OpenWhiskSchedulerOptions& options = {}, size_t functions = 1,
               SimTime window = SimTime::Millis(100))
      : policy_(options) {
    snapshot_.window = window;
    snapshot_.functions.Resize(functions);
    for (int32_t& limit : snapshot_.functions.concurrency_limit) limit = 1;
  }

  // Replicas decided for each function; a function not shown has nothing.
  std::vector<std::optional<int32_t>> At(double seconds, const std::vector<Shown>& shown) {
    FunctionWindows& w = snapshot_.functions;
    snapshot_.time = SimTime::FromSeconds(seconds);
    for (size_t f = 0; f < w.size(); ++f) {
      const Shown s = f < shown.size() ? shown[f] : Shown{};
      w.queued[f] = s.queued;
      w.arrivals[f] = s.arrivals;
      w.in_flight[f] = s.in_flight;
      w.containers_ready[f] = s.ready;
      w.containers_starting[f] = s.starting;
      w.completions[f] = s.completions;
      w.execution_p50_ms[f] = s.execution_ms;
    }
    std::vector<Decision> decisions(w.size());
    EXPECT_TRUE(policy_.Decide(snapshot_, decisions).ok());
    std::vector<std::optional<int32_t>> replicas;
    for (const Decision& d : decisions) replicas.push_back(d.replicas);
    return replicas;
  }
  std::optional<int32_t> One(double seconds, const Shown& shown) { return At(seconds, {shown})[0]; }
  std::optional<int32_t> Wake(uint32_t function, double seconds) {
    Decision decision;
    policy_.Wake(FunctionId(function), SimTime::FromSeconds(seconds), decision);
    return decision.replicas;
  }
  OpenWhiskSchedulerPolicy& policy() { return policy_; }
  Snapshot& snapshot() { return snapshot_; }

 private:
  OpenWhiskSchedulerPolicy policy_;
  Snapshot snapshot_;
};

TEST(OpenWhiskSchedulerTest, TheFirstRequestGetsAContainerAtOnce) {
  Rig rig;
  EXPECT_EQ(rig.One(0, {}), std::nullopt);
  EXPECT_EQ(rig.Wake(0, 0.05), 1);
  // It waits, but is not stale yet: its container is on the way.
  EXPECT_EQ(rig.One(0.1, {.queued = 1, .arrivals = 1, .starting = 1}), std::nullopt);
  EXPECT_EQ(rig.One(0.2, {.queued = 1, .starting = 1}), std::nullopt);  // 1 stale - 1 in progress
}

TEST(OpenWhiskSchedulerTest, StaleRequestsGetContainersOfTheirOwn) {
  Rig rig;
  rig.One(0, {});
  EXPECT_EQ(rig.Wake(0, 0.05), 1);
  EXPECT_EQ(rig.One(0.1, {.queued = 5, .arrivals = 5, .starting = 1}), std::nullopt);
  // 7 wait, 2 of them came in the last 100 ms: 5 stale, less one in progress.
  EXPECT_EQ(rig.One(0.2, {.queued = 7, .arrivals = 2, .starting = 1}), 5);
  EXPECT_EQ(rig.One(0.3, {.queued = 7, .starting = 5}), 7);
}

TEST(OpenWhiskSchedulerTest, ALongPeriodCountsArrivalsAsSpreadEvenly) {
  Rig rig({}, 1, SimTime::Seconds(2));
  rig.One(0, {});
  rig.Wake(0, 1);
  // 40 in 2 s, 2 in 100 ms: 10 wait, 8 of them stale, less one in progress.
  EXPECT_EQ(rig.One(2, {.queued = 10, .arrivals = 40, .starting = 1}), 8);
}

TEST(OpenWhiskSchedulerTest, AShortPeriodAddsUpArrivals) {
  Rig rig({}, 1, SimTime::Millis(25));
  rig.One(0, {});
  rig.Wake(0, 0.01);
  uint32_t queued = 0;
  for (const double t : {0.025, 0.05, 0.075, 0.1}) {
    queued += 2;
    EXPECT_EQ(rig.One(t, {.queued = queued, .arrivals = 2, .starting = 1}), std::nullopt) << t;
  }
  // The oldest of the four windows is gone: of 8, 6 came since; 2 are stale, 1 is in progress.
  EXPECT_EQ(rig.One(0.125, {.queued = 8, .starting = 1}), 2);
}

TEST(OpenWhiskSchedulerTest, DurationsSayHowManyContainersTheOthersNeed) {
  Rig rig;
  rig.One(0, {.ready = 1});
  // 200 ms: half a message in a threshold. 3 wait, none stale, 1 container: 6 - 1 = 5 are needed,
  // 3 - 1 = 2 are of use.
  EXPECT_EQ(rig.One(0.1, {.queued = 3,
                          .arrivals = 4,
                          .in_flight = 1,
                          .ready = 1,
                          .completions = 1,
                          .execution_ms = 200}),
            3);
}

TEST(OpenWhiskSchedulerTest, TheDurationIsAveragedOverTheBuffer) {
  Rig rig({.duration_buffer_size = 10}, 1);
  rig.One(0, {.ready = 1});
  rig.One(0.1, {.ready = 1, .completions = 5, .execution_ms = 100});
  rig.One(0.2, {.ready = 1, .completions = 5, .execution_ms = 20});
  // 100 + 5/10 (20 - 100) = 60 ms, so 5/3 in a threshold: 10 stale need ceil(6) = 6. With 20 ms
  // they would need 2, with 100 ms 10.
  EXPECT_EQ(rig.One(0.3, {.queued = 10, .in_flight = 1, .ready = 1}), 7);
}

TEST(OpenWhiskSchedulerTest, ContainersGoAfterTheKeepAlive) {
  Rig rig;
  rig.One(0, {});
  EXPECT_EQ(rig.Wake(0, 1), 1);
  EXPECT_EQ(rig.One(1.1, {.queued = 3, .starting = 1}), 3);  // 3 stale, 1 in progress
  EXPECT_EQ(rig.One(2, {.in_flight = 2, .ready = 3}), std::nullopt);
  EXPECT_EQ(rig.One(5, {.in_flight = 1, .ready = 3}), std::nullopt);
  // 610 s after 1.1 s the third was in no use, after 2 s the second, after 5 s the first.
  EXPECT_EQ(rig.One(611.0, {.ready = 3}), std::nullopt);
  EXPECT_EQ(rig.One(611.1, {.ready = 3}), 2);
  EXPECT_EQ(rig.One(611.9, {.ready = 2}), std::nullopt);
  EXPECT_EQ(rig.One(612.0, {.ready = 2}), 1);
  EXPECT_EQ(rig.One(614.9, {.ready = 1}), std::nullopt);
  EXPECT_EQ(rig.One(615.0, {.ready = 1}), 0);
  EXPECT_EQ(rig.One(615.1, {}), std::nullopt);
  EXPECT_EQ(rig.Wake(0, 616), 1);  // a new queue
}

TEST(OpenWhiskSchedulerTest, ConcurrencyIsWhatAContainerTakes) {
  Rig rig;
  rig.snapshot().functions.concurrency_limit[0] = 3;
  rig.One(0, {});
  rig.Wake(0, 0);
  EXPECT_EQ(rig.One(0.2, {.queued = 7, .starting = 1}), 3);  // 1 + ceil(7 / 3) - 1
  rig.snapshot().functions.concurrency_limit[0] = 0;
  EXPECT_EQ(rig.One(0.3, {.queued = 1000, .starting = 3}), std::nullopt);
}

TEST(OpenWhiskSchedulerTest, TheLimitHolds) {
  Rig rig({.namespace_limit = 4});
  rig.One(0, {});
  rig.Wake(0, 0);
  EXPECT_EQ(rig.One(0.2, {.queued = 9, .starting = 1}), 4);
  EXPECT_EQ(rig.One(0.3, {.queued = 9, .in_flight = 4, .ready = 4}), std::nullopt);
}

TEST(OpenWhiskSchedulerTest, ThrottlingEndsOneDecisionBeforeContainersAreAdded) {
  Rig rig({.allow_over_provision_before_throttle = false,
           .namespaces = OpenWhiskNamespace::kCluster,
           .namespace_limit = 4},
          2);
  rig.At(0, {{}, {.in_flight = 3, .ready = 3}});
  EXPECT_EQ(rig.Wake(0, 0.1), 1);
  const Shown waiting{.queued = 9, .starting = 1};
  EXPECT_EQ(rig.At(0.3, {waiting, {.in_flight = 3, .ready = 3}})[0], std::nullopt);
  EXPECT_EQ(rig.At(0.4, {waiting, {.in_flight = 1, .ready = 1}})[0], std::nullopt);
  EXPECT_EQ(rig.At(0.5, {waiting, {.in_flight = 1, .ready = 1}})[0], 3);
}

TEST(OpenWhiskSchedulerTest, FunctionsOfOneNamespaceShareItsLimit) {
  Rig rig({.allow_over_provision_before_throttle = false,
           .namespaces = OpenWhiskNamespace::kCluster,
           .namespace_limit = 5},
          2);
  rig.At(0, {});
  EXPECT_EQ(rig.Wake(0, 0.1), 1);
  EXPECT_EQ(rig.Wake(1, 0.1), 1);
  // Room for 3: the first takes 2, which leaves 1 for the second.
  EXPECT_EQ(rig.At(0.3, {{.queued = 3, .starting = 1}, {.queued = 9, .starting = 1}}),
            (std::vector<std::optional<int32_t>>{3, 2}));
}

TEST(OpenWhiskSchedulerTest, OverProvisionGivesAFunctionItsFirstContainer) {
  for (const bool allow : {false, true}) {
    Rig rig({.allow_over_provision_before_throttle = allow,
             .namespaces = OpenWhiskNamespace::kCluster,
             .namespace_limit = 2},
            4);
    rig.At(0, {{.ready = 1}, {.ready = 1}});
    // 1.5 x 2 = 3 containers.
    EXPECT_EQ(rig.Wake(2, 0.1), allow ? std::optional<int32_t>(1) : std::nullopt);
    EXPECT_EQ(rig.Wake(3, 0.1), std::nullopt);
  }
}

TEST(OpenWhiskSchedulerTest, RefusesWhatCannotBe) {
  Rig rig({}, 2);
  rig.At(5, {});
  std::vector<Decision> one(1), two(2);
  EXPECT_FALSE(rig.policy().Decide(rig.snapshot(), one).ok());
  rig.snapshot().time = SimTime::Seconds(4);
  EXPECT_FALSE(rig.policy().Decide(rig.snapshot(), two).ok());
  rig.snapshot().time = SimTime::Seconds(6);
  EXPECT_TRUE(rig.policy().Decide(rig.snapshot(), two).ok());
  rig.snapshot().functions.Resize(1);
  EXPECT_FALSE(rig.policy().Decide(rig.snapshot(), one).ok());
  Decision decision;
  rig.policy().Wake(FunctionId(7), SimTime::Seconds(6), decision);
  EXPECT_EQ(decision, Decision{});
}

TEST(OpenWhiskPolicyTest, KeepsIdleContainersForGraceAndPause) {
  Snapshot snapshot;
  snapshot.functions.Resize(1);
  std::vector<Decision> decisions(1);
  ASSERT_TRUE(OpenWhiskPolicy({}).Decide(snapshot, decisions).ok());
  EXPECT_EQ(decisions[0].keep_alive, SimTime::Seconds(610));
  EXPECT_EQ(decisions[0].replicas, 0);
  OpenWhiskPolicy forever({.pause_grace = SimTime::Max(), .idle_container = SimTime::Max()});
  ASSERT_TRUE(forever.Decide(snapshot, decisions).ok());
  EXPECT_EQ(decisions[0].keep_alive, SimTime::Max());
}

}  // namespace
}  // namespace reeve
