// The earliest of N times, each changing often: O(log N) to change one, O(1) to read the earliest.
// Ties go to the lowest index.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

namespace reeve {

class WinnerTree {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  explicit WinnerTree(uint32_t leaves)
      : width_(std::bit_ceil(leaves < 1 ? 1u : leaves)), times_(2 * size_t{width_}, kNever) {}

  int64_t earliest() const { return times_[1]; }
  uint32_t earliest_index() const {
    uint32_t at = 1;
    while (at < width_) {
      at *= 2;
      if (times_[at] != times_[at / 2]) ++at;
    }
    return at - width_;
  }
  void Set(uint32_t leaf, int64_t time) {
    uint32_t at = width_ + leaf;
    if (times_[at] == time) return;
    times_[at] = time;
    while (at > 1) {
      const int64_t winner = times_[at] < times_[at ^ 1] ? times_[at] : times_[at ^ 1];
      at /= 2;
      if (times_[at] == winner) return;
      times_[at] = winner;
    }
  }

 private:
  uint32_t width_;
  std::vector<int64_t> times_;  // [2 * width_]: root at 1, leaf i at width_ + i
};

}  // namespace reeve
