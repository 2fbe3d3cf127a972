// The earliest of N times, each changing often: O(log N) to change one, O(1) to read the earliest.
// Ties go to the lowest index.
#pragma once

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
    for (uint32_t leaf = 0; leaf < width_; ++leaf) games_[width_ + leaf].leaf = leaf;
    for (uint32_t at = width_ - 1; at > 0; --at) games_[at] = games_[2 * at];
  }

  int64_t earliest() const { return games_[1].time; }
  uint32_t earliest_index() const { return games_[1].leaf; }

  void Set(uint32_t leaf, int64_t time) {
    uint32_t at = width_ + leaf;
    if (games_[at].time == time) return;
    games_[at].time = time;
    while (at > 1) {
      // Left children come first, so that ties go to the lower leaf. Who wins cannot be predicted:
      // an index, not a branch.
      const Game* pair = &games_[at & ~1u];
      const Game winner = pair[static_cast<size_t>(pair[1].time < pair[0].time)];
      at /= 2;
      if (games_[at].time == winner.time && games_[at].leaf == winner.leaf) return;
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
