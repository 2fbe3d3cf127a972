// The completions of one window, function by function.
//
// Most functions complete few invocations in a window, and a platform has tens of thousands of
// them: a histogram each would be a hundred megabytes that every completion reaches into at
// random. So the first few completions of a function are kept as they are (their buckets), in
// blocks that all functions share; only a function with more gets a histogram. What can be asked is
// the same, to the bit, for both.
//
// Memory grows with the completions of a window up to kFew a function, and with the number of
// functions that have more; nothing is allocated once a window like it has been seen.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/histogram.h"
#include "core/prefetch.h"

namespace reeve {

class WindowHistograms {
 public:
  // Buckets of InvocationHistogram, by lane.
  using Buckets = std::array<uint16_t, 3>;

  explicit WindowHistograms(size_t functions = 0) : places_(functions) {}

  size_t size() const { return places_.size(); }  // functions

  void Record(uint32_t function, const Buckets& buckets);
  // Bring what the other calls need into the cache: first this, and when that has come, the other.
  void Prefetch(uint32_t function) const { PrefetchLine(&places_[function]); }
  void PrefetchPlace(uint32_t function) const;
  // And what MergeInto reaches into, of `sum`.
  void PrefetchMerge(uint32_t function, const InvocationHistogram& sum) const;
  // A new window: no function has a completion any more. Costs only those that had.
  void Clear();

  uint32_t count(uint32_t function) const { return places_[function].count; }  // completions
  // Adds the function's completions to `sum`.
  void MergeInto(uint32_t function, InvocationHistogram& sum) const;
  // As InvocationHistogram::Quantiles.
  template <size_t n>
  std::array<double, n> Quantiles(uint32_t function, const std::array<double, n>& shares,
                                  size_t lane) const;
  // Calls `visit(const Buckets&)` for each completion of a function that has few; true if it has.
  template <class Visit>
  bool VisitFew(uint32_t function, Visit visit) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kPerBlock = 10;
  static constexpr uint32_t kFew = 2 * kPerBlock;
  struct Place {
    uint32_t count = 0;
    uint32_t at = kNone;  // the newest block; above kFew completions: the histogram
  };
  // One cache line.
  struct alignas(64) Block {
    std::array<Buckets, kPerBlock> completions;
    uint32_t older;  // block
  };

  void Promote(Place& place);
  uint32_t NewBlock(uint32_t older);

  std::vector<Place> places_;   // [F]
  std::vector<uint32_t> used_;  // functions with completions
  std::vector<Block> blocks_;
  std::vector<InvocationHistogram> histograms_;
  uint32_t blocks_used_ = 0, histograms_used_ = 0;
};

inline void WindowHistograms::Record(uint32_t function, const Buckets& buckets) {
  Place& place = places_[function];
  if (place.count == kFew) Promote(place);
  if (place.count >= kFew) {
    histograms_[place.at].RecordIn(buckets);
  } else {
    const uint32_t slot = place.count % kPerBlock;
    if (slot == 0) {
      if (place.count == 0) used_.push_back(function);
      place.at = NewBlock(place.at);
    }
    blocks_[place.at].completions[slot] = buckets;
  }
  ++place.count;
}

inline uint32_t WindowHistograms::NewBlock(uint32_t older) {
  if (blocks_used_ == blocks_.size()) blocks_.emplace_back();
  blocks_[blocks_used_].older = older;
  return blocks_used_++;
}

inline void WindowHistograms::PrefetchPlace(uint32_t function) const {
  const Place& place = places_[function];
  if (place.count > kFew) {
    PrefetchLine(&histograms_[place.at]);
  } else if (place.count > 0) {
    PrefetchLine(&blocks_[place.at]);
  }
}

inline void WindowHistograms::PrefetchMerge(uint32_t function,
                                            const InvocationHistogram& sum) const {
  PrefetchLine(&sum);
  VisitFew(function, [&](const Buckets& buckets) {
    PrefetchLine(sum.AddressOf(buckets[kLatencyLane]));
    PrefetchLine(sum.AddressOf(buckets[kSlowdownLane]));
  });
}

template <class Visit>
bool WindowHistograms::VisitFew(uint32_t function, Visit visit) const {
  const Place& place = places_[function];
  if (place.count > kFew) return false;
  uint32_t in_block = place.count - (place.count > kPerBlock ? kPerBlock : 0);
  for (uint32_t at = place.at; at != kNone; at = blocks_[at].older) {
    for (uint32_t i = 0; i < in_block; ++i) visit(blocks_[at].completions[i]);
    in_block = kPerBlock;
  }
  return true;
}

template <size_t n>
std::array<double, n> WindowHistograms::Quantiles(uint32_t function,
                                                  const std::array<double, n>& shares,
                                                  size_t lane) const {
  const Place& place = places_[function];
  if (place.count == 0) return {};
  if (place.count > kFew) return histograms_[place.at].Quantiles(shares, lane);
  std::array<uint16_t, kFew> sorted;
  size_t size = 0;
  VisitFew(function, [&](const Buckets& buckets) { sorted[size++] = buckets[lane]; });
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(size));
  QuantileScan<InvocationHistogram, n> scan(shares, size);
  for (size_t i = 0; i < size && !scan.done();) {
    const size_t first = i;
    while (i < size && sorted[i] == sorted[first]) ++i;
    scan.Add(sorted[first], static_cast<double>(i - first));
  }
  return scan.Finish();
}

}  // namespace reeve
