#include "sim/perturbed_platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <numeric>

#include "core/status.h"
#include "random_scenario.h"

namespace reeve {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

constexpr SimTime kPeriod = SimTime::Seconds(2);

// The k-th snapshot, at 2 k seconds, shows k (times `scale`) everywhere.
class CountingPlatform : public Platform {
 public:
  explicit CountingPlatform(size_t functions, uint32_t scale = 1)
      : functions_(functions), scale_(scale) {}

  absl::Status Observe(Snapshot& snapshot) override {
    const uint32_t value = static_cast<uint32_t>(observed_) * scale_;
    snapshot.time = kPeriod * observed_;
    snapshot.window = observed_ == 0 ? SimTime() : kPeriod;
    ++observed_;
    FunctionWindows& w = snapshot.functions;
    w.Resize(functions_);
    const auto fill = [value](auto&... vectors) {
      (vectors.assign(vectors.size(),
                      static_cast<typename std::decay_t<decltype(vectors)>::value_type>(value)),
       ...);
    };
    fill(w.arrivals, w.completions, w.failures, w.timeouts, w.rejections, w.cold_starts,
         w.containers_started, w.slo_violations);
    fill(w.queued, w.in_flight, w.containers_ready, w.containers_starting, w.replicas_asked);
    fill(w.mean_queued, w.mean_in_flight, w.cpu_used_millicores, w.memory_used_mebibytes);
    fill(w.latency_p50_ms, w.latency_p95_ms, w.latency_p99_ms);
    fill(w.execution_p50_ms, w.execution_p95_ms, w.execution_p99_ms);
    w.histograms = &histograms_;
    snapshot.cluster.cpu_used_millicores = value;
    snapshot.cluster.nodes_ready = value;
    return absl::OkStatus();
  }
  absl::Status Apply(std::span<const Decision> decisions) override {
    if (decisions.size() != functions_) return absl::InvalidArgumentError("wrong number");
    applied.emplace_back(decisions.begin(), decisions.end());
    return absl::OkStatus();
  }

  std::vector<std::vector<Decision>> applied;  // [calls][F]

