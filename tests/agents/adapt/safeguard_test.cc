#include "agents/adapt/safeguard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "agents/adapt/metrics_check.h"
#include "agents/adapt/overdue_meter.h"
#include "agents/adapt/recovery_watch.h"
#include "agents/adapt/safety_meter.h"
#include "agents/adapt/violation_budget.h"
#include "core/status.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

SimTime S(double seconds) {
  return SimTime::FromSeconds(seconds);
}

SafetySignals Queue(double longest) {
  SafetySignals signals;
  signals.longest_queue = longest;
  return signals;
}

TEST(Safeguard, EngagesAboveAndReleasesAtTheOtherThreshold) {
  SafeguardSpec spec;
  spec.minimum_time = SimTime();
  Safeguard guard(spec);
  EXPECT_FALSE(guard.Update(Queue(50), S(2)).engaged);
  EXPECT_EQ(guard.state().since, S(2));
  const SafeguardState& state = guard.Update(Queue(51), S(4));
  EXPECT_TRUE(state.engaged);
  EXPECT_TRUE(state.unsafe);
  EXPECT_EQ(state.since, S(4));
  EXPECT_EQ(state.engaged_by.ToString(), "queue");
  EXPECT_TRUE(guard.Update(Queue(4), S(6)).engaged);
  EXPECT_FALSE(state.unsafe);  // engaged still, but no longer above 50
  EXPECT_EQ(state.since, S(4));
  EXPECT_FALSE(guard.Update(Queue(3), S(8)).engaged);
  EXPECT_EQ(state.since, S(8));
  EXPECT_TRUE(state.active.empty());
  EXPECT_EQ(state.engaged_by.ToString(), "queue");
}

TEST(Safeguard, StaysForTheMinimumTimeAndForEveryTrigger) {
  SafeguardSpec spec;
  spec.minimum_time = S(10);
  spec.latency = LatencyTrigger();  // 3, 1
  Safeguard guard(spec);
  SafetySignals signals = Queue(60);
  guard.Update(signals, S(0));
  signals = Queue(0);
  EXPECT_TRUE(guard.Update(signals, S(8)).engaged);
  EXPECT_TRUE(guard.state().active.empty());
  signals.latency_over_slo = 3.5;  // another reason while it is engaged
  guard.Update(signals, S(10));
  EXPECT_EQ(guard.state().active.ToString(), "latency");
  EXPECT_EQ(guard.state().engaged_by.ToString(), "queue");
  signals.latency_over_slo = 1.5;
  EXPECT_TRUE(guard.Update(signals, S(20)).engaged);
  signals.latency_over_slo = 1;
  EXPECT_FALSE(guard.Update(signals, S(22)).engaged);
}

TEST(Safeguard, EveryTriggerCanBeTurnedOnAndOff) {
  SafeguardSpec spec;
  spec.minimum_time = SimTime();
  spec.queue.enabled = false;
  SafetySignals bad;
  bad.longest_queue = 1000;
  bad.slo_violation_share = 1;
  bad.latency_over_slo = 100;
  bad.rejected = 100;
  bad.value = -1000;
  EXPECT_FALSE(Safeguard(spec).Update(bad, S(0)).engaged);
  spec.queue.enabled = true;
  spec.slo_violations = ViolationTrigger();
  spec.latency = LatencyTrigger();
  spec.rejections = RejectionTrigger();
  spec.value = ValueTrigger();
  Safeguard guard(spec);
  EXPECT_EQ(guard.Update(bad, S(0)).active.ToString(),
            "queue, slo_violations, latency, rejections, value");
  // A value that is not given says nothing.
  SafetySignals silent;
  EXPECT_EQ(guard.Update(silent, S(1)).active.ToString(), "value");
  silent.value = -20;
  EXPECT_EQ(guard.Update(silent, S(2)).active.ToString(), "none");
  // What cannot be says nothing about the rest either.
  guard.Update(bad, S(3));
  silent.impossible_metrics = true;
  EXPECT_EQ(guard.Update(silent, S(4)).active.ToString(),
            "impossible_metrics, queue, slo_violations, latency, rejections, value");
}

