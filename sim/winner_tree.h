// The earliest of N times, each changing often: O(log N) to change one, O(1) to read the earliest.
// Ties go to the lowest index.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace reeve {

class WinnerTree {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  explicit WinnerTree(uint32_t leaves)
      : width_(std::bit_ceil(leaves < 1 ? 1u : leaves)), games_(2 * size_t{width_}) {
    Clear();
  }

  // All times are kNever again.
  void Clear() {
    std::fill(games_.begin(), games_.end(), Game{});
    for (uint32_t leaf = 0; leaf < width_; ++leaf) games_[width_ + leaf].leaf = leaf;
    for (uint32_t at = width_ - 1; at > 0; --at) games_[at] = games_[2 * at];
  }

  int64_t earliest() const { return games_[1].time; }
  uint32_t earliest_index() const { return games_[1].leaf; }

  void Set(uint32_t leaf, int64_t time) {
    uint32_t at = width_ + leaf;
    if (games_[at].time == time) return;
    games_[at].time = time;
    // Who wins cannot be predicted, so nothing branches on it, and what goes up stays in registers:
    // only siblings are read, which do not wait for one another.
    Game winner = games_[at];
    while (at > 1) {
      const Game sibling = games_[at ^ 1];
      // Ties go to the lower leaf, which is the left one's.
      const bool lost = (sibling.time < winner.time) | ((sibling.time == winner.time) & (at & 1));
      winner.time = lost ? sibling.time : winner.time;
      winner.leaf = lost ? sibling.leaf : winner.leaf;
      at /= 2;
      games_[at] = winner;
    }
  }

 private:
  struct Game {
    int64_t time = kNever;
    uint32_t leaf = 0;
  };
  uint32_t width_;
  std::vector<Game> games_;  // [2 * width_]: the final at 1, leaf i at width_ + i
};

}  // namespace reeve
