// What a trace looks like in numbers, and beside what was published about production.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "traces/trace.h"

namespace reeve {

inline constexpr std::array<double, 8> kStatsProbabilities = {0, .25, .50, .75, .90, .95, .99, 1};

// All per-day numbers are counts divided by the trace's length in days. Shares lie in 0..1.
// Functions and applications that are never invoked do not enter per-day quantiles and shares of
// applications: the published ones leave them out too.
struct TraceStats {
  uint64_t functions = 0, apps = 0, tenants = 0;
  uint64_t functions_invoked = 0, apps_invoked = 0;
  double minutes = 0;
  uint64_t invocations = 0;
  uint64_t peak_minute = 0;  // most invocations in a minute

  using Quantiles = std::array<double, kStatsProbabilities.size()>;  // at kStatsProbabilities
  Quantiles app_per_day{}, function_per_day{};
  double share_of_top_1 = 0, share_of_top_10 = 0, share_of_top_18_6 = 0;  // % of applications
  double apps_at_most_one_per_minute = 0, apps_at_most_one_per_hour = 0;
  double apps_with_one_function = 0;  // of all applications

  std::array<double, kTriggers> trigger_of_functions{}, trigger_of_invocations{};

  uint64_t functions_with_duration = 0;
  Quantiles execution_mean_s{};  // mean execution time per function, those with a known duration
  double execution_below_1s = 0, execution_below_60s = 0;
  uint64_t functions_with_memory = 0;
  Quantiles memory_mib{};  // per application (the largest of its functions), those with a known one

  // Inter-arrival times of applications with at least kLeastInvocationsForCv invocations. Within a
  // minute of counts arrivals are taken as evenly spaced, so irregularity below a minute is not
  // seen.
  static constexpr uint64_t kLeastInvocationsForCv = 10;
  uint64_t apps_with_cv = 0;
  double apps_with_cv_above_1 = 0;  // share of them
};

TraceStats ComputeTraceStats(const Trace& trace);

// Linear interpolation between order statistics (type 7 of Hyndman and Fan); `sorted` rises and is
// not empty, 0 <= p <= 1.
double QuantileOfSorted(const std::vector<double>& sorted, double p);

// One line of the comparison.
struct StatRow {
  std::string section;  // heading under which it belongs
  std::string key;      // for programs: "app_per_day_p50"
  std::string title;    // for people: "50 %"
  bool share = false;   // a fraction, best shown in percent
  double value = 0;
  std::optional<double> published;
};

// Every statistic in order of reading, with the published number where there is one.
std::vector<StatRow> DescribeStats(const TraceStats& stats);

}  // namespace reeve
