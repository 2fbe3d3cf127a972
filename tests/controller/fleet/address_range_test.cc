#include "controller/fleet/address_range.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

TEST(AddressRangeTest, GivesEachAddressOnceAndTheLongestFreeFirst) {
  auto range = AddressRange::Parse("10.1.2.7/30");  // .4 to .7, of which .5 and .6 are for pods
  ASSERT_TRUE(range.ok()) << range.status();
  EXPECT_EQ(range->Take(), "10.1.2.5");
  EXPECT_EQ(range->Take(), "10.1.2.6");
  EXPECT_EQ(range->Take(), "");
  range->Free("10.1.2.6");
  range->Free("10.1.2.5");
  EXPECT_EQ(range->Take(), "10.1.2.5");  // after .6 comes the beginning again
  EXPECT_FALSE(range->Take("10.1.2.5"));
  EXPECT_TRUE(range->Take("10.1.2.6"));
  EXPECT_FALSE(range->Take("10.1.2.7"));
  EXPECT_FALSE(range->Take("10.9.2.6"));
  EXPECT_FALSE(range->Take("pod"));
}

TEST(AddressRangeTest, RefusesWhatIsNoRange) {
  for (const char* text : {"", "10.0.0.0", "10.0.0.0/", "10.0.0.0/31", "10.0.0.0/7", "10.0.0/16",
                           "fd00::/64", "10.0.0.0/16x", "/16", "10.0.0.0/99999999999999"}) {
    EXPECT_FALSE(AddressRange::Parse(text).ok()) << text;
  }
  EXPECT_TRUE(AddressRange::Parse("255.0.0.0/8").ok());
}

}  // namespace
}  // namespace reeve
