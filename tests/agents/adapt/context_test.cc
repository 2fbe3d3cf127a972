#include "agents/adapt/context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/agents/allocation_counter.h"
#include "tests/envs/window_testing.h"

namespace reeve {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

ContextSpec SpecOf(std::vector<std::string> names, SimTime time = SimTime()) {
  ContextSpec spec;
  spec.features.clear();
  for (const std::string& name : names) spec.features.push_back({.name = name, .scale = 1});
  spec.time = time;
  return spec;
}

// The one number of a context of one feature, after one window.
double ValueOf(const std::string& name, const Snapshot& snapshot) {
  ContextTracker tracker(SpecOf({name}), snapshot.functions.size());
  tracker.Update(snapshot);
  EXPECT_EQ(tracker.size(), 1u);
  return tracker.context()[0];
}

Snapshot TwoFunctions() {
  Snapshot s = QuietSnapshot(2);  // a window of 10 s, 16 cores, 8 GiB
  FunctionWindows& w = s.functions;
  w.arrivals = {30, 10};
  w.completions = {20, 5};
  w.execution_p50_ms = {100, 600};
  w.cold_starts = {3, 5};
  w.mean_in_flight = {1.5, 0.5};
  w.mean_queued = {6, 1};
  s.cluster.cpu_used_millicores = 4000;
  s.cluster.memory_held = Mebibytes(2048);
  return s;
}

TEST(Context, OneWindowByHand) {
  const Snapshot s = TwoFunctions();
  EXPECT_DOUBLE_EQ(ValueOf("arrival_rate", s), std::log(1 + 4.0));
  // (20 x 100 + 5 x 600) / 25 = 200 ms
  EXPECT_DOUBLE_EQ(ValueOf("execution_time", s), std::log(201.0));
  EXPECT_DOUBLE_EQ(ValueOf("concurrency", s), std::log(3.0));
  EXPECT_DOUBLE_EQ(ValueOf("queued", s), std::log(8.0));
  EXPECT_DOUBLE_EQ(ValueOf("cpu_load", s), 0.25);
  EXPECT_DOUBLE_EQ(ValueOf("memory_load", s), 0.25);
  EXPECT_DOUBLE_EQ(ValueOf("cold_start_share", s), 0.2);
  EXPECT_NEAR(ValueOf("entropy", s), -0.75 * std::log(0.75) - 0.25 * std::log(0.25), 1e-6);
  ContextTracker shares(SpecOf({"shares"}), 2);
  shares.Update(s);
  EXPECT_THAT(shares.context(),
              ElementsAre(DoubleNear(std::sqrt(0.75), 1e-15), DoubleNear(0.5, 1e-15)));
}

TEST(Context, FunctionsBeyondTheGroupsTakeTurns) {
  ContextSpec spec = SpecOf({"shares"});
  spec.groups = 3;
  ContextTracker tracker(spec, 7);
  EXPECT_THAT(tracker.names(), ElementsAre("shares[0]", "shares[1]", "shares[2]"));
  Snapshot s = QuietSnapshot(7);
  s.functions.arrivals = {1, 0, 3, 4, 0, 6, 2};  // groups 0 and 3 and 6, 1 and 4, 2 and 5
  tracker.Update(s);
  EXPECT_THAT(tracker.context(),
              ElementsAre(DoubleNear(std::sqrt(7 / 16.0), 1e-15), 0, DoubleNear(0.75, 1e-15)));
  EXPECT_EQ(ContextTracker(SpecOf({"shares"}), 7).size(), 7u);  // below the groups: each its own
}

TEST(Context, FollowsTheLoadWithItsTimeConstant) {
  ContextTracker tracker(SpecOf({"arrival_rate", "cold_start_share"}, SimTime::Seconds(20)), 1);
  Snapshot s = QuietSnapshot(1);
  s.functions.arrivals = {40};
  tracker.Update(s);
  EXPECT_DOUBLE_EQ(tracker.context()[0], std::log(5.0));  // exact from the first window on
  s.functions.arrivals = {100};
  s.functions.cold_starts = {14};
  s.window = SimTime::Seconds(5);
  tracker.Update(s);
  const double kept = std::exp(-5.0 / 20);
  EXPECT_NEAR(tracker.context()[0], std::log(1 + (40 * kept + 100) / (10 * kept + 5)), 1e-14);
  EXPECT_NEAR(tracker.context()[1], 14 / (40 * kept + 100), 1e-15);
}

TEST(Context, AFeatureMayHaveAScaleAndATimeOfItsOwn) {
  ContextSpec spec;
  spec.features = {{.name = "arrival_rate", .scale = 0.5, .time = SimTime()}, {.name = "cpu_load"}};
  ContextTracker tracker(spec, 2);
  const Snapshot s = TwoFunctions();
  tracker.Update(s);
  tracker.Update(s);
  EXPECT_DOUBLE_EQ(tracker.context()[0], std::log(5.0) / 0.5);
  EXPECT_DOUBLE_EQ(tracker.context()[1], 0.25 / 0.05);  // the scale of the list
}

TEST(Context, WhatCannotBeDividedStays) {
  ContextTracker tracker(SpecOf({"arrival_rate", "execution_time", "shares", "entropy"}), 2);
  Snapshot quiet = QuietSnapshot(2);
  tracker.Update(quiet);
  EXPECT_THAT(tracker.context(), testing::Each(0.0));
  tracker.Update(TwoFunctions());
  const std::vector<double> busy(tracker.context().begin(), tracker.context().end());
  tracker.Update(quiet);
  EXPECT_EQ(tracker.context()[0], 0);
  for (size_t i = 1; i < busy.size(); ++i) EXPECT_EQ(tracker.context()[i], busy[i]) << i;
  Snapshot none = TwoFunctions();
  none.window = SimTime();
  none.functions.arrivals = {1000, 1000};
  tracker.Update(none);
  EXPECT_EQ(tracker.context()[0], 0);  // a window of no length changes nothing
}

TEST(Context, IsFiniteWhateverTheSnapshotSays) {
  std::vector<std::string> all;
  for (const ContextFeatureDoc& doc : DescribeContextFeatures()) all.push_back(doc.name);
  ContextTracker tracker(SpecOf(all, SimTime::Seconds(1)), 3);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity(), -1e300, 1e300}) {
    Snapshot s = QuietSnapshot(3);
    FunctionWindows& w = s.functions;
    w.arrivals = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
    w.completions = {UINT32_MAX, 0, 1};
    for (size_t f = 0; f < 3; ++f) {
      w.execution_p50_ms[f] = static_cast<float>(bad);
      w.mean_in_flight[f] = w.mean_queued[f] = bad;
    }
    s.cluster.cpu_used_millicores = bad;
    s.cluster.cpu_capacity = Millicores(-5);
    s.cluster.memory_capacity = Mebibytes(0);
    s.window = SimTime::Micros(1);
    for (int i = 0; i < 3; ++i) {
      tracker.Update(s);
      for (double value : tracker.context()) EXPECT_TRUE(std::isfinite(value)) << bad;
    }
  }
  // Sums that fade away end at nothing, and what was last known stays.
  const double last = tracker.context()[1];
  Snapshot quiet = QuietSnapshot(3);
  for (int i = 0; i < 300; ++i) tracker.Update(quiet);
  EXPECT_EQ(tracker.context()[0], 0);
  EXPECT_EQ(tracker.context()[1], last);
}

