// Synthetic populations like that of Azure Functions in 2019: who invokes what, how often and when.
//
// The defaults reproduce the published marginals (traces/published.h); every one of them is a
// field. Sources: M. Shahrad et al., "Serverless in the Wild", USENIX ATC'20, and the Azure 2019
// data released with it.
//
// Applications come first: an application draws how many functions it has and how often it is
// invoked, and its functions share that. Every draw is keyed by (seed, tenant), (seed, application)
// or (seed, function), so asking for one more function leaves all others as they were — unless
// total_invocations asks for all rates to be scaled together.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/config.h"
#include "core/distribution.h"
#include "core/units.h"
#include "traces/trace.h"

namespace reeve {

// A point of the quantile function of invocations a day.
struct RatePoint {
  double at = 0;       // share of applications at or below
  double per_day = 1;  // invocations a day

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("at", &RatePoint::at, "share of applications that are invoked at most so often",
            Between(0, 0.999999));
    v.Field("per_day", &RatePoint::per_day, "invocations of the application a day",
            Between(1e-3, 1e10));
  }
};

struct RateConfig {
  // log(per_day) is linear in -log(1 - at) between the points, and a bounded Pareto beyond the
  // last. The exponent is fitted: 0.77 gives the released day's total (910 M) and the share of its
  // top 1 % (86.6 %) best; the points alone do not fix the tail.
  std::vector<RatePoint> quantiles = {{0, 1},       {0.25, 15},    {0.30, 24},
                                      {0.50, 288},  {0.75, 1415},  {0.78, 1440},
                                      {0.90, 8573}, {0.95, 35948}, {0.99, 493984}};
  double tail_exponent = 0.77;
  double max_per_day = 127e6;
  // Applications take the quantiles in turn, at steps of the golden ratio from a random start,
  // which covers them evenly however few applications there are. Off: independent draws.
  bool stratified = true;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("quantiles", &RateConfig::quantiles,
            "quantile function of an application's invocations a day, from 'at' 0 upwards");
    v.Field("tail_exponent", &RateConfig::tail_exponent,
            "Pareto exponent of the rates beyond the last quantile", Between(0.05, 20));
    v.Field("max_per_day", &RateConfig::max_per_day, "bound of an application's invocations a day",
            Between(1e-3, 1e10));
    v.Field("stratified", &RateConfig::stratified,
            "spread the applications evenly over the quantiles; false: independent draws");
  }
  // Invocations a day at quantile u, 0 < u < 1.
  double Quantile(double u) const;
};

// Applications with `above previous up_to`..`up_to` functions, log-uniform inside.
struct SizeShare {
  int32_t up_to = 1;
  double share = 1;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("up_to", &SizeShare::up_to, "largest number of functions of this class",
            Between(1, 100000));
    v.Field("share", &SizeShare::share, "share of the applications; relative", AtLeast(0));
  }
};

struct AppConfig {
  // ATC'20, figure 1; its tail above 10 functions falls as a power, 0.04 % having more than 100.
  std::vector<SizeShare> sizes = {{1, .54},   {2, .16},    {3, .10},     {5, .08},    {10, .07},
                                  {20, .038}, {50, .0103}, {100, .0013}, {300, .0004}};
  double spread = 2;
  double per_tenant = 1.5;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("sizes", &AppConfig::sizes, "functions per application, in rising classes");
    v.Field("spread", &AppConfig::spread,
            "sigma of the lognormal weights by which functions share their application's "
            "invocations; 0: equally",
            Between(0, 10));
    v.Field("per_tenant", &AppConfig::per_tenant,
            "mean number of applications of a tenant (geometric)", Between(1, 1e6));
  }
};

struct TriggerMix {
  double http = 0, timer = 0, event = 0, queue = 0, storage = 0, orchestration = 0, others = 0;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("http", &TriggerMix::http, "relative share of HTTP", AtLeast(0));
    v.Field("timer", &TriggerMix::timer, "relative share of timers", AtLeast(0));
    v.Field("event", &TriggerMix::event, "relative share of events", AtLeast(0));
    v.Field("queue", &TriggerMix::queue, "relative share of queues", AtLeast(0));
    v.Field("storage", &TriggerMix::storage, "relative share of storage", AtLeast(0));
    v.Field("orchestration", &TriggerMix::orchestration, "relative share of orchestration",
            AtLeast(0));
    v.Field("others", &TriggerMix::others, "relative share of all others", AtLeast(0));
  }
  std::array<double, kTriggers> weights() const {  // in the order of Trigger
    return {http, timer, event, queue, storage, orchestration, others};
  }
};

