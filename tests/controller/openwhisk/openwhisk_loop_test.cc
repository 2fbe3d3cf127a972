// The control loop on OpenWhisk: from a policy's decision to an action's limits, and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "controller/control_loop.h"
#include "controller/openwhisk/openwhisk_platform.h"
#include "core/files.h"
#include "tests/controller/openwhisk/fake_whisk.h"

namespace reeve {
namespace {

using nlohmann::json;

// 512 MiB for everybody.
class Large : public Policy {
 public:
  std::string_view name() const override { return "large"; }
  absl::Status Decide(const Snapshot&, std::span<Decision> decisions) override {
    for (Decision& decision : decisions) decision.memory_limit = Mebibytes(512);
    return absl::OkStatus();
  }
};

class OpenWhiskLoopTest : public ::testing::Test {
 protected:
  OpenWhiskLoopTest()
      : folder_(::testing::TempDir() + "/reeve_openwhisk_loop_" + std::to_string(getpid()) + "_" +
                ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    EXPECT_TRUE(WriteFileAtomically(folder_ + "/key", FakeWhisk::kKey).ok());
    config_.endpoint = whisk_.url();
    config_.tenants["alice"] = {folder_ + "/key"};
    config_.changes.must_pay = false;
    config_.actions_period = SimTime::Millis(500);
    options_.spec.period = SimTime::Millis(250);
    options_.spec.mode = ControlMode::kActive;
    options_.spec.numbers.sound_for = SimTime();
    options_.make_policy =
        options_.make_fallback = [](const std::vector<std::string>&,
                                    const std::vector<std::string>&) -> absl::StatusOr<LivePolicy> {
      LivePolicy policy;
      policy.policy = std::make_unique<Large>();
      return policy;
    };
  }
  ~OpenWhiskLoopTest() override {
    End();
    std::filesystem::remove_all(folder_);
  }

