#include "sim/clairvoyant.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
#include "sim/uncontended.h"
#include "tests/sim/brute_force.h"
#include "tests/sim/sim_testing.h"

namespace reeve {
namespace {

using testing::BruteForce;
using testing::BruteRequest;

// Containers of 1 GiB, so that GB-seconds are container-seconds.
ClusterSpec GibCluster(double start_s, int32_t concurrency = 1) {
  ClusterSpec spec = testing::IdealCluster();
  spec.scaling = ScalingMode::kOnDemand;
  spec.cold_start.time_ms = Distribution::Constant(start_s * 1000);
  spec.containers.memory = Mebibytes(1024);
  spec.containers.memory_from_trace = false;
  spec.containers.concurrency = concurrency;
  return spec;
}

Trace TraceOf(const std::vector<BruteRequest>& requests, double length_s) {
  TraceBuilder builder;
  FunctionProfile profile;
  profile.name = "f";
  profile.tenant = builder.Tenant("t");
  profile.app = builder.App("a");
  const FunctionId id = builder.AddFunction(profile);
  const auto us = [](double s) { return SimTime::FromSeconds(s).micros(); };
  for (const BruteRequest& r : requests) {
    builder.AddInvocation({us(r.at), us(r.work), id.index(), 0});
  }
  builder.set_minimum_duration(SimTime::FromSeconds(length_s));
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

ClairvoyantBound BoundOf(const std::vector<BruteRequest>& requests, const ClusterSpec& cluster,
                         const BoundOptions& options = {}, double length_s = 10000) {
  return ComputeBound(TraceOf(requests, length_s), cluster, {}, options);
}

// Gaps from a hundredth of a second to a minute, on a grid of 1 ms, from 20 s on.
std::vector<BruteRequest> RandomRequests(uint64_t seed, size_t count) {
  RandomCursor random(RandomStream(seed, StreamPurpose::kGenerator, 0));
  std::vector<BruteRequest> requests;
  double at = 20;
  for (size_t i = 0; i < count; ++i) {
    at += std::round(10 * std::exp(9 * random.Uniform())) / 1000;
    requests.push_back({at, std::round(1 + 10000 * random.Uniform() * random.Uniform()) / 1000});
  }
  return requests;
}

TEST(ClairvoyantBound, ThreeRequestsByHand) {
  // In use [10, 11), [12, 13), [32, 33): gaps of 1 s and 19 s; a start takes 2 s.
  const std::vector<BruteRequest> requests = {{10, 1}, {12, 1}, {32, 1}};
  const ClairvoyantBound bound = BoundOf(requests, GibCluster(2));
  EXPECT_EQ(bound.total().requests, 3u);
  EXPECT_DOUBLE_EQ(bound.total().needed_container_seconds, 3);
  // Kept through the second between the first two: [8, 13) and [30, 33).
  EXPECT_EQ(bound.total().warm_starts, 2u);
  EXPECT_DOUBLE_EQ(bound.total().warm_gb_seconds, 8);
  EXPECT_EQ(bound.total().fewest_cold_starts, 1u);
  // One container for all, from 10 to 33.
  EXPECT_DOUBLE_EQ(bound.WithoutPrewarm().FewestGbSeconds(1).value(), 23);
  // Two: [10, 13) and, serving just one, [32, 35). Price steps of 1/8: a bit below.
  EXPECT_LE(bound.WithoutPrewarm().FewestGbSeconds(2).value(), 6);
  EXPECT_GT(bound.WithoutPrewarm().FewestGbSeconds(2).value(), 5.9);
  EXPECT_EQ(bound.WithoutPrewarm().FewestGbSeconds(0), std::nullopt);
  EXPECT_DOUBLE_EQ(bound.WithPrewarm().FewestGbSeconds(0).value(), 8);
  // A start at 2 GB-seconds of its own and 18 more: the gap of 19 s is worth keeping through.
  const ClairvoyantBound dear = BoundOf(requests, GibCluster(2), {.start_price = 18});
  EXPECT_EQ(dear.total().warm_starts, 1u);
  EXPECT_DOUBLE_EQ(dear.total().warm_gb_seconds, 25);  // [8, 33)
  const ClairvoyantBound less = BoundOf(requests, GibCluster(2), {.start_price = 16.9});
  EXPECT_EQ(less.total().warm_starts, 2u);
}

TEST(ClairvoyantBound, OverlappingRequestsTakeTheContainerFreedLast) {
  // Two at once from 2 to 3; free from 3 and from 10. At 12 the one free since 10 is taken (2 s),
  // at 13 the other (10 s), whoever is served by whom.
  const ClairvoyantBound bound = BoundOf({{1, 9}, {2, 1}, {12, 5}, {13, 1}}, GibCluster(0));
  EXPECT_EQ(bound.total().fewest_cold_starts, 2u);
  EXPECT_DOUBLE_EQ(bound.total().needed_gb_seconds, 16);
  EXPECT_DOUBLE_EQ(bound.WithoutPrewarm().FewestGbSeconds(2).value(), 28);
  EXPECT_DOUBLE_EQ(bound.WithoutPrewarm().FewestGbSeconds(3).value(), 18);
  EXPECT_DOUBLE_EQ(bound.WithoutPrewarm().FewestGbSeconds(4).value(), 16);
}

// Starts that take no time: the curve is the optimum.
TEST(ClairvoyantBound, IsTheBestOfAllSchedules) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const std::vector<BruteRequest> requests = RandomRequests(seed, 3 + seed % 5);
    const BruteForce all(requests, 0, 1, /*prewarm=*/false);
    const ClairvoyantBound bound = BoundOf(requests, GibCluster(0));
    const TradeOff& curve = bound.WithoutPrewarm();
    ASSERT_FALSE(curve.points().empty());
    for (const TradeOffPoint& p : curve.points()) {
      EXPECT_NEAR(p.gb_seconds, all.Seconds(static_cast<size_t>(p.cold_starts)), 1e-9) << seed;
    }
    EXPECT_EQ(curve.points().back().cold_starts, curve.fewest_cold_starts());
    for (size_t cold = 0; cold <= requests.size(); ++cold) {
      const std::optional<double> fewest = curve.FewestGbSeconds(static_cast<double>(cold));
      ASSERT_EQ(fewest.has_value(), std::isfinite(all.SecondsAtMost(cold))) << seed;
      if (!fewest) continue;
      EXPECT_LE(*fewest, all.SecondsAtMost(cold) + 1e-9) << seed;
    }
    // At every price of the grid the points hold a best schedule.
    for (int k = 0; k < PriceGrid::kSize; k += 3) {
      const double price = PriceGrid::At(k) / PriceGrid::kMibMicrosPerGbSecond;
      double best = 1e300, of_points = 1e300;
      for (size_t cold = 0; cold <= requests.size(); ++cold) {
        best = std::min(best, all.Seconds(cold) + price * static_cast<double>(cold));
      }
      for (const TradeOffPoint& p : curve.points()) {
        of_points = std::min(of_points, p.gb_seconds + price * p.cold_starts);
      }
      EXPECT_NEAR(of_points, best, 1e-9 * best) << seed << " " << k;
    }
  }
}

TEST(ClairvoyantBound, WithoutColdStartsIsTheBestOfAllSchedules) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const std::vector<BruteRequest> requests = RandomRequests(seed, 3 + seed % 4);
    for (const double start_price : {0.0, 0.4, 3.0, 25.0}) {
      const BruteForce all(requests, 0.7, 1, /*prewarm=*/true);
      double best = 1e300;
      for (size_t starts = 0; starts <= requests.size(); ++starts) {
        best = std::min(best, all.WarmSeconds(starts) + start_price * static_cast<double>(starts));
      }
      const ClairvoyantBound bound =
          BoundOf(requests, GibCluster(0.7), {.start_price = start_price});
      const ClairvoyantCost& cost = bound.total();
      EXPECT_NEAR(cost.warm_gb_seconds + start_price * static_cast<double>(cost.warm_starts), best,
                  1e-9)
          << seed << " " << start_price;
      EXPECT_NEAR(bound.WithPrewarm().FewestGbSeconds(0).value(), all.SecondsAtMost(0), 1e-9);
    }
  }
}