 private:
  const size_t functions_;
  const uint32_t scale_;
  int64_t observed_ = 0;
  WindowHistograms histograms_;
};

std::vector<Snapshot> Seen(const PerturbationSpec& spec, int periods, size_t functions = 2,
                           uint32_t scale = 1, uint64_t seed = 1) {
  CountingPlatform inner(functions, scale);
  PerturbedPlatform platform(inner, spec, seed);
  std::vector<Snapshot> seen(static_cast<size_t>(periods));
  for (Snapshot& snapshot : seen) EXPECT_TRUE(platform.Observe(snapshot).ok());
  return seen;
}

// ---- lag

TEST(MetricLag, ShowsTheSnapshotOfSoLongAgo) {
  PerturbationSpec spec;
  spec.metric_lag.lag = SimTime::Seconds(6);
  const std::vector<Snapshot> seen = Seen(spec, 10);
  for (int64_t k = 0; k < 10; ++k) {
    const Snapshot& s = seen[static_cast<size_t>(k)];
    const uint32_t then = static_cast<uint32_t>(std::max<int64_t>(0, k - 3));
    const FunctionWindows& w = s.functions;
    for (const auto* metric : {&w.arrivals, &w.completions, &w.failures, &w.timeouts, &w.rejections,
                               &w.cold_starts, &w.slo_violations, &w.queued, &w.in_flight}) {
      EXPECT_THAT(*metric, Each(then));
    }
    for (const auto* metric :
         {&w.mean_queued, &w.mean_in_flight, &w.cpu_used_millicores, &w.memory_used_mebibytes}) {
      EXPECT_THAT(*metric, Each(then));
    }
    for (const auto* metric : {&w.latency_p50_ms, &w.latency_p95_ms, &w.latency_p99_ms,
                               &w.execution_p50_ms, &w.execution_p95_ms, &w.execution_p99_ms}) {
      EXPECT_THAT(*metric, Each(static_cast<float>(then)));
    }
    EXPECT_EQ(s.cluster.cpu_used_millicores, then);
    EXPECT_EQ(s.window, then == 0 ? SimTime() : kPeriod);
    // Of the present, as the platform's own control plane knows it.
    EXPECT_EQ(s.time, kPeriod * k);
    for (const auto* state :
         {&w.containers_ready, &w.containers_starting, &w.replicas_asked, &w.containers_started}) {
      EXPECT_THAT(*state, Each(static_cast<uint32_t>(k)));
    }
    EXPECT_EQ(s.cluster.nodes_ready, static_cast<uint32_t>(k));
    EXPECT_EQ(w.histograms, nullptr);
  }
}

TEST(MetricLag, IsRoundedUpToPeriodsAndKeepsItsTimes) {
  PerturbationSpec spec;
  spec.metric_lag = {{SimTime::Seconds(8), SimTime::Seconds(14)}, SimTime::Seconds(3)};
  std::vector<uint32_t> arrivals;
  for (const Snapshot& s : Seen(spec, 10)) arrivals.push_back(s.functions.arrivals[0]);
  // 3 s are two periods; in force at 8, 10 and 12 s.
  EXPECT_THAT(arrivals, ::testing::ElementsAre(0, 1, 2, 3, 2, 3, 4, 7, 8, 9));
}

// ---- records

TEST(MetricRecords, ShowWhatEndedAndNothingThatHasNot) {
  PerturbationSpec spec;
  spec.metric_records = {{SimTime::Seconds(4), SimTime::Max()}, true};
  const std::vector<Snapshot> seen = Seen(spec, 5);
  for (uint32_t k = 0; k < 5; ++k) {
    SCOPED_TRACE(k);
    const FunctionWindows& w = seen[k].functions;
    // k were answered, lost, given up and refused each.
    EXPECT_THAT(w.arrivals, Each(k < 2 ? k : 4 * k));
    EXPECT_THAT(w.queued, Each(k < 2 ? k : 0));
    EXPECT_THAT(w.in_flight, Each(k < 2 ? k : 0));
    EXPECT_THAT(w.completions, Each(k));
    EXPECT_THAT(w.mean_in_flight, Each(k));
  }
}

// ---- noise

struct Moments {
  double mean, sd;
};
Moments MomentsOf(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, std::sqrt(squares / n)};
}

// The k-th snapshot shows 1000 k; what is seen over that, for k from 1.
template <class Metric>
std::vector<double> Factors(const std::vector<Snapshot>& seen, Metric metric) {
  std::vector<double> factors;
  for (size_t k = 1; k < seen.size(); ++k) {
    for (const auto value : seen[k].functions.*metric) {
      factors.push_back(static_cast<double>(value) / (1000.0 * static_cast<double>(k)));
    }
  }
  return factors;
}

double Correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const Moments mx = MomentsOf(x), my = MomentsOf(y);
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += (x[i] - mx.mean) * (y[i] - my.mean);
  return sum / static_cast<double>(x.size()) / (mx.sd * my.sd);
}

