#include "agents/adapt/shift_detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "core/random.h"
#include "core/status.h"
#include "tests/agents/allocation_counter.h"

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr size_t kDimensions = 3;
constexpr int kPeriod = 5;  // seconds

DetectorSpec SpecOf(DetectorKind kind) {
  DetectorSpec spec;
  spec.kind = kind;
  spec.confirm = SimTime::Seconds(30);
  spec.min_dwell = SimTime::Seconds(60);
  spec.learn = SimTime::Seconds(60);
  spec.memory = SimTime::Minutes(30);
  if (kind == DetectorKind::kOracle) {
    spec.oracle = {{SimTime(), "a"}, {SimTime::Seconds(1000), "b"}, {SimTime::Seconds(2000), "a"}};
  }
  return spec;
}

// Contexts around a level, standard deviation 0.5 in each dimension, one every 5 s.
class Plant {
 public:
  explicit Plant(const DetectorSpec& spec, uint64_t seed = 1)
      : detector(spec, kDimensions), random_(RandomStream(seed, StreamPurpose::kBootstrap, 0)) {}

  Detection Step(double level) {
    std::vector<double> x(kDimensions);
    for (double& v : x) v = level + 0.5 * random_.Normal();
    now += SimTime::Seconds(kPeriod);
    const Detection d = detector.Observe(now, x);
    if (d.changed) changes.push_back({now, d.environment, d.is_new});
    return d;
  }
  void Run(double level, int seconds) {
    for (int t = 0; t < seconds; t += kPeriod) Step(level);
  }
  std::vector<int64_t> Environments() const {
    std::vector<int64_t> ids;
    for (const Change& change : changes) ids.push_back(change.environment);
    return ids;
  }

  struct Change {
    SimTime at;
    int64_t environment;
    bool is_new;
  };
  ShiftDetector detector;
  SimTime now;
  std::vector<Change> changes;

 private:
  RandomCursor random_;
};

class EveryKind : public testing::TestWithParam<DetectorKind> {};

TEST_P(EveryKind, FindsShiftsAndKnowsWhatReturns) {
  Plant plant(SpecOf(GetParam()));
  for (double level : {0.0, 12.0, 0.0, -10.0, 12.0, 0.0}) plant.Run(level, 900);
  EXPECT_THAT(plant.Environments(), ElementsAre(0, 1, 0, 2, 1, 0));
  for (size_t i = 1; i < plant.changes.size(); ++i) {
    const SimTime late = plant.changes[i].at - SimTime::Seconds(900 * static_cast<int64_t>(i));
    EXPECT_GE(late, SimTime::Seconds(30)) << i;  // confirm
    EXPECT_LE(late, SimTime::Seconds(60)) << i;
    EXPECT_EQ(plant.changes[i].is_new, i == 1 || i == 3);
  }
  ASSERT_EQ(plant.detector.environments().size(), 3u);
  for (size_t e = 0; e < 3; ++e) {
    const double level = std::array{0.0, 12.0, -10.0}[e];
    const EnvironmentStats& stats = plant.detector.environments().stats(e);
    EXPECT_NEAR(stats.contexts.mean[0], level, 0.2) << e;
    EXPECT_NEAR(std::sqrt(stats.contexts.covariance[0]), 0.5, 0.1) << e;
    EXPECT_EQ(stats.visits, (std::array<int64_t, 3>{3, 2, 1}[e]));
  }
}

TEST_P(EveryKind, OpensNothingForANoisyMoment) {
  Plant plant(SpecOf(GetParam()));
  plant.Run(0, 600);
  for (int i = 0; i < 20; ++i) {
    plant.Run(15, 25);  // shorter than `confirm`
    plant.Run(0, 200);
  }
  EXPECT_THAT(plant.Environments(), ElementsAre(0));
  EXPECT_NEAR(plant.detector.environments().stats(0).contexts.mean[0], 0, 0.2);
}