// With start times, which delay what comes behind, and with several requests in one container, no
// schedule comes below the bound; and it is not far below.
TEST(ClairvoyantBound, NoScheduleIsBelow) {
  double bound_sum = 0, best_sum = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    for (const int32_t concurrency : {1, 2, 3}) {
      const std::vector<BruteRequest> requests = RandomRequests(seed, 3 + seed % 3);
      for (const double start : {0.3, 5.0}) {
        const BruteForce without(requests, start, static_cast<size_t>(concurrency), false);
        const BruteForce with(requests, start, static_cast<size_t>(concurrency), true);
        const ClairvoyantBound bound = BoundOf(requests, GibCluster(start, concurrency));
        for (size_t cold = 0; cold <= requests.size(); ++cold) {
          const auto c = static_cast<double>(cold);
          EXPECT_LE(bound.WithPrewarm().FewestGbSeconds(c).value(),
                    with.SecondsAtMost(cold) + 1e-9);
          const std::optional<double> fewest = bound.WithoutPrewarm().FewestGbSeconds(c);
          const double best = without.SecondsAtMost(cold);
          if (!fewest) {
            EXPECT_TRUE(std::isinf(best));
            continue;
          }
          EXPECT_LE(*fewest, best + 1e-9) << seed << " " << concurrency << " " << start;
          EXPECT_LE(bound.WithPrewarm().FewestGbSeconds(c).value(), *fewest + 1e-9);
          if (concurrency == 1 && start == 0.3 && std::isfinite(best)) {
            bound_sum += *fewest;
            best_sum += best;
          }
        }
      }
    }
  }
  EXPECT_GT(bound_sum, 0.95 * best_sum);  // starts delay what comes within 0.3 s
}

