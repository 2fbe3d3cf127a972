#include "core/units.h"

#include <gtest/gtest.h>

#include <cmath>
#include <type_traits>

#include "core/ids.h"

namespace reeve {
namespace {

TEST(SimTime, FactoriesAgree) {
  EXPECT_EQ(SimTime::Hours(1), SimTime::Minutes(60));
  EXPECT_EQ(SimTime::Minutes(1), SimTime::Seconds(60));
  EXPECT_EQ(SimTime::Seconds(1), SimTime::Millis(1000));
  EXPECT_EQ(SimTime::Millis(1), SimTime::Micros(1000));
  EXPECT_EQ(SimTime::Seconds(3).micros(), 3'000'000);
  EXPECT_DOUBLE_EQ(SimTime::Micros(1500).millis(), 1.5);
  EXPECT_DOUBLE_EQ(SimTime::Micros(1'500'000).seconds(), 1.5);
}

TEST(SimTime, FromSecondsRoundsToTheNearestMicrosecond) {
  EXPECT_EQ(SimTime::FromSeconds(0.1), SimTime::Millis(100));
  EXPECT_EQ(SimTime::FromSeconds(1e-7), SimTime());
  EXPECT_EQ(SimTime::FromSeconds(0x1p-1 * 1e-6), SimTime::Micros(1));
  EXPECT_EQ(SimTime::FromSeconds(-0x1p-1 * 1e-6), SimTime::Micros(-1));
  EXPECT_EQ(SimTime::FromSeconds(-0.1), SimTime::Millis(-100));
}

TEST(SimTime, FromSecondsSaturates) {
  EXPECT_EQ(SimTime::FromSeconds(1e13), SimTime::Max());
  EXPECT_EQ(SimTime::FromSeconds(INFINITY), SimTime::Max());
  EXPECT_EQ(SimTime::FromSeconds(NAN), SimTime::Max());
  EXPECT_LT(SimTime::FromSeconds(-INFINITY), SimTime::Micros(-9'000'000'000'000'000'000));
  EXPECT_LT(SimTime::FromSeconds(9e12), SimTime::Max());  // 285,000 years still count
}

TEST(SimTime, ArithmeticAndOrder) {
  EXPECT_EQ(SimTime::Seconds(2) + SimTime::Millis(500), SimTime::Millis(2500));
  EXPECT_EQ(SimTime::Seconds(2) - SimTime::Millis(500), SimTime::Millis(1500));
  EXPECT_EQ(SimTime::Millis(3) * 4, SimTime::Millis(12));
  EXPECT_EQ(SimTime::Millis(2500) / SimTime::Seconds(1), 2);
  EXPECT_EQ(SimTime::Millis(2500) % SimTime::Seconds(1), SimTime::Millis(500));
  SimTime t = SimTime::Seconds(1);
  t += SimTime::Seconds(2);
  t -= SimTime::Millis(1);
  EXPECT_EQ(t, SimTime::Millis(2999));
  EXPECT_LT(SimTime::Micros(-1), SimTime());
  EXPECT_LT(SimTime::Hours(1'000'000), SimTime::Max());
}

TEST(Millicores, CountsThousandthsOfACore) {
  EXPECT_EQ(Millicores::Cores(2), Millicores(2000));
  EXPECT_DOUBLE_EQ(Millicores(250).cores(), 0.25);
  EXPECT_EQ(Millicores(250) + Millicores(500), Millicores(750));
  EXPECT_EQ(Millicores(250) - Millicores(500), Millicores(-250));
  Millicores m(100);
  m += Millicores(50);
  m -= Millicores(25);
  EXPECT_EQ(m, Millicores(125));
}

TEST(Mebibytes, CountsMebibytes) {
  EXPECT_DOUBLE_EQ(Mebibytes(1536).gib(), 1.5);
  EXPECT_EQ(Mebibytes(128) + Mebibytes(128), Mebibytes(256));
  EXPECT_EQ(Mebibytes(128) - Mebibytes(256), Mebibytes(-128));
  Mebibytes m(100);
  m += Mebibytes(50);
  m -= Mebibytes(25);
  EXPECT_EQ(m, Mebibytes(125));
}

TEST(Units, DoNotMix) {
  static_assert(!std::is_convertible_v<int64_t, SimTime>);
  static_assert(!std::is_convertible_v<int64_t, Millicores>);
  static_assert(!std::is_convertible_v<Millicores, Mebibytes>);
  static_assert(!std::is_constructible_v<Mebibytes, Millicores>);
}

TEST(Id, DefaultIsNoOne) {
  EXPECT_FALSE(FunctionId().valid());
  EXPECT_TRUE(FunctionId(0).valid());
  EXPECT_EQ(FunctionId(7).index(), 7u);
  EXPECT_LT(FunctionId(1), FunctionId(2));
  static_assert(!std::is_constructible_v<FunctionId, NodeId>);
  static_assert(!std::is_convertible_v<uint32_t, FunctionId>);
}

}  // namespace
}  // namespace reeve
