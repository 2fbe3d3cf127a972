#include "agents/rules/kpa_scaler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace reeve {
namespace {

SimTime S(double seconds) {
  return SimTime::FromSeconds(seconds);
}

int32_t Desired(KpaScaler& scaler, const KpaSpec& spec, double t, int32_t ready, double stable,
                double panic) {
  const KpaScale scale = scaler.Scale(spec, S(t), ready, stable, panic);
  EXPECT_TRUE(scale.valid);
  return scale.desired;
}

TEST(KpaSpec, DefaultsAreUpstreams) {
  const KpaSpec spec = ResolveKpaSpec(KpaOptions(), 0);
  EXPECT_DOUBLE_EQ(spec.target, 70);
  EXPECT_DOUBLE_EQ(spec.total, 100);
  EXPECT_DOUBLE_EQ(spec.target_burst_capacity, 211);
  EXPECT_DOUBLE_EQ(spec.panic_threshold, 2);
  EXPECT_EQ(spec.stable_window, S(60));
  EXPECT_EQ(spec.panic_window, S(6));
  EXPECT_DOUBLE_EQ(spec.max_scale_up_rate, 1000);
  EXPECT_DOUBLE_EQ(spec.max_scale_down_rate, 2);
}

TEST(KpaSpec, TargetComesFromLimitOptionAndMetric) {
  KpaOptions options;
  EXPECT_DOUBLE_EQ(ResolveKpaSpec(options, 10).total, 10);
  EXPECT_DOUBLE_EQ(ResolveKpaSpec(options, 10).target, 7);
  options.target = 50;
  EXPECT_DOUBLE_EQ(ResolveKpaSpec(options, 10).target, 7);  // not above what a container takes
  EXPECT_DOUBLE_EQ(ResolveKpaSpec(options, 0).target, 35);
  EXPECT_DOUBLE_EQ(ResolveKpaSpec(options, 80).target, 35);
  options.metric = KpaMetric::kRps;
  EXPECT_DOUBLE_EQ(ResolveKpaSpec(options, 10).target, 35);
  options.target.reset();
  EXPECT_DOUBLE_EQ(ResolveKpaSpec(options, 10).target, 140);
  options.metric = KpaMetric::kConcurrency;
  options.target = 0.01;
  EXPECT_DOUBLE_EQ(ResolveKpaSpec(options, 0).target, 0.01);  // the floor
  options.stable_window = S(6);
  EXPECT_EQ(ResolveKpaSpec(options, 0).panic_window, S(1));
}

TEST(KpaScaler, PanicBeginsAtTheThresholdAndEndsAfterAStableWindowBelowIt) {
  const KpaSpec spec = ResolveKpaSpec(KpaOptions(), 10);  // target 7
  KpaScaler scaler(spec, S(0), 1);
  EXPECT_FALSE(scaler.panic_time());
  // ceil(13.9 / 7) = 2 replicas for 1: the threshold.
  EXPECT_EQ(Desired(scaler, spec, 10, 1, 7, 7), 1);
  EXPECT_FALSE(scaler.panic_time());
  EXPECT_EQ(Desired(scaler, spec, 12, 1, 7, 13.9), 2);
  EXPECT_EQ(scaler.panic_time(), S(12));
  // 4 for 2 extends it; 3 for 2 does not.
  EXPECT_EQ(Desired(scaler, spec, 14, 2, 8, 28), 4);
  EXPECT_EQ(scaler.panic_time(), S(14));
  EXPECT_EQ(Desired(scaler, spec, 16, 2, 8, 21), 4);
  EXPECT_EQ(scaler.panic_time(), S(14));
  // The stable average can ask for more than the panic one.
  EXPECT_EQ(Desired(scaler, spec, 40, 4, 40, 1), 6);
  EXPECT_EQ(Desired(scaler, spec, 74, 6, 7, 7), 6);  // exactly 60 s: still panic
  EXPECT_EQ(Desired(scaler, spec, 74.001, 6, 7, 7), 3);
  EXPECT_FALSE(scaler.panic_time());
  EXPECT_EQ(scaler.max_panic_replicas(), 0);
}

TEST(KpaScaler, StartsInPanicOnlyWhenItFindsSeveralReplicas) {
  const KpaSpec spec;
  EXPECT_FALSE(KpaScaler(spec, S(5), 0).panic_time());
  EXPECT_FALSE(KpaScaler(spec, S(5), 1).panic_time());
  KpaScaler scaler(spec, S(5), 2);
  EXPECT_EQ(scaler.panic_time(), S(5));
  EXPECT_EQ(scaler.max_panic_replicas(), 2);
  EXPECT_EQ(Desired(scaler, spec, 6, 2, 0, 0), 2);
  EXPECT_EQ(Desired(scaler, spec, 65.5, 2, 0, 0), 1);  // 2 / 2, then
  EXPECT_EQ(Desired(scaler, spec, 67, 1, 0, 0), 0);    // floor(1 / 2)
}

TEST(KpaScaler, RatesBoundAStep) {
  KpaSpec spec;
  spec.target = 1;
  spec.max_scale_up_rate = 3;
  spec.max_scale_down_rate = 4;
  spec.panic_threshold = 100;
  KpaScaler scaler(spec, S(0), 1);
  EXPECT_EQ(Desired(scaler, spec, 0, 0, 50, 0), 3);  // none ready counts as one
  EXPECT_EQ(Desired(scaler, spec, 2, 3, 50, 0), 9);
  EXPECT_EQ(Desired(scaler, spec, 4, 9, 0, 0), 2);
  spec.max_scale_up_rate = 1.1;
  EXPECT_EQ(Desired(scaler, spec, 6, 2, 50, 0), 3);  // ceil(2.2)
  spec.reachable = false;
  EXPECT_EQ(Desired(scaler, spec, 8, 9, 0, 0), 0);
}

TEST(KpaScaler, ExcessBurstCapacity) {
  KpaSpec spec;  // total 100, TBC 211
  KpaScaler scaler(spec, S(0), 1);
  const auto ebc = [&](int32_t ready, double panic) {
    return scaler.Scale(spec, S(0), ready, 0, panic).excess_burst_capacity;
  };
  EXPECT_EQ(ebc(1, 0), -111);
  EXPECT_EQ(ebc(3, 0.5), 88);  // rounded down
  EXPECT_EQ(ebc(0, 4.5), -216);
  spec.target_burst_capacity = 0;
  EXPECT_EQ(ebc(0, 4.5), 0);
  spec.target_burst_capacity = -1;
  EXPECT_EQ(ebc(9, 4.5), -1);
}

TEST(KpaScaler, ActivatorsHoldCapacityAndBurst) {
  KpaSpec spec;
  EXPECT_EQ(KpaActivators(spec, 0), 3);   // ceil(211 / 100)
  EXPECT_EQ(KpaActivators(spec, 7), 10);  // ceil(911 / 100)
  spec.target_burst_capacity = -1;
  EXPECT_EQ(KpaActivators(spec, 1), 2);
  EXPECT_EQ(KpaActivators(spec, 7), 7);
  spec.target_burst_capacity = 0;
  EXPECT_EQ(KpaActivators(spec, 70), 2);
}

TEST(KpaScaler, ActivationScaleCountsOnlyWithLoad) {
  KpaSpec spec;
  spec.target = 10;
  spec.activation_scale = 5;
  KpaScaler scaler(spec, S(0), 1);
  EXPECT_EQ(Desired(scaler, spec, 0, 1, 0, 0), 0);
  EXPECT_EQ(Desired(scaler, spec, 2, 1, 1, 0), 5);
  EXPECT_EQ(Desired(scaler, spec, 4, 5, 61, 0), 7);
  spec.activation_scale = 1;
  EXPECT_EQ(Desired(scaler, spec, 6, 1, 1, 0), 1);
}

TEST(KpaScaler, ScaleDownDelayHoldsTheLargest) {
  KpaSpec spec;
  spec.target = 10;
  spec.scale_down_delay = S(30);
  spec.panic_threshold = 100;
  spec.max_scale_down_rate = 100;
  KpaScaler scaler(spec, S(0), 0);
  EXPECT_EQ(Desired(scaler, spec, 0, 0, 40, 0), 4);
  EXPECT_EQ(Desired(scaler, spec, 10, 4, 20, 0), 4);
  EXPECT_EQ(Desired(scaler, spec, 28, 4, 0, 0), 4);
  EXPECT_EQ(Desired(scaler, spec, 30, 4, 0, 0), 2);
  spec.reachable = false;  // nothing to be careful about
  EXPECT_EQ(Desired(scaler, spec, 32, 2, 0, 0), 0);
}

TEST(KpaScaler, ImpossibleNumbersAreNotDecidedOn) {
  const KpaSpec spec;
  KpaScaler scaler(spec, S(0), 0);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(scaler.Scale(spec, S(0), 1, nan, 1), KpaScale());
  EXPECT_EQ(scaler.Scale(spec, S(0), 1, 1, std::numeric_limits<double>::infinity()), KpaScale());
  EXPECT_EQ(scaler.Scale(spec, S(0), -1, 1, 1), KpaScale());
  EXPECT_EQ(Desired(scaler, spec, 0, 1, 1e300, 1), 1000);
  EXPECT_EQ(Desired(scaler, spec, 0, 2'000'000'000, 1e300, 1), std::numeric_limits<int32_t>::max());
}

}  // namespace
}  // namespace reeve