TEST(ClairvoyantBound, IsCutAtTheEndOfTheTrace) {
  // The second request runs beyond the end; a start of 2 s for it would be cut too.
  const ClairvoyantBound bound = BoundOf({{10, 1}, {19, 30}}, GibCluster(2), {}, 20);
  EXPECT_DOUBLE_EQ(bound.total().needed_gb_seconds, 2);
  EXPECT_DOUBLE_EQ(bound.total().warm_gb_seconds, 6);
  EXPECT_LE(bound.WithoutPrewarm().FewestGbSeconds(2).value(), 4);  // [10, 13) and [19, 20)
  EXPECT_DOUBLE_EQ(bound.WithoutPrewarm().FewestGbSeconds(1).value(), 10);
}

TEST(ClairvoyantBound, CountsInitialContainersAndEarlyRequests) {
  ClusterSpec spec = GibCluster(2);
  const ClairvoyantBound early = BoundOf({{0.5, 1}}, spec);
  EXPECT_DOUBLE_EQ(early.total().warm_gb_seconds, 1.5);
  EXPECT_DOUBLE_EQ(early.WithPrewarm().FewestGbSeconds(0).value(), 1.5);
  EXPECT_LE(early.WithPrewarm().FewestGbSeconds(1).value(), 1);
  // One container ready at 0: kept until it is needed, or let go and started again.
  spec.containers.initial_replicas = 1;
  const ClairvoyantBound kept = BoundOf({{7, 1}}, spec);
  EXPECT_EQ(kept.total().fewest_cold_starts, 0u);
  EXPECT_DOUBLE_EQ(kept.WithoutPrewarm().FewestGbSeconds(0).value(), 8);
  EXPECT_DOUBLE_EQ(kept.WithPrewarm().FewestGbSeconds(0).value(), 3);
}

TEST(ClairvoyantBound, TimeLimitsAndCpuLimitsCount) {
  ClusterSpec spec = GibCluster(0);
  spec.containers.request_timeout = SimTime::Seconds(4);
  EXPECT_DOUBLE_EQ(BoundOf({{1, 30}}, spec).total().needed_gb_seconds, 4);
  spec.containers.cpu_limit = Millicores(500);
  EXPECT_DOUBLE_EQ(BoundOf({{1, 1.5}}, spec).total().needed_gb_seconds, 3);
}

