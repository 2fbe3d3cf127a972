// What the platform writes, what it says of it, and what becomes of what fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/openwhisk/attachment.h"
#include "tests/controller/openwhisk/platform_fixture.h"

namespace reeve {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class OpenWhiskWritesTest : public OpenWhiskPlatformTest {};

TEST_F(OpenWhiskWritesTest, SetsMemoryAndRemembersWhatTheOwnerHad) {
  whisk_.AddAction("hello");
  Attach();
  EXPECT_TRUE(Platform().capabilities().memory_limit);
  EXPECT_FALSE(Platform().capabilities().replicas);
  ASSERT_TRUE(Platform().TakeOver(Ids("guest/hello")).ok());
  EXPECT_EQ(whisk_.CountOf("PUT"), 0u);  // it would cost containers
  ASSERT_TRUE(Decide("guest/hello", Wanted({}, 300)).ok());
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 512);
  EXPECT_EQ(whisk_.Limits("hello")["timeout"], 60000);
  EXPECT_EQ(whisk_.Version("hello"), "0.0.2");
  EXPECT_EQ(whisk_.Annotation("hello", "exec"), "nodejs:20");
  EXPECT_FALSE(whisk_.Annotation("hello", "reeve-attached").is_null());
  Tick();
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kDone);
  EXPECT_EQ(snapshot_.functions.memory_limit[SlotOf("guest/hello")], Mebibytes(512));
  // The same again is nothing.
  ASSERT_TRUE(Decide("guest/hello", Wanted({}, 400)).ok());
  EXPECT_EQ(whisk_.CountOf("PUT"), 1u);

  ASSERT_TRUE(Platform().HandBack(Ids("guest/hello")).ok());
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 256);
  EXPECT_TRUE(whisk_.Annotation("hello", "reeve-attached").is_null());
  ASSERT_TRUE(Platform().HandBack(Ids("guest/hello")).ok());  // again changes nothing
  EXPECT_EQ(whisk_.CountOf("PUT"), 2u);
}

TEST_F(OpenWhiskWritesTest, WhatIsNotAllowedIsHeldWithinAndTold) {
  whisk_.AddAction("hello");
  whisk_.SetLimits({{"maxActionMemory", 384}, {"maxActionConcurrency", 4}});
  config_.sizes = {Mebibytes(128), Mebibytes(256), Mebibytes(384), Mebibytes(1024)};
  config_.sets.concurrency = true;
  Attach();
  ASSERT_TRUE(Decide("guest/hello", Wanted({}, 2000, 100)).ok());
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 384);
  EXPECT_EQ(whisk_.Limits("hello")["concurrency"], 4);
  Tick();
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kDone);
  EXPECT_THAT(StatusOf("guest/hello").detail,
              HasSubstr("2000 MiB were decided, and 384 are the most that may be"));
}

TEST_F(OpenWhiskWritesTest, AChangeThatDoesNotPayWaits) {
  config_.changes.must_pay = true;
  config_.sizes = {Mebibytes(384), Mebibytes(512)};
  whisk_.AddAction("hello", {{"memory", 512}});
  Attach();
  // Four containers, idle from now on: freeing them costs more than keeping them until they go.
  for (int i = 0; i < 4; ++i) {
    whisk_.AddRecord({.path = "hello",
                      .start_ms = NowMs() + 100,
                      .end_ms = NowMs() + 1100,
                      .wait_ms = 500,
                      .init_ms = 500});
  }
  Tick();
  ASSERT_TRUE(Decide("guest/hello", Wanted({}, 384)).ok());
  Tick();
  // 128 MiB of 4 for half an hour: 900 GiB-s. 4 of 512 MiB for 610 s, and 4 s of starts: 1224.
  EXPECT_EQ(whisk_.CountOf("PUT"), 0u);
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kPending);
  EXPECT_THAT(StatusOf("guest/hello").detail, HasSubstr("4 cold starts"));
  // When they are gone it costs nothing, and is done without being asked for again.
  clock_.Advance(SimTime::Minutes(11));
  Tick();
  EXPECT_EQ(whisk_.CountOf("PUT"), 1u);
}

