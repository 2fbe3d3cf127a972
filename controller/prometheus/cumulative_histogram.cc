#include "controller/prometheus/cumulative_histogram.h"

#include <fast_float/fast_float.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace reeve {

void CumulativeHistogram::Add(double bound, double count) {
  const auto at =
      std::lower_bound(counts_.begin(), counts_.end(), bound,
                       [](const auto& entry, double wanted) { return entry.first < wanted; });
  if (at != counts_.end() && at->first == bound) {
    at->second += count;
  } else {
    counts_.insert(at, {bound, count});
  }
}

void CumulativeHistogram::Scale(double factor) {
  for (auto& [bound, count] : counts_) count *= factor;
}

double CumulativeHistogram::total() const {
  return counts_.empty() ? 0 : counts_.back().second;
}

void CumulativeHistogram::Add(const CumulativeHistogram& other) {
  for (const auto& [bound, count] : other.counts_) Add(bound, count);
}

CumulativeHistogram CumulativeHistogram::Since(const CumulativeHistogram& earlier) const {
  if (total() < earlier.total()) return *this;
  CumulativeHistogram difference;
  for (const auto& [bound, count] : counts_) {
    const double at = bound;
    const auto before = std::find_if(earlier.counts_.begin(), earlier.counts_.end(),
                                     [at](const auto& entry) { return entry.first == at; });
    const double gone = before == earlier.counts_.end() ? 0 : before->second;
    difference.counts_.emplace_back(bound, std::max(0.0, count - gone));
  }
  return difference;
}

double CumulativeHistogram::Quantile(double q) const {
  const double all = total();
  if (!(all > 0)) return 0;
  const double rank = q * all;
  double lower = 0, below = 0;
  for (const auto& [bound, count] : counts_) {
    if (count >= rank) {
      if (!std::isfinite(bound)) return lower;
      if (bound <= 0 || count <= below) return bound;
      return lower + (bound - lower) * (rank - below) / (count - below);
    }
    if (std::isfinite(bound)) lower = std::max(0.0, bound);
    // Counts of several scrapes may be out of step by a little.
    below = std::max(below, count);
  }
  return lower;
}

double CumulativeHistogram::CountAbove(double value) const {
  const double all = total();
  double lower = 0, below = 0;
  for (const auto& [bound, count] : counts_) {
    if (value <= bound) {
      if (!std::isfinite(bound) || bound <= lower) return std::max(0.0, all - below);
      const double share = std::clamp((value - lower) / (bound - lower), 0.0, 1.0);
      return std::max(0.0, all - (below + share * (count - below)));
    }
    if (std::isfinite(bound)) lower = std::max(0.0, bound);
    below = std::max(below, count);
  }
  return 0;
}

std::optional<double> BucketBound(std::string_view le) {
  if (le == "+Inf") return std::numeric_limits<double>::infinity();
  double bound = 0;
  const auto [end, error] = fast_float::from_chars(le.data(), le.data() + le.size(), bound);
  if (error != std::errc() || end != le.data() + le.size() || std::isnan(bound)) return {};
  return bound;
}

}  // namespace reeve
