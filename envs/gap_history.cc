// What is remembered of the gaps between arrivals.
#include <algorithm>
#include <bit>
#include <cmath>

#include "envs/feature_history.h"
#include "envs/window_measures.h"

namespace reeve {

// ---- moments

void ArrivalGaps::Resize(size_t functions) {
  last_arrival_s.resize(functions, -1);
  last_gap_s.resize(functions);
  mean_gap_s.resize(functions);
  gap_variance.resize(functions);
  gaps.resize(functions);
  last_rate.resize(functions);
}

void ArrivalGaps::Forget(size_t f) {
  last_arrival_s[f] = -1;
  last_gap_s[f] = mean_gap_s[f] = gap_variance[f] = 0;
  gaps[f] = last_rate[f] = 0;
}

void ArrivalGaps::Update(const WindowInput& in, size_t begin, size_t end) {
  for (size_t f = begin; f < end; ++f) {
    if (in.w.arrivals[f] == 0) continue;
    if (last_arrival_s[f] >= 0) {
      const double gap = std::max(0.0, in.now_s - last_arrival_s[f]);
      gaps[f] = static_cast<float>(std::min(kMemory, gaps[f] + 1.0));
      const double g = 1 / static_cast<double>(gaps[f]);
      const double off = gap - mean_gap_s[f];
      mean_gap_s[f] += g * off;
      gap_variance[f] = (1 - g) * (gap_variance[f] + g * off * off);
      last_gap_s[f] = gap;
    }
    last_arrival_s[f] = in.now_s;
    last_rate[f] = static_cast<float>(in.Rate(f));
  }
}

double ArrivalGaps::Since(const WindowInput& in, size_t f) const {
  return last_arrival_s[f] < 0 ? -1 : std::max(0.0, in.now_s - last_arrival_s[f]);
}

double ArrivalGaps::Variation(size_t f) const {
  return Ratio(std::sqrt(gap_variance[f]), mean_gap_s[f]);
}

// ---- histogram

namespace {

// A place on the scale: a bucket, and how far into it, 0 .. 1. Bucket 2k is [2^k, 1.5 * 2^k) s,
// bucket 2k + 1 the rest of the octave; what is shorter than 1 s is at the start of the first.
struct Place {
  size_t bucket;
  double into;
};

Place PlaceOf(double s) {
  constexpr double kEnd = 65536;
  if (!(s > 1)) return {0, 0};
  if (s >= kEnd) return {GapHistogram::kBuckets - 1, 1};
  const uint64_t bits = std::bit_cast<uint64_t>(s);
  const uint64_t octave = (bits >> 52) - 1023;
  const double halves =
      2 * (std::bit_cast<double>((bits & 0x000fffffffffffff) | (1023ull << 52)) - 1);
  const double half = halves >= 1 ? 1 : 0;
  return {2 * octave + (halves >= 1 ? 1 : 0), halves - half};
}

}  // namespace

void GapHistogram::Resize(size_t functions) {
  last_arrival_s.resize(functions, -1);
  counts.resize(functions);
}

void GapHistogram::Forget(size_t f) {
  last_arrival_s[f] = -1;
  counts[f] = {};
}

void GapHistogram::Update(const WindowInput& in, size_t begin, size_t end) {
  for (size_t f = begin; f < end; ++f) {
    if (in.w.arrivals[f] == 0) continue;
    if (last_arrival_s[f] >= 0) {
      for (float& count : counts[f]) count *= kKept;
      counts[f][PlaceOf(in.now_s - last_arrival_s[f]).bucket] += 1;
    }
    last_arrival_s[f] = in.now_s;
  }
}

double GapHistogram::Longer(size_t f, double s) const {
  const Place place = PlaceOf(s);
  double longer = counts[f][place.bucket] * (1 - place.into);
  for (size_t i = place.bucket + 1; i < kBuckets; ++i) longer += counts[f][i];
  return longer;
}

double GapHistogram::Chance(const WindowInput& in, size_t f, double horizon_s) const {
  if (last_arrival_s[f] < 0) return 0;
  const double since = std::max(0.0, in.now_s - last_arrival_s[f]);
  const double open = Longer(f, since);
  return (open - Longer(f, since + horizon_s)) / (open + 1);
}

}  // namespace reeve