TEST_F(OpenWhiskWritesTest, AnOwnersChangeIsSeenAndStays) {
  whisk_.AddAction("hello");
  Attach();
  ASSERT_TRUE(Decide("guest/hello", Wanted({}, 512)).ok());
  whisk_.Update("hello", {{"limits", {{"memory", 384}}}});
  Tick();
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kOverridden);
  ASSERT_TRUE(Platform().HandBack(Ids("guest/hello")).ok());
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 384);
  EXPECT_TRUE(whisk_.Annotation("hello", "reeve-attached").is_null());
}

TEST_F(OpenWhiskWritesTest, ARefusalIsSaidAndNotRepeated) {
  whisk_.AddAction("hello");
  whisk_.SetHooks([](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method != "PUT") return std::nullopt;
    return WhiskError(403,
                      "The supplied authentication is not authorized to access this resource.");
  });
  Attach();
  Decide("guest/hello", Wanted({}, 512)).IgnoreError();
  EXPECT_TRUE(StatusOf("guest/hello").not_carried_out);
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kRefused);  // at once
  for (int i = 0; i < 5; ++i) Tick();
  EXPECT_EQ(whisk_.CountOf("PUT"), 1u);
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kRefused);
  EXPECT_THAT(StatusOf("guest/hello").detail, HasSubstr("not authorized"));
}

TEST_F(OpenWhiskWritesTest, AConflictIsTriedAgain) {
  whisk_.AddAction("hello");
  int conflicts = 2;
  whisk_.SetHooks([&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method != "PUT" || conflicts-- <= 0) return std::nullopt;
    return WhiskError(409, "Concurrent modification to resource detected.");
  });
  Attach();
  EXPECT_FALSE(Decide("guest/hello", Wanted({}, 512)).ok());
  EXPECT_TRUE(StatusOf("guest/hello").not_carried_out);
  DecideUntilDone("guest/hello", Wanted({}, 512));
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 512);
}

TEST_F(OpenWhiskWritesTest, OfWhatFailsInPartEachIsToldAndNothingComesLate) {
  whisk_.AddAction("first");
  whisk_.AddAction("second");
  Attach();
  whisk_.SetHooks([](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method != "PUT" || !request.path.ends_with("/second")) return std::nullopt;
    return WhiskError(500, "down");
  });
  const std::vector<Decision> both(2, Wanted({}, 512));
  ASSERT_TRUE(Platform().Apply(both).ok());  // not all of it failed
  EXPECT_FALSE(StatusOf("guest/first").not_carried_out);
  EXPECT_TRUE(StatusOf("guest/second").not_carried_out);
  EXPECT_EQ(StatusOf("guest/second").actuation, Actuation::kPending);
  whisk_.SetHooks(nullptr);
  // By now somebody may have decided otherwise: it is not written without being asked for again.
  for (int i = 0; i < 30; ++i) Tick();
  EXPECT_FALSE(StatusOf("guest/second").not_carried_out);
  EXPECT_EQ(whisk_.Limits("second")["memory"], 256);
  ASSERT_TRUE(Decide("guest/second", Wanted({}, 128)).ok());
  EXPECT_EQ(whisk_.Limits("second")["memory"], 128);
}

TEST_F(OpenWhiskWritesTest, AServerThatIsLeftAloneIsToldOfForEachFunction) {
  for (const char* name : {"a", "b", "c"}) whisk_.AddAction(name);
  Attach();
  whisk_.SetHooks([](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method != "PUT") return std::nullopt;
    return WhiskError(429, "Too many requests in the last minute (count: 121, allowed: 120).");
  });
  ASSERT_FALSE(Platform().Apply(std::vector<Decision>(3, Wanted({}, 512))).ok());
  for (const char* id : {"guest/a", "guest/b", "guest/c"}) {
    EXPECT_TRUE(StatusOf(id).not_carried_out) << id;
  }
  EXPECT_EQ(whisk_.CountOf("PUT"), 1u);  // the others are not even tried while it is left alone
}

// ---- a PUT whose answer does not come

