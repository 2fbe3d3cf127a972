#include "agents/rules/kpa_windows.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/portable_math.h"

namespace reeve {
namespace {

int64_t FloorDivide(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return quotient - (a % b < 0 ? 1 : 0);
}

int64_t BucketCount(SimTime window, SimTime granularity) {
  REEVE_CHECK(window > SimTime() && granularity > SimTime());
  return (window.micros() + granularity.micros() - 1) / granularity.micros();
}

// Where a ring of `count` slots keeps the bucket `index`.
size_t SlotIn(int64_t index, int64_t count) {
  const int64_t slot = index % count;
  return static_cast<size_t>(slot < 0 ? slot + count : slot);
}

// Rounding down hides the dust that adding and subtracting the same values leaves in the total;
// any positive average would otherwise hold a replica.
double RoundDown(double value) {
  return std::floor(value * 1e6) / 1e6;
}

}  // namespace

BucketWindow::BucketWindow(WindowAggregation aggregation, SimTime window, SimTime granularity)
    : aggregation_(aggregation),
      window_(window),
      granularity_(granularity),
      sums_(static_cast<size_t>(BucketCount(window, granularity))) {
  if (aggregation_ == WindowAggregation::kWeightedExponential) {
    smoothing_ = SmoothingCoefficient(buckets());
  }
}

double BucketWindow::SmoothingCoefficient(int64_t buckets) {
  const double rest = PortableExp(PortableLog(1 - 0.9999) / static_cast<double>(buckets));
  return std::max(1 - rest, 0.2);
}

int64_t BucketWindow::IndexOf(SimTime now) const {
  return FloorDivide(now.micros(), granularity_.micros());
}

size_t BucketWindow::Slot(int64_t index) const {
  return SlotIn(index, buckets());
}

void BucketWindow::Record(SimTime now, double value) {
  const int64_t index = IndexOf(now);
  if (index != last_) {
    const bool restart = last_ == kNever || Span(index - last_) >= window_;
    if (!restart && Span(last_ - index) >= window_) return;
    if (first_ == kNever || first_ > index) first_ = index;
    if (restart) {
      std::fill(sums_.begin(), sums_.end(), 0.0);
      total_ = 0;
      first_ = index;
      last_ = index;
    } else if (index > last_) {
      for (int64_t i = last_ + 1; i <= index; ++i) {
        double& sum = sums_[Slot(i)];
        total_ -= sum;
        sum = 0;
      }
      last_ = index;
    }
  }
  sums_[Slot(index)] += value;
  total_ += value;
}

bool BucketWindow::IsEmpty(SimTime now) const {
  return last_ == kNever || Span(IndexOf(now) - last_) > window_;
}

double BucketWindow::Average(SimTime now) const {
  if (last_ == kNever) return 0;
  const int64_t index = IndexOf(now);
  return aggregation_ == WindowAggregation::kLinear ? LinearAverage(index) : WeightedAverage(index);
}

double BucketWindow::LinearAverage(int64_t now) const {
  const int64_t gap = std::max<int64_t>(now - last_, 0);
  if (gap > 0 && Span(gap) >= window_) return 0;
  double sum = total_;
  for (int64_t i = last_ + 1; i <= last_ + gap; ++i) sum -= sums_[Slot(i)];
  const int64_t left = buckets() - gap;
  const int64_t valid = first_ == kNever ? left : std::min(last_ - first_ + 1, left);
  return RoundDown(sum / static_cast<double>(valid));
}

double BucketWindow::WeightedAverage(int64_t now) const {
  const int64_t gap = std::max<int64_t>(now - last_, 0);
  if (Span(gap) > window_) return 0;
  double weight = smoothing_;
  for (int64_t i = 0; i < gap; ++i) weight *= 1 - smoothing_;
  double average = 0;
  for (int64_t i = 0; i < buckets() - gap; ++i) {
    average += sums_[Slot(last_ - i)] * weight;
    weight *= 1 - smoothing_;
  }
  return average;
}

double BucketWindow::Sum(SimTime now) const {
  if (last_ == kNever) return 0;
  const int64_t gap = std::max<int64_t>(IndexOf(now) - last_, 0);
  double sum = 0;
  for (int64_t i = 0; i < buckets() - gap; ++i) sum += sums_[Slot(last_ - i)];
  return sum;
}

void BucketWindow::Resize(SimTime now, SimTime window) {
  if (window == window_) return;
  const int64_t old_count = buckets();
  const int64_t new_count = BucketCount(window, granularity_);
  std::vector<double> kept(static_cast<size_t>(new_count));
  double total = 0;
  if (IsEmpty(now)) {
    first_ = kNever;
  } else {
    for (int64_t i = 0; i < std::min(old_count, new_count); ++i) {
      const double sum = sums_[Slot(last_ - i)];
      kept[SlotIn(last_ - i, new_count)] = sum;
      total += sum;
    }
    first_ = last_ - (old_count - 1);
  }
  window_ = window;
  sums_ = std::move(kept);
  total_ = total;
  if (aggregation_ == WindowAggregation::kWeightedExponential) {
    smoothing_ = SmoothingCoefficient(new_count);
  }
}

SlidingMaximum::SlidingMaximum(SimTime window, SimTime granularity)
    : granularity_(granularity), ring_(static_cast<size_t>(BucketCount(window, granularity))) {}

void SlidingMaximum::Record(SimTime now, int32_t value) {
  if (!enabled()) return;
  const int64_t bucket = FloorDivide(now.micros(), granularity_.micros());
  // An older value that is not larger can never be the maximum again.
  while (size_ > 0 && At(size_ - 1).value <= value) --size_;
  const auto drop_first = [this] {
    first_ = (first_ + 1) % ring_.size();
    --size_;
  };
  while (size_ > 0 && bucket - ring_[first_].bucket >= static_cast<int64_t>(ring_.size())) {
    drop_first();
  }
  if (size_ > 0 && At(size_ - 1).bucket == bucket) return;  // this bucket's larger value stays
  if (size_ == ring_.size()) drop_first();                  // only when time went backwards
  At(size_) = {bucket, value};
  ++size_;
}

int32_t PodsToSample(int32_t pods) {
  if (pods < 0) return 0;
  if (pods <= 3) return pods;
  const double x = 1.96 * 1.96 * 100.0 / (5.0 * 5.0);
  const double n = pods;
  return static_cast<int32_t>(std::ceil(n * x / (n + x - 1)));
}

}  // namespace reeve
