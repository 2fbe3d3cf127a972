#include "agents/rules/aimd_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/status.h"
#include "tests/agents/rule_driver.h"

namespace reeve {
namespace {

using testing::HasSubstr;

// A function of 3 containers with 1000 millicores and 512 MiB, met at second 0.
class AimdPolicyTest : public testing::Test {
 protected:
  void Begin(const AimdOptions& options) {
    policy_ = std::make_unique<AimdPolicy>(options);
    driver_ = std::make_unique<RuleDriver>(*policy_);
    driver_->Set(0, 3);
    driver_->Decide(0, 0);
  }
  const Decision& Period(double t, uint32_t completions, uint32_t violations, double window = 15) {
    driver_->windows().completions[0] = completions;
    driver_->windows().slo_violations[0] = violations;
    driver_->Decide(t, window);
    return driver_->decisions[0];
  }
  static Decision All(int32_t replicas, int64_t cpu, int64_t memory) {
    Decision decision;
    decision.replicas = replicas;
    decision.cpu_limit = Millicores(cpu);
    decision.memory_limit = Mebibytes(memory);
    return decision;
  }
  std::unique_ptr<AimdPolicy> policy_;
  std::unique_ptr<RuleDriver> driver_;
};

TEST_F(AimdPolicyTest, DoublesWhenMissedAndStepsDownOtherwise) {
  Begin(AimdOptions());
  EXPECT_EQ(Period(15, 100, 2), All(6, 2000, 1024));
  EXPECT_EQ(Period(30, 100, 1), All(5, 1900, 1014));  // 1 % is within the 99th percentile
  EXPECT_EQ(Period(45, 0, 0), All(4, 1800, 1004));    // nothing asked for
}

TEST_F(AimdPolicyTest, AWholePeriodIsJudged) {
  Begin(AimdOptions());
  EXPECT_EQ(Period(5, 150, 0, 5), Decision());
  EXPECT_EQ(Period(10, 0, 2, 5), Decision());
  EXPECT_EQ(Period(15, 50, 0, 5), All(2, 900, 502));  // 2 of 200
  EXPECT_EQ(Period(30, 199, 2), All(4, 1800, 1004));  // 2 of 199
}

TEST_F(AimdPolicyTest, BoundsHold) {
  AimdOptions options;
  options.max_replicas = 5;
  options.max_cpu = Millicores(1500);
  options.max_memory = Mebibytes(600);
  options.min_cpu = Millicores(1450);
  options.min_memory = Mebibytes(595);
  options.min_replicas = 5;
  Begin(options);
  EXPECT_EQ(driver_->decisions[0].replicas, 5);  // met with fewer than the minimum
  Decision up;
  up.cpu_limit = Millicores(1500);
  up.memory_limit = Mebibytes(600);
  EXPECT_EQ(Period(15, 1, 1), up);
  Decision down;
  down.cpu_limit = Millicores(1450);
  down.memory_limit = Mebibytes(595);
  EXPECT_EQ(Period(30, 1, 0), down);
  EXPECT_EQ(Period(45, 1, 0), Decision());
}

TEST_F(AimdPolicyTest, WaitingRequestsAreNoEvidence) {
  Begin(AimdOptions());
  driver_->windows().queued[0] = 7;
  EXPECT_EQ(Period(15, 0, 0), Decision());
  driver_->windows().timeouts[0] = 1;
  EXPECT_EQ(Period(30, 0, 1), All(6, 2000, 1024));
}

TEST_F(AimdPolicyTest, OnlyWhatIsAskedForChanges) {
  AimdOptions options;
  options.scale_memory = options.scale_replicas = false;
  Begin(options);
  Decision cpu;
  cpu.cpu_limit = Millicores(2000);
  EXPECT_EQ(Period(15, 1, 1), cpu);
  EXPECT_EQ(driver_->Wake(16), std::nullopt);
}

TEST_F(AimdPolicyTest, WakesFromZero) {
  AimdOptions options;
  options.min_replicas = 0;
  Begin(options);
  Period(15, 0, 0);
  Period(30, 0, 0);
  EXPECT_EQ(Period(45, 0, 0).replicas, 0);
  EXPECT_EQ(driver_->Wake(46), std::optional<int32_t>(1));
}

TEST(AimdOptions, Validate) {
  AimdOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.min_memory = Mebibytes(5000);
  EXPECT_THAT(MessageOf(options.Validate()), HasSubstr("min_memory: 5000 is more than max_memory"));
}

}  // namespace
}  // namespace reeve
