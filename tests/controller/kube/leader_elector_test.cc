#include "controller/kube/leader_elector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "controller/kube/json_reading.h"
#include "core/status.h"
#include "tests/controller/scripted_server.h"

namespace reeve {
namespace {

using nlohmann::json;

// A server that keeps one lease as the API does: versions, conflicts, creation once.
class LeaseServer {
 public:
  ScriptedReply operator()(const ScriptedRequest& request) {
    const std::lock_guard lock(mutex_);
    if (broken) return {.status = 500, .body = "broken"};
    if (request.method == "GET") {
      return lease.is_null() ? Refusal(404, "NotFound") : ScriptedReply{.body = lease.dump()};
    }
    if (conflict) {
      conflict = false;
      return Refusal(409, "Conflict");
    }
    json value = json::parse(request.body);
    if (request.method == "POST") {
      if (!lease.is_null()) return Refusal(409, "AlreadyExists");
    } else if (TextAt(value, "metadata.resourceVersion") !=
               TextAt(lease, "metadata.resourceVersion")) {
      return Refusal(409, "Conflict");
    }
    ++writes;
    value["metadata"]["resourceVersion"] = std::to_string(++version_);
    lease = value;
    return {.body = lease.dump()};
  }
  json spec() {
    const std::lock_guard lock(mutex_);
    return lease.is_null() ? json() : lease["spec"];
  }

  json lease;
  std::atomic<bool> broken{false}, conflict{false};
  std::atomic<int> writes{0};

