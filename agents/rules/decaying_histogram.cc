#include "agents/rules/decaying_histogram.h"

#include <algorithm>

#include "core/portable_math.h"

namespace reeve {
namespace {

constexpr int64_t kMostHalfLives = 100;
constexpr double kLn2 = 0.69314718055994530942;

double Halves(int64_t times) {
  double factor = 1;
  for (int64_t i = 0; i < times && factor > 0; ++i) factor /= 2;
  return factor;
}

}  // namespace

ExponentialBuckets::ExponentialBuckets(double most, double first, double ratio) {
  double start = 0;
  double width = first;
  starts_.push_back(start);
  while (start < most) {
    start += width;
    width *= ratio;
    starts_.push_back(start);
  }
}

size_t ExponentialBuckets::Find(double value) const {
  const auto above = std::upper_bound(starts_.begin() + 1, starts_.end(), value);
  return static_cast<size_t>(above - starts_.begin()) - 1;
}

DecayingHistogram::DecayingHistogram(const ExponentialBuckets& buckets, SimTime half_life)
    : buckets_(&buckets),
      half_life_(half_life),
      weights_(buckets.size()),
      first_(buckets.size() - 1) {}

double DecayingHistogram::Factor(SimTime time) {
  if (time > reference_ + half_life_ * kMostHalfLives) {
    const int64_t half_lives = time / half_life_ + (time % half_life_ * 2 >= half_life_ ? 1 : 0);
    const SimTime reference = half_life_ * half_lives;
    const double scale = Halves((reference - reference_) / half_life_);
    for (size_t b = first_; b <= last_; ++b) weights_[b] *= scale;
    total_ *= scale;
    reference_ = reference;
    TrimEnds();
  }
  return PortableExp(kLn2 * (time - reference_).seconds() / half_life_.seconds());
}

void DecayingHistogram::Add(double value, double weight, SimTime time) {
  const double added = weight * Factor(time);
  const size_t bucket = buckets_->Find(value);
  weights_[bucket] += added;
  total_ += added;
  if (weights_[bucket] < kEpsilon) return;
  first_ = std::min(first_, bucket);
  last_ = std::max(last_, bucket);
}

void DecayingHistogram::Subtract(double value, double weight, SimTime time) {
  double taken = weight * Factor(time);
  const size_t bucket = buckets_->Find(value);
  if (taken > weights_[bucket] - kEpsilon) taken = weights_[bucket];
  weights_[bucket] -= taken;
  total_ -= taken;
  TrimEnds();
}

void DecayingHistogram::TrimEnds() {
  while (first_ + 1 < weights_.size() && weights_[first_] < kEpsilon) ++first_;
  while (last_ > 0 && weights_[last_] < kEpsilon) --last_;
}

bool DecayingHistogram::empty() const {
  return weights_[first_] < kEpsilon;
}

double DecayingHistogram::Percentile(double p) const {
  if (empty()) return 0;
  const double threshold = p * total_;
  double sum = 0;
  size_t bucket = first_;
  for (; bucket < last_; ++bucket) {
    sum += weights_[bucket];
    if (sum >= threshold) break;
  }
  return buckets_->Start(bucket + 1 < buckets_->size() ? bucket + 1 : bucket);
}

}  // namespace reeve