  void Begin() {
    auto platform = OpenWhiskPlatform::Create(config_);
    ASSERT_TRUE(platform.ok()) << platform.status();
    platform_ = *std::move(platform);
    modes_ =
        std::make_unique<TenantModes>(TenantMode{options_.spec.mode, false}, options_.spec.tenants);
    loop_ = std::make_unique<ControlLoop>(options_, *platform_, *modes_, clock_);
    thread_ = std::thread([this] { ended_ = loop_->Run(); });
  }
  void End() {
    if (!thread_.joinable()) return;
    loop_->Stop();
    thread_.join();
  }
  template <class Condition>
  ::testing::AssertionResult Eventually(const Condition& condition) {
    for (int i = 0; i < 3000; ++i) {
      if (condition()) return ::testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return ::testing::AssertionFailure() << "not within a minute";
  }
  bool Ticked(uint64_t ticks) {
    const auto state = loop_->state();
    return state != nullptr && state->ticks >= ticks && !state->functions.empty();
  }

  const std::string folder_;
  FakeWhisk whisk_;
  OpenWhiskConfig config_;
  LoopOptions options_;
  SteadyClock clock_;
  std::unique_ptr<OpenWhiskPlatform> platform_;
  std::unique_ptr<TenantModes> modes_;
  std::unique_ptr<ControlLoop> loop_;
  std::thread thread_;
  absl::Status ended_;
};

TEST_F(OpenWhiskLoopTest, ShadowWritesNothing) {
  whisk_.AddAction("hello");
  options_.spec.mode = ControlMode::kShadow;
  Begin();
  ASSERT_TRUE(Eventually([&] { return Ticked(12); }));
  const FunctionState shown = loop_->state()->functions[0];
  EXPECT_EQ(shown.record.wished.memory_limit, Mebibytes(512));
  EXPECT_EQ(shown.record.why, "shadow");
  End();
  EXPECT_TRUE(ended_.ok()) << ended_;
  EXPECT_EQ(whisk_.CountOf("PUT") + whisk_.CountOf("POST"), 0u);
  EXPECT_EQ(whisk_.Version("hello"), "0.0.1");
}

TEST_F(OpenWhiskLoopTest, ActsAndHandsBackWhenItEnds) {
  whisk_.AddAction("hello");
  Begin();
  ASSERT_TRUE(Eventually([&] { return whisk_.Limits("hello")["memory"] == 512; }));
  ASSERT_TRUE(Eventually([&] {
    const auto state = loop_->state();
    return state->functions[0].record.actuation == Actuation::kDone;
  }));
  End();
  EXPECT_TRUE(ended_.ok()) << ended_;
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 256);
  EXPECT_EQ(whisk_.puts().size(), 2u);  // there and back
}

TEST_F(OpenWhiskLoopTest, OnlyForTenantsThatAreActive) {
  FakeWhisk other;
  whisk_.AddAction("hello");
  options_.spec.mode = ControlMode::kShadow;
  Begin();
  ASSERT_TRUE(Eventually([&] { return Ticked(4); }));
  EXPECT_EQ(whisk_.Limits("hello")["memory"], 256);
  modes_->Set("alice", {ControlMode::kActive, false});
  ASSERT_TRUE(Eventually([&] { return whisk_.Limits("hello")["memory"] == 512; }));
  modes_->Set("alice", {ControlMode::kOff, false});
  ASSERT_TRUE(Eventually([&] { return whisk_.Limits("hello")["memory"] == 256; }));
}

TEST_F(OpenWhiskLoopTest, AStormPasses) {
  whisk_.AddAction("hello");
  // Shared: the server answers until the fixture ends.
  const auto storm = std::make_shared<std::atomic<bool>>(false);
  whisk_.SetHooks([storm](const ScriptedRequest&) -> std::optional<ScriptedReply> {
    if (!*storm) return std::nullopt;
    return WhiskError(429, "Too many requests in the last minute (count: 121, allowed: 120).");
  });
  options_.spec.tenants["alice"] = {ControlMode::kShadow, false};
  Begin();
  ASSERT_TRUE(Eventually([&] { return Ticked(4); }));
  *storm = true;
  const size_t before = whisk_.requests().size();
  modes_->Set("alice", {ControlMode::kActive, false});
  ASSERT_TRUE(Eventually([&] {
    const auto state = loop_->state();
    return !state->functions[0].record.sound;
  }));
  const uint64_t ticks = loop_->state()->ticks;
  ASSERT_TRUE(Eventually([&] { return Ticked(ticks + 16); }));  // four seconds
  // Ticks went on; requests did not: 0.4 s, 0.8 s, 1.6 s between two at least, reading and writing.
  EXPECT_LE(whisk_.requests().size() - before, 12u);
  *storm = false;
  ASSERT_TRUE(Eventually([&] { return whisk_.Limits("hello")["memory"] == 512; }));
}

// The loop's process is gone while the server has the PUT and has not answered it; the next one
// hands back what it finds.
TEST_F(OpenWhiskLoopTest, TheNextRunHandsBackWhatAKilledOneLeft) {
  whisk_.AddAction("hello");
  options_.spec.on_stop = OnStop::kKeep;
  whisk_.SetHooks(nullptr, [](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method != "PUT") return std::nullopt;
    return ScriptedReply{.body = "{\"na", .cut = true};
  });
  Begin();
  ASSERT_TRUE(Eventually([&] { return whisk_.Limits("hello")["memory"] == 512; }));
  End();
  loop_.reset();
  platform_.reset();
  whisk_.SetHooks(nullptr);
  const size_t puts = whisk_.puts().size();

  options_.left_taken = {"guest/hello"};
  options_.spec.mode = ControlMode::kShadow;
  Begin();
  ASSERT_TRUE(Eventually([&] { return whisk_.Limits("hello")["memory"] == 256; }));
  EXPECT_TRUE(whisk_.Annotation("hello", "reeve-attached").is_null());
  EXPECT_EQ(whisk_.puts().size(), puts + 1);
}

}  // namespace
}  // namespace reeve
