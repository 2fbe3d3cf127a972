// Which of two instances acts: the holder of the lease; on a cluster in memory, or on a real API
// server (scripts/test-live).
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"
#include "tests/controller/knative/platform_fixture.h"

namespace reeve {
namespace {

KnativeLease LeaseFor(const std::string& identity, const std::string& ns, SimTime duration) {
  return {.enabled = true,
          .name = "reeve",
          .ns = ns,
          .identity = identity,
          .duration = duration,
          .renew_deadline = duration - SimTime::Seconds(1),
          .retry = SimTime::Millis(100)};
}

class KnativeLeaseTest : public KnativePlatformTest {};

TEST_F(KnativeLeaseTest, OnlyTheHolderOfTheLeaseActs) {
  cluster_.AddFunction("hello");
  KnativeConfig config = Config();
  config.lease = LeaseFor("a", cluster_.ns(), SimTime::Seconds(2));
  Begin(config);
  ASSERT_TRUE(Eventually([&] { return platform_->MayAct() && Functions() == 1; }));
  config.lease.identity = "b";
  auto other = KnativePlatform::Create(config, FromEnvironment);
  ASSERT_TRUE(other.ok());
  Snapshot snapshot;
  ASSERT_TRUE(
      Eventually([&] { return (*other)->Observe(snapshot).ok() && (*other)->Leader() == "a"; }));
  EXPECT_FALSE((*other)->MayAct());
  EXPECT_TRUE(absl::IsUnavailable((*other)->Apply(std::vector<Decision>(1, Replicas(9)))));
  EXPECT_EQ(OnRevision(knative::kMinScale), "");
  // One that ends in order lets the other act at once.
  platform_ = *std::move(other);
  ASSERT_TRUE(Eventually([&] { return platform_->MayAct(); }));
  ASSERT_TRUE(Apply(Replicas(2)).ok());
  EXPECT_EQ(OnRevision(knative::kMinScale), "2");
}

// Run by the test below in a process of its own, which is killed.
TEST(KnativeLeaderChild, DISABLED_Leads) {
  KnativeConfig config;
  config.kubeconfig = std::getenv("REEVE_TEST_CONFIG");
  config.ns = std::getenv("REEVE_TEST_NS");
  config.lease = LeaseFor("child", config.ns, SimTime::Seconds(3));
  auto platform = KnativePlatform::Create(config, FromEnvironment);
  ASSERT_TRUE(platform.ok());
  std::this_thread::sleep_for(std::chrono::minutes(2));
}

TEST_F(KnativeLeaseTest, WhenTheLeaderIsKilledAnotherActsWithinTheLease) {
  cluster_.AddFunction("hello");
  ::setenv("REEVE_TEST_CONFIG", cluster_.AdminConfig().c_str(), 1);
  ::setenv("REEVE_TEST_NS", cluster_.ns().c_str(), 1);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/proc/self/exe", "child", "--gtest_filter=KnativeLeaderChild.DISABLED_Leads",
            "--gtest_also_run_disabled_tests", nullptr);
    ::_exit(127);
  }
  KnativeConfig config = Config();
  config.lease = LeaseFor("parent", cluster_.ns(), SimTime::Seconds(3));
  // The child leads first.
  for (int i = 0; i < 1000; ++i) {
    if (TextAt(cluster_.Get(kube::kLeases, "reeve"), "spec.holderIdentity") == "child") break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  Begin(config);
  ASSERT_TRUE(Eventually([&] { return platform_->Leader() == "child" && Functions() == 1; }));
  EXPECT_FALSE(platform_->MayAct());
  const SimTime killed = NetClock::Real().Now();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(Eventually([&] { return platform_->MayAct(); }));
  const SimTime after = NetClock::Real().Now() - killed;
  ASSERT_TRUE(Apply(Replicas(2)).ok());
  EXPECT_EQ(OnRevision(knative::kMinScale), "2");
  // The lease, a retry, and what a busy machine needs; and not before the lease had run out.
  EXPECT_LT(after, SimTime::Seconds(8));
  EXPECT_GT(after, SimTime::Millis(2500));
}

}  // namespace
}  // namespace reeve
