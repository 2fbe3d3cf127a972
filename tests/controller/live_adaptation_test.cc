#include "controller/live_adaptation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/store/expert_store.h"
#include "core/status.h"
#include "tests/agents/adapt/online_rig.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

Snapshot Moment(int period, size_t functions, uint32_t queued) {
  Snapshot snapshot;
  snapshot.time = SimTime::Seconds(2) * period;
  snapshot.window = SimTime::Seconds(2);
  snapshot.functions.Resize(functions);
  std::fill(snapshot.functions.arrivals.begin(), snapshot.functions.arrivals.end(), 5u);
  std::fill(snapshot.functions.queued.begin(), snapshot.functions.queued.end(), queued);
  std::fill(snapshot.functions.replicas_asked.begin(), snapshot.functions.replicas_asked.end(), 2u);
  snapshot.cluster.cpu_capacity = Millicores::Cores(16);
  snapshot.cluster.memory_capacity = Mebibytes(1 << 16);
  return snapshot;
}

class LiveAdaptationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("reeve_live_adaptation_" + std::to_string(getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    spec_.experts = folder_.string();
    spec_.learner.online.learner.form = Form::kMeanField;
    spec_.learner.online.learner.sharing = Sharing::kShared;
    spec_.learner.online.stretch = 4;
    spec_.learner.online.stretches = 1;
    spec_.safeguard.minimum_time = SimTime();
    spec_.safeguard.metrics.enabled = false;  // these windows say no more than the tests need
    options_.fallback.name = "static";
    options_.fallback.fixed.replicas = 9;
    options_.period = SimTime::Seconds(2);
    options_.trainers = [](const OnlineSpec&) { return FakeTrainers(); };
    options_.on_message = [this](const std::string& m) { messages_.push_back(m); };
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Every decision is carried out, or none is.
  std::vector<Decision> Play(LivePolicy& policy, size_t functions, int from, int to,
                             uint32_t queued = 0, uint8_t carried_out = 1) {
    std::vector<Decision> decisions(functions);
    for (int period = from; period < to; ++period) {
      std::fill(decisions.begin(), decisions.end(), Decision{});
      const absl::Status status =
          policy.policy->Decide(Moment(period, functions, queued), decisions);
      EXPECT_TRUE(status.ok()) << status;
      policy.carried_out(std::vector<uint8_t>(functions, carried_out));
    }
    return decisions;
  }

  std::filesystem::path folder_;
  LiveAdaptationSpec spec_;
  LiveAdaptationOptions options_;
  std::vector<std::string> messages_;
};

TEST_F(LiveAdaptationTest, TheFallbackDrivesWhatIsNotSafe) {
  const auto maker = MakeLiveAdaptation(spec_, options_);
  ASSERT_TRUE(maker.ok()) << maker.status();
  absl::StatusOr<LivePolicy> policy = (*maker)({"a", "b"}, {"t", "u"});
  ASSERT_TRUE(policy.ok()) << policy.status();
  Play(*policy, 2, 1, 6);
  EXPECT_FALSE(policy->by_safeguard(FunctionId(0)));
  EXPECT_FALSE(policy->adaptation().safeguarded);
  const std::vector<Decision> guarded = Play(*policy, 2, 6, 9, 100);
  EXPECT_TRUE(policy->by_safeguard(FunctionId(0)));
  EXPECT_EQ(guarded[0].replicas, 9);
  EXPECT_TRUE(policy->adaptation().safeguarded);
  EXPECT_EQ(policy->adaptation().experts, 1u);
}

// Functions come: the next policy goes on with what the first has learned, and so does the next
// process.
TEST_F(LiveAdaptationTest, WhatWasLearnedOutlivesThePolicy) {
  const auto learned = [&](const LivePolicy& policy) { return policy.adaptation().updates; };
  {
    const auto maker = MakeLiveAdaptation(spec_, options_);
    ASSERT_TRUE(maker.ok()) << maker.status();
    std::optional<LivePolicy> policy = *(*maker)({"a", "b"}, {"t", "u"});
    Play(*policy, 2, 1, 20);
    EXPECT_GE(learned(*policy), 3u);
    policy.reset();
    policy = *(*maker)({"a", "b", "c"}, {"t", "u", "u"});
    Play(*policy, 3, 1, 3);
    EXPECT_EQ(policy->adaptation().environments, 1u);
    EXPECT_EQ(policy->adaptation().experts, 1u);
    EXPECT_EQ(learned(*policy), 0u);
    // Another process cannot write there meanwhile.
    EXPECT_EQ(MakeLiveAdaptation(spec_, options_).status().code(), absl::StatusCode::kUnavailable);
  }
  const auto library =
      ExpertLibrary::Open(spec_.experts, spec_.library, spec_.learner.detector.spread_prior(),
                          ExpertLibrary::Access::kRead);
  ASSERT_TRUE(library.ok()) << library.status();
  ASSERT_EQ(library->experts().size(), 1u);
  const Expert& expert = library->experts().begin()->second;
  EXPECT_GE(expert.state.iteration, 3);
  EXPECT_EQ(expert.state.model.agent_names, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(expert.info.tenant_names, (std::vector<std::string>{"t", "u", "u"}));
  EXPECT_TRUE(messages_.empty()) << messages_.front();
}

// The same without a folder: what was learned is in the store.
TEST_F(LiveAdaptationTest, WithoutAFolderExpertsAreInTheStore) {
  spec_.experts.clear();
  options_.store = (folder_ / "reeve.db").string();
  for (const int updates : {1, 2}) {
    {
      const auto maker = MakeLiveAdaptation(spec_, options_);
      ASSERT_TRUE(maker.ok()) << maker.status();
      absl::StatusOr<LivePolicy> policy = (*maker)({"a"}, {"t"});
      ASSERT_TRUE(policy.ok()) << policy.status();
      Play(*policy, 1, 1, 6);
      const absl::Status second = MakeLiveAdaptation(spec_, options_).status();
      EXPECT_EQ(second.code(), absl::StatusCode::kUnavailable);
      EXPECT_THAT(MessageOf(second), HasSubstr("experts: " + options_.store + ": another process"));
    }
    auto storage = OpenExpertStore(options_.store, ExpertStorage::Access::kRead);
    ASSERT_TRUE(storage.ok()) << storage.status();
    const auto library = ExpertLibrary::Open(*std::move(storage), spec_.library, {});
    ASSERT_TRUE(library.ok()) << library.status();
    ASSERT_EQ(library->experts().size(), 1u);
    EXPECT_EQ(library->experts().begin()->second.state.iteration, updates);
  }
  EXPECT_TRUE(messages_.empty()) << messages_.front();
}

// What is not carried out is no experience of the actor's: in shadow mode only as much as patience
// says.
TEST_F(LiveAdaptationTest, ShadowStepsAreNotThePolicysOwn) {
  spec_.learner.unsafe_penalty = 100;
  const auto maker = MakeLiveAdaptation(spec_, options_);
  ASSERT_TRUE(maker.ok()) << maker.status();
  absl::StatusOr<LivePolicy> policy = (*maker)({"a"}, {"t"});
  ASSERT_TRUE(policy.ok());
  Play(*policy, 1, 1, 4, 0, 0);
  EXPECT_LT(policy->adaptation().mean_reward, -98);
  Play(*policy, 1, 4, 7, 0, 1);
  EXPECT_GT(policy->adaptation().mean_reward, -2);
}

TEST_F(LiveAdaptationTest, OtherNetworksInTheFolderAreSaidSo) {
  {
    const auto maker = MakeLiveAdaptation(spec_, options_);
    absl::StatusOr<LivePolicy> policy = (*maker)({"a"}, {"t"});
    ASSERT_TRUE(policy.ok());
    Play(*policy, 1, 1, 10);
  }
  spec_.learner.online.learner.actor.width += 1;
  const auto maker = MakeLiveAdaptation(spec_, options_);
  ASSERT_TRUE(maker.ok());
  const absl::Status status = (*maker)({"a"}, {"t"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(status), HasSubstr("other networks"));
  EXPECT_THAT(MessageOf(status), HasSubstr(folder_.string()));
}

TEST_F(LiveAdaptationTest, APlaceAndAFallbackAreNeeded) {
  LiveAdaptationSpec nowhere = spec_;
  nowhere.experts.clear();
  EXPECT_THAT(MessageOf(MakeLiveAdaptation(nowhere, options_).status()),
              HasSubstr("experts: name a store"));
  LiveAdaptationOptions nobody = options_;
  nobody.trainers = nullptr;
  EXPECT_EQ(MakeLiveAdaptation(spec_, nobody).status().code(),
            absl::StatusCode::kFailedPrecondition);
  options_.fallback.name = "oracle_prewarm";
  EXPECT_FALSE(MakeLiveAdaptation(spec_, options_).ok());
}

}  // namespace
}  // namespace reeve
