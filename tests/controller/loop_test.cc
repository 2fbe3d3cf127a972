#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "tests/controller/fake_platform.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ControlLoopTest, ActiveAppliesChangesOnlyOnce) {
  LoopFixture f({"t", "t"}, ControlMode::kActive);
  ASSERT_TRUE(f.Run(5).ok());
  EXPECT_THAT(f.platform.taken, ElementsAre(0, 1));
  // The wish is the same at every tick: written once.
  ASSERT_EQ(f.platform.applied.size(), 1u);
  EXPECT_EQ(f.platform.applied[0][1].replicas, 3);
  EXPECT_EQ(f.At(0, 0).applied.replicas, 3);
  EXPECT_EQ(f.At(1, 0).applied, Decision{});
  EXPECT_EQ(f.At(4, 0).wished.replicas, 3);
  EXPECT_EQ(f.At(4, 0).decider, Decider::kPolicy);
}

TEST(ControlLoopTest, ShadowDecidesAndTouchesNothing) {
  LoopFixture f({"t"}, ControlMode::kShadow);
  ASSERT_TRUE(f.Run(5).ok());
  EXPECT_THAT(f.platform.applied, IsEmpty());
  EXPECT_THAT(f.platform.taken, IsEmpty());
  EXPECT_THAT(f.platform.handed_back, IsEmpty());
  EXPECT_EQ(f.At(2, 0).wished.replicas, 3);
  EXPECT_EQ(f.At(2, 0).applied, Decision{});
  EXPECT_EQ(f.At(2, 0).why, "shadow");
}

TEST(ControlLoopTest, ModesAreEachTenantsOwnAndSwitchedLive) {
  LoopFixture f({"a", "b", "c"}, ControlMode::kOff);
  f.modes.Set("b", {ControlMode::kActive, false});
  ASSERT_TRUE(f.Run(6, [&](int n) {
                 if (n == 3) {
                   f.modes.Set("c", {ControlMode::kActive, false});
                   f.modes.Set("b", {ControlMode::kShadow, false});
                   f.loop->NoteModeChange("b", {ControlMode::kShadow, false});
                 }
               }).ok());
  EXPECT_THAT(f.platform.taken, ElementsAre(1, 2));
  // b as it was switched; c at the end.
  EXPECT_THAT(f.platform.handed_back, ElementsAre(1, 2));
  EXPECT_EQ(f.At(0, 0).decider, Decider::kPlatform);
  EXPECT_EQ(f.At(0, 0).why, "off");
  EXPECT_EQ(f.At(5, 1).why, "shadow");
  EXPECT_TRUE(f.At(5, 2).ours);
  EXPECT_EQ(f.sink.Count(EventKind::kMode), 1u);
  // The off tenant's functions are seen by the policy, for the others' sake.
  EXPECT_EQ(f.shown[0].arrivals.size(), 3u);
}

TEST(ControlLoopTest, PauseKeepsWhatIsAndHandsNothingBack) {
  LoopFixture f({"t"}, ControlMode::kActive);
  int32_t wish = 1;
  f.rule = [&](const Snapshot&, std::span<Decision> d) {
    d[0].replicas = wish++;
    return absl::OkStatus();
  };
  f.options.spec.on_stop = OnStop::kKeep;
  ASSERT_TRUE(f.Run(6, [&](int n) {
                 if (n == 3) f.modes.Set("t", {ControlMode::kActive, true});
                 if (n == 5) f.modes.Set("t", {ControlMode::kActive, false});
               }).ok());
  // Wishes 1 2 . . 5 6.
  ASSERT_EQ(f.platform.applied.size(), 4u);
  EXPECT_EQ(f.platform.applied[1][0].replicas, 2);
  EXPECT_EQ(f.platform.applied[2][0].replicas, 5);
  EXPECT_EQ(f.At(3, 0).why, "paused");
  EXPECT_THAT(f.platform.handed_back, IsEmpty());
}

TEST(ControlLoopTest, TheEndHandsBackOrKeeps) {
  for (const OnStop on_stop : {OnStop::kHandBack, OnStop::kKeep}) {
    LoopFixture f({"t", "t"}, ControlMode::kActive);
    f.options.spec.on_stop = on_stop;
    ASSERT_TRUE(f.Run(3).ok());
    EXPECT_EQ(f.platform.handed_back.size(), on_stop == OnStop::kHandBack ? 2u : 0u);
  }
}

