// Features that look back over more than the last window.
#include <algorithm>
#include <cmath>

#include "core/portable_math.h"
#include "envs/feature_table.h"
#include "envs/window_measures.h"

namespace reeve {
namespace {

using In = FeatureInput;

// ---- averages, peaks and trends

double MeanRate(const In& in, size_t f) {
  return in.Past<WeightedMean>().mean[f];
}
double MeanArrivalRate(const In& in, size_t f) {
  return MeanRate(in, f) * in.per_scale;
}
double ArrivalRateDeviation(const In& in, size_t f) {
  return std::sqrt(in.Past<WeightedMean>().variance[f]) * in.per_scale;
}
double ArrivalChange(const In& in, size_t f) {
  const double now = in.window.Rate(f), before = MeanRate(in, f);
  return Ratio(now - before, now + before);
}
// 0 at 1e-4 rps and below, 1 at 1000: seven decades.
double LogRate(const In& in, size_t f) {
  return CoarseLog2(std::max(MeanRate(in, f), 1e-4) / 1e-4) / CoarseLog2(1e7);
}
double Peak(const In& in, size_t f) {
  return in.Past<DecayingPeak>().peak[f] * in.per_scale;
}
double MeanConcurrency(const In& in, size_t f) {
  return in.Past<WeightedMean>().mean[f] * in.per_scale;
}
double MeanExecution(const In& in, size_t f) {
  return CoarseLog2(1 + in.Past<WeightedMean>().mean[f]) / CoarseLog2(1 + 600e3);
}
double ForecastTrend(const In& in, size_t f) {
  const auto& trend = in.Past<LinearTrend>();
  return (trend.level[f] + trend.slope[f]) * in.per_scale;
}

// ---- gaps between arrivals

// 0 at 0 s, 1 at a day.
double LogSeconds(double s) {
  return CoarseLog2(1 + s) / CoarseLog2(1 + 86400.0);
}
double TimeSinceArrival(const In& in, size_t f) {
  const double since = in.Past<ArrivalGaps>().Since(in.window, f);
  return since < 0 ? 1 : LogSeconds(since);
}
double MeanGap(const In& in, size_t f) {
  const auto& past = in.Past<ArrivalGaps>();
  return past.gaps[f] > 0 ? LogSeconds(past.mean_gap_s[f]) : 1;
}
double GapVariation(const In& in, size_t f) {
  return in.Past<ArrivalGaps>().Variation(f) * in.per_scale;
}
double GapRegularity(const In& in, size_t f) {
  const auto& past = in.Past<ArrivalGaps>();
  return past.gaps[f] > 1 ? 1 / (1 + past.Variation(f)) : 0;
}
double GapElapsed(const In& in, size_t f) {
  const auto& past = in.Past<ArrivalGaps>();
  return Ratio(past.Since(in.window, f), past.mean_gap_s[f]);
}

// Windows between the coming one and the one that ends `gap` after the last arrival: 0 when the
// arrival is due in the coming window. Infinite while there is no gap to go by.
double WindowsOff(const In& in, const ArrivalGaps& past, size_t f, double gap) {
  if (past.gaps[f] == 0) return HUGE_VAL;
  const double left = gap - past.Since(in.window, f) - in.window.window_s;
  return (left < 0 ? -left : left) * in.window.per_second;
}
double DueByLastGap(const In& in, size_t f) {
  const auto& past = in.Past<ArrivalGaps>();
  return 1 / (1 + WindowsOff(in, past, f, past.last_gap_s[f]));
}
double DueByMeanGap(const In& in, size_t f) {
  const auto& past = in.Past<ArrivalGaps>();
  return 1 / (1 + WindowsOff(in, past, f, past.mean_gap_s[f]));
}
double ForecastSeasonal(const In& in, size_t f) {
  const auto& past = in.Past<ArrivalGaps>();
  const bool due = WindowsOff(in, past, f, past.last_gap_s[f]) < 0.5;
  return due ? past.last_rate[f] * in.per_scale : 0;
}

double ArrivalChance(const In& in, size_t f) {
  return in.Past<GapHistogram>().Chance(in.window, f, in.time_s);
}

constexpr SimTime kFiveMinutes = SimTime::Minutes(5), kHour = SimTime::Hours(1);
using enum HistoryKind;

constexpr FeatureRow kHistoryRows[] = {
    {"mean_arrival_rate", "rps", 10, kFiveMinutes, kRate, 0, 4,
     "Exponentially weighted mean of the arrival rate", Fill<MeanArrivalRate>},
    {"arrival_rate_deviation", "rps", 10, kFiveMinutes, kRate, 0, 4,
     "Exponentially weighted standard deviation of the arrival rate over windows",
     Fill<ArrivalRateDeviation>},
    {"peak_arrival_rate", "rps", 10, kFiveMinutes, kRatePeak, 0, 4,
     "Largest arrival rate of a window, forgotten exponentially", Fill<Peak>},
    {"arrival_change", "ratio", 0, kFiveMinutes, kRate, -1, 1,
     "(rate - mean) / (rate + mean), of the arrival rate and its exponentially weighted mean",
     Fill<ArrivalChange>},
    {"log_rate", "log", 0, kHour, kRate, 0, 1,
     "Exponentially weighted mean of the arrival rate, logarithmic: 0 at 0.0001 rps, 1 at 1000",
     Fill<LogRate>},
    {"mean_concurrency", "containers", 20, kFiveMinutes, kConcurrency, 0, 4,
     "Exponentially weighted mean of the requests in the system (executed and waiting) over the "
     "concurrency limit: containers' worth of load",
     Fill<MeanConcurrency>},
    {"peak_concurrency", "containers", 20, kFiveMinutes, kConcurrencyPeak, 0, 4,
     "Largest such load of a window, forgotten exponentially", Fill<Peak>},
    {"mean_execution", "log", 0, kHour, kExecution, 0, 1,
     "Exponentially weighted mean of the windows' median execution times, logarithmic: "
     "log(1 + ms), 1 at 10 minutes",
     Fill<MeanExecution>},
    {"forecast_trend", "rps", 10, kFiveMinutes, kRateTrend, 0, 4,
     "Arrival rate of the coming window by Holt's linear trend", Fill<ForecastTrend>},
    {"forecast_seasonal", "rps", 10, kNoTime, kGaps, 0, 4,
     "Arrival rate of the last window with arrivals, if the next are due in the coming window by "
     "the last gap; else 0",
     Fill<ForecastSeasonal>},
    {"time_since_arrival", "log", 0, kNoTime, kGaps, 0, 1,
     "Time since the last window with arrivals, log(1 + s): 0 in such a window, 1 at a day and "
     "before the first",
     Fill<TimeSinceArrival>},
    {"mean_gap", "log", 0, kNoTime, kGaps, 0, 1,
     "Mean time between windows with arrivals (of the last 8 or so), log(1 + s): 1 at a day and "
     "before there is one",
     Fill<MeanGap>},
    {"gap_variation", "ratio", 1, kNoTime, kGaps, 0, 4,
     "Standard deviation of these times over their mean", Fill<GapVariation>},
    {"gap_regularity", "ratio", 0, kNoTime, kGaps, 0, 1,
     "1 / (1 + gap variation): 1 for a timer; 0 before there are two gaps", Fill<GapRegularity>},
    {"gap_elapsed", "ratio", 0, kNoTime, kGaps, 0, 4,
     "Time since the last window with arrivals over the mean gap; 0 before there is one",
     Fill<GapElapsed>},
    {"due_by_last_gap", "nearness", 0, kNoTime, kGaps, 0, 1,
     "1 / (1 + n), n = windows between the coming one and the one in which arrivals are due if the "
     "gap is as the last: 1 when that is the coming one; 0 before there is a gap",
     Fill<DueByLastGap>},
    {"due_by_mean_gap", "nearness", 0, kNoTime, kGaps, 0, 1, "As due_by_last_gap, by the mean gap",
     Fill<DueByMeanGap>},
    {"arrival_chance", "probability", 0, SimTime::Minutes(1), kGapHistogram, 0, 1,
     "Chance of a request within the feature's time, given how long there was none: by a histogram "
     "of the function's gaps, with one gap added that is longer than all; 0 before the first",
     Fill<ArrivalChance>},
};

}  // namespace

std::span<const FeatureRow> HistoryFeatures() {
  return kHistoryRows;
}

}  // namespace reeve
