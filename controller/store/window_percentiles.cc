#include "controller/store/window_percentiles.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/portable_math.h"

namespace reeve {
namespace {

// Ranks of a window that are told apart; more completions than this share them.
constexpr uint32_t kRanks = 64;

// The value of rank k of n. Between known ranks logarithms go as normal quantiles do: exact for
// what is lognormal.
class Ranks {
 public:
  Ranks(uint32_t n, double p50, double p95, double p99) : n_(n) {
    // A clock tick may turn percentiles of rounded values round.
    p95 = std::max(p50, p95);
    p99 = std::max(p95, p99);
    const auto known = [n](double q, double value) {
      return std::pair(std::ceil(q * n - 1e-9), PortableLog(std::max(1.0, value)));
    };
    known_ = {known(0.50, p50), known(0.95, p95), known(0.99, p99)};
  }
  double median_rank() const { return known_[0].first; }
  // Of a rank from the median's on; above the last that is known, it is that.
  double LogAt(double rank) const {
    for (size_t i = 1; i < known_.size(); ++i) {
      const auto& [low, low_log] = known_[i - 1];
      const auto& [high, high_log] = known_[i];
      if (rank > high || high == low) continue;
      return low_log +
             (high_log - low_log) * (Normal(rank) - Normal(low)) / (Normal(high) - Normal(low));
    }
    return rank <= known_[0].first ? known_[0].second : known_.back().second;
  }

 private:
  double Normal(double rank) const { return NormalQuantile((rank - 0.5) / n_); }

  const double n_;
  std::array<std::pair<double, double>, 3> known_;  // rank, logarithm
};

}  // namespace

void AddPercentiles(uint32_t n, double p50, double p95, double p99, bool mirrored,
                    RunHistogram& sum) {
  if (n == 0) return;
  const Ranks ranks(n, p50, p95, p99);
  const uint32_t strata = std::min(n, kRanks);
  uint64_t counted = 0;
  for (uint32_t i = 0; i < strata; ++i) {
    const uint64_t until = uint64_t{n} * (i + 1) / strata;
    // The middle rank of the stratum; with as many strata as completions, each rank.
    const double rank = (static_cast<double>(counted) + 1 + static_cast<double>(until)) / 2;
    const double median = ranks.LogAt(ranks.median_rank());
    double log = ranks.LogAt(std::max(rank, ranks.median_rank()));
    if (mirrored && rank < ranks.median_rank()) {
      log = 2 * median - ranks.LogAt(2 * ranks.median_rank() - rank);
    }
    sum.Record(static_cast<int64_t>(PortableExp(log) + 0.5),
               static_cast<uint32_t>(until - counted));
    counted = until;
  }
}

}  // namespace reeve