TEST(MetricNoise, HasMeanOneAndTheCoefficientOfVariation) {
  PerturbationSpec spec;
  spec.metric_noise.cv = 0.3;
  // 40,000 draws for each metric.
  const std::vector<Snapshot> seen = Seen(spec, 201, 200, 1000);
  using W = FunctionWindows;
  const auto check = [&](auto metric) {
    const std::vector<double> factors = Factors(seen, metric);
    ASSERT_EQ(factors.size(), 40'000u);
    const Moments m = MomentsOf(factors);
    // Standard error of the mean: 0.3 / 200. That of a lognormal's sample sd is about
    // cv sqrt((kurtosis - 1) / 4n) = 0.3 sqrt(3.7 / 160,000) = 0.0015, with the kurtosis 4.7 of
    // cv 0.3. Five of each.
    EXPECT_NEAR(m.mean, 1, 5 * 0.0015);
    EXPECT_NEAR(m.sd, 0.3, 5 * 0.0015);
  };
  check(&W::arrivals);
  check(&W::in_flight);
  check(&W::mean_queued);
  check(&W::cpu_used_millicores);
  check(&W::memory_used_mebibytes);
  check(&W::latency_p99_ms);
  check(&W::execution_p50_ms);
}

TEST(MetricNoise, IsOneFactorAGroupAndIndependentBetweenThem) {
  PerturbationSpec spec;
  spec.metric_noise.cv = 0.5;
  const std::vector<Snapshot> seen = Seen(spec, 101, 100, 1000);
  for (const Snapshot& s : seen) {
    EXPECT_EQ(s.functions.arrivals, s.functions.completions);
    EXPECT_EQ(s.functions.mean_queued, s.functions.mean_in_flight);
    EXPECT_EQ(s.functions.latency_p50_ms, s.functions.latency_p99_ms);
  }
  const auto requests = Factors(seen, &FunctionWindows::arrivals);
  const auto concurrency = Factors(seen, &FunctionWindows::mean_in_flight);
  const auto latency = Factors(seen, &FunctionWindows::latency_p95_ms);
  const auto execution = Factors(seen, &FunctionWindows::execution_p95_ms);
  const auto cpu = Factors(seen, &FunctionWindows::cpu_used_millicores);
  const auto memory = Factors(seen, &FunctionWindows::memory_used_mebibytes);
  const std::vector<const std::vector<double>*> groups = {&requests,  &concurrency, &latency,
                                                          &execution, &cpu,         &memory};
  for (size_t i = 0; i < groups.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      EXPECT_NEAR(Correlation(*groups[i], *groups[j]), 0, 5 / std::sqrt(10'000.0));
    }
  }
  // Functions and windows do not share draws either.
  const std::vector<double> later(requests.begin() + 100, requests.end());
  EXPECT_NEAR(Correlation({requests.begin(), requests.end() - 100}, later), 0, 0.05);
  const std::vector<double> neighbour(requests.begin() + 1, requests.end());
  EXPECT_NEAR(Correlation({requests.begin(), requests.end() - 1}, neighbour), 0, 0.05);
  // The state that the platform knows is exact.
  EXPECT_THAT(seen[7].functions.containers_ready, Each(7000u));
}

TEST(MetricNoise, SmallCountsKeepTheirExpectation) {
  // The k-th snapshot shows k: counts of 1 in the first, by 40,000 functions.
  PerturbationSpec spec;
  spec.metric_noise.cv = 0.2;
  const std::vector<Snapshot> seen = Seen(spec, 2, 40'000);
  EXPECT_THAT(seen[0].functions.arrivals, Each(0u));
  const std::vector<uint32_t>& ones = seen[1].functions.arrivals;
  const double sum = std::accumulate(ones.begin(), ones.end(), 0.0);
  // Rounded up or down, the variance is at most 0.2^2 + 1/4 = 0.29: standard error 0.0027.
  EXPECT_NEAR(sum / 40'000, 1, 5 * 0.0027);
  EXPECT_THAT(ones, ::testing::Contains(0u));
  EXPECT_THAT(ones, ::testing::Contains(2u));
}

TEST(MetricNoise, DoesNotDependOnOtherFunctionsOrEarlierWindows) {
  PerturbationSpec all, late;
  all.metric_noise.cv = late.metric_noise.cv = 0.4;
  late.metric_noise.from = SimTime::Seconds(10);
  const std::vector<Snapshot> few = Seen(all, 10, 3, 1000), many = Seen(late, 10, 30, 1000);
  for (size_t k = 1; k < 10; ++k) {
    const uint32_t exact = static_cast<uint32_t>(k) * 1000;
    for (size_t f = 0; f < 3; ++f) {
      EXPECT_NE(few[k].functions.mean_queued[f], exact);
      EXPECT_EQ(many[k].functions.mean_queued[f], k < 5 ? exact : few[k].functions.mean_queued[f]);
    }
  }
  EXPECT_NE(Seen(all, 2, 1, 1000, 2)[1].functions.mean_queued, few[1].functions.mean_queued);
}

// ---- loss

TEST(MetricLoss, ShowsTheLastCollectedAgain) {
  PerturbationSpec spec;
  spec.metric_loss.probability = 0.3;
  const std::vector<Snapshot> seen = Seen(spec, 101, 1000);
  int lost = 0;
  for (size_t k = 1; k < seen.size(); ++k) {
    const FunctionWindows &now = seen[k].functions, &before = seen[k - 1].functions;
    for (size_t f = 0; f < 1000; ++f) {
      if (now.arrivals[f] != k) {
        ++lost;
        EXPECT_EQ(now.arrivals[f], before.arrivals[f]);
      }
      // A function's metrics are lost together.
      EXPECT_EQ(now.mean_queued[f], now.arrivals[f]);
      EXPECT_EQ(now.latency_p99_ms[f], static_cast<float>(now.arrivals[f]));
      EXPECT_EQ(now.containers_ready[f], k);
    }
  }
  // Binomial: 100,000 windows, standard deviation sqrt(0.3 0.7 / 100,000) = 0.00145.
  EXPECT_NEAR(lost / 100'000.0, 0.3, 5 * 0.00145);
}

TEST(MetricLoss, BeforeAnythingWasCollectedThereAreZeros) {
  PerturbationSpec spec;
  spec.metric_loss = {{SimTime(), SimTime::Seconds(6)}, 1};
  std::vector<uint32_t> arrivals;
  for (const Snapshot& s : Seen(spec, 5, 1)) arrivals.push_back(s.functions.arrivals[0]);
  EXPECT_THAT(arrivals, ::testing::ElementsAre(0, 0, 0, 3, 4));
}

TEST(Composition, LagShowsWhatNoiseAndLossHadLeft) {
  PerturbationSpec spec;
  spec.metric_noise.cv = 0.3;
  spec.metric_loss.probability = 0.3;
  const std::vector<Snapshot> at_once = Seen(spec, 30, 20, 1000);
  spec.metric_lag.lag = SimTime::Seconds(4);
  const std::vector<Snapshot> late = Seen(spec, 30, 20, 1000);
  for (size_t k = 2; k < 30; ++k) {
    EXPECT_EQ(late[k].functions.arrivals, at_once[k - 2].functions.arrivals);
    EXPECT_EQ(late[k].functions.latency_p50_ms, at_once[k - 2].functions.latency_p50_ms);
  }
}

TEST(PerturbedPlatform, KnowsTheTruth) {
  PerturbationSpec spec;
  spec.metric_noise.cv = 0.3;
  CountingPlatform inner(3);
  PerturbedPlatform platform(inner, spec, 1);
  Snapshot seen;
  for (uint32_t k = 0; k < 5; ++k) {
    ASSERT_TRUE(platform.Observe(seen).ok());
    EXPECT_THAT(platform.truth().functions.mean_queued, Each(k));
    EXPECT_NE(platform.truth().functions.histograms, nullptr);
  }
}

// ---- decisions

Decision Replicas(int32_t replicas) {
  Decision d;
  d.replicas = replicas;
  return d;
}

// One function whose policy asks for k replicas at the k-th period; [periods] what was applied.
std::vector<Decision> Applied(const PerturbationSpec& spec, int periods) {
  CountingPlatform inner(1);
  PerturbedPlatform platform(inner, spec, 1);
  Snapshot seen;
  for (int k = 0; k < periods; ++k) {
    EXPECT_TRUE(platform.Observe(seen).ok());
    EXPECT_TRUE(platform.Apply(std::vector{Replicas(k)}).ok());
  }
  std::vector<Decision> applied;
  for (const auto& decisions : inner.applied) applied.push_back(decisions[0]);
  return applied;
}

TEST(ActuationDelay, IsRoundedUpToPeriods) {
  PerturbationSpec spec;
  spec.actuation_delay.time_ms = Distribution::Constant(5000);
  const std::vector<Decision> applied = Applied(spec, 10);
  for (int k = 0; k < 10; ++k) {
    EXPECT_EQ(applied[static_cast<size_t>(k)], k < 3 ? Decision{} : Replicas(k - 3));
  }
}

TEST(ActuationDelay, HasTheDistributionAsked) {
  // One decision of each of 20,000 functions, then nothing: when each is carried out is its delay.
  PerturbationSpec spec;
  spec.actuation_delay.time_ms = Distribution::Exponential(10'000);
  constexpr size_t kFunctions = 20'000;
  CountingPlatform inner(kFunctions);
  PerturbedPlatform platform(inner, spec, 1);
  Snapshot seen;
  std::vector<Decision> decisions(kFunctions, Replicas(1));
  for (int k = 0; k < 100; ++k) {
    ASSERT_TRUE(platform.Observe(seen).ok());
    ASSERT_TRUE(platform.Apply(decisions).ok());
    decisions.assign(kFunctions, Decision{});
  }
  size_t done = 0;
  for (int64_t k = 0; k < 100; ++k) {
    for (const Decision& d : inner.applied[static_cast<size_t>(k)]) done += d.replicas.has_value();
    // Carried out by then: 1 - e^(-2k/10), of 20,000: standard error at most 0.0035.
    EXPECT_NEAR(static_cast<double>(done) / kFunctions, 1 - std::exp(-0.2 * static_cast<double>(k)),
                5 * 0.0035);
  }
  EXPECT_EQ(done, kFunctions);
}

TEST(ActuationDelay, AnOlderDecisionNeverOverridesANewer) {
  // 6 s while in force, up to 3 s; then at once.
  PerturbationSpec spec;
  spec.actuation_delay = {{SimTime(), SimTime::Seconds(3)}, Distribution::Constant(6000)};
  CountingPlatform inner(1);
  PerturbedPlatform platform(inner, spec, 1);
  Snapshot seen;
  Decision first = Replicas(1), second = Replicas(2), third;
  first.keep_alive = SimTime::Seconds(9);
  first.concurrency = 7;
  second.concurrency = 8;
  third.replicas = 3;
  for (const Decision& d : {first, second, third, Decision{}, Decision{}}) {
    ASSERT_TRUE(platform.Observe(seen).ok());
    ASSERT_TRUE(platform.Apply(std::vector{d}).ok());
  }
  // The third, at 4 s, takes with it what the others had set and it had not.
  Decision merged = Replicas(3);
  merged.keep_alive = SimTime::Seconds(9);
  merged.concurrency = 8;
  EXPECT_EQ(inner.applied[2][0], merged);
  for (const size_t k : {0, 1, 3, 4}) EXPECT_EQ(inner.applied[k][0], Decision{});
}

TEST(ActuationFailure, LosesItsShareOfDecisionsWhole) {
  PerturbationSpec spec;
  spec.actuation_failure.probability = 0.25;
  constexpr size_t kFunctions = 1000;
  CountingPlatform inner(kFunctions);
  PerturbedPlatform platform(inner, spec, 1);
  Snapshot seen;
  Decision decision = Replicas(2);
  decision.cpu_limit = Millicores(500);
  int failed = 0;
  for (int k = 0; k < 100; ++k) {
    ASSERT_TRUE(platform.Observe(seen).ok());
    ASSERT_TRUE(platform.Apply(std::vector<Decision>(kFunctions, decision)).ok());
    for (const Decision& d : inner.applied.back()) {
      failed += d == Decision{};
      EXPECT_TRUE(d == decision || d == Decision{});
    }
  }
  // Binomial: sqrt(0.25 0.75 / 100,000) = 0.00137.
  EXPECT_NEAR(failed / 100'000.0, 0.25, 5 * 0.00137);
}

TEST(Wake, GoesTheSameWay) {
  PerturbationSpec spec;
  spec.actuation_delay.time_ms = Distribution::Constant(3000);
  CountingPlatform inner(2);
  PerturbedPlatform platform(inner, spec, 1);
  Snapshot seen;
  ASSERT_TRUE(platform.Observe(seen).ok());
  ASSERT_TRUE(platform.Apply(std::vector<Decision>(2)).ok());
  Decision wake = Replicas(1);
  platform.PerturbWake(FunctionId(1), SimTime::Millis(500), wake);
  EXPECT_EQ(wake, Decision{});  // 3.5 s: carried out at 4 s
  for (int k = 1; k < 4; ++k) {
    ASSERT_TRUE(platform.Observe(seen).ok());
    ASSERT_TRUE(platform.Apply(std::vector<Decision>(2)).ok());
    EXPECT_EQ(inner.applied.back()[0], Decision{});
    EXPECT_EQ(inner.applied.back()[1], k == 2 ? Replicas(1) : Decision{}) << k;
  }

  PerturbationSpec failing;
  failing.actuation_failure = {{SimTime(), SimTime::Seconds(10)}, 1};
  PerturbedPlatform lossy(inner, failing, 1);
  wake = Replicas(1);
  lossy.PerturbWake(FunctionId(0), SimTime::Seconds(9), wake);
  EXPECT_EQ(wake, Decision{});
  wake = Replicas(1);
  lossy.PerturbWake(FunctionId(0), SimTime::Seconds(10), wake);
  EXPECT_EQ(wake, Replicas(1));

  PerturbedPlatform exact(inner, {}, 1);
  exact.PerturbWake(FunctionId(0), SimTime::Seconds(9), wake);
  EXPECT_EQ(wake, Replicas(1));
}

TEST(PerturbedPlatform, LeavesAWrongNumberOfDecisionsToThePlatform) {
  PerturbationSpec spec;
  spec.actuation_failure.probability = 0.5;
  CountingPlatform inner(2);
  PerturbedPlatform platform(inner, spec, 1);
  Snapshot seen;
  ASSERT_TRUE(platform.Observe(seen).ok());
  EXPECT_THAT(MessageOf(platform.Apply(std::vector<Decision>(3))), HasSubstr("wrong number"));
}

// ---- configuration

TEST(PerturbationSpec, IsReadFromYaml) {
  const auto node = ConfigNode::Parse(R"yaml(
metric_lag: {lag: 10s, from: 1m}
metric_noise: {cv: 0.3}
metric_loss: {probability: 0.1, to: 1h}
actuation_delay: {time_ms: "exponential(mean=2000)"}
actuation_failure: {probability: 0.05}
)yaml",
                                      "p.yaml");
  PerturbationSpec spec;
  ASSERT_TRUE(ReadConfig(*node, spec).ok());
  EXPECT_EQ(spec.metric_lag.lag, SimTime::Seconds(10));
  EXPECT_EQ(spec.metric_lag.from, SimTime::Minutes(1));
  EXPECT_EQ(spec.metric_loss.to, SimTime::Hours(1));
  EXPECT_EQ(spec.actuation_delay.time_ms, Distribution::Exponential(2000));
  EXPECT_TRUE(spec.perturbs_metrics() && spec.perturbs_actuation());
  EXPECT_FALSE(PerturbationSpec{}.perturbs_metrics() || PerturbationSpec{}.perturbs_actuation());
  PerturbationSpec again;
  ASSERT_TRUE(ReadConfig(*ConfigNode::Parse(WriteConfig(spec), "again"), again).ok());
  EXPECT_EQ(WriteConfig(again), WriteConfig(spec));
}

TEST(PerturbationSpec, RefusesWhatCannotBe) {
  const auto error = [](const std::string& yaml) {
    PerturbationSpec spec;
    return MessageOf(ReadConfig(*ConfigNode::Parse(yaml, "p.yaml"), spec));
  };
  EXPECT_THAT(error("metric_loss: {probability: 1.5}"), HasSubstr("p.yaml:1:28: probability"));
  EXPECT_THAT(error("metric_lag: {lag: 1s, from: 2m, to: 1m}"),
              HasSubstr("p.yaml:1:13: from 120 s to 60 s there is no time"));
  EXPECT_THAT(error("metric_delay: {lag: 1s}"), HasSubstr("metric_delay"));
}

// ---- a whole cluster

struct ScenarioResult {
  std::vector<std::tuple<uint32_t, int64_t, int64_t, int64_t, Outcome>> rows;
  std::vector<std::vector<uint32_t>> seen;  // arrivals as seen, by period
};

// A random scenario under random decisions, with every request accounted for at its end.
ScenarioResult PlayScenario(uint64_t seed, const PerturbationSpec* spec, bool prefetched) {
  const Trace trace = testing::RandomTrace(seed);
  auto arrivals = MakeArrivalSource(trace, {seed, WithinMinute::kByTrigger});
  if (prefetched) arrivals = Prefetched(std::move(arrivals));
  SimulatedCluster cluster(trace, testing::RandomCluster(seed), seed, std::move(arrivals));
  std::optional<PerturbedPlatform> perturbed;
  if (spec != nullptr) perturbed.emplace(cluster, *spec, seed);
  Platform& platform = perturbed ? static_cast<Platform&>(*perturbed) : cluster;
  ScenarioResult result;
  cluster.set_invocation_sink([&](const InvocationRecord& r) {
    result.rows.emplace_back(r.function.index(), r.arrival.micros(), r.start.micros(),
                             r.end.micros(), r.outcome);
  });
  cluster.set_wake([&](FunctionId f, SimTime now, Decision& d) {
    d.replicas = 1;
    if (perturbed) perturbed->PerturbWake(f, now, d);
  });
  testing::Dice deciding(seed, 3);
  Snapshot snapshot;
  uint64_t true_arrivals = 0;
  for (SimTime now; now < SimTime::Seconds(testing::kScenarioSeconds + 20);) {
    now += kPeriod;
    cluster.AdvanceTo(now);
    EXPECT_TRUE(platform.Observe(snapshot).ok());
    result.seen.push_back(snapshot.functions.arrivals);
    const Snapshot& truth = perturbed ? perturbed->truth() : snapshot;
    for (const uint32_t count : truth.functions.arrivals) true_arrivals += count;
    EXPECT_TRUE(platform.Apply(testing::RandomDecisions(deciding)).ok());
  }
  EXPECT_TRUE(platform.Observe(snapshot).ok());
  EXPECT_EQ(true_arrivals, trace.total_invocations());
  EXPECT_EQ(result.rows.size() + cluster.in_system(), trace.total_invocations());
  std::vector<int64_t> ages = cluster.UnfinishedAges();
  for (uint32_t f = 0; f < testing::kScenarioFunctions; ++f) {
    const FunctionTotals& t = cluster.totals(FunctionId(f));
    EXPECT_EQ(t.arrivals, t.completions + t.failures + t.rejections + t.timeouts +
                              cluster.unfinished(FunctionId(f)));
    EXPECT_EQ(t.time_in_system_us + ages[f], t.in_system_integral_us);
  }
  return result;
}

PerturbationSpec Everything() {
  PerturbationSpec spec;
  spec.metric_lag.lag = SimTime::Seconds(5);
  spec.metric_noise.cv = 0.5;
  spec.metric_loss.probability = 0.2;
  spec.actuation_delay.time_ms = Distribution::Exponential(4000);
  spec.actuation_failure.probability = 0.2;
  return spec;
}

class PerturbedScenario : public ::testing::TestWithParam<uint64_t> {};

TEST_P(PerturbedScenario, AccountsForEveryRequestAndIsDeterministic) {
  const PerturbationSpec everything = Everything();
  const ScenarioResult once = PlayScenario(GetParam(), &everything, false);
  const ScenarioResult again = PlayScenario(GetParam(), &everything, true);
  EXPECT_EQ(once.rows, again.rows);
  EXPECT_EQ(once.seen, again.seen);
}

TEST_P(PerturbedScenario, WithoutPerturbationsNothingChanges) {
  const PerturbationSpec nothing;
  const ScenarioResult bare = PlayScenario(GetParam(), nullptr, false);
  const ScenarioResult wrapped = PlayScenario(GetParam(), &nothing, false);
  EXPECT_EQ(bare.rows, wrapped.rows);
  EXPECT_EQ(bare.seen, wrapped.seen);
  // The same with perturbations whose times lie after the run.
  PerturbationSpec later = Everything();
  for (ActiveTime* part :
       {static_cast<ActiveTime*>(&later.metric_lag), static_cast<ActiveTime*>(&later.metric_noise),
        static_cast<ActiveTime*>(&later.metric_loss),
        static_cast<ActiveTime*>(&later.actuation_delay),
        static_cast<ActiveTime*>(&later.actuation_failure)}) {
    part->from = SimTime::Hours(1);
  }
  const ScenarioResult untouched = PlayScenario(GetParam(), &later, false);
  EXPECT_EQ(bare.rows, untouched.rows);
  EXPECT_EQ(bare.seen, untouched.seen);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PerturbedScenario, ::testing::Range<uint64_t>(1, 21));

}  // namespace
}  // namespace reeve
