#include "controller/write_filter.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

Decision Replicas(int32_t count) {
  Decision decision;
  decision.replicas = count;
  return decision;
}

class WriteFilterTest : public ::testing::Test {
 protected:
  WriteFilterTest() : filter_(Spec(), Can()) { filter_.Resize(1); }
  static WriteSpec Spec() {
    WriteSpec spec;
    spec.cool_down_down = spec.cool_down_size = SimTime::Seconds(10);
    return spec;
  }
  static PlatformCapabilities Can() {
    PlatformCapabilities can;
    can.replicas = can.cpu_limit = can.scale_to_zero = true;
    return can;
  }
  WriteFilter::Result At(int64_t second, const Decision& wished, uint32_t replicas_now = 0) {
    return filter_.Filter(0, wished, LiveFunction(), FunctionStatus(), replicas_now,
                          SimTime::Seconds(second));
  }
  void CarriedOut(int64_t second, const Decision& decision) {
    filter_.NoteCarriedOut(0, decision, SimTime::Seconds(second));
  }

  WriteFilter filter_;
};

TEST_F(WriteFilterTest, WhatFailedIsWrittenWholeAndBeginsNoCoolDown) {
  CarriedOut(0, Replicas(4));
  EXPECT_EQ(At(20, Replicas(2)).write, Replicas(2));
  filter_.NoteFailed(0, Replicas(2));
  EXPECT_EQ(At(22, Replicas(2)).write, Replicas(2));
  EXPECT_EQ(At(22, Replicas(1)).write, Replicas(1));
  EXPECT_EQ(filter_.in_force(0), Replicas(4));
}

// What counts is what was carried out, not what was asked for in vain.
TEST_F(WriteFilterTest, WhetherItIsUpOrDownIsAgainstWhatWasCarriedOut) {
  CarriedOut(0, Replicas(2));
  filter_.NoteFailed(0, Replicas(6));
  EXPECT_EQ(At(2, Replicas(4), 6).write, Replicas(4));  // up from 2
  EXPECT_EQ(At(2, Replicas(1), 6).held, "cool_down");
}

// The write in between may have been carried out without an answer.
TEST_F(WriteFilterTest, WhatWasCarriedOutLastIsBroughtBackAtOnce) {
  CarriedOut(0, Replicas(2));
  EXPECT_EQ(At(1, Replicas(2)).write, Decision{});
  filter_.NoteFailed(0, Replicas(6));
  EXPECT_EQ(At(2, Replicas(2)).write, Replicas(2));
  CarriedOut(2, Replicas(2));
  // That was no change: its cool-down ends as if it had not been.
  EXPECT_EQ(At(10, Replicas(1)).write, Replicas(1));
}

TEST_F(WriteFilterTest, TheSameOfSizes) {
  Decision small, large;
  small.cpu_limit = Millicores(500);
  large.cpu_limit = Millicores(1000);
  CarriedOut(0, small);
  EXPECT_EQ(At(2, large).held, "cool_down");
  EXPECT_EQ(At(10, large).write, large);
  filter_.NoteFailed(0, large);
  EXPECT_EQ(At(12, large).write, large);
  EXPECT_EQ(At(12, small).write, small);
}

TEST_F(WriteFilterTest, ARefusalIsNoChangeAndNotTriedAtOnce) {
  CarriedOut(0, Replicas(4));
  filter_.NoteRefused(0, Replicas(2), SimTime::Seconds(20));
  EXPECT_EQ(At(22, Replicas(2)).write, Decision{});
  EXPECT_EQ(At(22, Replicas(1)).write, Replicas(1));
}

}  // namespace
}  // namespace reeve