TEST(ControlLoopTest, TheEndSaysWhatCouldNotBeHandedBack) {
  LoopFixture f({"t"}, ControlMode::kActive);
  f.platform.hand_back_status = absl::PermissionDeniedError("patch revisions: forbidden");
  const absl::Status status = f.Run(3);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(f.platform.hand_backs_tried, 3);
}

TEST(ControlLoopTest, TheEndTakesTheTimeThatHandingBackAllNeeds) {
  LoopFixture f(std::vector<std::string>(8, "t"), ControlMode::kActive);
  f.platform.hand_backs_at_once = 1;
  EXPECT_TRUE(f.Run(3).ok());
  EXPECT_EQ(f.platform.handed_back.size(), 8u);
  EXPECT_EQ(f.platform.hand_backs_tried, 8);
}

TEST(ControlLoopTest, WithoutLeadershipNothingIsTouched) {
  LoopFixture f({"t"}, ControlMode::kActive);
  f.platform.may_act = false;
  ASSERT_TRUE(f.Run(4, [&](int n) { f.platform.may_act = n >= 4; }).ok());
  // It leads from the fourth tick on.
  EXPECT_EQ(f.platform.applied.size(), 1u);
  EXPECT_EQ(f.At(2, 0).why, "not_leading");
  EXPECT_EQ(f.At(3, 0).applied.replicas, 3);
  EXPECT_EQ(f.shown.size(), 4u);
}

// ---- numbers

TEST(ControlLoopTest, StaleNumbersHoldThenFallBackThenHandBackAndReturn) {
  LoopFixture f({"t", "t"}, ControlMode::kActive);
  // Function a is stale at ticks 2 .. 10 (4 s .. 20 s): hold 6 s, fallback 8 s, sound for 4 s.
  ASSERT_TRUE(f.Run(16, [&](int n) {
                 const int tick = n - 1;
                 f.platform.status[0].metrics_age =
                     tick >= 2 && tick <= 10 ? SimTime::Seconds(11) : SimTime::Seconds(1);
               }).ok());
  const auto stage = [&](size_t tick) { return f.At(tick, 0).stage; };
  EXPECT_EQ(stage(1), TrustStage::kTrusted);
  EXPECT_EQ(stage(2), TrustStage::kHold);
  EXPECT_EQ(stage(4), TrustStage::kHold);
  EXPECT_EQ(f.At(4, 0).why, "stale");
  EXPECT_EQ(f.At(4, 0).decider, Decider::kHold);
  EXPECT_EQ(stage(5), TrustStage::kFallback);  // 10 s
  EXPECT_EQ(f.At(5, 0).applied.replicas, 5);
  EXPECT_EQ(f.At(5, 0).decider, Decider::kFallback);
  EXPECT_EQ(stage(8), TrustStage::kFallback);
  EXPECT_EQ(stage(9), TrustStage::kHandedBack);  // 18 s
  EXPECT_FALSE(f.At(9, 0).ours);
  EXPECT_EQ(f.platform.handed_back.front(), 0u);
  // Sound from 22 s: trusted at 26 s, tick 13.
  EXPECT_EQ(stage(12), TrustStage::kHandedBack);
  EXPECT_EQ(stage(13), TrustStage::kTrusted);
  EXPECT_TRUE(f.At(13, 0).ours);
  // After handing back everything is written anew.
  EXPECT_EQ(f.At(13, 0).applied.replicas, 3);
  // The other function never noticed.
  for (size_t tick = 0; tick < 16; ++tick) EXPECT_EQ(f.At(tick, 1).stage, TrustStage::kTrusted);
}

