#include "traces/trace_stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/check.h"
#include "core/distribution.h"
#include "core/portable_math.h"
#include "traces/published.h"

namespace reeve {
namespace {

// Count, sum and sum of squares of one application's inter-arrival times, in minutes.
struct Gaps {
  double last = -1;  // time of the last arrival; negative: none
  uint64_t arrivals = 0;
  double sum = 0, squares = 0;

  void Arrive(double time) {
    if (arrivals > 0) Add(time - last, 1);
    last = time;
    ++arrivals;
  }
  // `count` arrivals at even distances in the minute that starts at `minute`.
  void ArriveEvenly(double minute, uint64_t count) {
    const double n = static_cast<double>(count);
    Arrive(minute + 0.5 / n);
    Add(1 / n, n - 1);
    last = minute + (n - 0.5) / n;
    arrivals += count - 1;
  }
  // Population variance over squared mean, above 1?
  bool CvAboveOne() const {
    const double n = static_cast<double>(arrivals - 1), mean = sum / n;
    return squares / n - mean * mean > mean * mean;
  }

 private:
  void Add(double gap, double times) {
    sum += gap * times;
    squares += gap * gap * times;
  }
};

struct Totals {
  std::vector<uint64_t> function, app;  // invocations
  std::vector<Gaps> gaps;               // per application
  uint64_t peak_minute = 0;
};

Totals CountMinutes(const Trace& trace, Totals totals) {
  std::vector<uint64_t> now(trace.apps().size());
  std::vector<uint32_t> touched;
  for (int m = 0; m < trace.minutes(); ++m) {
    uint64_t sum = 0;
    touched.clear();
    for (const MinuteCount& c : trace.minute(m)) {
      const uint32_t app = trace.functions()[c.function].app.index();
      if (now[app] == 0) touched.push_back(app);
      now[app] += c.count;
      totals.function[c.function] += c.count;
      sum += c.count;
    }
    for (uint32_t app : touched) {
      totals.gaps[app].ArriveEvenly(m, now[app]);
      totals.app[app] += now[app];
      now[app] = 0;
    }
    totals.peak_minute = std::max(totals.peak_minute, sum);
  }
  return totals;
}

Totals CountTimed(const Trace& trace, Totals totals) {
  constexpr int64_t minute_us = kMinute.micros();
  int64_t minute = -1;
  uint64_t sum = 0;
  for (const TimedInvocation& i : trace.invocations()) {
    const uint32_t app = trace.functions()[i.function].app.index();
    ++totals.function[i.function];
    ++totals.app[app];
    totals.gaps[app].Arrive(static_cast<double>(i.start_us) / minute_us);
    if (i.start_us / minute_us != minute) {
      minute = i.start_us / minute_us;
      sum = 0;
    }
    totals.peak_minute = std::max(totals.peak_minute, ++sum);
  }
  return totals;
}

TraceStats::Quantiles QuantilesOf(std::vector<double> values) {
  TraceStats::Quantiles quantiles{};
  if (values.empty()) return quantiles;
  std::sort(values.begin(), values.end());
  for (size_t i = 0; i < quantiles.size(); ++i) {
    quantiles[i] = QuantileOfSorted(values, kStatsProbabilities[i]);
  }
  return quantiles;
}

double ShareBelow(const std::vector<double>& values, double bound, bool inclusive) {
  if (values.empty()) return 0;
  const auto below = std::count_if(values.begin(), values.end(), [&](double v) {
    return v < bound || (inclusive && v == bound);
  });
  return static_cast<double>(below) / static_cast<double>(values.size());
}

// Share of the sum that the largest `fraction` of `sorted` holds: whole items, rounded down, at
// least one.
double ShareOfTop(const std::vector<double>& sorted, double fraction) {
  const double sum = std::accumulate(sorted.begin(), sorted.end(), 0.0);
  if (sum <= 0) return 0;
  const auto top = static_cast<ptrdiff_t>(
      std::max(1.0, std::floor(fraction * static_cast<double>(sorted.size()))));
  return std::accumulate(sorted.end() - top, sorted.end(), 0.0) / sum;
}

// Counts that are not zero, as a rate per day.
std::vector<double> RatesOf(const std::vector<uint64_t>& counts, double days) {
  std::vector<double> rates;
  for (uint64_t count : counts) {
    if (count > 0) rates.push_back(static_cast<double>(count) / days);
  }
  std::sort(rates.begin(), rates.end());
  return rates;
}

void DescribeRates(const Totals& totals, double days, TraceStats& stats) {
  const std::vector<double> functions = RatesOf(totals.function, days);
  const std::vector<double> apps = RatesOf(totals.app, days);
  stats.functions_invoked = functions.size();
  stats.apps_invoked = apps.size();
  stats.peak_minute = totals.peak_minute;
  stats.function_per_day = QuantilesOf(functions);
  stats.app_per_day = QuantilesOf(apps);
  if (!apps.empty()) {
    stats.share_of_top_1 = ShareOfTop(apps, 0.01);
    stats.share_of_top_10 = ShareOfTop(apps, 0.10);
    stats.share_of_top_18_6 = ShareOfTop(apps, 0.186);
  }
  // A hair above the bound, since a rate is a quotient.
  stats.apps_at_most_one_per_minute = ShareBelow(apps, kMinutesPerDay * (1 + 1e-9), true);
  stats.apps_at_most_one_per_hour = ShareBelow(apps, 24 * (1 + 1e-9), true);

  uint64_t above_one = 0;
  for (const Gaps& gaps : totals.gaps) {
    if (gaps.arrivals < TraceStats::kLeastInvocationsForCv) continue;
    ++stats.apps_with_cv;
    above_one += gaps.CvAboveOne();
  }
  if (stats.apps_with_cv > 0) {
    stats.apps_with_cv_above_1 =
        static_cast<double>(above_one) / static_cast<double>(stats.apps_with_cv);
  }
}

void DescribeProfiles(const Trace& trace, const Totals& totals, TraceStats& stats) {
  std::vector<double> execution;
  std::vector<uint32_t> functions_of_app(trace.apps().size());
  std::vector<int64_t> memory_of_app(trace.apps().size());
  for (size_t i = 0; i < trace.functions().size(); ++i) {
    const FunctionProfile& f = trace.functions()[i];
    const auto trigger = static_cast<size_t>(f.trigger);
    stats.trigger_of_functions[trigger] += 1 / static_cast<double>(trace.functions().size());
    if (stats.invocations > 0) {
      stats.trigger_of_invocations[trigger] +=
          static_cast<double>(totals.function[i]) / static_cast<double>(stats.invocations);
    }
    ++functions_of_app[f.app.index()];
    if (f.duration_known) execution.push_back(f.duration_ms.Mean() / 1000);
    if (f.memory.value() > 0) {
      ++stats.functions_with_memory;
      int64_t& memory = memory_of_app[f.app.index()];
      memory = std::max(memory, f.memory.value());
    }
  }
  stats.functions_with_duration = execution.size();
  stats.execution_mean_s = QuantilesOf(execution);
  stats.execution_below_1s = ShareBelow(execution, 1, false);
  stats.execution_below_60s = ShareBelow(execution, 60, false);
  std::vector<double> memory;
  for (int64_t mib : memory_of_app) {
    if (mib > 0) memory.push_back(static_cast<double>(mib));
  }
  stats.memory_mib = QuantilesOf(memory);
  if (!functions_of_app.empty()) {
    stats.apps_with_one_function =
        static_cast<double>(std::count(functions_of_app.begin(), functions_of_app.end(), 1u)) /
        static_cast<double>(functions_of_app.size());
  }
}

std::string PercentText(double p) {
  return p == 0 ? "smallest" : p == 1 ? "largest" : fmt::format("{:g} %", p * 100);
}
std::string PercentKey(double p) {
  return p == 0 ? "min" : p == 1 ? "max" : fmt::format("p{:g}", p * 100);
}

// Collects rows under a heading.
class Rows {
 public:
  void Section(std::string title) { section_ = std::move(title); }
  void Number(std::string key, std::string title, double value,
              std::optional<double> published = std::nullopt) {
    rows.push_back({section_, std::move(key), std::move(title), false, value, published});
  }
  void Share(std::string key, std::string title, double value,
             std::optional<double> published = std::nullopt) {
    rows.push_back({section_, std::move(key), std::move(title), true, value, published});
  }
  // `published(p)` gives the published quantile or nothing.
  template <class F>
  void AllQuantiles(const std::string& key, const TraceStats::Quantiles& quantiles, F published) {
    for (size_t i = 0; i < quantiles.size(); ++i) {
      const double p = kStatsProbabilities[i];
      Number(key + "_" + PercentKey(p), PercentText(p), quantiles[i], published(p));
    }
  }
  std::vector<StatRow> rows;

