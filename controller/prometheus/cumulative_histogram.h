// A histogram as Prometheus keeps it: for each bound, how many values were at most that.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace reeve {

class CumulativeHistogram {
 public:
  // `count` values were <= `bound` (may be +Inf); adds to what is there at that bound.
  void Add(double bound, double count);
  // Values in all: the count at +Inf, or at the largest bound where that is missing.
  double total() const;
  bool empty() const { return counts_.empty(); }
  void Scale(double factor);  // all counts
  void Add(const CumulativeHistogram& other);
  // What came since `earlier`, of the same counter. A counter that went down was started anew:
  // then everything it holds came since.
  CumulativeHistogram Since(const CumulativeHistogram& earlier) const;
  // The value below which the share `q` of all lies, as PromQL's histogram_quantile estimates it:
  // linear between bounds from 0, and the largest finite bound above that. 0 when there is nothing.
  double Quantile(double q) const;
  // How many values were above `value`, linear between bounds as above.
  double CountAbove(double value) const;

 private:
  // By bound, rising. There are a few dozen at most, and ten thousand histograms.
  std::vector<std::pair<double, double>> counts_;
};

// The bound that a bucket's label `le` names, as Prometheus writes it; nullopt: it is no number.
std::optional<double> BucketBound(std::string_view le);

}  // namespace reeve
