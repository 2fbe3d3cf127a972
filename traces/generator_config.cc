// What a GeneratorConfig must satisfy, and the quantile function of rates.
#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "core/portable_math.h"
#include "core/status.h"
#include "traces/generator.h"

namespace reeve {
namespace {

absl::Status ValidateRates(const RateConfig& rate) {
  if (rate.quantiles.empty() || rate.quantiles.front().at != 0) {
    return absl::InvalidArgumentError("rate.quantiles starts with a point at 0");
  }
  for (size_t i = 1; i < rate.quantiles.size(); ++i) {
    const RatePoint &low = rate.quantiles[i - 1], &high = rate.quantiles[i];
    if (!(high.at > low.at) || high.per_day < low.per_day) {
      return absl::InvalidArgumentError(
          fmt::format("rate.quantiles must rise: the point at {} does not follow the one at {}",
                      high.at, low.at));
    }
  }
  if (rate.max_per_day < rate.quantiles.back().per_day) {
    return absl::InvalidArgumentError("rate.max_per_day is below the last of rate.quantiles");
  }
  return absl::OkStatus();
}

absl::Status ValidateSizes(const std::vector<SizeShare>& sizes) {
  double sum = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (i > 0 && sizes[i].up_to <= sizes[i - 1].up_to) {
      return absl::InvalidArgumentError("apps.sizes must come in rising classes");
    }
    sum += sizes[i].share;
  }
  return sum > 0 ? absl::OkStatus()
                 : absl::InvalidArgumentError("apps.sizes needs a class with a share above 0");
}

absl::Status ValidateMix(const TriggerMix& mix, std::string_view name) {
  const auto weights = mix.weights();
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (sum <= 0)
    return absl::InvalidArgumentError(fmt::format("triggers.{} has no share above 0", name));
  // Functions that are too busy for any timer need another trigger to fall back on.
  if (sum - mix.timer <= 0) {
    return absl::InvalidArgumentError(
        fmt::format("triggers.{} needs another trigger beside timer", name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status GeneratorConfig::Validate() const {
  if (length % SimTime::Minutes(1) != SimTime())
    return absl::InvalidArgumentError("length must be whole minutes");
  RETURN_IF_ERROR(ValidateRates(rate));
  RETURN_IF_ERROR(ValidateSizes(apps.sizes));
  RETURN_IF_ERROR(ValidateMix(triggers.usual, "usual"));
  RETURN_IF_ERROR(ValidateMix(triggers.busy, "busy"));
  if (timers.periods.empty()) return absl::InvalidArgumentError("timers.periods is empty");
  for (size_t i = 0; i < timers.periods.size(); ++i) {
    const SimTime period = timers.periods[i];
    if (period < SimTime::Millis(1) || period > SimTime::Hours(24 * 366)) {
      return absl::InvalidArgumentError("timers.periods must lie between 1ms and a year");
    }
    if (i > 0 && period <= timers.periods[i - 1])
      return absl::InvalidArgumentError("timers.periods must rise");
  }
  if (arrivals.regular + arrivals.bursty > 1) {
    return absl::InvalidArgumentError(
        "arrivals.regular and arrivals.bursty are more than 1 together");
  }
  if (arrivals.duty_min > arrivals.duty_max)
    return absl::InvalidArgumentError("arrivals.duty_min is above duty_max");
  if (arrivals.burst_min > arrivals.burst_max) {
    return absl::InvalidArgumentError("arrivals.burst_min is above burst_max");
  }
  if (execution.min_mean > execution.max_mean)
    return absl::InvalidArgumentError("execution.min_mean is above max_mean");
  if (memory.min > memory.max) return absl::InvalidArgumentError("memory.min is above memory.max");
  return absl::OkStatus();
}

double RateConfig::Quantile(double u) const {
  const RatePoint& last = quantiles.back();
  if (u >= last.at) {
    const double v = (u - last.at) / (1 - last.at);
    const double bound =
        PortableExp(tail_exponent * PortableLog(last.per_day / max_per_day));  // P(above max)
    return last.per_day * PortableExp(-PortableLog(1 - v * (1 - bound)) / tail_exponent);
  }
  size_t i = 1;
  while (u > quantiles[i].at) ++i;
  const RatePoint &low = quantiles[i - 1], &high = quantiles[i];
  const double from = -PortableLog(1 - low.at), to = -PortableLog(1 - high.at);
  const double fraction = (-PortableLog(1 - u) - from) / (to - from);
  return low.per_day * PortableExp(fraction * PortableLog(high.per_day / low.per_day));
}

}  // namespace reeve
