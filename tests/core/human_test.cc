#include "core/human.h"

#include <gtest/gtest.h>

#include <limits>

namespace reeve {
namespace {

TEST(Human, Counts) {
  EXPECT_EQ(HumanCount(0), "0");
  EXPECT_EQ(HumanCount(999), "999");
  EXPECT_EQ(HumanCount(1000), "1,000");
  EXPECT_EQ(HumanCount(1234567), "1,234,567");
  EXPECT_EQ(HumanCount(std::numeric_limits<uint64_t>::max()), "18,446,744,073,709,551,615");
}

TEST(Human, NumbersKeepThreeDigits) {
  EXPECT_EQ(HumanNumber(0), "0");
  EXPECT_EQ(HumanNumber(0.01234), "0.0123");
  EXPECT_EQ(HumanNumber(0.9994), "0.999");
  EXPECT_EQ(HumanNumber(0.99951), "1.00");
  EXPECT_EQ(HumanNumber(9.994), "9.99");
  EXPECT_EQ(HumanNumber(9.9951), "10.0");
  EXPECT_EQ(HumanNumber(99.94), "99.9");
  EXPECT_EQ(HumanNumber(99.96), "100");
  EXPECT_EQ(HumanNumber(12345.6), "12,346");
  EXPECT_EQ(HumanNumber(-2.5), "-2.50");
  EXPECT_EQ(HumanNumber(std::numeric_limits<double>::quiet_NaN()), "-");
}

TEST(Human, Durations) {
  EXPECT_EQ(HumanSeconds(0.04), "0.0 s");
  EXPECT_EQ(HumanSeconds(59.94), "59.9 s");
  EXPECT_EQ(HumanSeconds(59.96), "1 min 00 s");
  EXPECT_EQ(HumanSeconds(3599.6), "1 h 00 min");
  EXPECT_EQ(HumanSeconds(3725), "1 h 02 min");
  EXPECT_EQ(HumanSeconds(90000), "1 d 01 h");
  EXPECT_EQ(HumanSeconds(-1), "-");
}

TEST(Human, SharesAndDifferences) {
  EXPECT_EQ(HumanPercent(0.0512), "5.12 %");
  EXPECT_EQ(HumanPercent(1), "100 %");
  EXPECT_EQ(HumanRelativeDifference(0.8), "-20.0 %");
  EXPECT_EQ(HumanRelativeDifference(1), "+0.0 %");
  EXPECT_EQ(HumanRelativeDifference(3.5), "3.50x");
}

}  // namespace
}  // namespace reeve
