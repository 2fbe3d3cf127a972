#include "controller/kube/shard_elector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/kube/json_reading.h"
#include "tests/controller/scripted_server.h"

namespace reeve {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

// A server that keeps leases as the API does: versions, conflicts, creation once.
class LeasesServer {
 public:
  ScriptedReply operator()(const ScriptedRequest& request) {
    const std::lock_guard lock(mutex_);
    const std::string prefix = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    if (request.method == "POST") {
      json value = json::parse(request.body);
      const std::string name = TextAt(value, "metadata.name");
      return Store(name, std::move(value), true);
    }
    const std::string name = request.path.substr(prefix.size() + 1);
    if (request.method == "PUT") return Store(name, json::parse(request.body), false);
    const auto found = leases_.find(name);
    return found == leases_.end() ? Refusal(404, "NotFound")
                                  : ScriptedReply{.body = found->second.dump()};
  }

 private:
  static ScriptedReply Refusal(int code, const std::string& reason) {
    return {.status = code,
            .body = json{{"kind", "Status"}, {"code", code}, {"reason", reason}}.dump()};
  }
  ScriptedReply Store(const std::string& name, json value, bool create) {
    const auto found = leases_.find(name);
    if (create && found != leases_.end()) return Refusal(409, "AlreadyExists");
    if (!create &&
        (found == leases_.end() || TextAt(value, "metadata.resourceVersion") !=
                                       TextAt(found->second, "metadata.resourceVersion"))) {
      return Refusal(409, "Conflict");
    }
    value["metadata"]["resourceVersion"] = std::to_string(++version_);
    leases_[name] = value;
    return {.body = value.dump()};
  }

  std::mutex mutex_;
  std::map<std::string, json> leases_;
  int version_ = 100;
};

// One instance of the program, with a monotonic clock of its own.
struct Instance {
  Instance(const std::string& url, const std::string& identity, int shards) {
    KubeAccess access;
    access.server = url;
    credentials.emplace(access, clock);
    KubeClientOptions options;
    options.patience = SimTime();
    options.requests_per_second = options.burst = 1e6;
    client.emplace(*credentials, options, clock);
    LeaseOptions lease;
    lease.identity = identity;
    elector = std::make_unique<ShardElector>(*client, lease, shards, clock);
  }
  std::set<int> Held() const {
    std::set<int> held;
    for (int s = 0; s < elector->shards(); ++s) {
      if (elector->Holds(s)) held.insert(s);
    }
    return held;
  }

  ManualClock clock;
  std::optional<KubeCredentials> credentials;
  std::optional<KubeClient> client;
  std::unique_ptr<ShardElector> elector;
};

class ShardElectorTest : public ::testing::Test {
 protected:
  Instance& Add(const std::string& identity, int shards) {
    instances_.push_back(std::make_unique<Instance>(server_.url(), identity, shards));
    return *instances_.back();
  }
  // All of them take their turns, `retry` apart; nobody may hold what another holds.
  void Rounds(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      for (const auto& instance : instances_) {
        instance->elector->Attempt();
        CheckDisjoint();
      }
      for (const auto& instance : instances_) instance->clock.Advance(SimTime::Seconds(2));
    }
  }
  void CheckDisjoint() const {
    std::map<int, int> holders;
    for (const auto& instance : instances_) {
      for (const int shard : instance->Held()) ++holders[shard];
    }
    for (const auto& [shard, count] : holders) EXPECT_EQ(count, 1) << "of shard " << shard;
  }
  std::vector<size_t> Counts() const {
    std::vector<size_t> counts;
    for (const auto& instance : instances_) counts.push_back(instance->Held().size());
    return counts;
  }

  LeasesServer leases_;
  ScriptedServer server_{[this](const ScriptedRequest& r) { return leases_(r); }};
  std::vector<std::unique_ptr<Instance>> instances_;
};

TEST(ShardOf, IsTheSameEverywhereAndSpreads) {
  std::vector<int> counts(4);
  for (int i = 0; i < 4000; ++i) ++counts[static_cast<size_t>(ShardOf("t" + std::to_string(i), 4))];
  // Binomial(4000, 1/4): five standard deviations are 137.
  for (const int count : counts) EXPECT_NEAR(count, 1000, 137);
  EXPECT_EQ(ShardOf("anything", 1), 0);
}

TEST_F(ShardElectorTest, OneShardIsOneLease) {
  const Instance& a = Add("a", 1);
  const Instance& b = Add("b", 1);
  Rounds(2);
  EXPECT_THAT(a.Held(), ElementsAre(0));
  EXPECT_TRUE(b.Held().empty());
  EXPECT_EQ(b.elector->Holder(0), "a");
}

TEST_F(ShardElectorTest, EachGetsItsShareAsInstancesCome) {
  const Instance& a = Add("a", 5);
  Rounds(1);
  EXPECT_EQ(a.Held().size(), 5u);
  Add("b", 5);
  Rounds(3);
  EXPECT_THAT(Counts(), ElementsAre(3, 2));
  Add("c", 5);
  Rounds(3);
  EXPECT_THAT(Counts(), ElementsAre(2, 2, 1));
  EXPECT_THAT(instances_[2]->elector->Holder(*a.Held().begin()), "a");
}

TEST_F(ShardElectorTest, TheShardsOfTheDeadAreTakenWithinALease) {
  Add("a", 4);
  Add("b", 4);
  Rounds(4);
  EXPECT_THAT(Counts(), ElementsAre(2, 2));
  // Killed: it renews no more. 15 s of lease and one retry of 2 s are at most 9 rounds.
  instances_.erase(instances_.begin());
  Rounds(9);
  EXPECT_THAT(Counts(), ElementsAre(4));
}

TEST_F(ShardElectorTest, WhoLeavesInOrderIsFollowedAtOnce) {
  Add("a", 4);
  Add("b", 4);
  Rounds(4);
  instances_[0]->elector->Start();
  instances_[0]->elector->Stop();
  EXPECT_TRUE(instances_[0]->Held().empty());
  instances_.erase(instances_.begin());
  Rounds(2);
  EXPECT_THAT(Counts(), ElementsAre(4));
}

TEST_F(ShardElectorTest, MoreInstancesThanShardsWait) {
  Add("a", 2);
  Add("b", 2);
  Add("c", 2);
  Rounds(4);
  EXPECT_THAT(Counts(), ElementsAre(1, 1, 0));
  EXPECT_FALSE(instances_[2]->elector->HoldsAny());
  instances_.erase(instances_.begin());
  Rounds(9);
  EXPECT_THAT(Counts(), ElementsAre(1, 1));
}

}  // namespace
}  // namespace reeve
