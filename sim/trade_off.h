// Curves of cold starts against GB-seconds that nobody gets below, and what they are made from.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace reeve {

// The grid of prices on which the curves are computed: 0, then eight to each power of two from 2^20
// MiB us (0.001 GB-seconds) to 2^60. Prices and idle memory are in MiB us; GB are GiB.
struct PriceGrid {
  static constexpr int kLowestPower = 20, kHighestPower = 60, kPerOctave = 8;
  static constexpr int kSize = (kHighestPower - kLowestPower) * kPerOctave + 2;
  static constexpr double kMibMicrosPerGbSecond = 1024e6;

  static double At(int index);  // rises strictly
  // The last index whose price is at most `value` >= 0.
  static int Below(double value);
};

// The gaps between two needs of a container, by what keeping it through them costs. A cell of the
// price grid holds their number and exact sum, so at the prices of the grid nothing is rounded.
class GapHistogram {
 public:
  void Add(double mib_us);
  // Number and sum of those between two neighbouring prices; zero beyond size().
  struct Cell {
    uint64_t count = 0;
    double mib_us = 0;
  };
  Cell cell(int index) const {
    return index < static_cast<int>(cells_.size()) ? cells_[static_cast<size_t>(index)] : Cell{};
  }
  int size() const { return static_cast<int>(cells_.size()); }

 private:
  std::vector<Cell> cells_;
};

struct TradeOffPoint {
  double price_gb_seconds = 0;  // of a cold start, at which this is the best
  double cold_starts = 0;
  double gb_seconds = 0;
};

// A lower bound on GB-seconds as a function of cold starts: convex, falling, the upper envelope of
// one line per price. Immutable.
class TradeOff {
 public:
  TradeOff() = default;
  // `least_cost[k]`: no schedule has GB-seconds + At(k) * cold starts (in MiB us) below it.
  // `cold_starts[k]`: those of a schedule that is best at that price; only for points().
  // No schedule has fewer cold starts than `fewest_cold_starts`.
  TradeOff(std::vector<double> least_cost, const std::vector<double>& cold_starts,
           double fewest_cold_starts);

  // GB-seconds that any schedule with at most so many cold starts has at least; nullopt when there
  // is no such schedule. O(size of the price grid).
  std::optional<double> FewestGbSeconds(double cold_starts) const;
  // Whole cold starts that any schedule with at most so many GB-seconds has at least; nullopt when
  // there is no such schedule.
  std::optional<double> FewestColdStarts(double gb_seconds) const;
  double fewest_cold_starts() const { return fewest_cold_starts_; }
  // The corners of the curve, by rising price, from the fewest GB-seconds to the fewest cold
  // starts.
  std::span<const TradeOffPoint> points() const { return points_; }

 private:
  std::vector<double> least_cost_;  // [PriceGrid::kSize] MiB us
  double fewest_cold_starts_ = 0;
  std::vector<TradeOffPoint> points_;
};

// How far a run is from the bound. Unset where the bound has no answer (see TradeOff).
struct BoundDistance {
  std::optional<double> fewest_gb_seconds;   // with the run's cold starts
  std::optional<double> gb_seconds_factor;   // the run's over those; 1 = optimal
  std::optional<double> fewest_cold_starts;  // with the run's GB-seconds
  std::optional<double> cold_starts_above;   // the run's minus those; 0 = optimal
};
BoundDistance DistanceTo(const TradeOff& bound, double gb_seconds, double cold_starts);

}  // namespace reeve
