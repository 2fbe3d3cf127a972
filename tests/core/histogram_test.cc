#include "core/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/random.h"

namespace reeve {
namespace {

template <class H>
class HistogramTest : public testing::Test {};
using Kinds = testing::Types<FunctionHistogram, RunHistogram>;
TYPED_TEST_SUITE(HistogramTest, Kinds);

// Values over the whole range, log-uniform from 1 to 2^32.
std::vector<int64_t> Values(int n, uint32_t id) {
  const RandomStream stream(1, StreamPurpose::kPolicy, id);
  std::vector<int64_t> values;
  for (int i = 0; i < n; ++i) {
    values.push_back(static_cast<int64_t>(std::exp2(32 * stream.Uniform(i))));
  }
  return values;
}

TYPED_TEST(HistogramTest, BucketsTileTheRange) {
  using H = TypeParam;
  for (uint32_t b = 0; b < H::kBuckets; ++b) {
    ASSERT_EQ(H::BucketOf(H::LowerEdge(b)), b);
    ASSERT_EQ(H::BucketOf(H::UpperEdge(b) - 1), b);
    ASSERT_LT(H::LowerEdge(b), H::UpperEdge(b));
    // As wide as 2^-kSubBits of the lower edge at most, and one value wide at the bottom.
    const uint64_t width = H::UpperEdge(b) - H::LowerEdge(b);
    ASSERT_LE(width, std::max<uint64_t>(1, H::LowerEdge(b) / H::kSub));
  }
  EXPECT_EQ(H::LowerEdge(0), 0u);
  EXPECT_EQ(H::UpperEdge(H::kBuckets - 1), uint64_t{1} << 32);
}

TYPED_TEST(HistogramTest, ValuesPastTheEndShareTheLastBucket) {
  using H = TypeParam;
  EXPECT_EQ(H::BucketOf((uint64_t{1} << 32) - 1), H::kBuckets - 1);
  EXPECT_EQ(H::BucketOf(uint64_t{1} << 32), H::kBuckets - 1);
  EXPECT_EQ(H::BucketOf(~uint64_t{0}), H::kBuckets - 1);
  H h;
  h.Record(int64_t{1} << 40);
  EXPECT_EQ(h.count(), 1u);
  EXPECT_EQ(h.bucket_count(H::kBuckets - 1), 1u);
  EXPECT_LT(h.Quantile(1), 0x1p32);
}

TYPED_TEST(HistogramTest, NegativeValuesCountAsZero) {
  TypeParam h;
  h.Record(-5);
  EXPECT_EQ(h.bucket_count(0), 1u);
  EXPECT_EQ(h.Quantile(0.5), 0);
}

// A quantile is off by less than one bucket: between the values of the neighbouring ranks, up to
// the relative width of a bucket.
TYPED_TEST(HistogramTest, QuantileErrorIsBelowABucket) {
  std::vector<int64_t> values = Values(20'000, 0);
  TypeParam h;
  for (int64_t v : values) h.Record(v);
  std::sort(values.begin(), values.end());
  for (double q : {0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999}) {
    const size_t rank = static_cast<size_t>(q * 20'000);
    const double width = 1.0 / TypeParam::kSub;
    EXPECT_GE(h.Quantile(q), static_cast<double>(values[rank - 1]) * (1 - width) - 1) << q;
    EXPECT_LE(h.Quantile(q), static_cast<double>(values[rank]) * (1 + width) + 1) << q;
  }
}

TYPED_TEST(HistogramTest, QuantileIsMonotoneAndCoversTheEnds) {
  TypeParam h;
  for (int64_t v : Values(1000, 1)) h.Record(v);
  double previous = h.Quantile(0);
  EXPECT_EQ(previous, static_cast<double>(TypeParam::LowerEdge(h.lowest_bucket())));
  for (int i = 1; i <= 1000; ++i) {
    const double now = h.Quantile(i / 1000.0);
    ASSERT_GE(now, previous);
    previous = now;
  }
  EXPECT_EQ(previous, static_cast<double>(TypeParam::UpperEdge(h.highest_bucket()) - 1));
}

TYPED_TEST(HistogramTest, SmallValuesAreExact) {
  TypeParam h;
  for (int64_t v : {1, 2, 3, 4}) h.Record(v);
  EXPECT_EQ(h.Quantile(0.25), 1);
  EXPECT_EQ(h.Quantile(0.5), 2);
  EXPECT_EQ(h.Quantile(0.75), 3);
  EXPECT_EQ(h.Quantile(1), 4);
}

template <class H>
void ExpectSame(const H& a, const H& b) {
  ASSERT_EQ(a.count(), b.count());
  EXPECT_EQ(a.lowest_bucket(), b.lowest_bucket());
  EXPECT_EQ(a.highest_bucket(), b.highest_bucket());
  for (uint32_t i = 0; i < H::kBuckets; ++i) ASSERT_EQ(a.bucket_count(i), b.bucket_count(i));
}

TYPED_TEST(HistogramTest, MergingIsRecordingAll) {
  TypeParam all, first, second, empty;
  for (int64_t v : Values(500, 2)) all.Record(v), first.Record(v);
  for (int64_t v : Values(300, 3)) all.Record(v), second.Record(v);
  first.Merge(second);
  ExpectSame(first, all);
  first.Merge(empty);
  ExpectSame(first, all);
  empty.Merge(all);
  ExpectSame(empty, all);
}

TYPED_TEST(HistogramTest, RecordingSeveralTimes) {
  TypeParam at_once, one_by_one;
  at_once.Record(1234, 5);
  for (int i = 0; i < 5; ++i) one_by_one.Record(1234);
  ExpectSame(at_once, one_by_one);
  at_once.Record(1, 0);  // no times: nothing, not even the range
  ExpectSame(at_once, one_by_one);
}

TYPED_TEST(HistogramTest, ClearLeavesANewOne) {
  TypeParam h;
  for (int64_t v : Values(500, 4)) h.Record(v);
  h.Clear();
  ExpectSame(h, TypeParam());
  h.Record(9);
  EXPECT_EQ(h.Quantile(1), 9);
  EXPECT_EQ(h.count(), 1u);
}

TYPED_TEST(HistogramTest, EmptyHasNoQuantiles) {
  TypeParam h;
  EXPECT_EQ(h.Quantile(0), 0);
  EXPECT_EQ(h.Quantile(1), 0);
  EXPECT_EQ(h.CountAbove(0), 0u);
  EXPECT_EQ(h.lowest_bucket(), TypeParam::kBuckets);
}

TYPED_TEST(HistogramTest, CountAboveLeavesOutTheBucketOfTheValue) {
  TypeParam h;
  h.Record(3, 2);
  h.Record(5, 4);
  h.Record(int64_t{1} << 31, 8);
  EXPECT_EQ(h.CountAbove(-1), 14u);  // 0 is in no one's bucket here
  EXPECT_EQ(h.CountAbove(3), 12u);
  EXPECT_EQ(h.CountAbove(4), 12u);
  EXPECT_EQ(h.CountAbove(5), 8u);
  EXPECT_EQ(h.CountAbove(int64_t{1} << 31), 0u);
  EXPECT_EQ(h.CountAbove(INT64_MAX), 0u);
}

// Three lanes are three histograms of the same records.
TEST(InvocationHistogramTest, LanesAreApart) {
  InvocationHistogram all;
  FunctionHistogram latency, execution, slowdown;
  for (int64_t i = 1; i <= 1000; ++i) {
    all.Record({i * 1000, i * 10, 1000 + i});
    latency.Record(i * 1000);
    execution.Record(i * 10);
    slowdown.Record(1000 + i);
  }
  EXPECT_EQ(all.count(), 1000u);
  for (double q : {0.0, 0.01, 0.5, 0.99, 1.0}) {
    EXPECT_EQ(all.Quantile(q, kLatencyLane), latency.Quantile(q));
    EXPECT_EQ(all.Quantile(q, kExecutionLane), execution.Quantile(q));
    EXPECT_EQ(all.Quantile(q, kSlowdownLane), slowdown.Quantile(q));
  }
  EXPECT_EQ(all.CountAbove(500'000, kLatencyLane), latency.CountAbove(500'000));
  EXPECT_EQ(all.CountAbove(5000, kExecutionLane), execution.CountAbove(5000));
  InvocationHistogram twice = all;
  twice.Merge(all);
  EXPECT_EQ(twice.count(), 2000u);
  EXPECT_EQ(twice.Quantile(0.5, kExecutionLane), execution.Quantile(0.5));
  twice.Clear();
  EXPECT_EQ(twice.Quantile(0.5, kLatencyLane), 0);
}

}  // namespace
}  // namespace reeve