TEST(SafeguardSpec, ThresholdsLeaveRoom) {
  SafeguardSpec spec;
  EXPECT_TRUE(spec.Validate().ok());
  spec.queue.release = 60;
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("queue.release: 60 is above engage (50)"));
  spec.queue.enabled = false;
  EXPECT_TRUE(spec.Validate().ok());
  spec.value = ValueTrigger{.release = -60};
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("value.release: -60 is below engage (-50)"));
  spec.value.reset();
  spec.budget = ViolationBudgetSpec{.capacity = 20};
  EXPECT_THAT(MessageOf(spec.Validate()), HasSubstr("budget.capacity: 20 is below"));
}

TEST(ViolationBudget, CountsTokens) {
  ViolationBudgetSpec spec;
  spec.violations = 10;
  spec.refill_share = 0.1;
  spec.refill_per_hour = 360;
  ViolationBudget budget(spec);
  EXPECT_EQ(budget.tokens(), 10);
  budget.AddWindow(S(10), 100, 50);  // full: nothing goes in
  EXPECT_EQ(budget.granted(), 10);
  budget.Charge(25);
  EXPECT_EQ(budget.tokens(), -15);
  budget.AddWindow(S(10), 100, 50);  // 5 for requests, 1 for time
  EXPECT_EQ(budget.tokens(), -9);
  EXPECT_EQ(budget.granted(), 16);
  EXPECT_EQ(budget.charged(), 25);
  budget.AddWindow(S(10), 0, 1000);  // 101, of which 19 fit
  EXPECT_EQ(budget.tokens(), 10);
  EXPECT_EQ(budget.granted(), 35);
}

TEST(ViolationBudget, HoldsBackWhatIsAtStake) {
  ViolationBudgetSpec spec;
  spec.violations = 100;
  spec.refill_share = 0.1;
  ViolationBudget budget(spec);
  EXPECT_TRUE(budget.Allows({.waiting = 100}, S(2)));
  EXPECT_FALSE(budget.Allows({.waiting = 101}, S(2)));
  budget.Charge(60);
  EXPECT_FALSE(budget.Allows({.waiting = 50}, S(2)));
  EXPECT_FALSE(budget.Allows({}, S(2)));
  budget.AddWindow(S(2), 0, 100);  // 50
  EXPECT_TRUE(budget.Allows({}, S(2)));
  EXPECT_FALSE(budget.Allows({.overdue = 51}, S(2)));
}

TEST(ViolationBudget, ReservesForAnAttack) {
  ViolationBudgetSpec spec;
  spec.violations = 1000;
  spec.reserve_share = 0.5;
  spec.recovery = S(28);
  ViolationBudget budget(spec);
  budget.AddWindow(S(2), 40, 0);  // 20/s
  // 10 + 0.5 (20 + 4 + 20 * (2 + 28)) = 322
  EXPECT_TRUE(budget.Allows({.waiting = 10, .in_flight = 20, .warm = 4}, S(2)));
  EXPECT_DOUBLE_EQ(budget.at_risk(), 322);
  budget.AddWindow(SimTime::Hours(1), 0, 0);  // half of the rate is remembered
  budget.Allows({}, S(2));
  EXPECT_NEAR(budget.at_risk(), 150, 1e-9);
  spec.peak_rps = 100;
  ViolationBudget sure(spec);
  EXPECT_FALSE(sure.Allows({}, S(2)));  // 0.5 * 100 * 30 = 1500
}

TEST(ViolationBudget, NothingToSpendAllowsNothing) {
  ViolationBudgetSpec spec;
  spec.violations = 0;
  spec.refill_share = 0;
  EXPECT_FALSE(ViolationBudget(spec).Allows({}, S(2)));
}

// One function with an SLO of 1 s, windows of 2 s.
class Windows {
 public:
  Windows() {
    w().Resize(1);
    w().slo_latency[0] = S(1);
    w().cpu_limit[0] = Millicores(1000);
    w().memory_limit[0] = Mebibytes(256);
    snapshot.cluster.memory_capacity = Mebibytes(1000);
  }
  FunctionWindows& w() { return snapshot.functions; }
  Snapshot& At(double t, double window = 2) {
    snapshot.time = S(t);
    snapshot.window = S(window);
    return snapshot;
  }
  Snapshot snapshot;
};