 private:
  std::string section_;
};

void DescribePopularity(const TraceStats& s, Rows& out) {
  using namespace published::azure2019_day;
  out.Section("Invocations per day of an application (those invoked)");
  out.AllQuantiles("app_per_day", s.app_per_day, [](double p) -> std::optional<double> {
    for (const auto& [at, value] : kAppPerDay) {
      if (at == p) return value;
    }
    return std::nullopt;
  });
  out.Share("share_of_top_1", "invocations of the top 1 %", s.share_of_top_1, kShareOfTop1Percent);
  out.Share("share_of_top_10", "invocations of the top 10 %", s.share_of_top_10);
  out.Share("share_of_top_18_6", "invocations of the top 18.6 %", s.share_of_top_18_6,
            kShareOfTop18Point6Percent);
  out.Share("apps_at_most_one_per_minute", "at most one a minute", s.apps_at_most_one_per_minute,
            kAppsAtMostOnePerMinute);
  out.Share("apps_at_most_one_per_hour", "at most one an hour", s.apps_at_most_one_per_hour,
            kAppsAtMostOnePerHour);
  out.Share("apps_with_cv_above_1", "inter-arrival CV above 1", s.apps_with_cv_above_1,
            published::atc20::kAppsWithCvAbove1);
  out.Section("Invocations per day of a function (those invoked)");
  out.AllQuantiles("function_per_day", s.function_per_day,
                   [](double) { return std::optional<double>(); });
}

}  // namespace

double QuantileOfSorted(const std::vector<double>& sorted, double p) {
  REEVE_CHECK(!sorted.empty() && p >= 0 && p <= 1);
  const double at = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  if (below + 1 >= sorted.size()) return sorted.back();
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[below + 1] - sorted[below]);
}