struct TriggerConfig {
  // Few functions make nearly all invocations, so two mixes are needed to meet both published
  // tables: `busy` is the table of invocations, `usual` what is left of the table of functions.
  // Timers count for more among the busy because none can follow the rates beyond one a second.
  TriggerMix usual = {.http = 55.9,
                      .timer = 15.6,
                      .event = 1.6,
                      .queue = 14.8,
                      .storage = 2.9,
                      .orchestration = 7.1,
                      .others = 2.2};
  TriggerMix busy = {.http = 35.9,
                     .timer = 32,
                     .event = 24.7,
                     .queue = 33.5,
                     .storage = 0.7,
                     .orchestration = 2.3,
                     .others = 1.0};
  double busy_above_per_day = 14400;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("usual", &TriggerConfig::usual, "what sets off the usual functions");
    v.Field("busy", &TriggerConfig::busy, "what sets off the busy functions");
    v.Field("busy_above_per_day", &TriggerConfig::busy_above_per_day,
            "invocations a day above which a function counts as busy", AtLeast(0));
  }
};

struct TimerConfig {
  std::vector<SimTime> periods = {
      SimTime::Seconds(1),  SimTime::Seconds(5),  SimTime::Seconds(10), SimTime::Seconds(15),
      SimTime::Seconds(30), SimTime::Minutes(1),  SimTime::Minutes(2),  SimTime::Minutes(3),
      SimTime::Minutes(5),  SimTime::Minutes(10), SimTime::Minutes(15), SimTime::Minutes(30),
      SimTime::Hours(1),    SimTime::Hours(2),    SimTime::Hours(4),    SimTime::Hours(6),
      SimTime::Hours(12),   SimTime::Hours(24),   SimTime::Hours(168),  SimTime::Hours(720)};
  double aligned = 0.8;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("periods", &TimerConfig::periods,
            "what timers are set to; each function takes the one nearest to its rate");
    v.Field("aligned", &TimerConfig::aligned,
            "share of timers that fire on the round times of the clock, all together; the others "
            "have phases of their own",
            Between(0, 1));
  }
};

struct DiurnalConfig {
  double share = 0.5;
  SimTime peak = SimTime::Hours(14);
  SimTime spread = SimTime::Minutes(90);
  double weekend = 1;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("share", &DiurnalConfig::share,
            "share of a function's invocations that follow the day (a raised cosine); the rest is "
            "a flat base. Timers do not follow the day",
            Between(0, 1));
    v.Field("peak", &DiurnalConfig::peak, "time of the day of the peak", Between(0, 86400));
    v.Field("spread", &DiurnalConfig::spread,
            "standard deviation of the functions' peaks around it", Between(0, 86400));
    v.Field("weekend", &DiurnalConfig::weekend,
            "factor of the rates on the sixth and seventh day of a week", Between(0, 100));
  }
};

struct ArrivalConfig {
  // Fitted so that about 40 % of applications have an inter-arrival CV above 1.
  double regular = 0.4;
  double bursty = 0.35;
  double duty_min = 0.02, duty_max = 0.3;
  SimTime burst_min = SimTime::Minutes(1), burst_max = SimTime::Minutes(30);
  double background = 0.1;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("regular", &ArrivalConfig::regular,
            "share of the functions other than timers that are invoked at even distances",
            Between(0, 1));
    v.Field("bursty", &ArrivalConfig::bursty,
            "share of them that are invoked in bursts; the rest are Poisson", Between(0, 1));
    v.Field("duty_min", &ArrivalConfig::duty_min, "smallest share of time in a burst",
            Between(1e-4, 1));
    v.Field("duty_max", &ArrivalConfig::duty_max, "largest share of time in a burst",
            Between(1e-4, 1));
    v.Field("burst_min", &ArrivalConfig::burst_min, "shortest mean length of a function's bursts",
            Between(60, 604800));
    v.Field("burst_max", &ArrivalConfig::burst_max, "longest mean length of a function's bursts",
            Between(60, 604800));
    v.Field("background", &ArrivalConfig::background,
            "share of a bursty function's invocations that come outside its bursts", Between(0, 1));
  }
};

