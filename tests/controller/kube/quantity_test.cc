#include "controller/kube/quantity.h"

#include <gtest/gtest.h>

#include <limits>

namespace reeve {
namespace {

double NanoOf(std::string_view text) {
  const auto quantity = ParseQuantity(text);
  EXPECT_TRUE(quantity.ok()) << text << ": " << quantity.status();
  return quantity.ok() ? static_cast<double>(quantity->nano()) : -1;
}

// Cases of k8s.io/apimachinery/pkg/api/resource/quantity_test.go, worked out by hand.
TEST(QuantityTest, ReadsEverySuffix) {
  EXPECT_EQ(NanoOf("0"), 0);
  EXPECT_EQ(NanoOf("0n"), 0);
  EXPECT_EQ(NanoOf("1n"), 1);
  EXPECT_EQ(NanoOf("100u"), 1e5);
  EXPECT_EQ(NanoOf("100m"), 1e8);
  EXPECT_EQ(NanoOf("1.5"), 1.5e9);
  EXPECT_EQ(NanoOf("+.5"), 5e8);
  EXPECT_EQ(NanoOf("5."), 5e9);
  EXPECT_EQ(NanoOf("-2k"), -2e12);
  EXPECT_EQ(NanoOf("3M"), 3e15);
  EXPECT_EQ(NanoOf("3G"), 3e18);
  EXPECT_EQ(NanoOf("2T"), 2e21);
  EXPECT_EQ(NanoOf("2P"), 2e24);
  EXPECT_EQ(NanoOf("1E"), 1e27);
  EXPECT_EQ(NanoOf("1Ki"), 1024e9);
  EXPECT_EQ(NanoOf("1.5Mi"), 1572864e9);
  EXPECT_EQ(NanoOf("2Gi"), 2147483648e9);
  EXPECT_EQ(NanoOf("1Ti"), 1099511627776e9);
  EXPECT_EQ(NanoOf("1e3"), 1e12);
  EXPECT_EQ(NanoOf("1E-3"), 1e6);
  EXPECT_EQ(NanoOf("12e+2"), 12e11);
}

TEST(QuantityTest, RoundsAwayFromZeroBeyondItsResolution) {
  EXPECT_EQ(NanoOf("0.0000000001"), 1);
  EXPECT_EQ(NanoOf("-0.0000000001"), -1);
  EXPECT_EQ(NanoOf("1.1n"), 2);
  EXPECT_EQ(ParseQuantity("1m")->Value(), 1);
  EXPECT_EQ(ParseQuantity("-1500m")->Value(), -2);
  EXPECT_EQ(ParseQuantity("100u")->Milli(), 1);
  EXPECT_EQ(ParseQuantity("2500u")->Milli(), 3);
}

TEST(QuantityTest, HoldsWhatIsTooLargeAtTheLargest) {
  const int64_t most = std::numeric_limits<int64_t>::max();
  for (const char* text : {"9223372036854775807", "9223372036854775808", "8Ei", "1e40", "1E999",
                           "99999999999999999999999999999999999999999999999999999999"}) {
    const auto quantity = ParseQuantity(text);
    ASSERT_TRUE(quantity.ok()) << text;
    EXPECT_EQ(quantity->Value(), most) << text;
  }
  EXPECT_EQ(ParseQuantity("-1e40")->Value(), -most);
  EXPECT_EQ(ParseQuantity("1e-40")->nano(), 1);
  EXPECT_EQ(ParseQuantity("8Ei")->Milli(), most);
}

TEST(QuantityTest, RefusesWhatIsNone) {
  for (const char* text : {"", " ", "m", "1 ", " 1", "1mm", "1Kb", "1ki", "1.2.3", "--1", "+-1",
                           "1e", "1e+-3", "1e3.5", "0x10", "1 Mi", ".", "1e99999999999"}) {
    EXPECT_EQ(ParseQuantity(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(ParseQuantity(std::string(65, '1')).ok());
}

TEST(QuantityTest, CpuAndMemoryInOurUnits) {
  EXPECT_EQ(*ParseCpuQuantity("250m"), Millicores(250));
  EXPECT_EQ(*ParseCpuQuantity("2"), Millicores(2000));
  EXPECT_EQ(*ParseCpuQuantity("0.1"), Millicores(100));
  EXPECT_EQ(*ParseMemoryQuantity("64Mi"), Mebibytes(64));
  EXPECT_EQ(*ParseMemoryQuantity("1Gi"), Mebibytes(1024));
  EXPECT_EQ(*ParseMemoryQuantity("128974848"), Mebibytes(123));
  EXPECT_EQ(*ParseMemoryQuantity("128974849"), Mebibytes(124));
  EXPECT_FALSE(ParseMemoryQuantity("-1").ok());
  EXPECT_FALSE(ParseCpuQuantity("-1m").ok());
  EXPECT_EQ(CpuQuantity(Millicores(1500)), "1500m");
  EXPECT_EQ(MemoryQuantity(Mebibytes(512)), "512Mi");
}

// Seconds of `date -u -d TEXT +%s`.
TEST(TimestampTest, ReadsRfc3339) {
  EXPECT_EQ(*ParseTimestamp("1970-01-01T00:00:00Z"), SimTime());
  EXPECT_EQ(*ParseTimestamp("2026-11-23T06:17:00Z"), SimTime::Seconds(1795414620));
  EXPECT_EQ(*ParseTimestamp("2026-11-23T06:17:00.000001Z"),
            SimTime::Seconds(1795414620) + SimTime::Micros(1));
  EXPECT_EQ(*ParseTimestamp("2026-11-23T06:17:00.123456789Z"),
            SimTime::Seconds(1795414620) + SimTime::Micros(123456));
  EXPECT_EQ(*ParseTimestamp("2026-11-23T08:17:00+02:00"), SimTime::Seconds(1795414620));
  EXPECT_EQ(*ParseTimestamp("2026-11-22T23:47:00-06:30"), SimTime::Seconds(1795414620));
  EXPECT_EQ(*ParseTimestamp("2024-02-29T12:00:00Z"), SimTime::Seconds(1709208000));
  EXPECT_EQ(*ParseTimestamp("1969-12-31T23:59:59.5Z"), SimTime::Millis(-500));
}

TEST(TimestampTest, RefusesWhatIsNone) {
  for (const char* text :
       {"", "2026-11-23", "2026-11-23T06:17:00", "2026-11-23 06:17:00Z", "2026-13-23T06:17:00Z",
        "2026-02-29T06:17:00Z", "2026-11-23T24:17:00Z", "2026-11-23T06:60:00Z",
        "2026-11-23T06:17:60Z", "2026-11-23T06:17:00.Z", "2026-11-23T06:17:00Z ",
        "2026-11-23T06:17:00+2:00", "+026-11-23T06:17:00Z", "2026-11-23T06:17:00+24:00"}) {
    EXPECT_FALSE(ParseTimestamp(text).ok()) << text;
  }
}

TEST(TimestampTest, WritesWhatItReads) {
  const SimTime time = SimTime::Seconds(1795414620) + SimTime::Micros(42);
  EXPECT_EQ(MicroTimestamp(time), "2026-11-23T06:17:00.000042Z");
  EXPECT_EQ(Timestamp(time), "2026-11-23T06:17:00Z");
  EXPECT_EQ(*ParseTimestamp(MicroTimestamp(time)), time);
  EXPECT_EQ(MicroTimestamp(SimTime::Millis(-500)), "1969-12-31T23:59:59.500000Z");
}

}  // namespace
}  // namespace reeve
