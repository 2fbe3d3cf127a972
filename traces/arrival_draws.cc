#include "traces/arrival_draws.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace reeve {
namespace {

bool Before(const Arrival& a, const Arrival& b) {
  return a.offset_us != b.offset_us ? a.offset_us < b.offset_us : a.function < b.function;
}

void InsertionSort(Arrival* items, size_t n) {
  for (size_t i = 1; i < n; ++i) {
    const Arrival a = items[i];
    size_t j = i;
    for (; j > 0 && Before(a, items[j - 1]); --j) items[j] = items[j - 1];
    items[j] = a;
  }
}

// Bottom-up merge sort: std::stable_sort allocates its buffer at every call.
void MergeSort(std::vector<Arrival>& items, std::vector<Arrival>& scratch) {
  const size_t n = items.size();
  constexpr size_t kRun = 16;
  for (size_t begin = 0; begin < n; begin += kRun) {
    InsertionSort(items.data() + begin, std::min(kRun, n - begin));
  }
  scratch.resize(n);
  for (size_t width = kRun; width < n; width *= 2) {
    for (size_t begin = 0; begin < n; begin += 2 * width) {
      const Arrival* const first = items.data() + begin;
      const Arrival* const middle = items.data() + std::min(begin + width, n);
      const Arrival* const last = items.data() + std::min(begin + 2 * width, n);
      std::merge(first, middle, middle, last, scratch.data() + begin, Before);
    }
    items.swap(scratch);
  }
}

// Two counting passes over the high bits of the offset, then insertion for what shares them.
void RadixSort(std::vector<Arrival>& items, std::vector<Arrival>& scratch, uint32_t range) {
  constexpr int kDigit = 11;
  constexpr uint32_t kRadix = 1u << kDigit;
  const int width = std::bit_width(range);
  const int shift = std::max(0, width - 2 * kDigit);
  scratch.resize(items.size());
  for (int pass = 0; pass < 2; ++pass) {
    const int low = shift + pass * kDigit;
    std::array<uint32_t, kRadix> place{};
    for (const Arrival& a : items) ++place[(a.offset_us >> low) & (kRadix - 1)];
    uint32_t sum = 0;
    for (uint32_t& p : place) sum += std::exchange(p, sum);
    for (const Arrival& a : items) scratch[place[(a.offset_us >> low) & (kRadix - 1)]++] = a;
    items.swap(scratch);
  }
  InsertionSort(items.data(), items.size());
}

}  // namespace

void SortArrivals(std::vector<Arrival>& items, std::vector<Arrival>& scratch, uint32_t range) {
  if (items.size() < 256) {
    MergeSort(items, scratch);
  } else {
    RadixSort(items, scratch, range);
  }
}

FunctionDraws::FunctionDraws(const Trace& trace, uint64_t seed)
    : seed_(seed), next_(trace.functions().size()) {
  duration_ms_.reserve(trace.functions().size());
  for (const FunctionProfile& f : trace.functions()) duration_ms_.push_back(f.duration_ms);
}

void FunctionDraws::Restart(uint64_t seed) {
  seed_ = seed;
  std::fill(next_.begin(), next_.end(), uint64_t{0});
}

}  // namespace reeve
