// OpenWhisk in memory, and a platform whose clock the test moves.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "controller/openwhisk/openwhisk_platform.h"
#include "core/files.h"
#include "tests/controller/openwhisk/fake_whisk.h"

namespace reeve {

inline constexpr SimTime kPeriod = SimTime::Seconds(2);

inline Decision Wanted(std::optional<int32_t> replicas, std::optional<int64_t> mebibytes = {},
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
  // As the loop does: the same again in each period, for 40 s, which is longer than any back-off.
  void DecideUntilDone(const std::string& id, const Decision& decision) {
    for (int i = 0; i < 20; ++i) {
      Tick();
      if (!StatusOf(id).incomplete && StatusOf(id).actuation == Actuation::kDone) return;
      Decide(id, decision).IgnoreError();
    }
    ADD_FAILURE() << id << ": " << StatusOf(id).detail;
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

}  // namespace reeve