TEST(ControlLoopTest, ImpossibleNumbersNeverReachAPolicy) {
  LoopFixture f({"t", "t"}, ControlMode::kActive);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  f.rule = [](const Snapshot& snapshot, std::span<Decision> d) {
    for (size_t i = 0; i < d.size(); ++i) {
      EXPECT_TRUE(std::isfinite(snapshot.functions.mean_queued[i]));
      EXPECT_GE(snapshot.functions.mean_in_flight[i], 0);
    }
    return absl::OkStatus();
  };
  ASSERT_TRUE(f.Run(4, [&](int n) {
                 FunctionWindows& w = f.platform.numbers.functions;
                 w.arrivals[0] = n == 1 ? 10 : 99;
                 w.mean_queued[0] = n == 1 ? 2.5 : nan;
                 w.mean_in_flight[1] = n == 3 ? -1 : 0;
               }).ok());
  EXPECT_EQ(f.At(1, 0).why, "not a number");
  EXPECT_EQ(f.At(1, 1).why, "");
  EXPECT_EQ(f.At(2, 1).why, "negative");
  // What is shown instead is what was sound last.
  EXPECT_THAT(f.shown[3].arrivals, ElementsAre(10, 0));
}

TEST(ControlLoopTest, APlatformThatDoesNotAnswerMakesAllNumbersMissing) {
  LoopFixture f({"t", "t"}, ControlMode::kActive);
  ASSERT_TRUE(f.Run(12, [&](int n) {
                 f.platform.observe_status =
                     n >= 3 ? absl::UnavailableError("connection refused") : absl::OkStatus();
               }).ok());
  EXPECT_EQ(f.At(2, 0).stage, TrustStage::kHold);
  EXPECT_EQ(f.At(2, 0).why, "unreachable");
  EXPECT_EQ(f.shown.size(), 2u);  // nobody is asked about what is not known
  EXPECT_EQ(f.At(10, 1).stage, TrustStage::kHandedBack);
  EXPECT_EQ(f.sink.Count(EventKind::kPlatform), 1u);  // told once
}

TEST(ControlLoopTest, TimeThatStandsIsNotBelieved) {
  LoopFixture f({"t"}, ControlMode::kActive);
  f.platform.window = SimTime();
  ASSERT_TRUE(f.Run(3).ok());
  EXPECT_EQ(f.At(0, 0).why, "");
  EXPECT_EQ(f.At(1, 0).why, "impossible length of the window");
  EXPECT_EQ(f.shown.size(), 1u);
}

TEST(ControlLoopTest, APolicyThatFailsIsHeldThenReplacedByTheFallback) {
  LoopFixture f({"t"}, ControlMode::kActive);
  f.rule = [&](const Snapshot&, std::span<Decision> d) -> absl::Status {
    if (f.platform.observations >= 3) return absl::InternalError("diverged");
    d[0].replicas = 3;
    return absl::OkStatus();
  };
  ASSERT_TRUE(f.Run(8).ok());
  EXPECT_EQ(f.At(2, 0).why, "policy_failed");
  EXPECT_EQ(f.At(2, 0).stage, TrustStage::kHold);
  EXPECT_EQ(f.At(5, 0).applied.replicas, 5);
  EXPECT_THAT(f.sink.events.back().message, HasSubstr("ended"));
}

TEST(ControlLoopTest, WindowsOfOtherLengthAreBroughtToThePeriod) {
  LoopFixture f({"t"}, ControlMode::kActive);
  f.platform.numbers.functions.arrivals[0] = 100;
  ASSERT_TRUE(f.Run(4, [&](int n) {
                 if (n == 2) f.platform.window = SimTime::Millis(2010);
                 if (n == 3) f.platform.window = SimTime::Seconds(5);
                 if (n == 4) f.platform.window = SimTime::Seconds(1);
               }).ok());
  EXPECT_EQ(f.shown[1].window, SimTime::Seconds(2));
  EXPECT_EQ(f.shown[1].arrivals[0], 100u);  // within 2 %
  EXPECT_EQ(f.shown[2].window, SimTime::Seconds(2));
  EXPECT_EQ(f.shown[2].arrivals[0], 40u);
  EXPECT_EQ(f.shown[3].arrivals[0], 200u);
}

// ---- time