TraceStats ComputeTraceStats(const Trace& trace) {
  TraceStats stats;
  stats.functions = trace.functions().size();
  stats.apps = trace.apps().size();
  stats.tenants = trace.tenants().size();
  stats.minutes = trace.duration().seconds() / 60;
  stats.invocations = trace.total_invocations();

  Totals totals;
  totals.function.resize(trace.functions().size());
  totals.app.resize(trace.apps().size());
  totals.gaps.resize(trace.apps().size());
  totals =
      trace.timed() ? CountTimed(trace, std::move(totals)) : CountMinutes(trace, std::move(totals));
  DescribeRates(totals, stats.minutes / kMinutesPerDay, stats);
  DescribeProfiles(trace, totals, stats);
  return stats;
}

std::vector<StatRow> DescribeStats(const TraceStats& s) {
  using namespace published;
  Rows out;
  out.Section("Trace");
  out.Number("functions", "functions", static_cast<double>(s.functions));
  out.Number("functions_invoked", "functions invoked", static_cast<double>(s.functions_invoked));
  out.Number("apps", "applications", static_cast<double>(s.apps));
  out.Number("apps_invoked", "applications invoked", static_cast<double>(s.apps_invoked),
             azure2019_day::kApps);
  out.Number("tenants", "tenants", static_cast<double>(s.tenants));
  out.Number("minutes", "minutes", s.minutes, kMinutesPerDay);
  out.Number("invocations", "invocations", static_cast<double>(s.invocations),
             azure2019_day::kInvocations);
  out.Number("peak_minute", "most in a minute", static_cast<double>(s.peak_minute));
  out.Share("apps_with_one_function", "applications of one function", s.apps_with_one_function,
            atc20::kAppsWithOneFunction);

  DescribePopularity(s, out);

  out.Section("Triggers, share of functions");
  for (int t = 0; t < kTriggers; ++t) {
    const std::string name(TriggerName(static_cast<Trigger>(t)));
    out.Share("functions_" + name, name, s.trigger_of_functions[t], atc20::kTriggerOfFunctions[t]);
  }
  out.Section("Triggers, share of invocations");
  for (int t = 0; t < kTriggers; ++t) {
    const std::string name(TriggerName(static_cast<Trigger>(t)));
    out.Share("invocations_" + name, name, s.trigger_of_invocations[t],
              atc20::kTriggerOfInvocations[t]);
  }

  const auto fitted = [](const Distribution& fit) {
    return [&fit](double p) {
      return p > 0 && p < 1 ? std::optional<double>(fit.Sample(p)) : std::nullopt;
    };
  };
  const Distribution execution =
      Distribution::Lognormal(atc20::kExecutionMu, atc20::kExecutionSigma);
  out.Section("Mean execution time of a function, s");
  out.Number("functions_with_duration", "functions with one",
             static_cast<double>(s.functions_with_duration));
  out.AllQuantiles("execution_mean_s", s.execution_mean_s, fitted(execution));
  out.Share("execution_below_1s", "below 1 s", s.execution_below_1s, atc20::kExecutionBelow1s);
  out.Share("execution_below_60s", "below 60 s", s.execution_below_60s, atc20::kExecutionBelow60s);
  const Distribution memory =
      Distribution::Burr(atc20::kMemoryC, atc20::kMemoryK, atc20::kMemoryScale);
  out.Section("Memory of an application, MiB");
  out.Number("functions_with_memory", "functions with one",
             static_cast<double>(s.functions_with_memory));
  out.AllQuantiles("memory_mib", s.memory_mib, fitted(memory));
  return out.rows;
}

}  // namespace reeve