TEST(ClairvoyantBound, FunctionsShareTheColdStartsBestForAll) {
  TraceBuilder builder;
  for (const char* name : {"small", "large"}) {
    FunctionProfile profile;
    profile.name = name;
    profile.tenant = builder.Tenant("t");
    profile.app = builder.App("a");
    profile.memory = Mebibytes(name[0] == 's' ? 1024 : 4096);
    const uint32_t id = builder.AddFunction(profile).index();
    builder.AddInvocation({10'000'000, 1'000'000, id, 0});
    builder.AddInvocation({21'000'000, 1'000'000, id, 0});  // a gap of 10 s
  }
  builder.set_minimum_duration(SimTime::Seconds(100));
  const Trace trace = *builder.Build();
  ClusterSpec spec = GibCluster(0);
  spec.containers.memory_from_trace = true;
  const ClairvoyantBound bound = ComputeBound(trace, spec, {});
  // Needed: 2 + 8; the gaps cost 10 and 40. The third cold start goes to the large one.
  EXPECT_DOUBLE_EQ(bound.WithoutPrewarm().FewestGbSeconds(2).value(), 60);
  EXPECT_DOUBLE_EQ(bound.WithoutPrewarm().FewestGbSeconds(3).value(), 20);
  EXPECT_DOUBLE_EQ(bound.WithoutPrewarm().FewestGbSeconds(4).value(), 10);
  EXPECT_EQ(bound.WithoutPrewarm().FewestColdStarts(60), 2);
  EXPECT_EQ(bound.WithoutPrewarm().FewestColdStarts(59.9), 3);
  EXPECT_EQ(bound.WithoutPrewarm().FewestColdStarts(20), 3);
  EXPECT_EQ(bound.WithoutPrewarm().FewestColdStarts(9.99), std::nullopt);
  EXPECT_DOUBLE_EQ(bound.WithoutPrewarm(FunctionId(1)).FewestGbSeconds(1).value(), 48);
  const BoundDistance distance = DistanceTo(bound.WithoutPrewarm(), 30, 3);
  EXPECT_DOUBLE_EQ(*distance.fewest_gb_seconds, 20);
  EXPECT_DOUBLE_EQ(*distance.gb_seconds_factor, 1.5);
  EXPECT_EQ(*distance.fewest_cold_starts, 3);
  EXPECT_EQ(*distance.cold_starts_above, 0);
}

// The simulator itself, under keep-alive times from nothing to for ever, never beats the bound.
TEST(ClairvoyantBound, NoSimulatedRunIsBelow) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const Trace trace = testing::PoissonTrace(
        0.2, 1800, Distribution::LognormalFromMoments(900, 1500), seed, /*functions=*/4);
    const ClusterSpec spec = GibCluster(0.8);
    const ArrivalOptions arrivals{seed, WithinMinute::kByTrigger};
    const ClairvoyantBound bound = ComputeBound(trace, spec, arrivals);
    double closest = 1e300;
    for (const double keep_alive_s : {0.0, 0.5, 2.0, 10.0, 60.0, 3600.0}) {
      ClusterSpec kept = spec;
      kept.containers.keep_alive = SimTime::FromSeconds(keep_alive_s);
      SimulatedCluster cluster(trace, kept, seed, MakeArrivalSource(trace, arrivals));
      cluster.AdvanceTo(trace.duration());
      Snapshot snapshot;
      ASSERT_TRUE(cluster.Observe(snapshot).ok());
      double gb_seconds = 0, cold = 0;
      for (uint32_t f = 0; f < 4; ++f) {
        const FunctionTotals& t = cluster.totals(FunctionId(f));
        gb_seconds += static_cast<double>(t.memory_mib_us) / PriceGrid::kMibMicrosPerGbSecond;
        cold += static_cast<double>(t.cold_starts);
      }
      const BoundDistance distance = DistanceTo(bound.WithoutPrewarm(), gb_seconds, cold);
      ASSERT_TRUE(distance.gb_seconds_factor.has_value());
      EXPECT_GE(*distance.gb_seconds_factor, 1) << seed << " " << keep_alive_s;
      EXPECT_GE(*distance.cold_starts_above, 0) << seed << " " << keep_alive_s;
      closest = std::min(closest, *distance.gb_seconds_factor);
    }
    EXPECT_LT(closest, 1.3) << "far from what is possible";
  }
}