TEST(ControlLoopTest, TicksAreAbsoluteAndLateOnesAreLeftOut) {
  LoopFixture f({"t"}, ControlMode::kActive);
  int32_t wish = 1;
  f.rule = [&](const Snapshot&, std::span<Decision> d) {
    d[0].replicas = wish++;
    return absl::OkStatus();
  };
  // Each takes half a period; the third takes 3.5 periods.
  ASSERT_TRUE(f.Run(5, [&](int n) {
                 f.platform.observe_takes = n == 3 ? SimTime::Seconds(7) : SimTime::Seconds(1);
                 f.clock.JumpWall(n == 2 ? SimTime::Hours(-5) : SimTime());
               }).ok());
  std::vector<uint64_t> ticks;
  for (const FakeSink::Tick& tick : f.sink.ticks) {
    ticks.push_back(tick.record.tick);
    EXPECT_EQ(tick.record.lateness, SimTime());
  }
  // The third began at 4 s and ended at 11 s: 6, 8 and 10 s have passed.
  EXPECT_THAT(ticks, ElementsAre(0, 1, 2, 6, 7));
  EXPECT_EQ(f.sink.ticks[3].record.skipped, 3u);
  EXPECT_EQ(f.sink.ticks[3].record.time, SimTime::Seconds(12));
  EXPECT_TRUE(f.sink.ticks[2].record.overrun);
  EXPECT_EQ(f.At(2, 0).why, "late");
  EXPECT_EQ(f.At(2, 0).applied, Decision{});
  EXPECT_EQ(f.platform.applied.size(), 4u);
}

TEST(ControlLoopTest, StopEndsTheWaitOfTheRealClock) {
  VirtualClock platform_clock;
  FakePlatform platform(platform_clock, {"t"});
  TenantModes modes({ControlMode::kShadow, false}, {});
  LoopFixture f({"t"}, ControlMode::kShadow);
  f.options.spec.period = SimTime::Hours(1);
  SteadyClock clock;
  ControlLoop loop(f.options, platform, modes, clock);
  absl::Status ended = absl::UnknownError("not yet");
  std::thread thread([&] { ended = loop.Run(); });
  while (loop.state() == nullptr) std::this_thread::yield();
  const auto before = std::chrono::steady_clock::now();
  loop.Stop();
  thread.join();
  EXPECT_TRUE(ended.ok());
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(30));
  EXPECT_EQ(loop.state()->ticks, 1u);
}

TEST(SteadyClockTest, RunsAtItsSpeed) {
  SteadyClock clock(1000);
  clock.WaitUntil(SimTime::Seconds(20));
  EXPECT_GE(clock.Now(), SimTime::Seconds(20));
  SteadyClock real;
  EXPECT_LT(real.Now(), SimTime::Seconds(10));
}

// ---- functions that come and go

TEST(ControlLoopTest, PoliciesAreMadeAnewAndShownThePast) {
  LoopFixture f({"t"}, ControlMode::kActive);
  f.options.spec.replay.windows = 3;
  ASSERT_TRUE(f.Run(8, [&](int n) {
                 f.platform.numbers.functions.arrivals[0] = static_cast<uint32_t>(n);
                 if (n == 6) f.platform.Add("t");
                 if (n == 8) f.platform.Remove(0);
               }).ok());
  EXPECT_EQ(f.policies_made, 3);
  // Five ticks alone, then three windows of the past (observations 3, 4, 5), with a function that
  // was not there yet, then the present.
  ASSERT_GE(f.shown.size(), 9u);
  EXPECT_THAT(f.shown[5].arrivals, ElementsAre(3, 0));
  EXPECT_THAT(f.shown[7].arrivals, ElementsAre(5, 0));
  EXPECT_THAT(f.shown[8].arrivals, ElementsAre(6, 0));
  EXPECT_EQ(f.shown[6].time - f.shown[5].time, SimTime::Seconds(2));
  EXPECT_EQ(f.shown[8].time - f.shown[7].time, SimTime::Seconds(2));
  // Nothing is applied of what it decided about the past: only the new function's first decision.
  ASSERT_EQ(f.platform.applied.size(), 2u);
  EXPECT_EQ(f.platform.applied[1][0], Decision{});
  EXPECT_EQ(f.platform.applied[1][1].replicas, 3);
  // The one that is gone is nobody's any more, and not handed back.
  EXPECT_EQ(f.sink.ticks.back().functions.size(), 1u);
  EXPECT_THAT(f.platform.handed_back, ElementsAre(1));
}

