#include "agents/adapt/safeguarded_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "core/status.h"
#include "tests/agents/allocation_counter.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;
using Replicas = std::optional<int32_t>;

// Wants what it is told to want, and counts what it is shown.
class Puppet : public Policy {
 public:
  explicit Puppet(std::string name) : name_(std::move(name)) {}
  std::string_view name() const override { return name_; }
  absl::Status Decide(const Snapshot&, std::span<Decision> decisions) override {
    ++seen;
    for (Decision& d : decisions) d = wish;
    return status;
  }
  void Wake(FunctionId, SimTime, Decision& decision) override { decision.replicas = wake; }

  Decision wish;
  Replicas wake;
  absl::Status status;
  int seen = 0;

 private:
  const std::string name_;
};

class Rig {
 public:
  explicit Rig(SafeguardSpec spec, size_t functions = 2) : decisions(functions) {
    auto a = std::make_unique<Puppet>("learner");
    auto b = std::make_unique<Puppet>("fallback");
    learner = a.get();
    fallback = b.get();
    learner->wish.replicas = 10;
    fallback->wish.replicas = 2;
    policy = std::make_unique<SafeguardedPolicy>(std::move(a), std::move(b), spec);
    w().Resize(functions);
    for (size_t f = 0; f < functions; ++f) {
      w().cpu_limit[f] = Millicores(1000);
      w().memory_limit[f] = Mebibytes(256);
      w().concurrency_limit[f] = 1;
      w().slo_latency[f] = SimTime::Seconds(1);
    }
    snapshot.cluster.memory_capacity = Mebibytes(100'000);
  }
  FunctionWindows& w() { return snapshot.functions; }
  absl::Status Try(int64_t seconds) {
    snapshot.time = SimTime::Seconds(seconds);
    snapshot.window = SimTime::Seconds(seconds == 0 ? 0 : 2);
    decisions.assign(decisions.size(), Decision());
    return policy->Decide(snapshot, decisions);
  }
  Replicas Decide(int64_t seconds) {
    const absl::Status status = Try(seconds);
    EXPECT_TRUE(status.ok()) << status;
    return decisions[0].replicas;
  }
  Replicas Wake(uint32_t f) {
    Decision decision;
    policy->Wake(FunctionId(f), snapshot.time, decision);
    return decision.replicas;
  }

  std::unique_ptr<SafeguardedPolicy> policy;
  Puppet* learner;
  Puppet* fallback;
  Snapshot snapshot;
  std::vector<Decision> decisions;
};

SafeguardSpec QueueGuard() {
  SafeguardSpec spec;
  spec.minimum_time = SimTime::Seconds(4);
  return spec;
}

TEST(SafeguardedPolicy, HandsOverAndBackWhileBothSeeEverything) {
  Rig rig(QueueGuard());
  rig.learner->wake = 7;
  rig.fallback->wake = 1;
  EXPECT_EQ(rig.policy->name(), "learner");
  EXPECT_EQ(rig.Decide(0), 10);
  EXPECT_EQ(rig.Wake(0), 7);
  rig.w().queued[1] = 51;  // the other function is in trouble
  EXPECT_EQ(rig.Decide(2), 2);
  EXPECT_EQ(rig.Wake(0), 1);
  EXPECT_TRUE(rig.policy->engaged(FunctionId(0)));
  EXPECT_EQ(rig.policy->reasons().ToString(), "queue");
  EXPECT_EQ(rig.policy->state().since, SimTime::Seconds(2));
  EXPECT_EQ(rig.policy->overruled()[0].replicas, 10);
  EXPECT_EQ(rig.policy->fallback_decisions()[0].replicas, 2);
  rig.w().queued[1] = 3;
  EXPECT_EQ(rig.Decide(4), 2);  // the minimum time
  EXPECT_EQ(rig.Decide(6), 10);
  EXPECT_EQ(rig.learner->seen, 4);
  EXPECT_EQ(rig.fallback->seen, 4);
  const SafeguardCounts& counts = rig.policy->counts();
  EXPECT_EQ(counts.periods, 4u);
  EXPECT_EQ(counts.engaged_periods, 2u);
  EXPECT_EQ(counts.engagements, 1u);
  EXPECT_EQ(counts.engaged_decisions, 4u);
  EXPECT_EQ(counts.engaged_share(), 0.5);
  EXPECT_EQ(counts.periods_by_reason[static_cast<size_t>(SafeguardReason::kQueue)], 1u);
}

TEST(SafeguardedPolicy, GuardsFunctionsByThemselves) {
  SafeguardSpec spec = QueueGuard();
  spec.scope = SafeguardScope::kFunction;
  spec.value = ValueTrigger();
  Rig rig(spec);
  rig.Decide(0);
  rig.w().queued[1] = 51;
  EXPECT_EQ(rig.Decide(2), 10);
  EXPECT_EQ(rig.decisions[1].replicas, 2);
  EXPECT_FALSE(rig.policy->engaged(FunctionId(0)));
  EXPECT_TRUE(rig.policy->engaged(FunctionId(1)));
  EXPECT_TRUE(rig.policy->any_engaged());
  EXPECT_EQ(rig.policy->state(FunctionId(1)).engaged_by.ToString(), "queue");
  rig.w().queued[1] = 0;
  rig.policy->set_value(FunctionId(0), -51);
  EXPECT_EQ(rig.Decide(4), 2);
  EXPECT_EQ(rig.policy->reasons().ToString(), "value");
  EXPECT_EQ(rig.Decide(6), 2);  // no value is no reason to let go
  EXPECT_EQ(rig.decisions[1].replicas, 10);
  rig.policy->set_value(-51);  // of the whole cluster
  rig.Decide(8);
  EXPECT_EQ(rig.decisions[1].replicas, 2);
}

TEST(SafeguardedPolicy, CountsWhatMadeTheFallbackTakeOver) {
  SafeguardSpec spec = QueueGuard();
  spec.scope = SafeguardScope::kFunction;
  spec.rejections.emplace();
  Rig rig(spec);
  EXPECT_TRUE(rig.policy->engaged().empty());
  rig.Decide(0);
  rig.w().queued[0] = 51;
  rig.Decide(2);  // the first function, by its queue
  rig.w().rejections[0] = 1;
  rig.Decide(4);  // another reason, and nobody taken over
  rig.w().queued[1] = 51;
  rig.w().rejections[1] = 1;
  rig.Decide(6);  // the second, by both at once
  EXPECT_THAT(rig.policy->engaged(), testing::ElementsAre(1, 1));
  const SafeguardCounts& counts = rig.policy->counts();
  EXPECT_EQ(counts.engagements, 2u);
  std::array<uint64_t, kSafeguardReasons> expected{};
  expected[static_cast<size_t>(SafeguardReason::kQueue)] = 2;
  expected[static_cast<size_t>(SafeguardReason::kRejections)] = 1;
  EXPECT_EQ(counts.engagements_by_reason, expected);
  EXPECT_EQ(counts.periods_by_reason[static_cast<size_t>(SafeguardReason::kQueue)], 3u);
}

TEST(SafeguardedPolicy, PutsBackWhatTheFallbackDoesNotMention) {
  Rig rig(QueueGuard());
  rig.learner->wish.cpu_limit = Millicores(1);
  rig.learner->wish.memory_limit = Mebibytes(1);
  rig.learner->wish.concurrency = 0;
  rig.learner->wish.keep_alive = SimTime();
  rig.Decide(0);
  EXPECT_EQ(rig.decisions[0].cpu_limit, Millicores(1));
  // Nobody knows the keep-alive before, so nobody could put it back.
  EXPECT_FALSE(rig.decisions[0].keep_alive);
  rig.w().queued[0] = 51;
  rig.fallback->wish.replicas.reset();
  rig.Decide(2);
  EXPECT_EQ(rig.decisions[0].replicas, 2);  // its wish of before
  EXPECT_EQ(rig.decisions[0].cpu_limit, Millicores(1000));
  EXPECT_EQ(rig.decisions[0].memory_limit, Mebibytes(256));
  EXPECT_EQ(rig.decisions[0].concurrency, 1);
  rig.fallback->wish.keep_alive = SimTime::Seconds(100);
  rig.w().queued[0] = 0;
  rig.Decide(4);
  rig.Decide(6);
  EXPECT_EQ(rig.decisions[0].keep_alive, SimTime());  // known now
  rig.fallback->wish.keep_alive.reset();
  rig.w().queued[0] = 51;
  rig.Decide(8);
  EXPECT_EQ(rig.decisions[0].keep_alive, SimTime::Seconds(100));
}

TEST(SafeguardedPolicy, WhatTheLearnerLeftAloneStaysAlone) {
  Rig rig(QueueGuard());
  rig.Decide(0);
  rig.w().queued[0] = 51;
  rig.Decide(2);
  EXPECT_FALSE(rig.decisions[0].cpu_limit);
  EXPECT_FALSE(rig.decisions[0].memory_limit);
}

TEST(SafeguardedPolicy, RepeatsTheFallbackWhenNumbersCannotBe) {
  Rig rig(QueueGuard());
  rig.Decide(0);
  rig.Decide(2);
  rig.w().mean_queued[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(rig.Decide(4), 2);
  EXPECT_EQ(rig.policy->metrics_fault(), MetricsFault::kNotANumber);
  EXPECT_EQ(rig.policy->reasons().ToString(), "impossible_metrics");
  EXPECT_EQ(rig.learner->seen, 2);  // neither was shown them
  EXPECT_EQ(rig.fallback->seen, 2);
  rig.w().mean_queued[0] = 0;
  EXPECT_EQ(rig.Decide(2), 2);  // the same time again
  EXPECT_EQ(rig.policy->metrics_fault(), MetricsFault::kTimeStands);
  EXPECT_EQ(rig.Decide(8), 10);
  EXPECT_EQ(rig.policy->metrics_fault(), MetricsFault::kNone);
}

TEST(SafeguardedPolicy, TimeOfWhichNothingIsKnownIsCharged) {
  SafeguardSpec spec = QueueGuard();
  spec.budget = ViolationBudgetSpec{.violations = 1000};
  Rig rig(spec);
  rig.w().arrivals[0] = 20;
  rig.w().in_flight[0] = 3;
  rig.Decide(0);
  rig.Decide(2);  // 10/s
  EXPECT_EQ(rig.policy->budget().charged(), 0);
  rig.Decide(8);  // its window began at 6
  EXPECT_NEAR(rig.policy->budget().charged(), 3 + 10 * 4, 1e-9);
}

TEST(SafeguardedPolicy, FailuresOfTheLearner) {
  Rig strict(QueueGuard());
  strict.learner->status = absl::InternalError("lost its mind");
  EXPECT_THAT(MessageOf(strict.Try(0)), HasSubstr("lost its mind"));

  SafeguardSpec spec = QueueGuard();
  spec.tolerate_errors = true;
  spec.minimum_time = SimTime();
  Rig rig(spec);
  rig.learner->status = absl::InternalError("lost its mind");
  EXPECT_EQ(rig.Decide(0), 2);
  EXPECT_EQ(rig.policy->reasons().ToString(), "learner_failed");
  EXPECT_EQ(MessageOf(rig.policy->learner_status()), "lost its mind");
  rig.learner->status = absl::OkStatus();
  EXPECT_EQ(rig.Decide(2), 10);
  rig.learner->wish.replicas = -1;
  EXPECT_EQ(rig.Decide(4), 2);
  EXPECT_THAT(MessageOf(rig.policy->learner_status()), HasSubstr("an impossible decision"));
  // That of the fallback is nobody's to repair.
  rig.fallback->status = absl::InternalError("too");
  EXPECT_FALSE(rig.Try(6).ok());
}

TEST(SafeguardedPolicy, StaysNearTheFallback) {
  SafeguardSpec spec = QueueGuard();
  spec.around_fallback = AroundFallback();  // half to four times
  Rig rig(spec);
  rig.fallback->wish.replicas = 3;
  rig.fallback->wish.keep_alive = SimTime::Seconds(100);
  rig.learner->wish.replicas = 0;
  rig.learner->wish.cpu_limit = Millicores(1);
  rig.learner->wish.memory_limit = Mebibytes(100'000);
  rig.learner->wish.keep_alive = SimTime();
  rig.Decide(0);
  Decision held;
  held.replicas = 2;
  held.cpu_limit = Millicores(500);
  held.memory_limit = Mebibytes(1024);
  held.keep_alive = SimTime::Seconds(50);
  EXPECT_EQ(rig.decisions[0], held);
  rig.learner->wish = {};
  rig.learner->wish.replicas = 100;
  rig.w().cpu_limit[0] = Millicores(400);  // as somebody left it
  rig.Decide(2);
  held = {};
  held.replicas = 12;
  held.cpu_limit = Millicores(500);
  EXPECT_EQ(rig.decisions[0], held);
  rig.fallback->wish.replicas = 0;
  EXPECT_EQ(rig.Decide(4), 4);  // as if it wished for one
}

TEST(SafeguardedPolicy, RefusesADifferentNumberOfFunctions) {
  Rig rig(QueueGuard());
  rig.Decide(0);
  std::vector<Decision> three(3);
  EXPECT_THAT(MessageOf(rig.policy->Decide(rig.snapshot, three)),
              HasSubstr("3 decisions for 2 functions"));
}

TEST(SafeguardedPolicy, DoesNotAllocate) {
  for (const SafeguardScope scope : {SafeguardScope::kCluster, SafeguardScope::kFunction}) {
    SafeguardSpec spec = QueueGuard();
    spec.scope = scope;
    spec.budget = ViolationBudgetSpec();
    spec.around_fallback = AroundFallback();
    Rig rig(spec, 100);
    rig.Decide(0);
    const size_t before = AllocationCount();
    for (int t = 2; t < 100; t += 2) {
      rig.w().queued[t] = t % 10 == 0 ? 60 : 0;
      rig.snapshot.time = SimTime::Seconds(t);
      rig.snapshot.window = SimTime::Seconds(2);
      ASSERT_TRUE(rig.policy->Decide(rig.snapshot, rig.decisions).ok());
    }
    EXPECT_EQ(AllocationCount(), before);
  }
}

}  // namespace
}  // namespace reeve
