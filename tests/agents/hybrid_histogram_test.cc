#include "agents/rules/hybrid_histogram.h"

#include <gtest/gtest.h>

#include "agents/simulated_policies.h"
#include "core/check.h"
#include "core/status.h"
#include "traces/trace.h"

namespace reeve {
namespace {

constexpr SimTime kPeriod = SimTime::Seconds(10);

// Feeds the policy one control period at a time.
class HybridHistogramTest : public ::testing::Test {
 protected:
  explicit HybridHistogramTest(size_t functions = 2) : decisions_(functions) {
    snapshot_.functions.Resize(functions);
    snapshot_.window = kPeriod;
  }

  // The next period, with so many arrivals of each function, all answered in it unless `running`.
  const std::vector<Decision>& Next(std::vector<uint32_t> arrivals,
                                    std::vector<uint32_t> running = {}) {
    snapshot_.time += kPeriod;
    arrivals.resize(decisions_.size());
    running.resize(decisions_.size());
    snapshot_.functions.arrivals = arrivals;
    snapshot_.functions.in_flight = running;
    decisions_.assign(decisions_.size(), {});
    REEVE_CHECK(policy_->Decide(snapshot_, decisions_).ok());
    return decisions_;
  }
  // Quiet periods up to and including `time`.
  const std::vector<Decision>& QuietUntil(SimTime time) {
    while (snapshot_.time < time) Next({});
    return decisions_;
  }

  Snapshot snapshot_;
  std::vector<Decision> decisions_;
  std::unique_ptr<HybridHistogramPolicy> policy_ =
      std::make_unique<HybridHistogramPolicy>(HybridHistogramOptions{});
};

Decision KeepFor(SimTime keep_alive) {
  Decision d;
  d.replicas = 0;
  d.keep_alive = keep_alive;
  return d;
}
Decision Floor(int32_t replicas) {
  Decision d;
  d.replicas = replicas;
  d.keep_alive = SimTime();
  return d;
}

TEST_F(HybridHistogramTest, UnloadsAndComesBackBeforeTheNextRequest) {
  EXPECT_EQ(Next({1})[0], KeepFor(SimTime::Hours(4)));  // nothing known yet
  // Idle from 10 s; the second request comes 30 min later, so 30 min are the only idle time: the
  // 5th percentile is 30 min, the 99th at most 31 min.
  QuietUntil(SimTime::Seconds(1800));
  EXPECT_EQ(Next({1})[0], Floor(0));
  const SimTime idle_since = snapshot_.time;
  // Back at 27 min: asked for in the decision after which the next one would be too late.
  EXPECT_EQ(QuietUntil(idle_since + SimTime::Seconds(27 * 60 - 10))[0], Floor(0));
  EXPECT_EQ(Next({})[0], Floor(1));
  // Until 31 min * 1.1 = 34.1 min.
  EXPECT_EQ(QuietUntil(idle_since + SimTime::Seconds(34 * 60))[0], Floor(1));
  EXPECT_EQ(Next({})[0], Floor(0));
  EXPECT_EQ(decisions_[1], KeepFor(SimTime::Hours(4)));  // the other function knows nothing
}

TEST_F(HybridHistogramTest, WhileARequestRunsItIsNotIdle) {
  Next({1});
  QuietUntil(SimTime::Seconds(1800));
  Next({1}, {1});  // comes after 30 min, runs on
  QuietUntil(snapshot_.time);
  for (int i = 0; i < 400; ++i) {
    Next({0}, {1});
    ASSERT_EQ(decisions_[0], Floor(0)) << i;  // no warm floor: it is warm
  }
  Next({});  // ended: idle from here
  const SimTime idle_since = snapshot_.time;
  EXPECT_EQ(QuietUntil(idle_since + SimTime::Seconds(27 * 60 - 10))[0], Floor(0));
  EXPECT_EQ(Next({})[0], Floor(1));
}

TEST_F(HybridHistogramTest, RequestsCloseTogetherAreShortIdleTimes) {
  // 1 idle time of 30 min and 19 of nothing: the 5th percentile is in the first bin, so it stays
  // loaded, until the 99th (31 min) times 1.1.
  Next({10});
  QuietUntil(SimTime::Seconds(1800));
  EXPECT_EQ(Next({11})[0], KeepFor(SimTime::FromSeconds(31 * 66)));
}

TEST_F(HybridHistogramTest, FunctionsOfAnAppShareAHistogram) {
  policy_ = std::make_unique<HybridHistogramPolicy>(HybridHistogramOptions{},
                                                    std::vector<uint32_t>{0, 0});
  Next({1, 0});
  QuietUntil(SimTime::Seconds(1800));
  Next({0, 1});  // another function of the app
  EXPECT_EQ(decisions_[0], Floor(0));
  EXPECT_EQ(decisions_[1], Floor(0));
  QuietUntil(snapshot_.time + SimTime::Minutes(28));
  EXPECT_EQ(decisions_[0], Floor(1));
  EXPECT_EQ(decisions_[1], Floor(1));
}

TEST_F(HybridHistogramTest, RefusesAnotherNumberOfFunctions) {
  Next({1});
  snapshot_.functions.Resize(3);
  std::vector<Decision> three(3);
  EXPECT_EQ(policy_->Decide(snapshot_, three).code(), absl::StatusCode::kInvalidArgument);
}

TEST(SimulatedPolicies, KnowWhatAppsAreMadeOf) {
  PolicySpec spec;
  spec.name = "hybrid_histogram";
  spec.hybrid_histogram.unit = HistogramUnit::kApp;
  EXPECT_EQ(MakePolicy(spec).status().code(), absl::StatusCode::kInvalidArgument);

  TraceBuilder builder;
  for (const char* name : {"a", "b", "c"}) {
    FunctionProfile profile;
    profile.name = name;
    profile.tenant = builder.Tenant("t");
    profile.app = builder.App(name[0] == 'b' ? "two" : "one");
    builder.AddFunction(profile);
  }
  builder.set_minimum_duration(SimTime::Seconds(1));
  const Trace trace = *builder.Build();
  auto policy = MakeSimulatedPolicy(spec, trace, ClusterSpec(), {});
  ASSERT_TRUE(policy.ok()) << policy.status();
  Snapshot snapshot;
  snapshot.window = kPeriod;
  snapshot.functions.Resize(3);
  std::vector<Decision> decisions(3);
  for (const int minute : {1, 21}) {
    snapshot.time = SimTime::Minutes(minute);
    snapshot.functions.arrivals = {1, 0, 0};
    ASSERT_TRUE((*policy)->Decide(snapshot, decisions).ok());
  }
  EXPECT_EQ(decisions[0], Floor(0));
  EXPECT_EQ(decisions[1], KeepFor(SimTime::Hours(4)));
  EXPECT_EQ(decisions[2], Floor(0));
}

}  // namespace
}  // namespace reeve
