// Weighted histogram whose samples lose half of their weight in every half-life. Semantics of
// kubernetes/autoscaler vertical-pod-autoscaler pkg/recommender/util (histogram.go,
// decaying_histogram.go, histogram_options.go).
#pragma once

#include <cstddef>
#include <vector>

#include "core/units.h"

namespace reeve {

// Buckets that grow: bucket k begins at first * (ratio^k - 1) / (ratio - 1). Immutable; shared by
// the histograms of a kind.
class ExponentialBuckets {
 public:
  // Buckets up to `most`; the last one holds everything above as well. 0 < first <= most, ratio
  // > 1.
  ExponentialBuckets(double most, double first, double ratio);

  size_t size() const { return starts_.size(); }
  double Start(size_t bucket) const { return starts_[bucket]; }
  size_t Find(double value) const;  // of value >= 0

 private:
  std::vector<double> starts_;
};

// `buckets` must outlive it. Allocates on construction only. Not thread-safe.
class DecayingHistogram {
 public:
  // A bucket with less weight than this counts as empty (aggregations_config.go: 0.001 of the least
  // weight of a sample, 0.1).
  static constexpr double kEpsilon = 1e-4;

  // half_life > 0.
  DecayingHistogram(const ExponentialBuckets& buckets, SimTime half_life);

  // value >= 0, weight >= 0; times may come in any order.
  void Add(double value, double weight, SimTime time);
  // Takes back a sample that was added with the same arguments.
  void Subtract(double value, double weight, SimTime time);

  // The upper end of the bucket in which a share p in [0, 1] of the weight is reached (of the last
  // bucket, its start); 0 when empty.
  double Percentile(double p) const;
  bool empty() const;

 private:
  // Weight of a sample of `time`, relative to the reference time. Moves the reference forward when
  // the exponent would grow past 100, scaling what is there.
  double Factor(SimTime time);
  void TrimEnds();

  const ExponentialBuckets* buckets_;
  SimTime half_life_;
  SimTime reference_;  // a whole number of half-lives
  std::vector<double> weights_;
  double total_ = 0;
  size_t first_;     // first bucket that is not empty, the last one of all when there is none
  size_t last_ = 0;  // last bucket that is not empty, 0 when there is none
};

}  // namespace reeve
