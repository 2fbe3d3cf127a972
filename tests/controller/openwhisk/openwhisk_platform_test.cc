#include "controller/openwhisk/openwhisk_platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "controller/openwhisk/attachment.h"
#include "core/files.h"
#include "tests/controller/openwhisk/fake_whisk.h"

namespace reeve {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr SimTime kPeriod = SimTime::Seconds(2);

Decision Wanted(std::optional<int32_t> replicas, std::optional<int64_t> mebibytes = {},
                std::optional<int32_t> concurrency = {}) {
  Decision decision;
  decision.replicas = replicas;
  if (mebibytes) decision.memory_limit = Mebibytes(*mebibytes);
  decision.concurrency = concurrency;
  return decision;
}

class OpenWhiskPlatformTest : public ::testing::Test {
 protected:
  OpenWhiskPlatformTest()
      : folder_(::testing::TempDir() + "/reeve_openwhisk_" + std::to_string(getpid()) + "_" +
                ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    EXPECT_TRUE(WriteFileAtomically(folder_ + "/key", FakeWhisk::kKey).ok());
    config_.endpoint = whisk_.url();
    config_.tenants["alice"] = {folder_ + "/key"};
    config_.changes.must_pay = false;
    config_.actions_period = kPeriod;
  }
  ~OpenWhiskPlatformTest() override { std::filesystem::remove_all(folder_); }

  OpenWhiskPlatform& Platform() {
    if (platform_ == nullptr) {
      auto made = OpenWhiskPlatform::CreateWithoutThreads(config_, clock_);
      EXPECT_TRUE(made.ok()) << made.status();
      platform_ = *std::move(made);
    }
    return *platform_;
  }
  // A period passes, and what was in it is read.
  void Tick() {
    clock_.Advance(kPeriod);
    const absl::Status observed = Platform().Observe(snapshot_);
    EXPECT_TRUE(observed.ok()) << observed;
  }
  void Attach() {
    ASSERT_TRUE(Platform().Observe(snapshot_).ok());
    Tick();
  }
  absl::Status Decide(const std::string& id, const Decision& decision) {
    std::vector<Decision> decisions(Platform().catalogue().functions.size());
    decisions[SlotOf(id)] = decision;
    return Platform().Apply(decisions);
  }
  size_t SlotOf(const std::string& id) {
    const auto& functions = Platform().catalogue().functions;
    for (size_t i = 0; i < functions.size(); ++i) {
      if (functions[i].id == id) return i;
    }
    ADD_FAILURE() << "no function " << id;
    return 0;
  }
  const FunctionStatus& StatusOf(const std::string& id) { return Platform().Status()[SlotOf(id)]; }
  std::vector<FunctionId> Ids(const std::string& id) {
    return {FunctionId(static_cast<uint32_t>(SlotOf(id)))};
  }
  int64_t NowMs() { return clock_.WallNow().micros() / 1000; }
  void Kill() { platform_.reset(); }

  const std::string folder_;
  FakeWhisk whisk_;
  ManualClock clock_;
  OpenWhiskConfig config_;
  std::unique_ptr<OpenWhiskPlatform> platform_;
  Snapshot snapshot_;
};

// ---- observing

TEST_F(OpenWhiskPlatformTest, ActionsAreFunctions) {
  whisk_.AddAction("hello", {{"memory", 512}, {"concurrency", 3}},
                   json::array({{{"key", "reeve-slo-latency"}, {"value", "500ms"}}}));
  whisk_.AddAction("tools/resize", {{"instances", 4}});
  whisk_.AddAction("both", json::object(), json::array({{{"key", "exec"}, {"value", "sequence"}}}));
  whisk_.Update("both", {{"annotations", json::array({{{"key", "exec"}, {"value", "sequence"}}})}});
  Attach();
  const Catalogue& catalogue = Platform().catalogue();
  ASSERT_EQ(catalogue.functions.size(), 2u);
  const LiveFunction& hello = catalogue.functions[SlotOf("guest/hello")];
  EXPECT_EQ(hello.tenant, "alice");
  EXPECT_EQ(hello.slo_latency, SimTime::Millis(500));
  EXPECT_EQ(catalogue.functions[SlotOf("guest/tools/resize")].max_replicas, 4);
  const size_t slot = SlotOf("guest/hello");
  EXPECT_EQ(snapshot_.functions.memory_limit[slot], Mebibytes(512));
  EXPECT_EQ(snapshot_.functions.concurrency_limit[slot], 3);
  EXPECT_EQ(StatusOf("guest/hello").metrics_age, SimTime());
  EXPECT_FALSE(StatusOf("guest/hello").incomplete);
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kNone);
}

