#include "controller/openwhisk/openwhisk_platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/openwhisk/platform_fixture.h"

namespace reeve {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

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
