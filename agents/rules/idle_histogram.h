// What the hybrid histogram policy knows of one application: how long it has been idle before, and
// what follows for when to have it warm again.
//
// Shahrad et al., "Serverless in the Wild: Characterizing and Optimizing the Serverless Workload at
// a Large Cloud Provider", USENIX ATC 2020, section 4.2:
//   - idle times are counted in bins of 1 minute up to 4 hours, longer ones as out of bounds;
//   - half or more out of bounds: a time series forecast f of the next idle time; the application
//     is unloaded, loaded again at 0.85 f and kept for 0.30 f;
//   - otherwise, bin counts whose coefficient of variation is 2 or more: the histogram says
//     something; unloaded, loaded again at 0.9 times the 5th percentile (rounded down to its bin's
//     edge) and kept until 1.1 times the 99th (rounded up). A 5th percentile in the first bin
//     leaves it loaded from the start;
//   - otherwise: kept for the whole range.
//
// Public implementations differ on the coefficient of variation. Followed here: DSLab FaaS
// (osukhoroslov/dslab, crates/dslab-faas/src/extra/hybrid_histogram.rs), which like the paper takes
// it over the counts of all bins (deviation with n - 1), so that few high bins make it large.
// OpenDC Serverless takes it over the idle times instead and trusts the histogram when it is small.
// As there, one idle time is enough: a single count among 240 bins has a coefficient of 15.5.
//
// Different from the paper: the forecast is not ARIMA but first-order autoregression (see
// IdleForecast).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

struct IdleHistogramOptions {
  SimTime bin = SimTime::Minutes(1);
  SimTime range = SimTime::Hours(4);
  double cv_threshold = 2;
  double head = 0.05, tail = 0.99;
  double margin = 0.1;
  double out_of_bounds = 0.5;
  double forecast_margin = 0.15;

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = IdleHistogramOptions;
    v.Field("bin", &O::bin, "Width of a bin of the histogram of idle times", Between(1, 86400));
    v.Field("range", &O::range,
            "Idle times up to here are in the histogram; also how long is kept what it says "
            "nothing about. A multiple of `bin`, at most 100,000 bins",
            Between(1, 1e7));
    v.Field("cv_threshold", &O::cv_threshold,
            "The histogram counts when the coefficient of variation of its bins is this or more",
            AtLeast(0));
    v.Field("head", &O::head, "Loaded again at this quantile of idle times", Between(0, 1));
    v.Field("tail", &O::tail, "and kept until this one", Between(0, 1));
    v.Field("margin", &O::margin, "Share by which the one is earlier and the other later",
            Between(0, 1));
    v.Field("out_of_bounds", &O::out_of_bounds,
            "Idle times are forecast when this share of them is beyond the range", Between(0, 1));
    v.Field("forecast_margin", &O::forecast_margin,
            "Share of the forecast by which it is loaded earlier and kept longer", Between(0, 1));
  }
  absl::Status Validate() const;
};

// Forecast of the next idle time: x' = m' + b (x - m), the line of least squares through the pairs
// of neighbours among the last 32 (b held within [-1, 1]); with fewer than four of them, or if all
// are equal, their mean. Not below zero.
class IdleForecast {
 public:
  void Add(SimTime idle);
  SimTime Next() const;  // zero when nothing was added

 private:
  std::array<double, 32> seconds_{};  // the last ones, as a ring
  uint64_t added_ = 0;
};

// When the application is loaded after it became idle.
struct LoadedTimes {
  SimTime from;   // zero: it stays loaded
  SimTime until;  // unloaded for good, until the next request
  bool operator==(const LoadedTimes&) const = default;
};

// Not thread-safe. Takes 4 bytes per bin from the first idle time on.
class IdleHistogram {
 public:
  explicit IdleHistogram(const IdleHistogramOptions& options) : options_(options) {}

  // `times` idle times of the same length. Zero-length ones (requests that overlap or follow each
  // other closely) belong in the histogram, but not in the series that is forecast.
  void Add(SimTime idle, uint32_t times = 1);
  LoadedTimes Times() const;

  // Coefficient of variation of the bin counts; 0 when all are zero.
  double CoefficientOfVariation() const;
  double OutOfBoundsShare() const;  // 0 when there is no idle time

 private:
  int Percentile(double share) const;  // the first bin up to which this share lies

  IdleHistogramOptions options_;
  std::vector<uint32_t> bins_;
  uint64_t inside_ = 0, outside_ = 0;
  double squares_ = 0;  // sum of squared counts
  IdleForecast forecast_;
};

}  // namespace reeve
