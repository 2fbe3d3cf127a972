// The metric windows of Knative's pod autoscaler (KPA): averages over time buckets, and a sliding
// maximum. Semantics of knative/serving pkg/autoscaler/aggregation (TimedFloat64Buckets,
// WeightedFloat64Buckets, max.TimeWindow) at 98e5ef90, odd corners included.
//
// Instants are SimTime; a bucket is [k g, (k + 1) g) for the granularity g. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/units.h"

namespace reeve {

enum class WindowAggregation : uint8_t { kLinear, kWeightedExponential };

constexpr auto EnumNames(WindowAggregation) {
  return std::array<std::pair<WindowAggregation, std::string_view>, 2>{
      {{WindowAggregation::kLinear, "linear"},
       {WindowAggregation::kWeightedExponential, "weighted-exponential"}}};
}

// Values added up per bucket, over the last `window` of time, and their average over buckets.
// Allocates on construction and Resize only.
class BucketWindow {
 public:
  // window > 0, granularity > 0. Holds ceil(window / granularity) buckets.
  BucketWindow(WindowAggregation aggregation, SimTime window, SimTime granularity);

  // Adds `value` to the bucket of `now`. Buckets between the last record and this one become 0. A
  // value a window or more older than the newest bucket is ignored; after a window without records
  // the history starts anew.
  void Record(SimTime now, double value);

  // The average as of `now`.
  //  linear: sum / min(newest - oldest bucket + 1, buckets not yet out of the window), rounded down
  //  to 6 decimals. Buckets after the newest record do not count as zeros: a lag of the metric does
  //  not lower the average.
  //  weighted: sum_i v_i m (1 - m)^i, newest first, m = SmoothingCoefficient; here buckets after
  //  the newest record do count as zeros.
  // 0 when nothing was recorded for a window.
  double Average(SimTime now) const;

  // Nothing was recorded for longer than the window: there is nothing to scale on.
  bool IsEmpty(SimTime now) const;

  // Sum of the buckets that are inside the window as of `now`.
  double Sum(SimTime now) const;

  // Changes the window, keeping the newest buckets that fit. Afterwards the history counts as
  // reaching back over the whole of the old window. When nothing was recorded for longer than the
  // old window, everything is forgotten.
  void Resize(SimTime now, SimTime window);

  SimTime window() const { return window_; }
  int64_t buckets() const { return static_cast<int64_t>(sums_.size()); }

  // m = max(1 - (1 - 0.9999)^(1 / buckets), 0.2): the weights of all buckets add up to 0.9999, and
  // wide windows still favour the present.
  static double SmoothingCoefficient(int64_t buckets);

 private:
  int64_t IndexOf(SimTime now) const;
  SimTime Span(int64_t buckets) const { return granularity_ * buckets; }
  size_t Slot(int64_t index) const;
  double LinearAverage(int64_t now) const;
  double WeightedAverage(int64_t now) const;

  static constexpr int64_t kNever = INT64_MIN;

  WindowAggregation aggregation_;
  SimTime window_;
  SimTime granularity_;
  double smoothing_ = 0;      // weighted only
  std::vector<double> sums_;  // [ceil(window / granularity)], a ring indexed by bucket number
  double total_ = 0;          // of all of sums_
  int64_t first_ = kNever;    // bucket numbers of the oldest and newest record of this history
  int64_t last_ = kNever;
};

// The largest of the values recorded during the last `window`, by buckets of `granularity`: what
// scale-down-delay looks at. Amortised O(1) a record (descending queue of candidates); allocates on
// construction only. Records come in time order; one that comes from earlier is taken as the
// newest.
class SlidingMaximum {
 public:
  SlidingMaximum() = default;  // a window that is off: Record does nothing
  // window > 0, granularity > 0.
  SlidingMaximum(SimTime window, SimTime granularity);

  bool enabled() const { return !ring_.empty(); }
  // Values of the same bucket: the largest counts.
  void Record(SimTime now, int32_t value);
  // As of the last Record; at least one must have been made.
  int32_t Current() const { return ring_[first_].value; }

 private:
  struct Entry {
    int64_t bucket = 0;
    int32_t value = 0;
  };
  Entry& At(size_t i) { return ring_[(first_ + i) % ring_.size()]; }

  SimTime granularity_;
  std::vector<Entry> ring_;  // [ceil(window / granularity)], values descending from first_
  size_t first_ = 0;
  size_t size_ = 0;
};

// How many of a function's pods the metrics scraper asks: all up to 3, else
// ceil(N X / (N + X - 1)), X = 1.96^2 100 / 5^2, the sample size for a mean at 95 % confidence
// (metrics/sample_size.go). 0 for a negative number.
int32_t PodsToSample(int32_t pods);

}  // namespace reeve
