#include "traces/generator_arrivals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/portable_math.h"

namespace reeve::generator_internal {
namespace {

size_t Minutes(const GeneratorConfig& config) {
  return static_cast<size_t>(config.length / kMinute);
}

// cos(2 pi turns), by its power series after folding into a quarter turn: the same bits everywhere.
double CosineOfTurns(double turns) {
  double fraction = std::abs(turns - std::floor(turns + 0.5));  // 0 … 0.5
  const double sign = fraction > 0.25 ? -1 : 1;
  if (fraction > 0.25) fraction = 0.5 - fraction;
  constexpr double kTwoPi = 6.283185307179586;
  const double x2 = fraction * kTwoPi * fraction * kTwoPi;
  double term = 1, sum = 1;
  for (int k = 2; k <= 22; k += 2) {
    term *= -x2 / (k * (k - 1));
    sum += term;
  }
  return sign * sum;
}

// Relative rate of a minute of the week's clock.
double DayWeight(const DiurnalConfig& diurnal, int peak_minute, int64_t minute) {
  static const std::array<double, kMinutesPerDay> cosine = [] {
    std::array<double, kMinutesPerDay> table{};
    for (int m = 0; m < kMinutesPerDay; ++m) table[m] = CosineOfTurns(m / double{kMinutesPerDay});
    return table;
  }();
  const double shape =
      1 + diurnal.share *
              cosine[static_cast<size_t>((minute + kMinutesPerDay - peak_minute) % kMinutesPerDay)];
  return minute / kMinutesPerDay % 7 >= 5 ? shape * diurnal.weekend : shape;
}

// Log-uniform between two bounds.
double LogUniform(double low, double high, double u) {
  return low * PortableExp(u * PortableLog(high / low));
}

// Alternates bursts and pauses of exponential lengths, from the stationary state, and weighs the
// minutes: bursts by (1 - background) / duty, all by background.
void ApplyBursts(const ArrivalConfig& config, const Draws& draws, std::vector<double>& weights) {
  const double duty = LogUniform(config.duty_min, config.duty_max, draws.Uniform(Draw::kDuty));
  const double on_minutes =
      LogUniform(config.burst_min.seconds() / 60, config.burst_max.seconds() / 60,
                 draws.Uniform(Draw::kBurstLength));
  const double off_minutes = on_minutes * (1 - duty) / duty;
  const double before = std::accumulate(weights.begin(), weights.end(), 0.0);

  const double lone = draws.Uniform(Draw::kBursts, 0);
  bool on = draws.Uniform(Draw::kBursts, 1) < duty;
  uint32_t step = 2;
  double end = 0;
  double after = 0;
  for (size_t m = 0; m < weights.size();) {
    // At least a minute, the resolution of the counts.
    end +=
        std::max(1.0, (on ? on_minutes : off_minutes) * draws.Exponential(Draw::kBursts, step++));
    const double factor = config.background + (on ? (1 - config.background) / duty : 0);
    for (; m < weights.size() && static_cast<double>(m) < end; ++m) {
      weights[m] *= factor;
      after += weights[m];
    }
    on = !on;
  }
  if (after <= 0 && before > 0) {
    // No burst fell into the trace and nothing happens outside bursts: one minute takes all.
    const auto minute = static_cast<size_t>(lone * static_cast<double>(weights.size()));
    weights[minute] = before;
    return;
  }
  const double rescale = before > 0 ? before / after : 0;
  for (double& weight : weights) weight *= rescale;
}

// Invocations of a timer before `time` of the week's clock.
int64_t TimerCountBefore(const ArrivalPlan& plan, SimTime time) {
  const SimTime since = time - plan.phase;
  return since <= SimTime() ? 0 : (since - SimTime::Micros(1)) / plan.period + 1;
}

void FillTimer(const GeneratorConfig& config, const ArrivalPlan& plan,
               std::vector<uint32_t>& counts) {
  SimTime time = kMinute * config.first_minute;
  int64_t before = TimerCountBefore(plan, time);
  for (uint32_t& count : counts) {
    time += kMinute;
    const int64_t upto = TimerCountBefore(plan, time);
    count = static_cast<uint32_t>(upto - before);
    before = upto;
  }
}

uint32_t ToCount(double value) {
  constexpr double kMax = std::numeric_limits<uint32_t>::max();
  return value <= 0 ? 0 : static_cast<uint32_t>(std::min(value, kMax));
}

}  // namespace

uint32_t PoissonQuantile(double mean, double u) {
  if (mean < 32) {
    double probability = PortableExp(-mean), cumulative = probability;
    uint32_t k = 0;
    while (u > cumulative && k < 200) {
      probability *= mean / ++k;
      cumulative += probability;
    }
    return k;
  }
  const double z = NormalQuantile(u), root = std::sqrt(mean);
  return ToCount(
      std::floor(mean + root * z + (z * z - 1) / 6 + (z - z * z * z) / (72 * root) + 0.5));
}

void FillWeights(const GeneratorConfig& config, const ArrivalPlan& plan, const Draws& draws,
                 std::vector<double>& weights) {
  weights.resize(Minutes(config));
  for (size_t m = 0; m < weights.size(); ++m) {
    weights[m] =
        DayWeight(config.diurnal, plan.peak_minute, config.first_minute + static_cast<int64_t>(m));
  }
  if (plan.process == Process::kBursty) ApplyBursts(config.arrivals, draws, weights);
}

double ExpectedDays(const GeneratorConfig& config, const ArrivalPlan& plan) {
  double sum = 0;
  for (size_t m = 0; m < Minutes(config); ++m) {
    sum +=
        DayWeight(config.diurnal, plan.peak_minute, config.first_minute + static_cast<int64_t>(m));
  }
  return sum / kMinutesPerDay;
}

uint64_t TimerInvocations(const GeneratorConfig& config, const ArrivalPlan& plan) {
  const SimTime start = kMinute * config.first_minute;
  return static_cast<uint64_t>(TimerCountBefore(plan, start + config.length) -
                               TimerCountBefore(plan, start));
}

void FillCounts(const GeneratorConfig& config, const ArrivalPlan& plan, const Draws& draws,
                double expected, std::vector<double>& weights, std::vector<uint32_t>& counts) {
  counts.assign(Minutes(config), 0);
  if (plan.process == Process::kTimer) return FillTimer(config, plan, counts);
  if (expected <= 0) return;
  FillWeights(config, plan, draws, weights);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (sum <= 0) return;  // a weekend on which nothing happens

  if (plan.process == Process::kRegular) {
    // Every whole number that the cumulative rate passes is an invocation.
    const double phase = draws.Uniform(Draw::kPhase);
    double cumulative = phase, passed = 0;
    for (size_t m = 0; m < counts.size(); ++m) {
      cumulative += weights[m] * expected / sum;
      counts[m] = ToCount(std::floor(cumulative) - passed);
      passed = std::max(passed, std::floor(cumulative));
    }
    return;
  }
  if (expected <= static_cast<double>(counts.size())) {
    // Few: place each, so that the sum is exact (a Poisson process given its sum).
    std::partial_sum(weights.begin(), weights.end(), weights.begin());
    const auto n = static_cast<uint32_t>(expected);
    for (uint32_t i = 0; i < n; ++i) {
      const double target = draws.Uniform(Draw::kPlacements, i) * sum;
      const auto at = std::upper_bound(weights.begin(), weights.end(), target) - weights.begin();
      ++counts[std::min(static_cast<size_t>(at), counts.size() - 1)];
    }
    return;
  }
  for (size_t m = 0; m < counts.size(); ++m) {
    counts[m] = PoissonQuantile(weights[m] * expected / sum,
                                draws.Uniform(Draw::kMinutes, static_cast<uint32_t>(m)));
  }
}

}  // namespace reeve::generator_internal
