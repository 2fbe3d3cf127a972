#include "traces/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/portable_math.h"
#include "core/status.h"
#include "traces/generator_arrivals.h"

namespace reeve {
namespace {

using generator_internal::ArrivalPlan;
using generator_internal::Draw;
using generator_internal::Draws;
using generator_internal::Process;

constexpr double kSecondsPerDay = 86400;

// A function before its invocations are drawn.
struct Plan {
  uint32_t app = 0;
  uint32_t tenant = 0;
  Trigger trigger = Trigger::kOthers;
  double per_day = 0;  // of a weekday
  double days = 0;     // length of the trace in weekdays of this function
  ArrivalPlan arrivals;
};

double LogUniform(double low, double high, double u) {
  return low * PortableExp(u * PortableLog(high / low));
}

// How many functions an application has.
uint32_t DrawSize(const AppConfig& config, const Draws& app) {
  double sum = 0;
  for (const SizeShare& size : config.sizes) sum += size.share;
  double u = app.Uniform(Draw::kSize) * sum;
  int32_t above = 0;
  for (const SizeShare& size : config.sizes) {
    if (u < size.share) {
      const double drawn = LogUniform(above + 1, size.up_to + 1, u / size.share);
      return static_cast<uint32_t>(std::min<double>(std::floor(drawn), size.up_to));
    }
    u -= size.share;
    above = size.up_to;
  }
  return static_cast<uint32_t>(config.sizes.back().up_to);
}

double DrawRate(const RateConfig& config, uint64_t seed, uint32_t app_index, const Draws& app) {
  if (!config.stratified) return config.Quantile(app.Uniform(Draw::kWeight));
  constexpr uint64_t kGoldenRatio = 0x9E3779B97F4A7C15;  // of 2^64, so the sum wraps as it should
  const RandomStream start(seed, StreamPurpose::kGenerator, std::numeric_limits<uint32_t>::max());
  return config.Quantile(RandomStream::ToUnit(start.Bits(0) + kGoldenRatio * app_index));
}

Trigger DrawTrigger(const TriggerConfig& config, double per_day, double fastest_timer,
                    const Draws& function) {
  const bool busy = per_day > config.busy_above_per_day;
  auto weights = (busy ? config.busy : config.usual).weights();
  // A timer nearer to the next faster one that does not exist would change the rate too much.
  if (per_day > 1.4 * fastest_timer) weights[static_cast<size_t>(Trigger::kTimer)] = 0;
  double u =
      function.Uniform(Draw::kTrigger) * std::accumulate(weights.begin(), weights.end(), 0.0);
  int last = 0;
  for (int t = 0; t < kTriggers; ++t) {
    if (weights[t] <= 0) continue;
    if (u < weights[t]) return static_cast<Trigger>(t);
    u -= weights[t];
    last = t;
  }
  return static_cast<Trigger>(last);
}

// The configured period with the rate nearest to `per_day`, by ratio.
SimTime NearestPeriod(const TimerConfig& config, double per_day) {
  const auto distance = [&](SimTime period) {
    return std::abs(PortableLog(kSecondsPerDay / period.seconds() / per_day));
  };
  return *std::min_element(config.periods.begin(), config.periods.end(),
                           [&](SimTime a, SimTime b) { return distance(a) < distance(b); });
}

// Phase of a timer: on a round time of the clock, or anywhere in its period. Timers of more than
// an hour choose their hour.
SimTime DrawPhase(const TimerConfig& config, SimTime period, const Draws& function) {
  const double u = function.Uniform(Draw::kPhase);
  constexpr SimTime kHour = SimTime::Hours(1);
  if (function.Uniform(Draw::kAligned) >= config.aligned) {
    return SimTime::FromSeconds(u * period.seconds());
  }
  const auto hours = static_cast<double>(std::max<int64_t>(1, period / kHour));
  return kHour * static_cast<int64_t>(u * hours);
}

ArrivalPlan PlanArrivals(const GeneratorConfig& config, Trigger trigger, double per_day,
                         const Draws& function) {
  ArrivalPlan plan;
  if (trigger == Trigger::kTimer) {
    plan.process = Process::kTimer;
    plan.period = NearestPeriod(config.timers, per_day);
    plan.phase = DrawPhase(config.timers, plan.period, function);
    return plan;
  }
  const double u = function.Uniform(Draw::kProcess);
  plan.process = u < config.arrivals.regular                            ? Process::kRegular
                 : u < config.arrivals.regular + config.arrivals.bursty ? Process::kBursty
                                                                        : Process::kPoisson;
  const double peak_s = config.diurnal.peak.seconds() +
                        config.diurnal.spread.seconds() * function.Normal(Draw::kPeak);
  plan.peak_minute = static_cast<int>(std::floor(peak_s / 60)) % 1440;
  if (plan.peak_minute < 0) plan.peak_minute += 1440;
  return plan;
}

// Applications one after the other until there are enough functions; the last may be cut short.
std::vector<Plan> PlanPopulation(const GeneratorConfig& config) {
  std::vector<Plan> plans;
  const auto wanted = static_cast<size_t>(config.functions);
  plans.reserve(wanted);
  const double fastest_timer = kSecondsPerDay / config.timers.periods.front().seconds();
  const double cap_per_day =
      config.max_rate_rps.value_or(std::numeric_limits<double>::infinity()) * kSecondsPerDay;

  uint32_t tenant = 0;
  for (uint32_t app = 0; plans.size() < wanted; ++app) {
    const Draws draws(config.seed, Draws::Owner::kApp, app);
    // A geometric number of applications per tenant: each opens a new tenant with chance 1 / mean.
    if (app > 0 && draws.Uniform(Draw::kPhase) < 1 / config.apps.per_tenant) ++tenant;
    const double app_rate = DrawRate(config.rate, config.seed, app, draws);
    std::vector<double> weights(DrawSize(config.apps, draws));
    const auto first = static_cast<uint32_t>(plans.size());
    for (size_t i = 0; i < weights.size(); ++i) {
      const Draws function(config.seed, Draws::Owner::kFunction, first + static_cast<uint32_t>(i));
      weights[i] = PortableExp(config.apps.spread * function.Normal(Draw::kWeight));
    }
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (size_t i = 0; i < weights.size() && plans.size() < wanted; ++i) {
      const Draws function(config.seed, Draws::Owner::kFunction, first + static_cast<uint32_t>(i));
      Plan plan;
      plan.app = app;
      plan.tenant = tenant;
      plan.per_day = std::min(app_rate * weights[i] / sum, cap_per_day);
      plan.trigger = DrawTrigger(config.triggers, plan.per_day, fastest_timer, function);
      plan.arrivals = PlanArrivals(config, plan.trigger, plan.per_day, function);
      plan.days = plan.trigger == Trigger::kTimer
                      ? 0
                      : generator_internal::ExpectedDays(config, plan.arrivals);
      plans.push_back(plan);
    }
  }
  return plans;
}

// Scales the rates of all but timers so that the trace has `total` invocations, none above the cap.
absl::Status ScaleToTotal(const GeneratorConfig& config, double total, std::vector<Plan>& plans) {
  double timers = 0, most = 0, current = 0;
  const double cap = config.max_rate_rps.value_or(std::numeric_limits<double>::infinity());
  for (const Plan& plan : plans) {
    if (plan.trigger == Trigger::kTimer) {
      timers += static_cast<double>(generator_internal::TimerInvocations(config, plan.arrivals));
    } else if (plan.days > 0) {
      most += cap * kSecondsPerDay * plan.days;
      current += plan.per_day * plan.days;
    }
  }
  if (total < timers || current <= 0) {
    return absl::InvalidArgumentError(fmt::format(
        "total_invocations {} cannot be met: the timers alone make {}; lower triggers.usual.timer "
        "or ask for more",
        total, timers));
  }
  if (total - timers > most) {
    return absl::InvalidArgumentError(
        fmt::format("total_invocations {} cannot be met: with max_rate_rps {} at most {:.0f} are "
                    "possible; raise it or ask for more functions",
                    total, cap, timers + most));
  }
  const auto scaled = [&](double factor) {
    double sum = 0;
    for (const Plan& plan : plans) {
      if (plan.trigger == Trigger::kTimer) continue;
      sum += std::min(plan.per_day * factor, cap * kSecondsPerDay) * plan.days;
    }
    return sum;
  };
  // With a cap the sum is concave in the factor: double until it is enough, then halve the gap.
  double low = 0, high = (total - timers) / current;
  for (int i = 0; i < 200 && scaled(high) < total - timers; ++i) high *= 2;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (scaled(middle) < total - timers ? low : high) = middle;
  }
  for (Plan& plan : plans) {
    if (plan.trigger == Trigger::kTimer) continue;
    plan.per_day = std::min(plan.per_day * high, cap * kSecondsPerDay);
  }
  return absl::OkStatus();
}

FunctionProfile Profile(const GeneratorConfig& config, const Plan& plan, uint32_t index,
                        TraceBuilder& builder) {
  const Draws function(config.seed, Draws::Owner::kFunction, index);
  const Draws app(config.seed, Draws::Owner::kApp, plan.app);
  FunctionProfile profile;
  profile.name = fmt::format("{}-{:05}", TriggerName(plan.trigger), index);
  profile.tenant = builder.Tenant(fmt::format("tenant-{:04}", plan.tenant));
  profile.app = builder.App(fmt::format("app-{:05}", plan.app));
  profile.trigger = plan.trigger;
  const double mib = std::clamp(config.memory.mib.Sample(app.Uniform(Draw::kMemory)),
                                static_cast<double>(config.memory.min.value()),
                                static_cast<double>(config.memory.max.value()));
  profile.memory = Mebibytes(static_cast<int64_t>(std::floor(mib + 0.5)));
  const double mean_ms =
      1000 * std::clamp(config.execution.mean_s.Sample(function.Uniform(Draw::kExecution)),
                        config.execution.min_mean.seconds(), config.execution.max_mean.seconds());
  profile.duration_ms =
      Distribution::LognormalFromMoments(mean_ms, config.execution.variation * mean_ms);
  profile.cold_start_ms = config.cold_start_ms;
  return profile;
}

}  // namespace

