// The control loop on Knative: from a policy's decision to the annotation, and back. In memory, or
// on a real API server (scripts/test-live).
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "controller/control_loop.h"
#include "controller/knative/knative_platform.h"
#include "controller/knative/names.h"
#include "tests/controller/knative/test_cluster.h"

namespace reeve {
namespace {

// Three containers for everybody.
class Three : public Policy {
 public:
  std::string_view name() const override { return "three"; }
  absl::Status Decide(const Snapshot&, std::span<Decision> decisions) override {
    for (Decision& decision : decisions) decision.replicas = 3;
    return absl::OkStatus();
  }
};

class KnativeLoopTest : public ::testing::Test {
 protected:
  ~KnativeLoopTest() override { End(); }
  void Begin(const std::map<std::string, TenantMode>& tenants) {
    KnativeConfig config;
    config.kubeconfig = cluster_.AdminConfig();
    config.ns = cluster_.ns();
    config.annotated = AnnotatedObject::kRevision;
    config.lease.enabled = false;
    auto platform = KnativePlatform::Create(config, [](const char*) { return nullptr; });
    ASSERT_TRUE(platform.ok()) << platform.status();
    platform_ = *std::move(platform);
    LoopOptions options;
    options.spec.period = SimTime::Millis(250);
    options.spec.mode = ControlMode::kShadow;
    options.spec.tenants = tenants;
    options.spec.numbers.sound_for = SimTime();
    options.make_policy =
        options.make_fallback = [](const std::vector<std::string>&,
                                   const std::vector<std::string>&) -> absl::StatusOr<LivePolicy> {
      LivePolicy policy;
      policy.policy = std::make_unique<Three>();
      return policy;
    };
    modes_ = std::make_unique<TenantModes>(TenantMode{}, tenants);
    loop_ = std::make_unique<ControlLoop>(options, *platform_, *modes_, clock_);
    thread_ = std::thread([this] { ended_ = loop_->Run(); });
  }
  void End() {
    if (!thread_.joinable()) return;
    loop_->Stop();
    thread_.join();
  }
  template <class Condition>
  ::testing::AssertionResult Eventually(const Condition& condition) {
    for (int i = 0; i < 1500; ++i) {
      if (condition()) return ::testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return ::testing::AssertionFailure() << "not within 30 s";
  }
  std::string MinScale(const std::string& revision) {
    return cluster_.Annotation(knative::kRevisions, revision, knative::kMinScale);
  }

  TestCluster cluster_;
  SteadyClock clock_;
  std::unique_ptr<KnativePlatform> platform_;
  std::unique_ptr<TenantModes> modes_;
  std::unique_ptr<ControlLoop> loop_;
  std::thread thread_;
  absl::Status ended_;
};

TEST_F(KnativeLoopTest, ActsForTenantsThatAreActiveAndHandsBackWhenItEnds) {
  cluster_.AddFunction("hello");
  cluster_.AddFunction("other");
  // One of the two is another tenant's, which is in shadow.
  const nlohmann::json label = {{"metadata", {{"labels", {{"reeve-tenant", "watched"}}}}}};
  ASSERT_TRUE(cluster_.admin()
                  .Patch({knative::kServices, cluster_.ns(), "other"}, PatchKind::kMerge, label)
                  .ok());
  Begin({{cluster_.ns(), {ControlMode::kActive, false}}});
  ASSERT_TRUE(Eventually([&] { return MinScale("hello-00001") == "3"; }));
  cluster_.PlayKnative("hello-00001", /*copies=*/true);
  const auto done = [&] {
    const auto state = loop_->state();
    if (state == nullptr || state->functions.size() != 2) return false;
    for (const FunctionState& function : state->functions) {
      if (function.in_force.replicas == 3 && function.replicas_asked == 3) return true;
    }
    return false;
  };
  EXPECT_TRUE(Eventually(done));
  EXPECT_EQ(MinScale("other-00001"), "");
  End();
  EXPECT_TRUE(ended_.ok()) << ended_;
  EXPECT_EQ(MinScale("hello-00001"), "");
  EXPECT_EQ(cluster_.Annotation(knative::kRevisions, "hello-00001", knative::kAttached), "");
}

TEST_F(KnativeLoopTest, DoesNothingForAFunctionWhoseNumbersAreMissing) {
  cluster_.AddFunction("hello");
  cluster_.AddPod("hello-00001", "silent", true, "127.0.0.1");
  Begin({{cluster_.ns(), {ControlMode::kActive, false}}});
  ASSERT_TRUE(Eventually([&] {
    const auto state = loop_->state();
    return state != nullptr && state->ticks > 8 && state->functions.size() == 1;
  }));
  EXPECT_EQ(MinScale("hello-00001"), "");
  EXPECT_FALSE(loop_->state()->functions[0].detail.empty());
}

}  // namespace
}  // namespace reeve