TEST(SafetyMeter, MeasuresFunctionsAndAllTogether) {
  Windows rig;
  rig.w().Resize(2);
  rig.w().slo_latency = {S(1), S(0.5)};
  rig.w().queued = {7, 3};
  rig.w().completions = {90, 10};
  rig.w().latency_p95_ms = {1500, 1500};
  rig.w().rejections = {0, 4};
  rig.w().timeouts = {1, 0};
  rig.w().slo_violations = {9, 14};
  ViolationTrigger spec;
  spec.minimum_requests = 20;
  SafetyMeter meter(spec, true);
  meter.Add(rig.At(2), TotalsOf(rig.w()));
  EXPECT_EQ(meter.cluster().longest_queue, 7);
  EXPECT_DOUBLE_EQ(meter.cluster().latency_over_slo, 3);
  EXPECT_EQ(meter.cluster().rejected, 5);
  EXPECT_DOUBLE_EQ(meter.cluster().slo_violation_share, 23.0 / 105);
  EXPECT_DOUBLE_EQ(meter.function(0).slo_violation_share, 9.0 / 91);
  EXPECT_EQ(meter.function(1).slo_violation_share, 0);  // of 14 requests only
  EXPECT_DOUBLE_EQ(meter.function(0).latency_over_slo, 1.5);
  EXPECT_EQ(meter.function(1).rejected, 4);
  // 30 s later 1/e of it counts.
  rig.w().slo_violations = {0, 0};
  meter.Add(rig.At(32, 30), TotalsOf(rig.w()));
  EXPECT_NEAR(meter.function(0).slo_violation_share, 9 / M_E / (91 / M_E + 91), 1e-12);
}

TEST(OverdueMeter, CountsWhatCannotHaveComeWithinTheSlo) {
  Windows rig;
  OverdueMeter meter;
  rig.w().slo_latency[0] = S(3);  // two windows
  rig.w().arrivals[0] = 10;
  rig.w().in_flight[0] = 10;
  EXPECT_EQ(meter.Add(rig.At(2)), 0);
  rig.w().in_flight[0] = 15;
  rig.w().queued[0] = 5;
  EXPECT_EQ(meter.Add(rig.At(4)), 0);  // 20 came in the last 4 s
  EXPECT_EQ(meter.Add(rig.At(6)), 0);
  rig.w().queued[0] = 12;
  EXPECT_EQ(meter.Add(rig.At(8)), 7);
  rig.w().slo_latency[0] = SimTime::Max();
  EXPECT_EQ(meter.Add(rig.At(10)), 0);
}

TEST(RecoveryWatch, WaitsForRequestsContainersAndTime) {
  ViolationBudgetSpec spec;
  spec.settle = S(4);
  RecoveryWatch watch(spec, 3);
  Windows rig;
  const std::vector<int32_t> asked = {2};
  const SimTime keep_alive;
  EXPECT_TRUE(watch.Add(rig.At(2), asked, keep_alive));  // nothing was broken
  rig.w().queued[0] = 4;
  rig.w().in_flight[0] = 1;
  watch.LearnerActs(rig.snapshot);
  rig.w().queued[0] = 0;
  rig.w().containers_ready[0] = 2;
  rig.w().completions[0] = 4;
  EXPECT_FALSE(watch.Add(rig.At(4), asked, keep_alive));  // one of five has not left
  EXPECT_FALSE(watch.repaired());
  rig.w().completions[0] = 1;
  rig.w().containers_ready[0] = 1;
  EXPECT_FALSE(watch.Add(rig.At(6), asked, keep_alive));  // a container is missing
  rig.w().containers_ready[0] = 2;
  rig.w().queued[0] = 4;
  EXPECT_FALSE(watch.Add(rig.At(8), asked, keep_alive));  // too many wait
  rig.w().queued[0] = 3;
  EXPECT_FALSE(watch.Add(rig.At(10), asked, keep_alive));
  EXPECT_TRUE(watch.repaired());
  rig.w().queued[0] = 30;  // what comes later is the fallback's
  EXPECT_FALSE(watch.Add(rig.At(12), asked, keep_alive));
  EXPECT_FALSE(watch.Add(rig.At(14), asked, keep_alive));  // the last window of the recovery
  EXPECT_TRUE(watch.recovered());
  EXPECT_TRUE(watch.Add(rig.At(16), asked, keep_alive));
}