TEST_F(OpenWhiskWritesTest, AChangeThatHappenedThoughItsAnswerWasLostIsNotMadeTwice) {
  whisk_.AddAction("hello");
  bool lose = true;
  whisk_.SetHooks(nullptr, [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method != "PUT" || !std::exchange(lose, false)) return std::nullopt;
    return WhiskError(502, "Bad Gateway");  // by something in between
  });
  Attach();
  Decide("guest/hello", Wanted({}, 512)).IgnoreError();
  EXPECT_TRUE(StatusOf("guest/hello").not_carried_out);
  Tick();
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kPending);
  DecideUntilDone("guest/hello", Wanted({}, 512));
  EXPECT_EQ(whisk_.puts().size(), 1u);
  EXPECT_EQ(whisk_.Version("hello"), "0.0.2");
}

// The controller is gone at any moment: the next one finds both or neither of limit and note.
TEST_F(OpenWhiskWritesTest, KilledInTheMiddleOfAChange) {
  for (const bool carried_out : {false, true}) {
    SCOPED_TRACE(carried_out);
    const std::string name = carried_out ? "after" : "before";
    whisk_.AddAction(name);
    const auto cut = [](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
      if (request.method != "PUT") return std::nullopt;
      return ScriptedReply{.body = "{\"na", .cut = true};
    };
    whisk_.SetHooks(carried_out ? FakeWhisk::Hook() : cut, carried_out ? cut : FakeWhisk::Hook());
    Attach();
    Decide("guest/" + name, Wanted({}, 512)).IgnoreError();
    Kill();
    whisk_.SetHooks(nullptr);
    const bool noted = !whisk_.Annotation(name, "reeve-attached").is_null();
    EXPECT_EQ(noted, carried_out);
    EXPECT_EQ(whisk_.Limits(name)["memory"], carried_out ? 512 : 256);

    Attach();
    EXPECT_EQ(StatusOf("guest/" + name).actuation, Actuation::kNone);
    EXPECT_EQ(snapshot_.functions.memory_limit[SlotOf("guest/" + name)],
              Mebibytes(carried_out ? 512 : 256));
    const size_t puts = whisk_.puts().size();
    if (carried_out) {
      // Going on changes nothing that is so already.
      ASSERT_TRUE(Decide("guest/after", Wanted({}, 512)).ok());
      EXPECT_EQ(whisk_.puts().size(), puts);
    }
    ASSERT_TRUE(Platform().HandBack(Ids("guest/" + name)).ok());
    EXPECT_EQ(whisk_.Limits(name)["memory"], 256);
    EXPECT_TRUE(whisk_.Annotation(name, "reeve-attached").is_null());
    EXPECT_EQ(whisk_.puts().size(), puts + carried_out);
    Kill();
  }
}

// A change by an earlier run counts for the least time between two.
TEST_F(OpenWhiskWritesTest, ARestartDoesNotForgetWhenTheLastChangeWas) {
  whisk_.AddAction("hello");
  Attach();
  ASSERT_TRUE(Decide("guest/hello", Wanted({}, 512)).ok());
  whisk_.Update("hello", json::object());
  Kill();
  whisk_.SetHooks(nullptr);
  json action = whisk_.Action("hello");
  whisk_.RemoveAction("hello");
  whisk_.AddAction("hello", action["limits"], action["annotations"]);
  whisk_.Touch("hello", NowMs());
  Attach();
  ASSERT_TRUE(Decide("guest/hello", Wanted({}, 128)).ok());
  Tick();
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 512);
  EXPECT_THAT(StatusOf("guest/hello").detail, HasSubstr("least_interval"));
  clock_.Advance(SimTime::Minutes(10));
  Tick();
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 128);
}

// ---- a server in trouble, keys, tenants

TEST_F(OpenWhiskWritesTest, AStormOf429EndsWithWhatWasAskedFor) {
  whisk_.AddAction("hello");
  Attach();
  bool storm = true;
  whisk_.SetHooks([&](const ScriptedRequest&) -> std::optional<ScriptedReply> {
    if (!storm) return std::nullopt;
    return WhiskError(429, "Too many requests in the last minute (count: 121, allowed: 120).");
  });
  EXPECT_TRUE(absl::IsUnavailable(Decide("guest/hello", Wanted({}, 512))));
  const size_t before = whisk_.requests().size();
  for (int i = 0; i < 60; ++i) Tick();  // two minutes
  // Reading and writing each wait 0.8 s doubled to 30 s, half of it at least.
  EXPECT_LE(whisk_.requests().size() - before, 30u);
  EXPECT_TRUE(StatusOf("guest/hello").incomplete);
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kPending);
  EXPECT_THAT(StatusOf("guest/hello").detail, HasSubstr("Too many requests"));
  storm = false;
  DecideUntilDone("guest/hello", Wanted({}, 512));
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 512);
  EXPECT_FALSE(StatusOf("guest/hello").incomplete);
}

