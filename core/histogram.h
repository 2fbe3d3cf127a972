// Fixed-size histogram of non-negative integers (microseconds, per mille) on a log-linear scale.
//
// Each power of two is cut into 2^kSubBits equal buckets, so a bucket is at most 2^-kSubBits of its
// lower edge wide; values below 2^kSubBits are exact. Recording is O(1) without allocation;
// merging, clearing and quantiles cost only the range of buckets in use.
//
// With several lanes the histogram holds that many values of each record (a request's latency and
// its execution time); lanes lie side by side, since their values are mostly near each other.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace reeve {

// Quantiles, for several rising shares of `count` records, in one pass over the buckets in use by
// rising value. Linear inside a bucket.
template <class Histogram, size_t n>
class QuantileScan {
 public:
  QuantileScan(const std::array<double, n>& shares, uint64_t count)
      : shares_(shares), count_(static_cast<double>(count)) {}

  bool done() const { return next_ == n; }
  void Add(uint32_t bucket, double records) {
    last_ = bucket;
    while (next_ < n && below_ + records >= shares_[next_] * count_) {
      const double fraction = std::clamp((shares_[next_] * count_ - below_) / records, 0.0, 1.0);
      const double lower = static_cast<double>(Histogram::LowerEdge(bucket));
      const double upper = static_cast<double>(Histogram::UpperEdge(bucket));
      values_[next_++] = lower + fraction * (upper - lower - 1);
    }
    below_ += records;
  }
  std::array<double, n> Finish() {
    for (; next_ < n; ++next_) {
      values_[next_] = static_cast<double>(Histogram::UpperEdge(last_) - 1);
    }
    return values_;
  }

 private:
  const std::array<double, n>& shares_;
  const double count_;
  double below_ = 0;
  size_t next_ = 0;
  uint32_t last_ = 0;
  std::array<double, n> values_{};
};

template <int kSubBits, size_t kLanes = 1>
class LogHistogram {
 public:
  static constexpr int kOctaves =
      32;  // values from 2^32 up (71 minutes in us) share the last bucket
  static constexpr uint32_t kSub = 1u << kSubBits;
  static constexpr uint32_t kBuckets = (kOctaves - kSubBits + 1) * kSub;

  static constexpr uint32_t BucketOf(uint64_t value) {
    if (value < kSub) return static_cast<uint32_t>(value);
    const int exponent = 63 - std::countl_zero(value);
    if (exponent >= kOctaves) return kBuckets - 1;
    const uint32_t sub = static_cast<uint32_t>(value >> (exponent - kSubBits)) & (kSub - 1);
    return static_cast<uint32_t>(exponent - kSubBits + 1) * kSub + sub;
  }
  static constexpr uint32_t BucketOfSigned(int64_t value) {
    return BucketOf(value < 0 ? 0 : static_cast<uint64_t>(value));
  }
  // Smallest value of a bucket.
  static constexpr uint64_t LowerEdge(uint32_t bucket) {
    if (bucket < kSub) return bucket;
    const uint32_t exponent = bucket / kSub - 1 + kSubBits;
    return (uint64_t{kSub} + bucket % kSub) << (exponent - kSubBits);
  }
  static constexpr uint64_t UpperEdge(uint32_t bucket) { return LowerEdge(bucket + 1); }

  // One value for each lane. Negative values count as 0.
  void Record(const std::array<int64_t, kLanes>& values, uint32_t times = 1) {
    if (times == 0) return;
    uint32_t b = BucketOfSigned(values[0]);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      if (lane > 0 && values[lane] != values[lane - 1]) b = BucketOfSigned(values[lane]);
      counts_[b][lane] += times;
      low_ = std::min(low_, b);
      high_ = std::max(high_, b);
    }
    count_ += times;
  }
  void Record(int64_t value, uint32_t times = 1) requires(kLanes == 1) {
    Record(std::array{value}, times);
  }

  // A record whose buckets the caller knows.
  template <class Bucket>
  void RecordIn(const std::array<Bucket, kLanes>& buckets) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const uint32_t b = buckets[lane];
      ++counts_[b][lane];
      low_ = std::min(low_, b);
      high_ = std::max(high_, b);
    }
    ++count_;
  }
  void RecordIn(uint32_t bucket) requires(kLanes == 1) { RecordIn(std::array{bucket}); }

  void Merge(const LogHistogram& other) {
    for (uint32_t b = other.low_; b <= other.high_ && b < kBuckets; ++b) {
      for (size_t lane = 0; lane < kLanes; ++lane) counts_[b][lane] += other.counts_[b][lane];
    }
    count_ += other.count_;
    low_ = std::min(low_, other.low_);
    high_ = std::max(high_, other.high_);
  }

  void Clear() {
    if (count_ == 0) return;
    std::fill(counts_.begin() + low_, counts_.begin() + high_ + 1, Lanes{});
    count_ = 0;
    low_ = kBuckets;
    high_ = 0;
  }

  uint64_t count() const { return count_; }  // records
  uint32_t bucket_count(uint32_t bucket, size_t lane = 0) const { return counts_[bucket][lane]; }
  uint32_t lowest_bucket() const { return low_; }    // of all lanes; kBuckets when empty
  uint32_t highest_bucket() const { return high_; }  // of all lanes; 0 when empty

  // The value below which a share q in [0, 1] of the records lies, linear inside its bucket;
  // 0 when empty.
  double Quantile(double q, size_t lane = 0) const { return Quantiles(std::array{q}, lane)[0]; }

  // The same for several rising shares, in one pass.
  template <size_t n>
  std::array<double, n> Quantiles(const std::array<double, n>& shares, size_t lane = 0) const {
    if (count_ == 0) return {};
    QuantileScan<LogHistogram, n> scan(shares, count_);
    for (uint32_t b = low_; b <= high_ && !scan.done(); ++b) {
      if (counts_[b][lane] > 0) scan.Add(b, counts_[b][lane]);
    }
    return scan.Finish();
  }

  // Records whose bucket lies wholly above `value` (a bucket that holds `value` does not count).
  uint64_t CountAbove(int64_t value, size_t lane = 0) const {
    uint64_t above = 0;
    for (uint32_t b = BucketOfSigned(value) + 1; b <= high_ && b < kBuckets; ++b) {
      above += counts_[b][lane];
    }
    return above;
  }

  // Where a record in this bucket is counted: for prefetching.
  const void* AddressOf(uint32_t bucket) const { return &counts_[bucket]; }

 private:
  using Lanes = std::array<uint32_t, kLanes>;
  // Ahead of the buckets, so that what stands before the histogram shares their cache line.
  uint64_t count_ = 0;
  uint32_t low_ = kBuckets;
  uint32_t high_ = 0;
  std::array<Lanes, kBuckets> counts_{};
};

// Values of one function: buckets of at most 6.25 %, 1.9 KB.
using FunctionHistogram = LogHistogram<4>;
// One function's completions, 5.6 KB; the lanes hold latency (us), execution time (us) and slowdown
// (latency over work, per mille).
using InvocationHistogram = LogHistogram<4, 3>;
inline constexpr size_t kLatencyLane = 0, kExecutionLane = 1, kSlowdownLane = 2;
// One per run: buckets of at most 0.8 %, 13 KB.
using RunHistogram = LogHistogram<7>;

}  // namespace reeve