struct ExecutionConfig {
  Distribution mean_s = Distribution::Lognormal(-0.38, 2.36);
  double variation = 0.6;
  SimTime min_mean = SimTime::Millis(1);
  SimTime max_mean = SimTime::Minutes(10);

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("mean_s", &ExecutionConfig::mean_s, "mean execution time of a function, in seconds");
    v.Field("variation", &ExecutionConfig::variation,
            "coefficient of variation of one function's execution times (lognormal)",
            Between(0, 20));
    v.Field("min_mean", &ExecutionConfig::min_mean, "least mean execution time", AtLeast(1e-6));
    v.Field("max_mean", &ExecutionConfig::max_mean, "greatest mean execution time", AtLeast(1e-6));
  }
};

struct MemoryConfig {
  Distribution mib = Distribution::Burr(11.652, 0.221, 107.083);
  Mebibytes min = Mebibytes(16);
  Mebibytes max = Mebibytes(4096);

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("mib", &MemoryConfig::mib, "memory of an application's containers, in MiB");
    v.Field("min", &MemoryConfig::min, "least memory", AtLeast(1));
    v.Field("max", &MemoryConfig::max, "greatest memory", AtLeast(1));
  }
};

struct GeneratorConfig {
  int32_t functions = 1000;
  uint64_t seed = 1;
  SimTime length = SimTime::Hours(24);
  int32_t first_minute = 0;
  std::optional<double> max_rate_rps;
  std::optional<int64_t> total_invocations;
  RateConfig rate;
  AppConfig apps;
  TriggerConfig triggers;
  TimerConfig timers;
  DiurnalConfig diurnal;
  ArrivalConfig arrivals;
  ExecutionConfig execution;
  MemoryConfig memory;
  std::optional<Distribution> cold_start_ms;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("functions", &GeneratorConfig::functions, "number of functions", Between(1, 10000000));
    v.Field("seed", &GeneratorConfig::seed, "the same seed gives the same trace");
    v.Field("length", &GeneratorConfig::length, "length of the trace, whole minutes",
            Between(60, 366 * 86400));
    v.Field("first_minute", &GeneratorConfig::first_minute,
            "minute of the week at which the trace starts; 0 is Monday, 00:00", Between(0, 10079));
    v.Field("max_rate_rps", &GeneratorConfig::max_rate_rps,
            "no function's mean rate is above this, in invocations a second", Between(1e-9, 1e5));
    v.Field("total_invocations", &GeneratorConfig::total_invocations,
            "scale all rates but those of timers so that about this many invocations result",
            Between(1, 1e13));
    v.Field("rate", &GeneratorConfig::rate, "how often applications are invoked");
    v.Field("apps", &GeneratorConfig::apps, "how functions form applications and tenants");
    v.Field("triggers", &GeneratorConfig::triggers, "what sets functions off");
    v.Field("timers", &GeneratorConfig::timers, "functions set off by timers");
    v.Field("diurnal", &GeneratorConfig::diurnal, "the shape of the day");
    v.Field("arrivals", &GeneratorConfig::arrivals, "how regular or bursty invocations are");
    v.Field("execution", &GeneratorConfig::execution, "execution times");
    v.Field("memory", &GeneratorConfig::memory, "memory of containers");
    v.Field("cold_start_ms", &GeneratorConfig::cold_start_ms,
            "cold start times of every function, in ms; unset: the cluster's own");
  }
  // Conditions between fields: rising quantiles and classes, ordered bounds, whole minutes, mixes
  // that are not all zero.
  absl::Status Validate() const;
};

// The trace of per-minute counts. InvalidArgument when `config` is not valid, or when
// total_invocations cannot be met: fewer than the timers make alone, or more than max_rate_rps
// allows. Cost: one draw a function and minute at most; a whole Azure day (50,000 functions) takes
// seconds.
absl::StatusOr<Trace> GenerateTrace(const GeneratorConfig& config);

}  // namespace reeve