TEST_F(OpenWhiskPlatformTest, OneThatIsGoneKeepsItsSlot) {
  whisk_.AddAction("a");
  whisk_.AddAction("b");
  Attach();
  const size_t slot = SlotOf("guest/a");
  const uint64_t generation = Platform().catalogue().generation;
  whisk_.RemoveAction("a");
  Tick();
  EXPECT_FALSE(Platform().catalogue().functions[slot].present);
  EXPECT_GT(Platform().catalogue().generation, generation);
  whisk_.AddAction("a");
  Tick();
  EXPECT_EQ(SlotOf("guest/a"), slot);
  EXPECT_TRUE(Platform().catalogue().functions[slot].present);
}

TEST_F(OpenWhiskPlatformTest, AWindowIsWhatTheRecordsSay) {
  whisk_.AddAction("hello", json::object(),
                   json::array({{{"key", "reeve-slo-latency"}, {"value", "300ms"}}}));
  Attach();
  const int64_t now = NowMs();
  // Ten that took 100 ms, waiting 10, one of them in a container started for it.
  for (int i = 0; i < 10; ++i) {
    whisk_.AddRecord(
        {.path = "hello", .start_ms = now + 100 * i, .end_ms = now + 100 * i + 100, .wait_ms = 10});
  }
  whisk_.AddRecord({.path = "hello",
                    .start_ms = now + 1000,
                    .end_ms = now + 1400,
                    .wait_ms = 600,
                    .init_ms = 200});
  whisk_.AddRecord({.path = "hello", .start_ms = now, .end_ms = now + 5, .status_code = 3});
  Tick();
  const size_t f = SlotOf("guest/hello");
  const FunctionWindows& w = snapshot_.functions;
  EXPECT_EQ(snapshot_.window, kPeriod);
  EXPECT_EQ(w.arrivals[f], 12u);
  EXPECT_EQ(w.completions[f], 11u);
  EXPECT_EQ(w.failures[f], 1u);
  EXPECT_EQ(w.cold_starts[f], 1u);
  EXPECT_EQ(w.slo_violations[f], 2u);  // the slow one, and the one that was lost
  // Within a bucket of the simulator's: 6.25 %.
  EXPECT_NEAR(w.latency_p50_ms[f], 110, 7);
  EXPECT_NEAR(w.latency_p99_ms[f], 1000, 63);
  EXPECT_NEAR(w.execution_p99_ms[f], 200, 13);
  EXPECT_NEAR(w.mean_in_flight[f], (10 * 0.1 + 0.2 + 0.005) / 2, 1e-9);
  ASSERT_NE(w.histograms, nullptr);
  EXPECT_EQ(w.histograms->count(static_cast<uint32_t>(f)), 11u);
  EXPECT_GE(w.containers_ready[f], 2u);
  Tick();
  EXPECT_EQ(snapshot_.functions.arrivals[f], 0u);
}