TEST_F(OpenWhiskWritesTest, KeysMayRotate) {
  whisk_.AddAction("hello");
  Attach();
  whisk_.SetKey("new:key");
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/key", "new:key").ok());
  ASSERT_TRUE(Decide("guest/hello", Wanted({}, 512)).ok());
  Tick();
  EXPECT_FALSE(StatusOf("guest/hello").incomplete);
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 512);
}

TEST_F(OpenWhiskWritesTest, EachTenantHasItsOwnKeyAndTroubles) {
  FakeWhisk other;
  whisk_.AddAction("hello");
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/bob", "wrong:key").ok());
  config_.tenants["bob"] = {folder_ + "/bob"};
  Attach();
  ASSERT_EQ(Platform().catalogue().functions.size(), 1u);
  EXPECT_EQ(Platform().catalogue().functions[0].tenant, "alice");
  EXPECT_FALSE(StatusOf("guest/hello").incomplete);
}

// ---- replicas

TEST_F(OpenWhiskWritesTest, ReplicasAreKeptWarmByActivations) {
  whisk_.AddAction("hello");
  config_.prewarm.enabled = true;
  whisk_.on_invoke = [&](const std::string& path, const std::string& id) {
    whisk_.AddRecord({.path = path,
                      .start_ms = NowMs() + 700,
                      .end_ms = NowMs() + 900,
                      .wait_ms = 700,
                      .init_ms = 100,
                      .id = id});
  };
  Attach();
  EXPECT_TRUE(Platform().capabilities().replicas);
  ASSERT_TRUE(Decide("guest/hello", Wanted(3)).ok());
  EXPECT_EQ(whisk_.invoked().size(), 3u);
  EXPECT_EQ(whisk_.CountOf("PUT"), 0u);
  EXPECT_EQ(json::parse(whisk_.requests().back().body), (json{{"reeve_prewarm", true}}));
  Tick();
  const size_t f = SlotOf("guest/hello");
  EXPECT_EQ(snapshot_.functions.arrivals[f], 0u);  // they are no requests
  EXPECT_EQ(snapshot_.functions.completions[f], 0u);
  EXPECT_EQ(snapshot_.functions.cold_starts[f], 0u);
  EXPECT_EQ(snapshot_.functions.containers_started[f], 3u);
  EXPECT_EQ(snapshot_.functions.containers_ready[f], 3u);
  EXPECT_EQ(snapshot_.functions.replicas_asked[f], 3u);
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kDone);
  for (int i = 0; i < 20; ++i) Tick();
  EXPECT_EQ(whisk_.invoked().size(), 3u);  // there are enough
  // Before keep-alive ends they are used once more: of 610 s at three quarters.
  clock_.Advance(SimTime::Seconds(460));
  Tick();
  EXPECT_EQ(whisk_.invoked().size(), 6u);
  ASSERT_TRUE(Platform().HandBack(Ids("guest/hello")).ok());
  clock_.Advance(SimTime::Minutes(20));
  Tick();
  EXPECT_EQ(whisk_.invoked().size(), 6u);
}

TEST_F(OpenWhiskWritesTest, ReplicasAreALimitOfInstancesWhereTheServerHasIt) {
  whisk_.AddAction("hello", {{"instances", 8}});
  config_.sets.instances = true;
  config_.sets.memory = false;
  Attach();
  ASSERT_TRUE(Decide("guest/hello", Wanted(0, 512)).ok());
  EXPECT_EQ(whisk_.Limits("hello")["instances"], 1);  // the least there is
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 256);
  Tick();
  EXPECT_EQ(Platform().catalogue().functions[0].max_replicas, 8);  // the owner's still
  ASSERT_TRUE(Platform().HandBack(Ids("guest/hello")).ok());
  EXPECT_EQ(whisk_.Limits("hello")["instances"], 8);
}

}  // namespace
}  // namespace reeve
