#include "controller/openwhisk/warm_containers.h"

#include <algorithm>

namespace reeve {
namespace {

int64_t SecondOf(int64_t ms) {
  return ms >= 0 ? ms / 1000 : (ms - 999) / 1000;
}

uint32_t CeilOver(int64_t in_use, int32_t concurrency) {
  const int64_t c = std::max(1, concurrency);
  return static_cast<uint32_t>((std::max<int64_t>(0, in_use) + c - 1) / c);
}

}  // namespace

void WarmContainers::Note(int64_t ms, int8_t change, bool cold) {
  const int64_t second = SecondOf(ms);
  if (second < dropped_before_) {
    base_ += change;
    return;
  }
  Bucket& bucket = seconds_[second];
  bucket.events.emplace_back(static_cast<int16_t>(ms - second * 1000), change);
  bucket.net += change;
  bucket.cold += cold;
  bucket.sorted = false;
}

void WarmContainers::Clear() {
  seconds_.clear();
  base_ = 0;
}

// Of one millisecond the ends come first: who begins then may have their container.
void WarmContainers::Sort(Bucket& bucket) {
  std::sort(bucket.events.begin(), bucket.events.end());
  int32_t sum = 0;
  bucket.peak = 0;
  for (const auto& [ms, change] : bucket.events) {
    sum += change;
    bucket.peak = std::max(bucket.peak, sum);
  }
  bucket.sorted = true;
}

uint32_t WarmContainers::Count(int64_t now_ms, int32_t concurrency) {
  const int64_t first = SecondOf(now_ms - keep_alive_ms_);
  while (!seconds_.empty() && seconds_.begin()->first < first) {
    base_ += seconds_.begin()->second.net;
    seconds_.erase(seconds_.begin());
  }
  dropped_before_ = std::max(dropped_before_, first);
  int64_t in_use = base_, most = base_, cold = 0;
  for (auto& [second, bucket] : seconds_) {
    if (!bucket.sorted) Sort(bucket);
    most = std::max(most, in_use + bucket.peak);
    in_use += bucket.net;
    cold += bucket.cold;
  }
  return std::max(CeilOver(most, concurrency), CeilOver(cold, 1));
}

std::optional<int64_t> WarmContainers::LastInUse(uint32_t containers, int32_t concurrency) const {
  std::optional<int64_t> last;
  int64_t in_use = base_;
  for (const auto& [second, bucket] : seconds_) {
    if (CeilOver(in_use + bucket.peak, concurrency) >= containers) last = second * 1000;
    in_use += bucket.net;
  }
  return last;
}

}  // namespace reeve
