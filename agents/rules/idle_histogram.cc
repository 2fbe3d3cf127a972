#include "agents/rules/idle_histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace reeve {

absl::Status IdleHistogramOptions::Validate() const {
  if (range % bin != SimTime() || range / bin > 100'000) {
    return absl::InvalidArgumentError(
        fmt::format("range: {} s is not a multiple of the bin, {} s, or more than 100,000 of them",
                    range.seconds(), bin.seconds()));
  }
  if (head > tail) {
    return absl::InvalidArgumentError(fmt::format("head: {} is above the tail, {}", head, tail));
  }
  return absl::OkStatus();
}

void IdleForecast::Add(SimTime idle) {
  seconds_[added_++ % seconds_.size()] = idle.seconds();
}

SimTime IdleForecast::Next() const {
  const uint64_t count = std::min<uint64_t>(added_, seconds_.size());
  if (count == 0) return SimTime();
  const auto at = [&](uint64_t i) { return seconds_[(added_ - count + i) % seconds_.size()]; };
  const double pairs = static_cast<double>(count - 1);
  double sum = at(count - 1), mean_x = 0, mean_y = 0;
  for (uint64_t i = 0; i + 1 < count; ++i) {
    sum += at(i);
    mean_x += at(i) / pairs;
    mean_y += at(i + 1) / pairs;
  }
  double xx = 0, xy = 0;
  for (uint64_t i = 0; i + 1 < count; ++i) {
    xx += (at(i) - mean_x) * (at(i) - mean_x);
    xy += (at(i) - mean_x) * (at(i + 1) - mean_y);
  }
  if (count < 4 || xx == 0) return SimTime::FromSeconds(sum / static_cast<double>(count));
  const double slope = std::clamp(xy / xx, -1.0, 1.0);
  return SimTime::FromSeconds(std::max(0.0, mean_y + slope * (at(count - 1) - mean_x)));
}

void IdleHistogram::Add(SimTime idle, uint32_t times) {
  if (times == 0) return;
  if (idle > SimTime()) {
    for (uint32_t i = 0; i < std::min(times, 32u); ++i) forecast_.Add(idle);
  }
  if (idle >= options_.range) {
    outside_ += times;
    return;
  }
  if (bins_.empty()) bins_.resize(static_cast<size_t>(options_.range / options_.bin));
  uint32_t& bin = bins_[static_cast<size_t>(idle / options_.bin)];
  const double before = bin;
  bin += times;
  squares_ += static_cast<double>(times) * (2 * before + times);
  inside_ += times;
}

double IdleHistogram::CoefficientOfVariation() const {
  if (inside_ == 0) return 0;
  // variance / mean^2 of n counts with sum s: n / (n - 1) * (n * squares / s^2 - 1).
  const double n = static_cast<double>(bins_.size()), s = static_cast<double>(inside_);
  if (n < 2) return 0;
  return std::sqrt(std::max(0.0, n / (n - 1) * (n * (squares_ / (s * s)) - 1)));
}

double IdleHistogram::OutOfBoundsShare() const {
  const uint64_t all = inside_ + outside_;
  return all == 0 ? 0 : static_cast<double>(outside_) / static_cast<double>(all);
}

int IdleHistogram::Percentile(double share) const {
  uint64_t up_to = 0;
  for (size_t i = 0; i < bins_.size(); ++i) {
    up_to += bins_[i];
    if (static_cast<double>(up_to) / static_cast<double>(inside_) >= share) {
      return static_cast<int>(i);
    }
  }
  return static_cast<int>(bins_.size()) - 1;
}

LoadedTimes IdleHistogram::Times() const {
  if (outside_ > 0 && OutOfBoundsShare() >= options_.out_of_bounds) {
    const double forecast = forecast_.Next().seconds();
    return {SimTime::FromSeconds((1 - options_.forecast_margin) * forecast),
            SimTime::FromSeconds((1 + options_.forecast_margin) * forecast)};
  }
  if (inside_ == 0 || CoefficientOfVariation() < options_.cv_threshold) {
    return {SimTime(), options_.range};
  }
  const double bin_s = options_.bin.seconds();
  return {SimTime::FromSeconds((1 - options_.margin) * Percentile(options_.head) * bin_s),
          SimTime::FromSeconds((1 + options_.margin) * (Percentile(options_.tail) + 1) * bin_s)};
}

}  // namespace reeve