TEST_P(EveryKind, StaysWhereNothingChangesForADay) {
  Plant plant(SpecOf(GetParam()));
  plant.Run(3, 86'400);
  EXPECT_THAT(plant.Environments(), ElementsAre(0));
}

TEST_P(EveryKind, DoesNotChangeTwiceWithinTheDwell) {
  DetectorSpec spec = SpecOf(GetParam());
  spec.min_dwell = SimTime::Seconds(400);
  Plant plant(spec);
  plant.Run(0, 900);
  plant.Run(12, 200);
  plant.Run(0, 900);
  ASSERT_THAT(plant.Environments(), ElementsAre(0, 1, 0));
  EXPECT_EQ(plant.changes[2].at - plant.changes[1].at, SimTime::Seconds(400));
}

TEST_P(EveryKind, FollowsSlowDriftWithoutAChange) {
  Plant plant(SpecOf(GetParam()));
  plant.Run(0, 600);
  // 4 standard deviations of the floor an hour: far in the end, never far from the half hour
  // before.
  for (int t = 0; t < 6 * 3600; t += kPeriod) plant.Step(2.0 * t / 3600);
  EXPECT_THAT(plant.Environments(), ElementsAre(0));
}

TEST_P(EveryKind, RestoredGoesOnWithTheSameBits) {
  const DetectorSpec spec = SpecOf(GetParam());
  for (int cut : {1, 50, 130, 183, 190, 400}) {
    Plant whole(spec);
    ShiftDetector other(spec, kDimensions);
    RandomCursor random(RandomStream(1, StreamPurpose::kBootstrap, 0));
    SimTime now;
    for (int i = 0; i < 500; ++i) {
      const double level = i < 180 ? 0 : i < 360 ? 12 : 0;
      const Detection expected = whole.Step(level);
      std::vector<double> x(kDimensions);
      for (double& v : x) v = level + 0.5 * random.Normal();
      now += SimTime::Seconds(kPeriod);
      const Detection d = other.Observe(now, x);
      ASSERT_EQ(d.environment, expected.environment) << i;
      ASSERT_EQ(d.confidence, expected.confidence) << i;
      ASSERT_EQ(d.raw, expected.raw) << i;
      if (i == cut) {
        StateVectors state, again;
        other.Save(state);
        ShiftDetector fresh(spec, kDimensions);
        const absl::Status restored = fresh.Restore(state);
        ASSERT_TRUE(restored.ok()) << restored;
        fresh.Save(again);
        ASSERT_EQ(state, again);
        other = std::move(fresh);
      }
    }
    StateVectors a, b;
    whole.detector.Save(a);
    other.Save(b);
    EXPECT_EQ(a, b) << cut;
  }
}

TEST_P(EveryKind, ObservesWithoutAllocating) {
  Plant plant(SpecOf(GetParam()));
  const std::vector<double> low(kDimensions, 0.0), high(kDimensions, 20.0);
  plant.detector.Observe(SimTime::Seconds(1), low);
  const size_t before = AllocationCount();
  for (int i = 0; i < 400; ++i) {
    plant.detector.Observe(SimTime::Seconds(5 * i + 5), i / 100 % 2 ? high : low);
  }
  EXPECT_EQ(AllocationCount(), before);
  EXPECT_EQ(plant.detector.environments().size(), 2u);
}

TEST_P(EveryKind, RefusesTheStateOfAnother) {
  Plant plant(SpecOf(GetParam()));
  plant.Run(0, 600);
  StateVectors state;
  plant.detector.Save(state);
  ShiftDetector wider(SpecOf(GetParam()), kDimensions + 1);
  EXPECT_TRUE(absl::IsInvalidArgument(wider.Restore(state)));
  EXPECT_EQ(wider.environment(), kNoEnvironment);
  state.integers["shift.now"][0] = 77;
  EXPECT_THAT(MessageOf(plant.detector.Restore(state)), HasSubstr("77 is in force and not known"));
  EXPECT_EQ(plant.detector.environment(), 0);
  EXPECT_FALSE(plant.detector.Restore(StateVectors()).ok());
}

INSTANTIATE_TEST_SUITE_P(ShiftDetector, EveryKind,
                         testing::Values(DetectorKind::kMahalanobis, DetectorKind::kMixture,
                                         DetectorKind::kCusum, DetectorKind::kBocpd),
                         [](const auto& kind) {
                           return std::string(DetectorKindName(kind.param));
                         });

TEST(ShiftDetector, WhatReturnsRightAfterItsLearningIsTheOldOne) {
  // A disturbance long enough to be confirmed, over before its environment has learned.
  DetectorSpec spec = SpecOf(DetectorKind::kCusum);
  spec.learn = SimTime::Seconds(300);
  Plant plant(spec);
  plant.Run(0, 900);
  plant.Run(15, 60);
  plant.Run(0, 900);
  ASSERT_THAT(plant.Environments(), ElementsAre(0, 1, 0));
  EXPECT_NEAR((plant.changes[2].at - plant.changes[1].at).seconds(), 300, kPeriod);
  // It keeps what opened it, not what followed.
  EXPECT_NEAR(plant.detector.environments().stats(1).contexts.mean[0], 15, 1);
}

TEST(ShiftDetector, ConfidenceIsInTheEnvironmentInForce) {
  Plant plant(SpecOf(DetectorKind::kCusum));
  plant.Run(0, 600);
  EXPECT_GT(plant.Step(0).confidence, 0.9);
  Detection d;
  for (int i = 0; i < 4; ++i) d = plant.Step(12);
  EXPECT_EQ(d.environment, 0);  // not confirmed yet
  EXPECT_EQ(d.raw, Judgement::kNew);
  EXPECT_LT(d.confidence, 0.5);
}

TEST(ShiftDetector, TrueLabelsCountAtOnce) {
  DetectorSpec spec = SpecOf(DetectorKind::kOracle);
  Plant plant(spec);
  plant.Run(0, 3000);
  ASSERT_THAT(plant.Environments(), ElementsAre(0, 1, 0));
  EXPECT_EQ(plant.changes[0].at, SimTime::Seconds(5));
  EXPECT_EQ(plant.changes[1].at, SimTime::Seconds(1005));  // the first window of the visit
  EXPECT_EQ(plant.changes[2].at, SimTime::Seconds(2005));
  EXPECT_FALSE(plant.changes[2].is_new);
  EXPECT_EQ(plant.Step(100).confidence, 1);
  // Saved in the middle, labels are still known.
  StateVectors state;
  plant.detector.Save(state);
  ShiftDetector other(spec, kDimensions);
  ASSERT_TRUE(other.Restore(state).ok());
  const Detection d = other.Observe(SimTime::Seconds(4000), std::vector<double>(kDimensions, 0.0));
  EXPECT_FALSE(d.changed);
  EXPECT_EQ(d.environment, 0);
}

TEST(ShiftDetector, FullItTakesTheClosest) {
  DetectorSpec spec = SpecOf(DetectorKind::kCusum);
  spec.max_environments = 2;
  Plant plant(spec);
  for (double level : {0.0, 12.0, 0.0, 30.0, 0.0}) plant.Run(level, 900);
  EXPECT_THAT(plant.Environments(), ElementsAre(0, 1, 0, 1, 0));
}

TEST(ShiftDetector, MergesAndForgets) {
  Plant plant(SpecOf(DetectorKind::kCusum));
  for (double level : {0.0, 12.0, -10.0}) plant.Run(level, 900);
  ShiftDetector& d = plant.detector;
  EXPECT_EQ(d.environment(), 2);
  EXPECT_TRUE(absl::IsFailedPrecondition(d.Forget(2)));
  EXPECT_TRUE(absl::IsNotFound(d.Forget(9)));
  EXPECT_TRUE(absl::IsNotFound(d.Merge(0, 9)));
  EXPECT_TRUE(absl::IsInvalidArgument(d.Merge(0, 0)));
  ASSERT_TRUE(d.Forget(0).ok());
  EXPECT_EQ(d.environment(), 2);
  EXPECT_EQ(d.environments().size(), 1u + 1);
  ASSERT_TRUE(d.Merge(1, 2).ok());
  EXPECT_EQ(d.environment(), 1);
  EXPECT_NEAR(d.environments().stats(0).contexts.mean[0], 1, 1);  // of both, at 12 and -10
  plant.Run(200, 900);
  EXPECT_EQ(plant.changes.back().environment, 3);
  EXPECT_TRUE(plant.changes.back().is_new);
}

}  // namespace
}  // namespace reeve
