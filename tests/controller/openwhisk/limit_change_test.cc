#include "controller/openwhisk/limit_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/openwhisk/prewarm_plan.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

constexpr SimTime kKeepAlive = SimTime::Seconds(600);

WhiskChangesSpec Spec() {
  WhiskChangesSpec spec;
  spec.horizon = SimTime::Seconds(1000);
  spec.wait_price = 2;
  return spec;
}

ChangeContext Context(int64_t memory_now, int64_t memory_wanted) {
  ChangeContext context;
  context.now.memory = Mebibytes(memory_now);
  context.wanted.memory = Mebibytes(memory_wanted);
  context.containers = 4;
  context.rate_rps = 10;
  context.execution_s = 0.2;
  context.cold_start_s = 1.5;
  return context;
}

// By hand: 4 containers of 0.5 GiB idle for 600 s, and 4 starts of 1.5 s at 2 GiB-s a second.
constexpr double kCost = 4 * (1.5 * 2 + 600 * 0.5);

TEST(LimitChange, LessMemoryPaysByWhatItFrees) {
  const ChangeVerdict verdict = JudgeChange(Context(512, 256), Spec(), kKeepAlive);
  EXPECT_DOUBLE_EQ(verdict.cost_gib_s, kCost);
  EXPECT_DOUBLE_EQ(verdict.gain_gib_s, 0.25 * 4 * 1000);  // of four containers, for the horizon
  EXPECT_FALSE(verdict.change);
  EXPECT_THAT(verdict.why, HasSubstr("4 cold starts"));
  WhiskChangesSpec patient = Spec();
  patient.horizon = SimTime::Seconds(2000);
  EXPECT_TRUE(JudgeChange(Context(512, 256), patient, kKeepAlive).change);
  WhiskChangesSpec careless = Spec();
  careless.must_pay = false;
  EXPECT_TRUE(JudgeChange(Context(512, 256), careless, kKeepAlive).change);
}

TEST(LimitChange, MoreMemoryPaysByWhatItMayQuicken) {
  ChangeContext context = Context(512, 1024);
  // Two requests at once all the time; at best each takes half.
  EXPECT_DOUBLE_EQ(JudgeChange(context, Spec(), kKeepAlive).gain_gib_s, 10 * 0.2 * 1000 * 2 * 0.5);
  EXPECT_TRUE(JudgeChange(context, Spec(), kKeepAlive).change);
  context.rate_rps = 1;
  EXPECT_FALSE(JudgeChange(context, Spec(), kKeepAlive).change);
  context.failing = true;  // perhaps for want of memory
  EXPECT_TRUE(JudgeChange(context, Spec(), kKeepAlive).change);
}

TEST(LimitChange, ConcurrencyAndInstances) {
  ChangeContext context = Context(512, 512);
  context.wanted.concurrency = 4;
  EXPECT_DOUBLE_EQ(JudgeChange(context, Spec(), kKeepAlive).gain_gib_s,
                   0.5 * 4 * (1 - 1.0 / 4) * 1000);
  context.now.concurrency = 4;
  context.wanted.concurrency = 2;
  EXPECT_DOUBLE_EQ(JudgeChange(context, Spec(), kKeepAlive).gain_gib_s, 10 * 0.2 * 1000 * 2 * 0.5);
  context = Context(512, 512);
  context.wanted.instances = 1;
  EXPECT_DOUBLE_EQ(JudgeChange(context, Spec(), kKeepAlive).gain_gib_s, 0.5 * (4 - 1) * 1000);
  // Upwards only where the limit is felt.
  context.now.instances = 4;
  context.wanted.instances = 8;
  context.in_flight = 3;
  EXPECT_FALSE(JudgeChange(context, Spec(), kKeepAlive).change);
  context.in_flight = 4;
  EXPECT_TRUE(JudgeChange(context, Spec(), kKeepAlive).change);
}

TEST(LimitChange, WithoutWarmContainersNothingIsLost) {
  ChangeContext context = Context(512, 256);
  context.containers = 0;
  EXPECT_TRUE(JudgeChange(context, Spec(), kKeepAlive).change);
}

