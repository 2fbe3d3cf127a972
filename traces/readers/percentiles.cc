#include "traces/readers/percentiles.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace reeve {
namespace {

constexpr int kPoints = PercentileSummary::kPoints;
constexpr auto& kProbabilities = PercentileSummary::kProbabilities;

// P(X <= x), and P(X < x) where `below`; they differ where values repeat.
double Cumulative(const PercentileSummary& s, double x, bool below) {
  const auto& v = s.values;
  const auto after =
      below ? std::lower_bound(v.begin(), v.end(), x) : std::upper_bound(v.begin(), v.end(), x);
  const auto i = static_cast<size_t>(after - v.begin());
  if (i == 0) return 0;
  if (i == kPoints) return 1;
  // v[i-1] <= x <= v[i], and they differ: from v[i-1] on, the line to v[i].
  const double fraction = (x - v[i - 1]) / (v[i] - v[i - 1]);
  return kProbabilities[i - 1] + (kProbabilities[i] - kProbabilities[i - 1]) * fraction;
}

double Mixture(std::span<const PercentileSummary> parts, double total, double x, bool below) {
  double sum = 0;
  for (const PercentileSummary& part : parts) sum += part.count * Cumulative(part, x, below);
  return sum / total;
}

// The smallest x with P(X <= x) >= p. `corners` are the values at which the mixture's distribution
// function bends or jumps, rising.
double MixtureQuantile(std::span<const PercentileSummary> parts, double total,
                       std::span<const double> corners, double p) {
  const auto reached = std::partition_point(corners.begin(), corners.end(), [&](double x) {
    return Mixture(parts, total, x, false) < p;
  });
  if (reached == corners.end()) return corners.back();
  if (reached == corners.begin()) return corners.front();
  const double low = *(reached - 1), high = *reached;
  const double at_low = Mixture(parts, total, low, false);
  const double before_high = Mixture(parts, total, high, true);
  if (before_high <= p) return high;  // p lies in the jump at high
  return low + (high - low) * (p - at_low) / (before_high - at_low);
}

struct Point {
  double probability, value;
};

double LinearMean(std::span<const Point> points) {
  double mean = 0;
  for (size_t i = 1; i < points.size(); ++i) {
    mean += (points[i].probability - points[i - 1].probability) *
            (points[i].value + points[i - 1].value) / 2;
  }
  return mean;
}

// How far bending the interval before point i can move the mean, either way.
double Slack(std::span<const Point> points, size_t i) {
  return (points[i].probability - points[i - 1].probability) *
         (points[i].value - points[i - 1].value) / 2;
}

// Bends the `bends` intervals with the most slack, all by the same share of it, so that the mean
// becomes `mean`. Returns how much is missing.
double BendToMean(std::vector<Point>& points, double mean, size_t bends) {
  std::vector<size_t> intervals;
  for (size_t i = 1; i < points.size(); ++i) intervals.push_back(i);
  std::stable_sort(intervals.begin(), intervals.end(),
                   [&](size_t a, size_t b) { return Slack(points, a) > Slack(points, b); });
  intervals.resize(std::min(bends, intervals.size()));
  double slack = 0;
  for (size_t i : intervals) slack += Slack(points, i);
  const double wanted = mean - LinearMean(points);
  if (!(slack > 0)) return std::abs(wanted);

  // In the interval's unit square the straight line has area 1/2 below it. A corner on the other
  // diagonal at (1 - a, a) has area a: any mean between the lower and the upper end is reached,
  // and the line still rises everywhere.
  constexpr double kLimit = 0.999;  // keeps the corner off the given points
  const double share = std::clamp(wanted / slack, -kLimit, kLimit);
  const double a = (1 + share) / 2;
  std::sort(intervals.rbegin(), intervals.rend());  // from the back: insertion keeps the others
  for (size_t i : intervals) {
    const Point from = points[i - 1], to = points[i];
    points.insert(points.begin() + static_cast<std::ptrdiff_t>(i),
                  {from.probability + (to.probability - from.probability) * (1 - a),
                   from.value + (to.value - from.value) * a});
  }
  return std::abs(wanted - share * slack);
}

}  // namespace

PercentileSummary Combine(std::span<const PercentileSummary> parts) {
  REEVE_CHECK(!parts.empty());
  if (parts.size() == 1) return parts[0];
  PercentileSummary all;
  std::vector<double> corners;
  for (const PercentileSummary& part : parts) {
    all.count += part.count;
    corners.insert(corners.end(), part.values.begin(), part.values.end());
  }
  for (const PercentileSummary& part : parts) all.mean += part.mean * (part.count / all.count);
  std::sort(corners.begin(), corners.end());
  corners.erase(std::unique(corners.begin(), corners.end()), corners.end());
  all.values.front() = corners.front();
  all.values.back() = corners.back();
  for (size_t i = 1; i + 1 < kPoints; ++i) {
    const double value = MixtureQuantile(parts, all.count, corners, kProbabilities[i]);
    all.values[i] = std::clamp(value, all.values[i - 1], all.values.back());
  }
  all.mean = std::clamp(all.mean, all.values.front(), all.values.back());
  return all;
}

PercentileSummary Summarize(std::vector<double>& samples) {
  REEVE_CHECK(!samples.empty());
  std::sort(samples.begin(), samples.end());
  PercentileSummary summary;
  summary.count = static_cast<double>(samples.size());
  for (double sample : samples) summary.mean += sample / summary.count;
  for (size_t i = 0; i < kPoints; ++i) {
    const double place = kProbabilities[i] * (summary.count - 1);
    const auto low = static_cast<size_t>(place);
    const size_t high = std::min(low + 1, samples.size() - 1);
    const double between = place - static_cast<double>(low);
    summary.values[i] = samples[low] + (samples[high] - samples[low]) * between;
    if (i > 0) summary.values[i] = std::max(summary.values[i], summary.values[i - 1]);
  }
  summary.mean = std::clamp(summary.mean, samples.front(), samples.back());
  return summary;
}

FittedDistribution FitDistribution(const PercentileSummary& summary, double floor) {
  const double mean = std::max(summary.mean, floor);
  std::vector<Point> points;
  for (size_t i = 0; i < kPoints; ++i) {
    points.push_back({kProbabilities[i], std::max(summary.values[i], floor)});
  }
  if (points.front().value == points.back().value) {
    return {Distribution::Constant(points.front().value), true};
  }
  const auto make = [](const std::vector<Point>& from) {
    std::vector<double> probabilities, values;
    for (const Point& p : from) {
      probabilities.push_back(p.probability);
      values.push_back(p.value);
    }
    auto distribution = Distribution::Quantiles(probabilities, values);
    REEVE_CHECK(distribution.ok());
    return *distribution;
  };
  if (std::abs(LinearMean(points) - mean) <= 1e-12 * mean) return {make(points), true};

  std::vector<Point> once = points;
  const double half_tick = kClockTickMs / 2;
  if (BendToMean(once, mean, 1) <= 1e-9 * mean) return {make(once), true};
  points.erase(points.begin() + 1);
  const double missing = BendToMean(points, mean, 2);
  return {make(points), missing <= half_tick};
}

Distribution StandInDurationMs() {
  return Distribution::Exponential(683.861);
}

}  // namespace reeve
