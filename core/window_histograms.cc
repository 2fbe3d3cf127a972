#include "core/window_histograms.h"

namespace reeve {

void WindowHistograms::Promote(Place& place) {
  if (histograms_used_ == histograms_.size()) histograms_.emplace_back();
  InvocationHistogram& histogram = histograms_[histograms_used_];
  for (uint32_t at = place.at; at != kNone; at = blocks_[at].older) {
    for (const Buckets& buckets : blocks_[at].completions) histogram.RecordIn(buckets);
  }
  place.at = histograms_used_++;
}

void WindowHistograms::Clear() {
  for (const uint32_t function : used_) places_[function] = {};
  used_.clear();
  for (uint32_t i = 0; i < histograms_used_; ++i) histograms_[i].Clear();
  histograms_used_ = blocks_used_ = 0;
}

void WindowHistograms::MergeInto(uint32_t function, InvocationHistogram& sum) const {
  if (!VisitFew(function, [&](const Buckets& buckets) { sum.RecordIn(buckets); })) {
    sum.Merge(histograms_[places_[function].at]);
  }
}

}  // namespace reeve