TEST(LimitChange, NotTooOftenAndNotForLittle) {
  ChangeContext context = Context(512, 1024);
  context.since_last_change = SimTime::Seconds(599);
  EXPECT_THAT(JudgeChange(context, Spec(), kKeepAlive).why, HasSubstr("least_interval"));
  context.since_last_change = SimTime::Seconds(600);
  EXPECT_TRUE(JudgeChange(context, Spec(), kKeepAlive).change);
  context.wanted.memory = Mebibytes(512 + 127);
  EXPECT_THAT(JudgeChange(context, Spec(), kKeepAlive).why, HasSubstr("least_change"));
  context.wanted = context.now;
  const ChangeVerdict same = JudgeChange(context, Spec(), kKeepAlive);
  EXPECT_FALSE(same.change);
  EXPECT_EQ(same.why, "");
}

TEST(LimitChange, TheNearestSizeNotBelow) {
  const std::vector<Mebibytes> sizes = {Mebibytes(128), Mebibytes(256), Mebibytes(512),
                                        Mebibytes(1024)};
  WhiskBounds bounds;
  bounds.min_memory = Mebibytes(256);
  bounds.max_memory = Mebibytes(512);
  EXPECT_EQ(ChooseSize(Mebibytes(257), sizes, {}), Mebibytes(512));
  EXPECT_EQ(ChooseSize(Mebibytes(256), sizes, {}), Mebibytes(256));
  EXPECT_EQ(ChooseSize(Mebibytes(5000), sizes, {}), Mebibytes(1024));
  EXPECT_EQ(ChooseSize(Mebibytes(1), sizes, bounds), Mebibytes(256));
  EXPECT_EQ(ChooseSize(Mebibytes(5000), sizes, bounds), Mebibytes(512));
  EXPECT_EQ(ChooseSize(Mebibytes(1), {Mebibytes(64)}, bounds), std::nullopt);
}

TEST(LimitChange, ConcurrencyWithinWhatMayBe) {
  WhiskBounds bounds;
  EXPECT_EQ(ChooseConcurrency(0, bounds), 1);  // without limit, and without knowing one
  bounds.max_concurrency = 8;
  EXPECT_EQ(ChooseConcurrency(0, bounds), 8);
  EXPECT_EQ(ChooseConcurrency(20, bounds), 8);
  EXPECT_EQ(ChooseConcurrency(3, bounds), 3);
  bounds.max_instances = 5;
  EXPECT_EQ(ChooseInstances(0, bounds), 1);
  EXPECT_EQ(ChooseInstances(9, bounds), 5);
}

TEST(PrewarmPlan, FillsTheFloorBesideWhatIsUnderWay) {
  WhiskPrewarmSpec spec;
  spec.enabled = true;
  spec.parallel = 6;
  PrewarmContext context;
  context.floor = 5;
  context.containers = 2;
  context.in_flight = 1;
  context.keep_alive = kKeepAlive;
  context.budget = 100;
  EXPECT_EQ(PlanPrewarm(context, spec), 4);
  context.concurrency = 2;
  EXPECT_EQ(PlanPrewarm(context, spec), 6);  // of nine, six at once
  context.budget = 3;
  EXPECT_EQ(PlanPrewarm(context, spec), 3);
  context.budget = -1;
  EXPECT_EQ(PlanPrewarm(context, spec), 0);
  context.budget = 100;
  context.since_last_round = SimTime::Seconds(9);
  EXPECT_EQ(PlanPrewarm(context, spec), 0);
  spec.enabled = false;
  context.since_last_round = SimTime::Max();
  EXPECT_EQ(PlanPrewarm(context, spec), 0);
}

TEST(PrewarmPlan, KeepsWarmWhatWouldGo) {
  WhiskPrewarmSpec spec;
  spec.enabled = true;
  PrewarmContext context;
  context.floor = 3;
  context.containers = 3;
  context.keep_alive = kKeepAlive;
  context.budget = 100;
  context.idle_for = SimTime::Seconds(449);
  EXPECT_EQ(PlanPrewarm(context, spec), 0);
  context.idle_for = SimTime::Seconds(450);
  EXPECT_EQ(PlanPrewarm(context, spec), 3);
  context.idle_for.reset();
  EXPECT_EQ(PlanPrewarm(context, spec), 3);
}

}  // namespace
}  // namespace reeve
