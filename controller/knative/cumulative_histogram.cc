#include "controller/knative/cumulative_histogram.h"

#include <algorithm>
#include <cmath>

namespace reeve {

double CumulativeHistogram::total() const {
  return counts_.empty() ? 0 : counts_.rbegin()->second;
}

void CumulativeHistogram::Add(const CumulativeHistogram& other) {
  for (const auto& [bound, count] : other.counts_) counts_[bound] += count;
}

CumulativeHistogram CumulativeHistogram::Since(const CumulativeHistogram& earlier) const {
  if (total() < earlier.total()) return *this;
  CumulativeHistogram difference;
  for (const auto& [bound, count] : counts_) {
    const auto before = earlier.counts_.find(bound);
    const double gone = before == earlier.counts_.end() ? 0 : before->second;
    difference.counts_[bound] = std::max(0.0, count - gone);
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

}  // namespace reeve