TEST(RecoveryWatch, ASystemThatViolatesHasNotSettled) {
  ViolationBudgetSpec spec;
  spec.settle = S(4);
  spec.healthy_share = 0.1;
  RecoveryWatch watch(spec, 3);
  Windows rig;
  const std::vector<int32_t> asked = {0};
  const SimTime keep_alive;
  watch.LearnerActs(rig.At(2));
  watch.Add(rig.At(4), asked, keep_alive);
  EXPECT_TRUE(watch.repaired());
  rig.w().completions[0] = 100;
  rig.w().slo_violations[0] = 11;
  for (int t = 6; t <= 20; t += 2) {
    watch.Add(rig.At(t), asked, keep_alive);
    EXPECT_FALSE(watch.recovered());
  }
  rig.w().slo_violations[0] = 10;
  watch.Add(rig.At(22), asked, keep_alive);
  watch.Add(rig.At(24), asked, keep_alive);
  EXPECT_TRUE(watch.recovered());
}

TEST(RecoveryWatch, WaitsUntilWarmContainersWouldHaveExpired) {
  ViolationBudgetSpec spec;
  spec.settle = SimTime();
  RecoveryWatch watch(spec, 3);
  Windows rig;
  const std::vector<int32_t> asked = {0};
  SimTime keep_alive = S(100);
  watch.LearnerActs(rig.At(2));
  watch.Add(rig.At(4), asked, keep_alive);
  watch.Add(rig.At(100), asked, keep_alive);
  EXPECT_FALSE(watch.recovered());
  watch.Add(rig.At(102), asked, keep_alive);
  EXPECT_TRUE(watch.recovered());
  keep_alive = SimTime::Max();  // what is lost is lost for good
  watch.LearnerActs(rig.At(104));
  watch.Add(rig.At(1e9), asked, keep_alive);
  EXPECT_FALSE(watch.recovered());
}

TEST(MetricsCheck, FindsWhatCannotBe) {
  const MetricsTrigger spec;
  const auto check = [&](auto change, bool first = false) {
    Windows rig;
    rig.At(10);
    change(rig.snapshot);
    return MetricsFaultName(CheckMetrics(rig.snapshot, 1, S(8), first, spec));
  };
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(check([](Snapshot&) {}), "none");
  EXPECT_EQ(check([](Snapshot& s) { s.time = S(8); }), "time stands still");
  EXPECT_EQ(check([](Snapshot& s) { s.window = SimTime(); }), "impossible length of the window");
  EXPECT_EQ(check([](Snapshot& s) { s.window = SimTime(); }, true), "none");
  EXPECT_EQ(check([](Snapshot& s) { s.window = S(11); }), "impossible length of the window");
  EXPECT_EQ(check([](Snapshot& s) { s.functions.queued.clear(); }), "wrong number of functions");
  EXPECT_EQ(check([](Snapshot& s) { s.functions.Resize(2); }), "wrong number of functions");
  EXPECT_EQ(check([&](Snapshot& s) { s.functions.mean_queued[0] = kNan; }), "not a number");
  EXPECT_EQ(check([](Snapshot& s) { s.functions.latency_p99_ms[0] = INFINITY; }), "not a number");
  EXPECT_EQ(check([&](Snapshot& s) { s.cluster.cpu_used_millicores = kNan; }), "not a number");
  EXPECT_EQ(check([](Snapshot& s) { s.functions.mean_in_flight[0] = -1; }), "negative");
  EXPECT_EQ(check([](Snapshot& s) { s.functions.cpu_limit[0] = Millicores(-1); }), "negative");
  EXPECT_EQ(check([](Snapshot& s) { s.functions.execution_p50_ms[0] = 1; }),
            "percentiles out of order");
  EXPECT_EQ(check([](Snapshot& s) { s.functions.containers_ready[0] = 100'001; }),
            "more containers than can be");
  EXPECT_EQ(check([](Snapshot& s) { s.cluster.memory_held = Mebibytes(1010); }), "none");
  EXPECT_EQ(check([](Snapshot& s) { s.cluster.memory_held = Mebibytes(1011); }),
            "more memory held than there is");
}

}  // namespace
}  // namespace reeve
