#include "controller/trust.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace reeve {
namespace {

constexpr TrustSpec kSpec{.max_age = SimTime::Seconds(15),
                          .hold = SimTime::Seconds(4),
                          .fallback = SimTime::Seconds(6),
                          .sound_for = SimTime::Seconds(4)};

// One window every 2 s from time 0: 's' sound, 'b' bad. The stages as letters: t h f b.
std::string Stages(std::string_view windows) {
  FunctionTrust trust;
  std::string out;
  SimTime now;
  for (const char window : windows) {
    out += "thfb"[static_cast<size_t>(trust.Update(kSpec, now, window == 's'))];
    now += SimTime::Seconds(2);
  }
  return out;
}

TEST(FunctionTrustTest, HoldsThenFallsBackThenHandsBack) {
  // Bad from 2 s: held for 4 s, the fallback from 6 s, handed back at 2 + 4 + 6 = 12 s.
  EXPECT_EQ(Stages("sbbbbbbbb"), "thhfffbbb");
}

TEST(FunctionTrustTest, AMomentIsHeldAndNoMore) {
  EXPECT_EQ(Stages("sbssss"), "thtttt");
}

TEST(FunctionTrustTest, ComesBackOnlyWhenSoundForLongEnough) {
  // Sound from 8 s on: trusted at 12 s.
  EXPECT_EQ(Stages("sbbbssss"), "thhffftt");
  EXPECT_EQ(Stages("sbbbbbbbssss"), "thhfffbbbbtt");
}

TEST(FunctionTrustTest, FlickeringReachesTheFallbackAllTheSame) {
  EXPECT_EQ(Stages("sbsbsbsb"), "thtffffb");
}

TEST(FunctionTrustTest, WhatWasNeverSoundIsLeftToThePlatform) {
  EXPECT_EQ(Stages("bbsss"), "bbbbt");
}

TEST(FunctionTrustTest, WhatAnEarlierRunDroveIsHeldAtFirst) {
  FunctionTrust trust;
  trust.GoOn();
  EXPECT_EQ(trust.Update(kSpec, SimTime(), false), TrustStage::kHold);
  EXPECT_EQ(trust.Update(kSpec, SimTime::Seconds(2), true), TrustStage::kTrusted);
}

}  // namespace
}  // namespace reeve
