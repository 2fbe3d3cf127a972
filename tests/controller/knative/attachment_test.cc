#include "controller/knative/attachment.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controller/knative/names.h"

namespace reeve {
namespace {

using nlohmann::json;

const std::string kMin(knative::kMinScale);
const std::string kMax(knative::kMaxScale);
const std::string kRecord(knative::kAttached);

// What the API server makes of a merge patch.
Annotations After(const Annotations& now, const std::optional<json>& patch) {
  if (!patch) return now;
  json object = {{"metadata", {{"annotations", now}}}};
  object.merge_patch(*patch);
  return object["metadata"]["annotations"].get<Annotations>();
}

TEST(AttachmentTest, HandBackLeavesWhatTheOwnerHad) {
  const Annotations owners = {{kMin, "2"}, {"other", "x"}};
  Annotations now = After(owners, AttachPatch(owners, {{kMin, "4"}, {kMax, "4"}}));
  EXPECT_EQ(now.at(kMin), "4");
  EXPECT_EQ(now.at(kMax), "4");
  EXPECT_EQ(OwnersAnnotations(now), owners);
  // Set again and again, what the owner had stays known.
  now = After(now, AttachPatch(now, {{kMin, "7"}, {kMax, "7"}}));
  EXPECT_EQ(OwnersAnnotations(now), owners);
  EXPECT_FALSE(Overridden(now));
  EXPECT_EQ(After(now, HandBackPatch(now)), owners);
}

TEST(AttachmentTest, WhatIsInForceIsNotWrittenAgain) {
  Annotations now = After({}, AttachPatch({}, {{kMin, "4"}}));
  EXPECT_FALSE(AttachPatch(now, {{kMin, "4"}}).has_value());
  now = After(now, HandBackPatch(now));
  EXPECT_TRUE(now.empty());
  EXPECT_FALSE(HandBackPatch(now).has_value());
}

TEST(AttachmentTest, KeysThatAreNoLongerWantedAreGivenBack) {
  const Annotations owners = {{kMax, "9"}};
  Annotations now = After(owners, AttachPatch(owners, {{kMin, "4"}, {kMax, "4"}}));
  now = After(now, AttachPatch(now, {{kMin, "5"}}));
  EXPECT_EQ(now.at(kMax), "9");
  EXPECT_EQ(now.at(kMin), "5");
  EXPECT_EQ(After(now, HandBackPatch(now)), owners);
}

TEST(AttachmentTest, WhatSomebodyElseChangedSinceStays) {
  Annotations now = After({{kMin, "1"}}, AttachPatch({{kMin, "1"}}, {{kMin, "4"}, {kMax, "4"}}));
  now[kMin] = "3";
  EXPECT_TRUE(Overridden(now));
  EXPECT_EQ(After(now, HandBackPatch(now)), (Annotations{{kMin, "3"}}));
  // Setting it once more takes the new value for the owner's.
  now = After(now, AttachPatch(now, {{kMin, "4"}, {kMax, "4"}}));
  EXPECT_FALSE(Overridden(now));
  EXPECT_EQ(After(now, HandBackPatch(now)), (Annotations{{kMin, "3"}}));
  // Removed by somebody: it stays removed.
  now = After({{kMin, "1"}}, AttachPatch({{kMin, "1"}}, {{kMin, "4"}}));
  now.erase(kMin);
  EXPECT_TRUE(Overridden(now));
  EXPECT_EQ(After(now, HandBackPatch(now)), Annotations{});
}

TEST(AttachmentTest, ARecordThatIsNoneIsRemovedAndHarmless) {
  for (const char* text : {"", "garbage", "{}", "[]", R"({"set":3})", R"({"set":{"a":1}})",
                           R"({"before":{"a":"x"},"set":{}})"}) {
    const Annotations now = {{kRecord, text}, {kMin, "2"}};
    EXPECT_EQ(After(now, HandBackPatch(now)), (Annotations{{kMin, "2"}})) << text;
    const Annotations set = After(now, AttachPatch(now, {{kMin, "5"}}));
    EXPECT_EQ(After(set, HandBackPatch(set)), (Annotations{{kMin, "2"}})) << text;
  }
}

}  // namespace
}  // namespace reeve
