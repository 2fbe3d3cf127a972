#include "agents/adapt/detector_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/adapt/shift_detector.h"
#include "core/random.h"
#include "core/status.h"

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A detector in the last of three environments, in the middle of a stretch that looks like the
// first.
ShiftDetector Detector(DetectorKind kind) {
  DetectorSpec spec;
  spec.kind = kind;
  spec.confirm = SimTime::Seconds(30);
  spec.min_dwell = spec.learn = SimTime::Seconds(60);
  spec.memory = SimTime::Minutes(30);
  if (kind == DetectorKind::kOracle) {
    spec.oracle = {{SimTime(), "a"}, {SimTime::Seconds(500), "b"}, {SimTime::Seconds(1000), "c"}};
  }
  ShiftDetector detector(spec, 2);
  RandomCursor random(RandomStream(3, StreamPurpose::kBootstrap, 0));
  for (int t = 5; t <= 1510; t += 5) {
    const double level = t <= 500 || t > 1500 ? 0 : t <= 1000 ? 12 : -10;
    const double x[] = {level + 0.5 * random.Normal(), level + 0.5 * random.Normal()};
    detector.Observe(SimTime::Seconds(t), x);
  }
  return detector;
}

class DetectorState : public testing::TestWithParam<DetectorKind> {
 protected:
  DetectorState() { detector_.Save(state_); }

  ShiftDetector detector_ = Detector(GetParam());
  StateVectors state_;
};

TEST_P(DetectorState, SaysWhatTheDetectorKnows) {
  const auto overview = ReadDetectorState(state_);
  ASSERT_TRUE(overview.ok()) << overview.status();
  EXPECT_EQ(overview->in_force, 2);
  ASSERT_EQ(overview->environments.size(), 3u);
  EXPECT_NEAR(overview->Find(1)->contexts.mean[0], 12, 0.3);
  EXPECT_EQ(overview->Find(1)->visits, 1);
  EXPECT_EQ(overview->Find(7), nullptr);
}

TEST_P(DetectorState, ForgetsAsTheDetectorDoes) {
  for (const int64_t id : {1, 0}) {
    ASSERT_TRUE(ForgetInDetectorState(id, state_).ok()) << id;
    ASSERT_TRUE(detector_.Forget(id).ok());
    StateVectors own;
    detector_.Save(own);
    EXPECT_EQ(state_, own) << id;
  }
  ShiftDetector restored = Detector(GetParam());
  ASSERT_TRUE(restored.Restore(state_).ok());
  EXPECT_EQ(restored.environments().size(), 1u);
}

TEST_P(DetectorState, LeavesOtherVectorsAlone) {
  state_.reals["tracker.sums"] = {1, 2};
  ASSERT_TRUE(ForgetInDetectorState(1, state_).ok());
  EXPECT_THAT(state_.reals["tracker.sums"], ElementsAre(1, 2));
}

TEST_P(DetectorState, RefusesWhatIsInForceOrUnknown) {
  const StateVectors before = state_;
  EXPECT_EQ(ForgetInDetectorState(2, state_).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ForgetInDetectorState(9, state_).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(state_, before);
}

// Whatever vector is missing or of another length: an error, not a crash.
TEST_P(DetectorState, DamageIsAnError) {
  for (const auto& [name, values] : state_.integers) {
    if (name.starts_with("rule.")) continue;
    StateVectors damaged = state_;
    damaged.integers[name].push_back(1);
    EXPECT_FALSE(ReadDetectorState(damaged).ok()) << name;
  }
  for (const char* name : {"book.mean", "book.covariance", "book.count", "shift.stretch.mean"}) {
    StateVectors damaged = state_;
    damaged.reals[name].push_back(1);
    EXPECT_EQ(ReadDetectorState(damaged).status().code(), absl::StatusCode::kInvalidArgument)
        << name;
    damaged.reals.erase(name);
    EXPECT_FALSE(ReadDetectorState(damaged).ok()) << name;
  }
  EXPECT_EQ(ReadDetectorState({}).status().code(), absl::StatusCode::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(Kinds, DetectorState,
                         testing::Values(DetectorKind::kMahalanobis, DetectorKind::kMixture,
                                         DetectorKind::kCusum, DetectorKind::kBocpd,
                                         DetectorKind::kOracle));

}  // namespace
}  // namespace reeve