TEST(ClairvoyantBound, OnePriceForAllAddsUp) {
  const Trace trace = testing::PoissonTrace(0.05, 3600, Distribution::Exponential(2000), 7, 5);
  const ClusterSpec spec = GibCluster(0.5);
  const ClairvoyantBound bound = ComputeBound(trace, spec, {});
  double warm = 0, fewest = 0;
  for (const ClairvoyantCost& f : bound.functions()) {
    warm += f.warm_gb_seconds;
    fewest += static_cast<double>(f.fewest_cold_starts);
  }
  EXPECT_NEAR(bound.total().warm_gb_seconds, warm, 1e-9 * warm);
  EXPECT_EQ(bound.WithoutPrewarm().fewest_cold_starts(), fewest);
  EXPECT_NEAR(bound.WithPrewarm().FewestGbSeconds(0).value(), warm, 1e-9 * warm);
}

TEST(Uncontended, ReadsTheClusterAsTheSimulatorDoes) {
  TraceBuilder builder;
  for (const int64_t mib : {0, 64, 300}) {
    FunctionProfile profile;
    profile.name = "f" + std::to_string(mib);
    profile.tenant = builder.Tenant("t");
    profile.app = builder.App("a");
    profile.memory = Mebibytes(mib);
    builder.AddInvocation({0, 1, builder.AddFunction(profile).index(), 0});
  }
  const Trace trace = *builder.Build();
  ClusterSpec spec = testing::IdealCluster();
  spec.cold_start.time_ms = Distribution::LognormalFromMoments(900, 500);
  spec.cold_start.prewarmed_ms = Distribution::Exponential(250);
  spec.prewarm = {{1, Mebibytes(300)}};
  for (const bool own : {false, true}) {
    if (own) spec.functions["f64"].memory = Mebibytes(700);
    if (own) spec.containers.memory_from_trace = false;
    SimulatedCluster cluster(trace, spec, 1, MakeArrivalSource(trace, {}));
    for (uint32_t f = 0; f < 3; ++f) {
      EXPECT_EQ(Uncontended(spec, trace.functions()[f]).memory,
                cluster.memory_limit(FunctionId(f)));
    }
  }
  spec.containers.memory_from_trace = true;
  EXPECT_EQ(Uncontended(spec, trace.functions()[1]).mean_start, SimTime::Millis(900));
  EXPECT_EQ(Uncontended(spec, trace.functions()[2]).mean_start, SimTime::Millis(250));
  // No mean: the median of a Burr with c = k = 1 is its scale.
  spec.cold_start.time_ms = Distribution::Burr(1, 1, 600);
  EXPECT_EQ(Uncontended(spec, trace.functions()[1]).mean_start, SimTime::Millis(600));
  spec.cold_start.time_ms = Distribution::Uniform(0, 1000);
  spec.cold_start.image_pull_ms = Distribution::Constant(70);
  EXPECT_EQ(StartQuantile(spec, trace.functions()[1], 0.9), SimTime::Millis(970));
}

// CPU by memory: 2 GiB at 250 millicores each make half a core, and a request asks for one.
TEST(Uncontended, CpuMayFollowMemory) {
  ClusterSpec spec;
  spec.containers.cpu_demand = Millicores(1000);
  spec.containers.cpu_limit_per_gib = Millicores(250);
  FunctionProfile profile;
  profile.memory = Mebibytes(2048);
  EXPECT_DOUBLE_EQ(Uncontended(spec, profile).stretch, 2);
}

TEST(PriceGrid, CellsMeetWithoutGaps) {
  for (int k = 0; k + 1 < PriceGrid::kSize; ++k) {
    ASSERT_LT(PriceGrid::At(k), PriceGrid::At(k + 1));
    ASSERT_EQ(PriceGrid::Below(PriceGrid::At(k)), k);
    ASSERT_EQ(PriceGrid::Below(std::nextafter(PriceGrid::At(k + 1), 0)), k);
    ASSERT_LE(PriceGrid::At(k + 1), k == 0 ? 0x1p20 : PriceGrid::At(k) * 1.125);
  }
  EXPECT_EQ(PriceGrid::Below(1e30), PriceGrid::kSize - 1);
}

}  // namespace
}  // namespace reeve