TEST(Context, GoesOnWithTheSameBitsAfterARestore) {
  std::vector<std::string> all;
  for (const ContextFeatureDoc& doc : DescribeContextFeatures()) all.push_back(doc.name);
  const ContextSpec spec = SpecOf(all, SimTime::Seconds(30));
  ContextTracker whole(spec, 2), begun(spec, 2), resumed(spec, 2);
  Snapshot s = TwoFunctions();
  for (int i = 0; i < 20; ++i) {
    s.functions.arrivals = {static_cast<uint32_t>(i * 7 % 11), static_cast<uint32_t>(i)};
    whole.Update(s);
    (i < 12 ? begun : resumed).Update(s);
    if (i == 11) {
      StateVectors state, again;
      begun.Save(state);
      ASSERT_TRUE(resumed.Restore(state).ok());
      resumed.Save(again);
      EXPECT_EQ(state, again);
    }
  }
  EXPECT_TRUE(
      std::equal(whole.context().begin(), whole.context().end(), resumed.context().begin()));
  StateVectors state;
  whole.Save(state);
  state.reals["context.values"].pop_back();
  EXPECT_THAT(resumed.Restore(state).message(), HasSubstr("'context.values' has"));
  state.reals.erase("context.values");
  EXPECT_THAT(resumed.Restore(state).message(), HasSubstr("'context.values' is missing"));
}

TEST(Context, ResetForgetsAndNothingAllocates) {
  ContextSpec spec = SpecOf({"arrival_rate", "shares", "entropy"}, SimTime::Seconds(30));
  ContextTracker tracker(spec, 1000);
  Snapshot s = QuietSnapshot(1000);
  for (uint32_t f = 0; f < 1000; ++f) s.functions.arrivals[f] = f % 13;
  const size_t before = AllocationCount();
  for (int i = 0; i < 5; ++i) tracker.Update(s);
  tracker.Reset();
  EXPECT_EQ(AllocationCount(), before);
  EXPECT_THAT(tracker.context(), testing::Each(0.0));
}

TEST(Context, SpecificationsAreChecked) {
  ContextSpec spec;
  EXPECT_TRUE(spec.Validate().ok());
  spec.features.push_back({.name = "arival_rate"});
  EXPECT_THAT(spec.Validate().message(), HasSubstr("did you mean 'arrival_rate'?"));
  spec.features.back().name = "shares";
  EXPECT_THAT(spec.Validate().message(), HasSubstr("'shares' stands here twice"));
  spec.features.clear();
  EXPECT_THAT(spec.Validate().message(), HasSubstr("at least one feature"));
}

}  // namespace
}  // namespace reeve