TEST_F(OpenWhiskPlatformTest, ATenantThatCannotBeReadHasNoNumbers) {
  whisk_.AddAction("hello");
  whisk_.SetHooks([](const ScriptedRequest&) { return WhiskError(500, "down"); });
  EXPECT_TRUE(absl::IsUnavailable(Platform().Observe(snapshot_)));
  whisk_.SetHooks(nullptr);
  clock_.Advance(SimTime::Minutes(1));
  Attach();
  EXPECT_FALSE(StatusOf("guest/hello").incomplete);
  whisk_.SetHooks([](const ScriptedRequest&) { return WhiskError(500, "down"); });
  Tick();
  Tick();
  EXPECT_TRUE(StatusOf("guest/hello").incomplete);
  EXPECT_THAT(StatusOf("guest/hello").detail, HasSubstr("down"));
  EXPECT_EQ(StatusOf("guest/hello").metrics_age, kPeriod * 2);
}

// What happened while nobody could read belongs to windows that were missing: the first one after
// it is not ten minutes' worth of requests.
TEST_F(OpenWhiskPlatformTest, AfterAGapTheWindowIsAWindowAgain) {
  whisk_.AddAction("hello");
  Attach();
  whisk_.SetHooks([](const ScriptedRequest&) { return WhiskError(503, "down"); });
  for (int i = 0; i < 30; ++i) {
    whisk_.AddRecord({.path = "hello", .start_ms = NowMs() + 100, .end_ms = NowMs() + 200});
    Tick();
  }
  whisk_.SetHooks(nullptr);
  // Back-off may last half a minute.
  for (int i = 0; i < 20 && StatusOf("guest/hello").incomplete; ++i) {
    whisk_.AddRecord({.path = "hello", .start_ms = NowMs() + 100, .end_ms = NowMs() + 200});
    Tick();
  }
  EXPECT_FALSE(StatusOf("guest/hello").incomplete);
  EXPECT_EQ(snapshot_.functions.arrivals[SlotOf("guest/hello")], 1u);
}

TEST_F(OpenWhiskPlatformTest, FiguresFromUserEvents) {
  int calls = 0;
  ScriptedServer service([&](const ScriptedRequest&) -> ScriptedReply {
    const int total = 100 + 20 * calls++;
    return {.body = "openwhisk_action_activations_total{namespace=\"guest\",action=\"hello\"} " +
                    std::to_string(total) + "\n"};
  });
  whisk_.AddAction("hello");
  config_.metrics = WhiskMetrics::kUserEvents;
  config_.user_events.exporter = service.url() + "/metrics";
  Attach();
  EXPECT_EQ(snapshot_.functions.arrivals[SlotOf("guest/hello")], 20u);
  EXPECT_FALSE(StatusOf("guest/hello").incomplete);
  for (const ScriptedRequest& request : whisk_.requests()) {
    EXPECT_THAT(request.path, ::testing::Not(HasSubstr("activations")));
  }
}

// ---- acting

TEST_F(OpenWhiskPlatformTest, SetsMemoryAndRemembersWhatTheOwnerHad) {
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

TEST_F(OpenWhiskPlatformTest, WhatIsNotAllowedIsHeldWithinAndTold) {
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

TEST_F(OpenWhiskPlatformTest, AChangeThatDoesNotPayWaits) {
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

TEST_F(OpenWhiskPlatformTest, AnOwnersChangeIsSeenAndStays) {
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

TEST_F(OpenWhiskPlatformTest, ARefusalIsSaidAndNotRepeated) {
  whisk_.AddAction("hello");
  whisk_.SetHooks([](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method != "PUT") return std::nullopt;
    return WhiskError(403,
                      "The supplied authentication is not authorized to access this resource.");
  });
  Attach();
  Decide("guest/hello", Wanted({}, 512)).IgnoreError();
  for (int i = 0; i < 5; ++i) Tick();
  EXPECT_EQ(whisk_.CountOf("PUT"), 1u);
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kRefused);
  EXPECT_THAT(StatusOf("guest/hello").detail, HasSubstr("not authorized"));
}

TEST_F(OpenWhiskPlatformTest, AConflictIsTriedAgain) {
  whisk_.AddAction("hello");
  int conflicts = 2;
  whisk_.SetHooks([&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method != "PUT" || conflicts-- <= 0) return std::nullopt;
    return WhiskError(409, "Concurrent modification to resource detected.");
  });
  Attach();
  EXPECT_FALSE(Decide("guest/hello", Wanted({}, 512)).ok());
  Tick();
  Tick();
  Tick();
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 512);
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kDone);
}

