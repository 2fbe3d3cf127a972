// Two instances that share the tenants of a cluster, in memory or on a real API server
// (scripts/test-live).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "controller/knative/knative_platform.h"
#include "controller/knative/names.h"
#include "tests/controller/knative/test_cluster.h"

namespace reeve {
namespace {

using nlohmann::json;

// The first tenant name of its shard.
std::string TenantIn(int shard, int shards) {
  for (int i = 0;; ++i) {
    const std::string name = "tenant" + std::to_string(i);
    if (ShardOf(name, shards) == shard) return name;
  }
}

class KnativeShardsTest : public ::testing::Test {
 protected:
  struct Instance {
    std::unique_ptr<KnativePlatform> platform;
    Snapshot snapshot;

    std::map<std::string, size_t> Slots() const {
      std::map<std::string, size_t> slots;
      const std::vector<LiveFunction>& functions = platform->catalogue().functions;
      for (size_t i = 0; i < functions.size(); ++i) slots[functions[i].tenant] = i;
      return slots;
    }
    bool Acts(const std::string& tenant) const {
      const auto slots = Slots();
      const auto found = slots.find(tenant);
      return found != slots.end() &&
             platform->MayActOn(FunctionId(static_cast<uint32_t>(found->second)));
    }
    absl::Status AskAll(int32_t replicas) {
      std::vector<Decision> decisions(platform->catalogue().functions.size());
      for (Decision& decision : decisions) decision.replicas = replicas;
      return platform->Apply(decisions);
    }
  };

  void SetUp() override {
    for (int shard = 0; shard < 2; ++shard) {
      tenants_.push_back(TenantIn(shard, 2));
      cluster_.AddFunction(Service(shard));
      const json label = {{"metadata", {{"labels", {{"reeve-tenant", tenants_.back()}}}}}};
      ASSERT_TRUE(
          cluster_.admin()
              .Patch({knative::kServices, cluster_.ns(), Service(shard)}, PatchKind::kMerge, label)
              .ok());
    }
  }
  static std::string Service(int shard) { return "hello" + std::to_string(shard); }

  Instance Start(const std::string& identity) {
    KnativeConfig config;
    config.kubeconfig = cluster_.AdminConfig();
    config.ns = cluster_.ns();
    config.annotated = AnnotatedObject::kRevision;
    config.writes_per_second = 1000;
    config.direct.period = SimTime::Millis(50);
    config.direct.requests_port = 0;
    config.lease = {.enabled = true,
                    .shards = 2,
                    .name = "reeve",
                    .ns = cluster_.ns(),
                    .identity = identity,
                    .duration = SimTime::Seconds(6),
                    .renew_deadline = SimTime::Seconds(4),
                    .retry = SimTime::Millis(100)};
    auto platform = KnativePlatform::Create(
        config, [](const char* name) -> const char* { return std::getenv(name); });
    EXPECT_TRUE(platform.ok()) << platform.status();
    return {*std::move(platform), {}};
  }
  // All observe until it is so; a bound only for a test that fails.
  template <class Condition>
  ::testing::AssertionResult Eventually(std::vector<Instance*> instances,
                                        const Condition& condition) {
    for (int i = 0; i < 1500; ++i) {
      bool all = true;
      for (Instance* instance : instances) {
        all = instance->platform->Observe(instance->snapshot).ok() && all;
      }
      if (all && condition()) return ::testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return ::testing::AssertionFailure() << "not within 30 s";
  }
  std::string MinScale(int shard) {
    return cluster_.Annotation(knative::kRevisions, Service(shard) + "-00001", knative::kMinScale);
  }

  TestCluster cluster_;
  std::vector<std::string> tenants_;
};

TEST_F(KnativeShardsTest, EachInstanceActsOnItsTenantsAndTakesOverThoseOfOneThatEnds) {
  Instance a = Start("a");
  ASSERT_TRUE(Eventually({&a}, [&] { return a.Acts(tenants_[0]) && a.Acts(tenants_[1]); }));
  Instance b = Start("b");
  ASSERT_TRUE(Eventually({&a, &b}, [&] {
    return a.Acts(tenants_[0]) != a.Acts(tenants_[1]) &&
           a.Acts(tenants_[0]) != b.Acts(tenants_[0]) && a.Acts(tenants_[1]) != b.Acts(tenants_[1]);
  }));
  const int of_a = a.Acts(tenants_[0]) ? 0 : 1, of_b = 1 - of_a;
  // Whatever either is asked to do, it does to its own.
  ASSERT_TRUE(a.AskAll(3).ok());
  ASSERT_TRUE(b.AskAll(5).ok());
  EXPECT_EQ(MinScale(of_a), "3");
  EXPECT_EQ(MinScale(of_b), "5");
  ASSERT_TRUE(a.AskAll(4).ok());
  EXPECT_EQ(MinScale(of_a), "4");
  EXPECT_EQ(MinScale(of_b), "5");
  // One that ends in order is followed at once.
  b.platform.reset();
  ASSERT_TRUE(Eventually({&a}, [&] { return a.Acts(tenants_[static_cast<size_t>(of_b)]); }));
  ASSERT_TRUE(a.AskAll(2).ok());
  EXPECT_EQ(MinScale(of_b), "2");
}

}  // namespace
}  // namespace reeve
