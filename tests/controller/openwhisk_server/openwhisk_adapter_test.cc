// What the adapter sets on our OpenWhisk server has to be measured there again. The adapter on its
// own is tested in tests/controller/openwhisk.
#include <gmock/gmock.h>

#include "openwhisk_adapter_fixture.h"

namespace reeve {
namespace {

using nlohmann::json;
using openwhisk_server::FaultKind;
using ::testing::HasSubstr;

TEST_F(OpenWhiskAdapterTest, ActionsAreFunctionsWithWhatTheirOwnersSet) {
  openwhisk_server::ActionSpec& owned = server_config_.actions["guest/shop/front"];
  owned.memory = Mebibytes(128);
  owned.concurrency = 4;
  owned.instances = 8;
  StartServer();
  ASSERT_EQ(Ask("PUT", "/api/v1/namespaces/_/actions/both",
                R"({"exec": {"kind": "sequence", "components": ["/_/search", "/_/search"]}})")
                .status,
            200);
  ASSERT_EQ(Ask("PUT", "/api/v1/namespaces/_/actions/search?overwrite=true",
                R"({"annotations": [{"key": "reeve-slo-latency", "value": "300ms"}]})")
                .status,
            200);
  options_.spec.mode = ControlMode::kShadow;
  Begin();
  ASSERT_TRUE(Eventually([&] { return Ticks() >= 4; }));
  // A sequence is no function: its parts are.
  ASSERT_EQ(loop_->state()->functions.size(), 2u);
  const FunctionState search = Shown("guest/search"), front = Shown("guest/shop/front");
  EXPECT_EQ(search.function.tenant, "alice");
  EXPECT_EQ(search.function.slo_latency, SimTime::Millis(300));
  EXPECT_EQ(front.function.slo_latency, SimTime::Max());
  EXPECT_EQ(front.function.max_replicas, 8);
  EXPECT_EQ(rows_.Of("guest/search").memory, 256);
  EXPECT_EQ(rows_.Of("guest/shop/front").memory, 128);
  EXPECT_EQ(rows_.Of("guest/shop/front").concurrency, 4);
}

TEST_F(OpenWhiskAdapterTest, InShadowNoActionChanges) {
  StartServer();
  const json before = Action("search");
  options_.spec.mode = ControlMode::kShadow;
  Begin();
  ASSERT_TRUE(Eventually([&] { return Ticks() >= 8 && Shown("guest/search").record.sound; }));
  EXPECT_EQ(Shown("guest/search").record.wished.memory_limit, Mebibytes(512));
  EXPECT_EQ(Shown("guest/search").record.why, "shadow");
  EXPECT_NEAR(rows_.Of("guest/search").latency_p50_ms, LatencyMs(256), 0.05 * LatencyMs(256));
  End();
  EXPECT_EQ(Action("search"), before);  // its version and when it was changed, too
  EXPECT_EQ(before["version"], "0.0.1");
}

TEST_F(OpenWhiskAdapterTest, WhatIsSetChangesLatencyAndIsHandedBack) {
  StartServer();
  options_.spec.tenants["alice"] = {ControlMode::kShadow, false};
  Begin();
  ASSERT_TRUE(Eventually([&] { return rows_.Of("guest/search").arrivals >= 20; }));
  const Rows::Row small = rows_.Of("guest/search");
  EXPECT_NEAR(small.latency_p50_ms, LatencyMs(256), 0.05 * LatencyMs(256));

  modes_->Set("alice", {ControlMode::kActive, false});
  ASSERT_TRUE(Eventually([&] { return Action("search")["limits"]["memory"] == 512; }));
  const json changed = Action("search");
  EXPECT_EQ(changed["version"], "0.0.2");
  EXPECT_EQ(Attached(changed), json({{"before", {{"memory", 256}}}, {"set", {{"memory", 512}}}}));
  ASSERT_TRUE(Eventually([&] {
    return std::abs(rows_.Of("guest/search").latency_p50_ms - LatencyMs(512)) <
           0.05 * LatencyMs(512);
  })) << rows_.Of("guest/search").latency_p50_ms;
  // No container of the old version serves the new one.
  EXPECT_GT(rows_.Of("guest/search").cold_starts, small.cold_starts);
  EXPECT_EQ(Shown("guest/search").record.actuation, Actuation::kDone);

  End();
  const json left = Action("search");
  EXPECT_EQ(left["limits"]["memory"], 256);
  EXPECT_TRUE(Attached(left).is_null());
  EXPECT_EQ(left["version"], "0.0.3");
  EXPECT_TRUE(Eventually([&] { return LastDuration("search") == LatencyMs(256); }))
      << LastDuration("search");
}

TEST_F(OpenWhiskAdapterTest, WhatTheServerDoesNotAllowIsHeldWithin) {
  StartServer(/*called=*/false);
  config_.sizes = {Mebibytes(256), Mebibytes(512), Mebibytes(1024), Mebibytes(2048)};
  config_.sets.concurrency = true;
  Decision large = Memory(2048);
  large.concurrency = 100;
  Decide(large);
  Begin();
  ASSERT_TRUE(Eventually([&] { return Action("search")["version"] == "0.0.2"; }));
  EXPECT_EQ(Action("search")["limits"]["memory"], 512);
  EXPECT_EQ(Action("search")["limits"]["concurrency"], 16);
  ASSERT_TRUE(Eventually([&] { return !Shown("guest/search").detail.empty(); }));
  EXPECT_THAT(Shown("guest/search").detail, HasSubstr("512 are the most that may be"));
  EXPECT_EQ(Action("search")["version"], "0.0.2");  // it is not tried again and again
}

TEST_F(OpenWhiskAdapterTest, AStormOfRefusalsIsWaitedOut) {
  StartServer();
  options_.spec.tenants["alice"] = {ControlMode::kShadow, false};
  Begin();
  ASSERT_TRUE(Eventually([&] { return rows_.Of("guest/search").arrivals >= 10; }));

  server_->SetFaults({{.kind = FaultKind::kThrottleRate}});
  modes_->Set("alice", {ControlMode::kActive, false});
  ASSERT_TRUE(Eventually([&] { return !rows_.Of("guest/search").sound; }));
  const Rows::Row before = rows_.Of("guest/search");
  const uint64_t ticks = Ticks();
  ASSERT_TRUE(Eventually([&] { return Ticks() >= ticks + 10; }));  // 2.5 s
  const Rows::Row during = rows_.Of("guest/search");
  EXPECT_FALSE(during.sound);
  EXPECT_GE(during.unsound, before.unsound + 7);
  EXPECT_EQ(during.arrivals, before.arrivals);  // missing, and not none
  EXPECT_THAT(Shown("guest/search").detail, HasSubstr("Too many requests in the last minute"));
  // 0.8 s, 1.6 s, 3.2 s, half of it at least, after each refusal, reading and writing each.
  EXPECT_GE(server_->faults_met(), 1u);
  EXPECT_LE(server_->faults_met(), 10u);

  server_->SetFaults({});
  ASSERT_TRUE(Eventually([&] {
    const Rows::Row now = rows_.Of("guest/search");
    return now.sound && now.arrivals > before.arrivals;
  }));
  ASSERT_TRUE(Eventually([&] { return Action("search")["limits"]["memory"] == 512; }));
  EXPECT_EQ(Action("search")["version"], "0.0.2");
}

// 0.3 s for each of six; a call has a tenth of a second, and there are three tries.
TEST_F(OpenWhiskAdapterTest, ASlowServerIsHandedBackAllOfIt) {
  for (const char* name : {"guest/a", "guest/b", "guest/c", "guest/d", "guest/e"}) {
    server_config_.actions[name].memory = Mebibytes(256);
  }
  StartServer(/*called=*/false);
  const std::string names[] = {"a", "b", "c", "d", "e", "search"};
  const auto with = [&](int64_t memory) {
    return std::count_if(std::begin(names), std::end(names), [&](const std::string& name) {
      return Action(name)["limits"]["memory"] == memory;
    });
  };
  Begin();
  ASSERT_TRUE(Eventually([&] { return with(512) == 6; }));
  server_->SetFaults({{.kind = FaultKind::kDelay, .method = "PUT", .delay = SimTime::Millis(300)}});
  End();
  EXPECT_EQ(with(256), 6);
  EXPECT_EQ(server_->faults_met(), 6u);  // none was handed back twice
}

// The namespace's own throttle, which is for those who call: we leave them half of it.
TEST_F(OpenWhiskAdapterTest, KeepingWarmLeavesHalfOfTheRateToOthers) {
  server_config_.namespaces["guest"].invocations_per_minute = 10;
  StartServer(/*called=*/false);
  config_.prewarm.enabled = true;
  config_.prewarm.least_interval = SimTime::Millis(100);
  Decision warm;
  warm.replicas = 8;
  Decide(warm);
  Begin();
  ASSERT_TRUE(Eventually([&] { return server_->figures().activations >= 5; }));
  const uint64_t ticks = Ticks();
  ASSERT_TRUE(Eventually([&] { return Ticks() >= ticks + 8; }));
  EXPECT_EQ(server_->figures().activations, 5u);
  EXPECT_EQ(server_->figures().containers(), 5u);
  EXPECT_EQ(rows_.Of("guest/search").arrivals, 0u);  // they are no requests
  EXPECT_EQ(Shown("guest/search").containers_ready, 5u);
  EXPECT_THAT(Ask("GET", "/metrics").body,
              ::testing::Not(HasSubstr("openwhisk_action_limit_timed_total{")));
}

}  // namespace
}  // namespace reeve
