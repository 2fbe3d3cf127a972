#include "controller/openwhisk/attachment.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

using nlohmann::json;

WhiskAction Owners() {
  WhiskAction action;
  action.path = "hello";
  action.limits.memory = Mebibytes(256);
  action.limits.concurrency = 3;
  action.annotations = json::array({{{"key", "exec"}, {"value", "nodejs:20"}}});
  return action;
}

// As a server that replaces the list of annotations (older releases), or merges it (newer).
WhiskAction After(WhiskAction action, const json& body, bool merges = false) {
  const json limits = body.value("limits", json::object());
  for (const auto& [name, value] : limits.items()) {
    if (name == "memory") action.limits.memory = Mebibytes(value.get<int64_t>());
    if (name == "concurrency") action.limits.concurrency = value.get<int32_t>();
    if (name == "instances") action.limits.instances = value.get<int32_t>();
  }
  json annotations = body["annotations"];
  const json gone = body.value("delAnnotations", json::array());
  for (const json& old : action.annotations) {
    bool has = !merges || std::find(gone.begin(), gone.end(), old["key"]) != gone.end();
    for (const json& entry : body["annotations"]) has = has || entry["key"] == old["key"];
    if (!has) annotations.push_back(old);
  }
  action.annotations = annotations;
  return action;
}

WhiskSetsSpec All() {
  return {.memory = true, .concurrency = true, .instances = true};
}

class AttachmentTest : public ::testing::TestWithParam<bool> {};

TEST_P(AttachmentTest, HandsBackWhatTheOwnerHad) {
  const WhiskAction owners = Owners();
  WhiskLimits wanted = owners.limits;
  wanted.memory = Mebibytes(512);
  wanted.concurrency = 1;
  const auto attach = AttachBody(owners, wanted, All());
  ASSERT_TRUE(attach);
  // Only what changes, and nothing that would replace the code.
  EXPECT_EQ((*attach)["limits"], (json{{"memory", 512}, {"concurrency", 1}}));
  EXPECT_FALSE(attach->contains("exec"));
  WhiskAction ours = After(owners, *attach, GetParam());
  EXPECT_TRUE(IsAttached(ours));
  EXPECT_FALSE(IsOverridden(ours));
  EXPECT_FALSE(AttachBody(ours, wanted, All()));  // nothing to do

  // A second change still knows what was first.
  wanted.memory = Mebibytes(128);
  ours = After(ours, *AttachBody(ours, wanted, All()), GetParam());
  const auto back = HandBackBody(ours, 100);
  ASSERT_TRUE(back);
  EXPECT_EQ((*back)["limits"], (json{{"memory", 256}, {"concurrency", 3}}));
  const WhiskAction after = After(ours, *back, GetParam());
  EXPECT_EQ(after.limits, owners.limits);
  EXPECT_EQ(after.annotations, owners.annotations);
  EXPECT_FALSE(HandBackBody(after, 100));
}

TEST_P(AttachmentTest, WhatTheOwnerChangedMeanwhileStays) {
  WhiskLimits wanted = Owners().limits;
  wanted.memory = Mebibytes(512);
  wanted.concurrency = 1;
  WhiskAction ours = After(Owners(), *AttachBody(Owners(), wanted, All()), GetParam());
  ours.limits.memory = Mebibytes(384);  // by the owner
  EXPECT_TRUE(IsOverridden(ours));
  EXPECT_EQ((*HandBackBody(ours, 100))["limits"], (json{{"concurrency", 3}}));
  // Set again, it is the owner's new value that is gone back to.
  ours = After(ours, *AttachBody(ours, wanted, All()), GetParam());
  EXPECT_FALSE(IsOverridden(ours));
  EXPECT_EQ((*HandBackBody(ours, 100))["limits"], (json{{"memory", 384}, {"concurrency", 3}}));
}

TEST_P(AttachmentTest, BackAtTheOwnersLimitsNothingIsOurs) {
  WhiskLimits wanted = Owners().limits;
  wanted.memory = Mebibytes(512);
  WhiskAction ours = After(Owners(), *AttachBody(Owners(), wanted, All()), GetParam());
  ours = After(ours, *AttachBody(ours, Owners().limits, All()), GetParam());
  EXPECT_EQ(ours.limits, Owners().limits);
  EXPECT_FALSE(IsAttached(ours));
}

TEST_P(AttachmentTest, InstancesCannotBeTakenAway) {
  WhiskLimits wanted = Owners().limits;
  wanted.instances = 4;
  const WhiskAction ours = After(Owners(), *AttachBody(Owners(), wanted, All()), GetParam());
  EXPECT_EQ((*HandBackBody(ours, 30))["limits"], (json{{"instances", 30}}));
}

TEST_P(AttachmentTest, OnlyWhatIsToBeSet) {
  WhiskLimits wanted = Owners().limits;
  wanted.memory = Mebibytes(512);
  wanted.concurrency = 9;
  WhiskAction ours = After(Owners(), *AttachBody(Owners(), wanted, All()), GetParam());
  // From now on only memory is: what was set of the rest goes back.
  const auto body = AttachBody(ours, wanted, {.memory = true});
  ASSERT_TRUE(body);
  EXPECT_EQ((*body)["limits"], (json{{"concurrency", 3}}));
  ours = After(ours, *body, GetParam());
  EXPECT_EQ((*HandBackBody(ours, 100))["limits"], (json{{"memory", 256}}));
}

INSTANTIATE_TEST_SUITE_P(ReplacingAndMerging, AttachmentTest, ::testing::Bool());

TEST(Attachment, WhateverSomebodyWroteIntoTheAnnotation) {
  for (const char* text :
       {"null", "3", "[]", R"({"set": 5})", R"({"set": {"memory": "x", "kind": 3}})",
        R"({"set": {"memory": 512}})", R"({"set": {"memory": -1}, "before": {"memory": 256}})",
        R"({"set": {"memory": null}, "before": {"memory": null}})"}) {
    WhiskAction action = Owners();
    action.annotations.push_back({{"key", kWhiskAttached}, {"value", json::parse(text)}});
    EXPECT_TRUE(AttachmentOf(action).empty()) << text;
    const auto body = HandBackBody(action, 100);
    ASSERT_TRUE(body) << text;
    EXPECT_FALSE(body->contains("limits")) << text;
  }
}

}  // namespace
}  // namespace reeve