absl::StatusOr<Trace> GenerateTrace(const GeneratorConfig& config) {
  RETURN_IF_ERROR(config.Validate());
  std::vector<Plan> plans = PlanPopulation(config);
  if (config.total_invocations) {
    RETURN_IF_ERROR(ScaleToTotal(config, static_cast<double>(*config.total_invocations), plans));
  }

  TraceBuilder builder;
  builder.set_first_minute(config.first_minute);
  builder.set_minimum_duration(config.length);
  std::vector<double> weights;
  std::vector<uint32_t> counts;
  double cumulative = 0;
  uint32_t app = std::numeric_limits<uint32_t>::max();
  for (uint32_t i = 0; i < plans.size(); ++i) {
    const Plan& plan = plans[i];
    const FunctionId id = builder.AddFunction(Profile(config, plan, i, builder));
    if (plan.app != app) {
      // One rounding for the whole application, so that its sum is right even when each of its
      // functions is invoked less than once.
      app = plan.app;
      cumulative = Draws(config.seed, Draws::Owner::kApp, app).Uniform(Draw::kRounding);
    }
    const double before = std::floor(cumulative);
    cumulative += plan.per_day * plan.days;
    const Draws draws(config.seed, Draws::Owner::kFunction, i);
    generator_internal::FillCounts(config, plan.arrivals, draws, std::floor(cumulative) - before,
                                   weights, counts);
    for (size_t m = 0; m < counts.size(); ++m) {
      builder.AddCount(static_cast<int>(m), id, counts[m]);
    }
  }
  return builder.Build();
}

}  // namespace reeve