// ---- a PUT whose answer does not come

TEST_F(OpenWhiskPlatformTest, AChangeThatHappenedThoughItsAnswerWasLostIsNotMadeTwice) {
  whisk_.AddAction("hello");
  bool lose = true;
  whisk_.SetHooks(nullptr, [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method != "PUT" || !std::exchange(lose, false)) return std::nullopt;
    return WhiskError(502, "Bad Gateway");  // by something in between
  });
  Attach();
  Decide("guest/hello", Wanted({}, 512)).IgnoreError();
  Tick();
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kPending);
  for (int i = 0; i < 20; ++i) Tick();  // past the back-off
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kDone);
  EXPECT_EQ(whisk_.puts().size(), 1u);
  EXPECT_EQ(whisk_.Version("hello"), "0.0.2");
}

// The controller is gone at any moment: the next one finds both or neither of limit and note.
TEST_F(OpenWhiskPlatformTest, KilledInTheMiddleOfAChange) {
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
TEST_F(OpenWhiskPlatformTest, ARestartDoesNotForgetWhenTheLastChangeWas) {
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

TEST_F(OpenWhiskPlatformTest, AStormOf429EndsWithWhatWasAskedFor) {
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
  for (int i = 0; i < 20; ++i) Tick();
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 512);
  EXPECT_EQ(StatusOf("guest/hello").actuation, Actuation::kDone);
  EXPECT_FALSE(StatusOf("guest/hello").incomplete);
}

TEST_F(OpenWhiskPlatformTest, KeysMayRotate) {
  whisk_.AddAction("hello");
  Attach();
  whisk_.SetKey("new:key");
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/key", "new:key").ok());
  ASSERT_TRUE(Decide("guest/hello", Wanted({}, 512)).ok());
  Tick();
  EXPECT_FALSE(StatusOf("guest/hello").incomplete);
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 512);
}

TEST_F(OpenWhiskPlatformTest, EachTenantHasItsOwnKeyAndTroubles) {
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

TEST_F(OpenWhiskPlatformTest, ReplicasAreKeptWarmByActivations) {
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

TEST_F(OpenWhiskPlatformTest, ReplicasAreALimitOfInstancesWhereTheServerHasIt) {
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

TEST_F(OpenWhiskPlatformTest, ConfigurationsThatCannotBe) {
  const auto fails = [&](auto change, const std::string& what) {
    OpenWhiskConfig config = config_;
    change(config);
    const auto made = OpenWhiskPlatform::CreateWithoutThreads(config, clock_);
    EXPECT_THAT(std::string(made.status().message()), HasSubstr(what));
  };
  fails([](OpenWhiskConfig& c) { c.tenants.clear(); }, "tenants");
  fails([](OpenWhiskConfig& c) { c.endpoint = "localhost:3233"; }, "http://HOST:PORT");
  fails([](OpenWhiskConfig& c) { c.endpoint += "/api/v1"; }, "leave /api/v1 out");
  fails([](OpenWhiskConfig& c) { c.tenants["alice"].key_file = "/nothing"; }, "/nothing");
  fails([](OpenWhiskConfig& c) { c.sizes = {Mebibytes(256), Mebibytes(256)}; }, "rise");
  fails([](OpenWhiskConfig& c) { c.metrics = WhiskMetrics::kUserEvents; }, "exporter");
  fails([](OpenWhiskConfig& c) { c.tls.key_file = "k"; }, "need each other");
  fails(
      [](OpenWhiskConfig& c) {
        c.prewarm.enabled = true;
        c.metrics = WhiskMetrics::kUserEvents;
        c.user_events.exporter = "http://x";
      },
      "prewarm");
}

}  // namespace
}  // namespace reeve
