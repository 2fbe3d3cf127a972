// Features that look back: closed forms of the averages, timers for the gaps.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "envs/feature_table.h"
#include "envs/observation.h"
#include "tests/envs/window_testing.h"

namespace reeve {
namespace {

// Plays windows of 10 s to one extractor of one feature and one function.
class Player {
 public:
  explicit Player(const FeatureSpec& spec) : extractor_(ObservationSpec{.features = {spec}}) {
    snapshot_ = QuietSnapshot(1);
    snapshot_.time = SimTime();
  }
  explicit Player(const std::string& name, SimTime time = {})
      : Player(FeatureSpec{.name = name, .time = time}) {}

  FunctionWindows& windows() { return snapshot_.functions; }
  Snapshot& snapshot() { return snapshot_; }

  double Next(uint32_t arrivals) {
    snapshot_.time += snapshot_.window;
    snapshot_.functions.arrivals[0] = arrivals;
    float out = -99;
    extractor_.Extract(snapshot_, {&out, 1});
    return out;
  }
  double Quiet(int windows) {
    double last = 0;
    for (int i = 0; i < windows; ++i) last = Next(0);
    return last;
  }
  void Reset() { extractor_.Reset(); }
  void Forget() { extractor_.Forget(FunctionId(0)); }

 private:
  FeatureExtractor extractor_;
  Snapshot snapshot_;
};

constexpr SimTime kTime = SimTime::Seconds(40);  // four windows
const double kKept = std::exp(-0.25);            // of a window's weight, after one more
const std::vector<uint32_t> kArrivals = {40, 0, 10, 90, 20, 20};

// sum w_i x_i / sum w_i with w_i = exp(-age / time), naively.
struct Weighted {
  double mean = 0, variance = 0;
};
Weighted NaiveMean(const std::vector<double>& x) {
  double weights = 0, sum = 0, squares = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double weight = std::exp(-0.25 * static_cast<double>(x.size() - 1 - i));
    weights += weight;
    sum += weight * x[i];
  }
  const double mean = sum / weights;
  for (size_t i = 0; i < x.size(); ++i) {
    const double weight = std::exp(-0.25 * static_cast<double>(x.size() - 1 - i));
    squares += weight * (x[i] - mean) * (x[i] - mean);
  }
  return {mean, squares / weights};
}

TEST(HistoryFeatures, MeanAndDeviationAreTheWeightedOnes) {
  Player mean("mean_arrival_rate", kTime), deviation("arrival_rate_deviation", kTime),
      change("arrival_change", kTime), log("log_rate", kTime);
  std::vector<double> rates;
  for (const uint32_t arrivals : kArrivals) {
    rates.push_back(arrivals / 10.0);
    const Weighted naive = NaiveMean(rates);
    const double rate = rates.back();
    EXPECT_NEAR(mean.Next(arrivals), naive.mean / 10, 1e-6);
    EXPECT_NEAR(deviation.Next(arrivals), std::sqrt(naive.variance) / 10, 1e-6);
    EXPECT_NEAR(change.Next(arrivals), (rate - naive.mean) / (rate + naive.mean), 1e-6);
    EXPECT_NEAR(log.Next(arrivals), std::log10(naive.mean / 1e-4) / 7, 1e-6);
  }
}

TEST(HistoryFeatures, AMeanDoesNotDependOnHowTimeIsCut) {
  Player coarse("mean_arrival_rate", kTime), fine("mean_arrival_rate", kTime);
  fine.snapshot().window = SimTime::Seconds(5);
  coarse.Next(30);
  fine.Next(15), fine.Next(15);
  const double one = coarse.Next(80);
  fine.Next(40);
  EXPECT_NEAR(fine.Next(40), one, 1e-6);
}

TEST(HistoryFeatures, LogRateSpreadsSevenDecades) {
  const std::vector<std::pair<uint32_t, double>> cases = {
      {10'000, 1}, {100, 5.0 / 7}, {1, 3.0 / 7}, {0, 0}};
  for (const auto& [arrivals, expected] : cases) {
    EXPECT_NEAR(Player("log_rate").Next(arrivals), expected, 1e-6) << arrivals;
  }
}

TEST(HistoryFeatures, APeakIsForgottenExponentially) {
  Player peak("peak_arrival_rate", kTime);
  EXPECT_NEAR(peak.Next(200), 2.0, 1e-6);
  EXPECT_NEAR(peak.Next(10), 2.0 * kKept, 1e-6);
  EXPECT_NEAR(peak.Next(0), 2.0 * kKept * kKept, 1e-6);
  EXPECT_NEAR(peak.Next(150), 1.5, 1e-6);
}

TEST(HistoryFeatures, ConcurrencyIsLoadOverTheLimit) {
  Player mean(FeatureSpec{.name = "mean_concurrency", .scale = 1, .time = kTime});
  Player peak(FeatureSpec{.name = "peak_concurrency", .scale = 1, .time = kTime});
  for (Player* player : {&mean, &peak}) {
    player->windows().concurrency_limit = {4};
    player->windows().mean_in_flight = {7};
    player->windows().mean_queued = {5};
  }
  EXPECT_NEAR(mean.Next(0), 3, 1e-6);
  EXPECT_NEAR(peak.Next(0), 3, 1e-6);
  for (Player* player : {&mean, &peak}) player->windows().mean_queued = {1};
  EXPECT_NEAR(mean.Next(0), (kKept * 3 + 2) / (kKept + 1), 1e-6);
  EXPECT_NEAR(peak.Next(0), 3 * kKept, 1e-6);
}

TEST(HistoryFeatures, ExecutionKeepsWhatWasLastSeen) {
  Player slack("execution_p95"), mean("mean_execution", kTime);
  const double full = std::log(600'001.0);
  for (Player* player : {&slack, &mean}) {
    player->windows().execution_p50_ms = {100};
    player->windows().execution_p95_ms = {500};
  }
  EXPECT_EQ(slack.Next(1), 0) << "nothing completed yet";
  EXPECT_EQ(mean.Next(1), 0);
  for (Player* player : {&slack, &mean}) player->windows().completions = {5};
  EXPECT_NEAR(slack.Next(1), 500.0 / 2500, 1e-6);
  EXPECT_NEAR(mean.Next(1), std::log(101.0) / full, 1e-6);
  for (Player* player : {&slack, &mean}) {
    player->windows().completions = {0};
    player->windows().execution_p50_ms = {0};
    player->windows().execution_p95_ms = {0};
  }
  EXPECT_NEAR(slack.Next(1), 500.0 / 2500, 1e-6);
  EXPECT_NEAR(mean.Next(1), std::log(101.0) / full, 1e-6) << "a window without says nothing";
}

// Holt's recursion written out for x = 1, 2, 4 rps: a = 1 - e^-1/4, b = a / 2.
TEST(HistoryFeatures, ForecastTrendIsHolts) {
  Player trend(FeatureSpec{.name = "forecast_trend", .scale = 1, .time = kTime});
  const double a = 1 - kKept, b = a / 2;
  EXPECT_NEAR(trend.Next(10), 1, 1e-6);
  const double level2 = a * 2 + (1 - a) * 1, slope2 = b * (level2 - 1);
  EXPECT_NEAR(trend.Next(20), level2 + slope2, 1e-6);
  const double level3 = a * 4 + (1 - a) * (level2 + slope2);
  const double slope3 = b * (level3 - level2) + (1 - b) * slope2;
  EXPECT_NEAR(trend.Next(40), std::min(4.0, level3 + slope3), 1e-6);
}

TEST(HistoryFeatures, ForecastTrendMeetsALongRamp) {
  Player trend(FeatureSpec{.name = "forecast_trend", .scale = 1000, .time = kTime});
  double forecast = 0;
  for (uint32_t i = 0; i < 200; ++i) forecast = trend.Next(10 * i);
  EXPECT_NEAR(forecast, 200 / 1000.0, 1e-6);
}

// Calls every 60 s: six windows.
TEST(HistoryFeatures, ATimerIsDueWhenItIsDue) {
  Player last("due_by_last_gap"), mean("due_by_mean_gap"), seasonal("forecast_seasonal");
  for (Player* player : {&last, &mean, &seasonal}) {
    EXPECT_EQ(player->Next(3), 0);
    EXPECT_EQ(player->Quiet(5), 0) << "no gap yet";
  }
  for (Player* player : {&last, &mean}) {
    EXPECT_NEAR(player->Next(3), 1 / 6.0, 1e-6) << "due in the sixth window from now";
    EXPECT_NEAR(player->Next(0), 1 / 5.0, 1e-6);
    EXPECT_NEAR(player->Quiet(4), 1, 1e-6) << "due in the coming window";
    EXPECT_NEAR(player->Next(0), 1 / 2.0, 1e-6) << "late by one";
    EXPECT_NEAR(player->Next(0), 1 / 3.0, 1e-6);
  }
  EXPECT_EQ(seasonal.Next(4), 0);
  EXPECT_EQ(seasonal.Quiet(4), 0);
  EXPECT_NEAR(seasonal.Next(0), 0.4 / 10, 1e-6) << "as many as the last time";
  EXPECT_EQ(seasonal.Next(0), 0);
}

TEST(HistoryFeatures, GapsOfOneTwoAndThreeWindows) {
  const double day = std::log(86'401.0);
  const std::vector<std::pair<const char*, double>> cases = {
      {"time_since_arrival", std::log(41.0) / day},
      {"mean_gap", std::log(21.0) / day},  // 10, 20, 30 s
      {"gap_variation", std::sqrt(200.0 / 3) / 20},
      {"gap_regularity", 1 / (1 + std::sqrt(200.0 / 3) / 20)},
      {"gap_elapsed", 40.0 / 20},
      {"due_by_mean_gap", 1.0 / (1 + 3)},  // 20 s gone of the coming window's end: 50 - 20
      {"due_by_last_gap", 1.0 / (1 + 2)}};
  for (const auto& [name, expected] : cases) {
    Player player(name);
    player.Next(1);
    player.Next(1);
    player.Quiet(1), player.Next(2);
    player.Quiet(2), player.Next(1);
    EXPECT_NEAR(player.Quiet(4), expected, 1e-6) << name;
  }
}

TEST(HistoryFeatures, OldGapsAreForgotten) {
  Player player("gap_elapsed");
  for (int i = 0; i < 20; ++i) player.Quiet(9), player.Next(1);
  for (int i = 0; i < 100; ++i) player.Quiet(1), player.Next(1);
  EXPECT_NEAR(player.Quiet(1), 10.0 / 20, 1e-3);  // (7/8)^100 of the old 100 s is left
}

TEST(HistoryFeatures, BeforeTheFirstArrivalTheLastWasForever) {
  for (const char* name : {"time_since_arrival", "mean_gap"}) EXPECT_EQ(Player(name).Quiet(3), 1);
  for (const char* name : {"gap_variation", "gap_regularity", "gap_elapsed", "due_by_mean_gap"}) {
    EXPECT_EQ(Player(name).Quiet(3), 0) << name;
  }
}

// Arrivals at 10, 20, 40, 70 s: gaps of 10, 20 and 30 s in the buckets from 8, 16 and 24 s on, of
// which a later gap leaves 63/64.
TEST(HistoryFeatures, ArrivalChanceIsTheShareOfGapsThatEnd) {
  const double k = 63.0 / 64;
  const auto after = [](int quiet, int horizon_s) {
    Player player("arrival_chance", SimTime::Seconds(horizon_s));
    player.Next(1);
    player.Next(1);
    player.Quiet(1), player.Next(2);
    player.Quiet(2);
    const double now = player.Next(1);
    return quiet == 0 ? now : player.Quiet(quiet);
  };
  const double all = k * k + k + 1;
  EXPECT_NEAR(after(0, 60), all / (all + 1), 1e-6);
  EXPECT_NEAR(after(0, 10), k * k / 2 / (all + 1), 1e-6) << "10 s is the middle of 8 to 12";
  EXPECT_NEAR(after(1, 10), (k * k / 2 + k / 2) / (k * k / 2 + k + 1 + 1), 1e-6);
  EXPECT_NEAR(after(2, 10), (k / 2 + 0.75) / (k / 2 + 1 + 1), 1e-6);
  EXPECT_EQ(after(4, 60), 0) << "longer than any gap seen";
  EXPECT_EQ(Player("arrival_chance").Next(1), 0) << "no gap yet";
}

TEST(HistoryFeatures, ArrivalChanceOfARegularFunctionNearsOne) {
  Player player("arrival_chance", SimTime::Minutes(2));
  double chance = 0;
  for (int i = 0; i < 200; ++i) player.Quiet(5), chance = player.Next(1);
  const double seen = 64 * (1 - std::pow(63.0 / 64, 199));
  EXPECT_NEAR(chance, seen / (seen + 1), 1e-5);
}

TEST(HistoryFeatures, ArrivalChanceOfGapsBeyondTheScale) {
  for (const int64_t gap_s : {int64_t{1}, int64_t{400'000}}) {
    Player player("arrival_chance", SimTime::Hours(1000));
    player.snapshot().window = SimTime::Seconds(1);
    player.Next(1);
    player.snapshot().time += SimTime::Seconds(gap_s);
    EXPECT_NEAR(player.Next(1), 0.5, 1e-6) << gap_s;
  }
}

// After `forget`, a player with a past sees what a fresh one sees.
void ExpectForgotten(void (Player::*forget)()) {
  for (const FeatureRow* row : AllFeatures()) {
    const std::string name(row->name);
    Player used(name), fresh(name);
    for (Player* player : {&used, &fresh}) {
      player->windows().completions = {4};
      player->windows().execution_p50_ms = {100};
      player->windows().mean_in_flight = {2};
    }
    used.windows().mean_in_flight = {30};
    used.windows().execution_p50_ms = {3000};
    for (uint32_t i = 0; i < 9; ++i) used.Next(i % 3 == 0 ? 50 * i : 0);
    used.windows() = fresh.windows();
    used.snapshot().time = SimTime();
    (used.*forget)();
    for (const uint32_t arrivals : {3, 0, 0, 7, 0}) {
      EXPECT_EQ(used.Next(arrivals), fresh.Next(arrivals)) << name;
    }
  }
}

TEST(HistoryFeatures, ResetForgets) {
  ExpectForgotten(&Player::Reset);
}

TEST(HistoryFeatures, OneFunctionCanBeForgotten) {
  ExpectForgotten(&Player::Forget);

  FeatureExtractor extractor(ObservationSpec{.features = {{.name = "mean_arrival_rate"}}});
  Snapshot s = QuietSnapshot(2);
  s.functions.arrivals = {20, 40};
  std::vector<float> out(2);
  extractor.Extract(s, out);
  extractor.Forget(FunctionId(0));
  extractor.Forget(FunctionId(7));  // never seen: nothing to forget
  s.functions.arrivals = {0, 40};
  extractor.Extract(s, out);
  EXPECT_EQ(out[0], 0);
  EXPECT_NEAR(out[1], 0.4, 1e-6);
}

TEST(HistoryFeatures, ASnapshotWithoutAWindowIsNotTakenIn) {
  Player player("mean_arrival_rate", kTime);
  const double before = player.Next(20);
  player.snapshot().window = SimTime();
  EXPECT_EQ(player.Next(90), before);
}

}  // namespace
}  // namespace reeve
