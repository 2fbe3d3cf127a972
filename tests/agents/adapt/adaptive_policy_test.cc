#include "agents/adapt/adaptive_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/status.h"
#include "tests/agents/adapt/online_rig.h"

namespace reeve {
namespace {

// Two functions that are under load, seen every 5 s.
Snapshot Moment(int period, uint32_t queued) {
  Snapshot s;
  s.time = SimTime::Seconds(5 * period);
  s.window = period == 0 ? SimTime() : SimTime::Seconds(5);
  s.functions.Resize(2);
  s.cluster.cpu_capacity = Millicores(16000);
  s.cluster.memory_capacity = Mebibytes(32768);
  s.cluster.nodes_ready = 1;
  for (size_t f = 0; f < 2; ++f) {
    s.functions.arrivals[f] = s.functions.completions[f] = 25;
    s.functions.queued[f] = queued;
    s.functions.containers_ready[f] = s.functions.replicas_asked[f] = 4;
    s.functions.latency_p99_ms[f] = s.functions.execution_p50_ms[f] = 100;
    s.functions.cpu_limit[f] = Millicores(1000);
    s.functions.memory_limit[f] = Mebibytes(128);
    s.functions.concurrency_limit[f] = 1;
    s.functions.slo_latency[f] = SimTime::Seconds(1);
  }
  return s;
}

class Nine : public Policy {
 public:
  std::string_view name() const override { return "nine"; }
  absl::Status Decide(const Snapshot&, std::span<Decision> decisions) override {
    for (Decision& d : decisions) d.replicas = 9;
    return absl::OkStatus();
  }
};

AdaptiveSpec Small() {
  AdaptiveSpec spec;
  spec.online.learner.form = Form::kSRl;
  spec.online.stretch = 4;
  spec.online.stretches = 2;
  return spec;
}

std::unique_ptr<AdaptivePolicy> Learner(const AdaptiveSpec& spec = Small()) {
  return std::make_unique<AdaptivePolicy>(spec, AgentNames{{"a", "b"}, {0, 1}}, FakeTrainers(), 3);
}

TEST(AdaptivePolicyTest, EveryPeriodIsAStepAndBatchesAreLearnedFrom) {
  const auto policy = Learner();
  std::vector<Decision> decisions(2);
  for (int period = 0; period < 20; ++period) {
    std::fill(decisions.begin(), decisions.end(), Decision{});
    ASSERT_TRUE(policy->Decide(Moment(period, 0), decisions).ok());
  }
  EXPECT_EQ(policy->learner().counts().steps, 20);
  EXPECT_EQ(policy->learner().counts().updates, 2);  // of 8 steps each
  EXPECT_EQ(policy->learner().counts().experts_begun, 1);
  // The authors' reward: 0.7 for the SLO that is kept, no CPU was used; -1 for who chose what is
  // not allowed. Two agents.
  EXPECT_THAT(policy->mean_reward(),
              testing::AnyOf(testing::DoubleNear(0.7, 1e-6), testing::DoubleNear(-0.15, 1e-6),
                             testing::DoubleNear(-1, 1e-6)));
  EXPECT_EQ(policy->Decide(Snapshot(), decisions).code(), absl::StatusCode::kInvalidArgument);
}

// 60 wait: above the 50 at which the safeguard hands over, until 3 are left.
TEST(AdaptivePolicyTest, UnderASafeguardTheFallbackDrivesWhatIsUnsafe) {
  const auto play = [&](uint32_t queued, AdaptiveControl& control, int from, int to) {
    std::vector<Decision> decisions(2);
    for (int period = from; period < to; ++period) {
      std::fill(decisions.begin(), decisions.end(), Decision{});
      EXPECT_TRUE(control.Decide(Moment(period, queued), decisions).ok());
    }
    return decisions;
  };
  SafeguardSpec guard;
  guard.minimum_time = SimTime();
  guard.metrics.enabled = false;  // these windows say no more than the test needs
  AdaptiveControl control(Learner(), std::make_unique<Nine>(), guard);
  EXPECT_NE(play(0, control, 1, 5)[0].replicas, 9);
  EXPECT_EQ(play(60, control, 5, 10)[0].replicas, 9);
  EXPECT_EQ(control.guarded().counts().engaged_periods, 5u);
  EXPECT_NE(play(0, control, 10, 12)[0].replicas, 9);
  // What the fallback drove costs the penalty.
  AdaptiveSpec penalised = Small();
  penalised.unsafe_penalty = 100;
  AdaptiveControl strict(Learner(penalised), std::make_unique<Nine>(), guard);
  play(60, strict, 1, 4);
  EXPECT_LT(strict.adaptive().mean_reward(), -98);
}

// Requests in a window of no length: the guard believes nothing of it, and nobody learns from it.
TEST(AdaptivePolicyTest, WhatCannotBeTrueIsNotLearnedFrom) {
  AdaptiveControl control(Learner(), std::make_unique<Nine>(), SafeguardSpec());
  std::vector<Decision> decisions(2);
  ASSERT_TRUE(control.Decide(Moment(0, 0), decisions).ok());
  EXPECT_NE(control.guarded().metrics_fault(), MetricsFault::kNone);
  EXPECT_EQ(control.adaptive().learner().counts().steps, 0);
}

}  // namespace
}  // namespace reeve
