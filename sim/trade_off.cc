#include "sim/trade_off.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace reeve {

double PriceGrid::At(int index) {
  if (index == 0) return 0;
  const int octave = (index - 1) / kPerOctave, step = (index - 1) % kPerOctave;
  return std::ldexp(1 + static_cast<double>(step) / kPerOctave, kLowestPower + octave);
}

int PriceGrid::Below(double value) {
  if (value < std::ldexp(1.0, kLowestPower)) return 0;
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);  // in [1/2, 1)
  const int octave = exponent - 1 - kLowestPower;
  const int step = static_cast<int>((2 * mantissa - 1) * kPerOctave);
  return std::min(octave * kPerOctave + step + 1, kSize - 1);
}

void GapHistogram::Add(double mib_us) {
  const size_t index = static_cast<size_t>(PriceGrid::Below(mib_us));
  if (index >= cells_.size()) cells_.resize(index + 1);
  ++cells_[index].count;
  cells_[index].mib_us += mib_us;
}

TradeOff::TradeOff(std::vector<double> least_cost, const std::vector<double>& cold_starts,
                   double fewest_cold_starts)
    : least_cost_(std::move(least_cost)), fewest_cold_starts_(fewest_cold_starts) {
  REEVE_CHECK(least_cost_.size() == PriceGrid::kSize && cold_starts.size() == PriceGrid::kSize);
  for (int k = 0; k < PriceGrid::kSize; ++k) {
    const double cold = std::max(cold_starts[static_cast<size_t>(k)], fewest_cold_starts_);
    if (!points_.empty() && points_.back().cold_starts <= cold) continue;
    points_.push_back({PriceGrid::At(k) / PriceGrid::kMibMicrosPerGbSecond, cold,
                       FewestGbSeconds(cold).value_or(0)});
  }
}

std::optional<double> TradeOff::FewestGbSeconds(double cold_starts) const {
  if (least_cost_.empty() || cold_starts < fewest_cold_starts_) return std::nullopt;
  double best = 0;
  for (int k = 0; k < PriceGrid::kSize; ++k) {
    best = std::max(best, least_cost_[static_cast<size_t>(k)] - PriceGrid::At(k) * cold_starts);
  }
  return best / PriceGrid::kMibMicrosPerGbSecond;
}

std::optional<double> TradeOff::FewestColdStarts(double gb_seconds) const {
  if (least_cost_.empty()) return std::nullopt;
  const double mib_us = gb_seconds * PriceGrid::kMibMicrosPerGbSecond;
  if (mib_us < least_cost_[0] * (1 - 1e-12)) return std::nullopt;
  double best = fewest_cold_starts_;
  for (int k = 1; k < PriceGrid::kSize; ++k) {
    best = std::max(best, (least_cost_[static_cast<size_t>(k)] - mib_us) / PriceGrid::At(k));
  }
  // What is whole but for rounding is not taken up to the next.
  return std::ceil(best - 1e-9 * std::max(1.0, best));
}

BoundDistance DistanceTo(const TradeOff& bound, double gb_seconds, double cold_starts) {
  BoundDistance distance;
  distance.fewest_gb_seconds = bound.FewestGbSeconds(cold_starts);
  if (distance.fewest_gb_seconds && *distance.fewest_gb_seconds > 0) {
    distance.gb_seconds_factor = gb_seconds / *distance.fewest_gb_seconds;
  }
  distance.fewest_cold_starts = bound.FewestColdStarts(gb_seconds);
  if (distance.fewest_cold_starts) {
    distance.cold_starts_above = cold_starts - *distance.fewest_cold_starts;
  }
  return distance;
}

}  // namespace reeve