 private:
  static ScriptedReply Refusal(int code, const std::string& reason) {
    return {.status = code,
            .body = json{{"kind", "Status"}, {"code", code}, {"reason", reason}}.dump()};
  }
  std::mutex mutex_;
  int version_ = 100;
};

// One instance of the program, with a monotonic clock of its own.
struct Instance {
  Instance(const std::string& url, const std::string& identity) {
    KubeAccess access;
    access.server = url;
    credentials.emplace(access, clock);
    KubeClientOptions options;
    options.patience = SimTime();  // one try
    client.emplace(*credentials, options, clock);
    elector.emplace(*client, LeaseOptions{.ns = "ns", .name = "reeve", .identity = identity},
                    clock);
  }
  ManualClock clock;
  std::optional<KubeCredentials> credentials;
  std::optional<KubeClient> client;
  std::optional<LeaderElector> elector;
};

class LeaderElectorTest : public ::testing::Test {
 protected:
  void AdvanceBoth(SimTime span) {
    a_.clock.Advance(span);
    b_.clock.Advance(span);
  }
  LeaseServer lease_;
  ScriptedServer server_{[this](const ScriptedRequest& request) { return lease_(request); }};
  Instance a_{server_.url(), "a"}, b_{server_.url(), "b"};
};

TEST_F(LeaderElectorTest, TheFirstCreatesTheLeaseAndLeads) {
  EXPECT_FALSE(a_.elector->IsLeader());
  a_.clock.SetWall(SimTime::Seconds(1795414620));
  a_.elector->Attempt();
  EXPECT_TRUE(a_.elector->IsLeader());
  b_.elector->Attempt();
  EXPECT_FALSE(b_.elector->IsLeader());
  EXPECT_EQ(b_.elector->Leader(), "a");
  EXPECT_EQ(lease_.spec(), json::parse(R"({"holderIdentity":"a","leaseDurationSeconds":15,
      "acquireTime":"2026-11-23T06:17:00.000000Z","renewTime":"2026-11-23T06:17:00.000000Z",
      "leaseTransitions":0})"));
}

TEST_F(LeaderElectorTest, RenewingKeepsTheTimeItWasAcquired) {
  a_.clock.SetWall(SimTime::Seconds(1795414620));
  a_.elector->Attempt();
  a_.clock.Advance(SimTime::Seconds(2));
  a_.elector->Attempt();
  const json spec = lease_.spec();
  EXPECT_EQ(spec["acquireTime"], "2026-11-23T06:17:00.000000Z");
  EXPECT_EQ(spec["renewTime"], "2026-11-23T06:17:02.000000Z");
  EXPECT_EQ(spec["leaseTransitions"], 0);
}

TEST_F(LeaderElectorTest, ALeaderThatDiesIsFollowedWithinTheLease) {
  a_.elector->Attempt();
  b_.elector->Attempt();  // sees the lease for the first time
  AdvanceBoth(SimTime::Millis(14'900));
  b_.elector->Attempt();
  EXPECT_FALSE(b_.elector->IsLeader());
  AdvanceBoth(SimTime::Millis(200));
  b_.elector->Attempt();
  EXPECT_TRUE(b_.elector->IsLeader());
  EXPECT_EQ(lease_.spec()["leaseTransitions"], 1);
  // The first one had stopped by itself, without hearing of it.
  EXPECT_FALSE(a_.elector->IsLeader());
  a_.elector->Attempt();
  EXPECT_FALSE(a_.elector->IsLeader());
  EXPECT_EQ(a_.elector->Leader(), "b");
}

TEST_F(LeaderElectorTest, EveryRenewalStartsTheWaitAnew) {
  a_.elector->Attempt();
  for (int i = 0; i < 20; ++i) {
    b_.elector->Attempt();
    AdvanceBoth(SimTime::Seconds(8));
    a_.elector->Attempt();
    EXPECT_TRUE(a_.elector->IsLeader());
  }
  EXPECT_FALSE(b_.elector->IsLeader());
}

TEST_F(LeaderElectorTest, ALeaderThatCannotRenewStopsBeforeOthersMayTakeOver) {
  a_.elector->Attempt();
  b_.elector->Attempt();
  lease_.broken = true;
  SimTime stopped_after;
  for (int i = 0; i < 200 && a_.elector->IsLeader(); ++i) {
    AdvanceBoth(SimTime::Millis(100));
    a_.elector->Attempt();
    stopped_after += SimTime::Millis(100);
  }
  EXPECT_EQ(stopped_after, SimTime::Seconds(10));
  EXPECT_TRUE(absl::IsUnavailable(a_.elector->last_failure()));
  lease_.broken = false;
  b_.elector->Attempt();
  EXPECT_FALSE(b_.elector->IsLeader());
  AdvanceBoth(SimTime::Seconds(5));
  b_.elector->Attempt();
  EXPECT_TRUE(b_.elector->IsLeader());
}

TEST_F(LeaderElectorTest, WallClocksOfOthersAreNotBelieved) {
  // The holder's clock is a year ahead, or behind: only what changes counts.
  for (const SimTime wall : {SimTime::Seconds(1), SimTime::Seconds(4'000'000'000)}) {
    LeaseServer lease;
    ScriptedServer server([&](const ScriptedRequest& request) { return lease(request); });
    Instance a(server.url(), "a"), b(server.url(), "b");
    a.clock.SetWall(wall);
    a.elector->Attempt();
    b.elector->Attempt();
    EXPECT_FALSE(b.elector->IsLeader());
    b.clock.Advance(SimTime::Seconds(16));
    b.elector->Attempt();
    EXPECT_TRUE(b.elector->IsLeader());
  }
}

TEST_F(LeaderElectorTest, WhoeverLosesTheRaceDoesNotLead) {
  lease_.conflict = true;
  a_.elector->Attempt();
  EXPECT_FALSE(a_.elector->IsLeader());
  a_.elector->Attempt();
  EXPECT_TRUE(a_.elector->IsLeader());
  // Between reading and writing somebody else has taken it.
  b_.elector->Attempt();
  AdvanceBoth(SimTime::Seconds(20));
  lease_.conflict = true;
  b_.elector->Attempt();
  EXPECT_FALSE(b_.elector->IsLeader());
}

TEST_F(LeaderElectorTest, ReleasingLetsAnotherTakeOverAtOnce) {
  a_.elector->Attempt();
  b_.elector->Attempt();
  a_.elector->Release();
  EXPECT_FALSE(a_.elector->IsLeader());
  EXPECT_EQ(lease_.spec()["holderIdentity"], "");
  b_.elector->Attempt();
  EXPECT_TRUE(b_.elector->IsLeader());
  // Releasing what is not ours leaves it.
  a_.elector->Release();
  EXPECT_EQ(lease_.spec()["holderIdentity"], "b");
}

TEST_F(LeaderElectorTest, AHolderThatForeignersMadeUpIsWaitedForAsLongAsOurOwn) {
  lease_.lease = json::parse(
      R"({"metadata":{"name":"reeve","namespace":"ns","resourceVersion":"1"},
          "spec":{"holderIdentity":"x","leaseDurationSeconds":-5,"leaseTransitions":"many"}})");
  a_.elector->Attempt();
  EXPECT_FALSE(a_.elector->IsLeader());
  a_.clock.Advance(SimTime::Seconds(14));
  a_.elector->Attempt();
  EXPECT_FALSE(a_.elector->IsLeader());
  a_.clock.Advance(SimTime::Seconds(1));
  a_.elector->Attempt();
  EXPECT_TRUE(a_.elector->IsLeader());
}

TEST_F(LeaderElectorTest, InItsThreadItRenewsAndReleasesWhenStopped) {
  a_.elector->Start();
  for (int i = 0; i < 20000 && lease_.writes < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_GE(lease_.writes, 3);
  a_.elector->Stop();
  EXPECT_EQ(lease_.spec()["holderIdentity"], "");
}

TEST(LeaseOptionsTest, DurationsMustBeInOrder) {
  LeaseOptions options{.identity = "a"};
  EXPECT_TRUE(options.Validate().ok());
  options.renew_deadline = options.lease_duration;
  EXPECT_FALSE(options.Validate().ok());
  options = {.identity = ""};
  EXPECT_FALSE(options.Validate().ok());
  options = {.identity = "a", .lease_duration = SimTime::Millis(15'500)};
  EXPECT_FALSE(options.Validate().ok());
}

}  // namespace
}  // namespace reeve