TEST(ControlLoopTest, AFunctionThatComesBackIsTakenOverAnew) {
  LoopFixture f({"t"}, ControlMode::kActive);
  ASSERT_TRUE(f.Run(6, [&](int n) {
                 if (n == 3) f.platform.Remove(0);
                 if (n == 5) {
                   f.platform.cat.functions[0].present = true;
                   ++f.platform.cat.generation;
                 }
               }).ok());
  EXPECT_THAT(f.platform.taken, ElementsAre(0, 0));
  EXPECT_EQ(f.platform.applied.size(), 2u);
}

TEST(ControlLoopTest, ARestartedLoopIsShownWhatWasStored) {
  LoopFixture f({"t", "t"}, ControlMode::kActive);
  const int64_t now = f.clock.WallMicros();
  for (int i = 0; i < 3; ++i) {
    PastWindow past;
    past.wall_us = now - (3 - i) * 2'000'000;
    past.ids = {"id/b", "id/gone"};
    past.snapshot.window = SimTime::Seconds(2);
    past.snapshot.functions.Resize(2);
    past.snapshot.functions.arrivals = {static_cast<uint32_t>(10 + i), 1};
    f.options.history.push_back(past);
  }
  PastWindow long_ago = f.options.history[0];
  long_ago.wall_us = now - 7200'000'000;
  f.options.history.insert(f.options.history.begin(), long_ago);
  ASSERT_TRUE(f.Run(1).ok());
  ASSERT_EQ(f.shown.size(), 4u);
  EXPECT_THAT(f.shown[0].arrivals, ElementsAre(0, 10));
  EXPECT_THAT(f.shown[2].arrivals, ElementsAre(0, 12));
  EXPECT_EQ(f.shown[0].time, SimTime::Seconds(2));
  EXPECT_EQ(f.shown[3].time, SimTime::Seconds(8));
}

// After a kill -9 the first window has not passed yet: no reason to hand back what is ours.
TEST(ControlLoopTest, ARestartedLoopHoldsWhatItHadTakenOver) {
  LoopFixture f({"t", "t"}, ControlMode::kActive);
  f.options.left_taken = {"id/a"};
  ASSERT_TRUE(f.Run(3, [&](int n) {
                 for (FunctionStatus& status : f.platform.status) {
                   status.metrics_age = n == 1 ? SimTime::Max() : SimTime();
                 }
               }).ok());
  EXPECT_EQ(f.At(0, 0).stage, TrustStage::kHold);
  EXPECT_EQ(f.At(0, 1).stage, TrustStage::kHandedBack);  // not ours
  EXPECT_EQ(f.sink.ticks[0].record.handed_back, 0u);
  EXPECT_EQ(f.At(1, 0).decider, Decider::kPolicy);
  EXPECT_EQ(f.At(1, 0).applied.replicas, 3);
}

TEST(ControlLoopTest, APolicyThatCannotBeMadeIsToldAndTriedAgain) {
  LoopFixture f({"t"}, ControlMode::kActive);
  int tries = 0;
  f.options.make_policy = [&](const auto&, const auto&) -> absl::StatusOr<LivePolicy> {
    if (++tries == 1) return absl::NotFoundError("no group for function a");
    return LivePolicy{std::make_unique<FakePolicy>(f.shown, f.rule), nullptr};
  };
  ASSERT_TRUE(f.Run(20).ok());
  EXPECT_EQ(tries, 2);  // after 30 s
  EXPECT_EQ(f.At(0, 0).why, "policy_failed");
  EXPECT_EQ(f.At(14, 0).applied, Decision{});
  EXPECT_FALSE(f.shown.empty());
}

TEST(ControlLoopTest, MuchAtOnceIsOneEvent) {
  LoopFixture f(std::vector<std::string>(25, "t"), ControlMode::kShadow);
  ASSERT_TRUE(f.Run(3, [&](int n) {
                 for (FunctionStatus& status : f.platform.status) {
                   status.metrics_age = n == 2 ? SimTime::Max() : SimTime();
                 }
               }).ok());
  EXPECT_EQ(f.sink.Count(EventKind::kTrust), 2u);
}

}  // namespace
}  // namespace reeve
