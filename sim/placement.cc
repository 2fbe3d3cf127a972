#include "sim/placement.h"

#include <algorithm>
#include <numeric>

namespace reeve {

bool HasRoom(const Node& node, const Need& need, double cpu_overcommit, const Need& freed) {
  if (!node.accepting || node.memory_free_mib() + freed.memory_mib < need.memory_mib) return false;
  return cpu_overcommit <= 0 || static_cast<double>(node.cpu_limits_millicores -
                                                    freed.cpu_millicores + need.cpu_millicores) <=
                                    cpu_overcommit * static_cast<double>(node.cpu_millicores);
}

HashOrder::HashOrder(uint32_t nodes) : nodes_(nodes), steps_(PairwiseCoprimes(nodes)) {}

std::vector<uint32_t> HashOrder::PairwiseCoprimes(uint32_t n) {
  std::vector<uint32_t> found;
  for (uint32_t x = 1; x <= n; ++x) {
    const bool coprime =
        std::gcd(x, n) == 1 &&
        std::all_of(found.begin(), found.end(), [x](uint32_t y) { return std::gcd(x, y) == 1; });
    if (coprime) found.push_back(x);
  }
  return found;
}

uint32_t HashOrder::At(uint64_t hash, uint32_t k) const {
  const uint64_t home = hash % nodes_;
  const uint64_t step = steps_[hash % steps_.size()];
  return static_cast<uint32_t>((home + k * step) % nodes_);
}

namespace {

// Java's String.hashCode, continued from that of the text before.
uint32_t JavaHash(std::string_view text, uint32_t hash = 0) {
  for (char c : text) hash = 31 * hash + static_cast<unsigned char>(c);
  return hash;
}

}  // namespace

uint32_t OpenWhiskHash(std::string_view name_space, std::string_view action) {
  const uint32_t path = JavaHash("/", JavaHash(name_space));
  const uint32_t hash = JavaHash(name_space) ^ JavaHash(action, path);
  return hash >> 31 ? -hash : hash;
}

uint32_t Placement::Choose(std::span<const Node> nodes, const Need& need, uint64_t function_hash,
                           std::span<const uint32_t> of_function) const {
  const uint32_t n = static_cast<uint32_t>(nodes.size());
  uint32_t best = n;
  // a / b < c / d without dividing.
  const auto less_loaded = [&](uint32_t a, uint32_t b) {
    return nodes[a].memory_held_mib * nodes[b].memory_mib <
           nodes[b].memory_held_mib * nodes[a].memory_mib;
  };
  for (uint32_t k = 0; k < n; ++k) {
    const uint32_t i = InOrder(function_hash, k);
    if (!Fits(nodes[i], need)) continue;
    switch (strategy_) {
      case PlacementStrategy::kFirstFit:
      case PlacementStrategy::kHash:
        return i;
      case PlacementStrategy::kLeastLoaded:
        if (best == n || less_loaded(i, best)) best = i;
        break;
      case PlacementStrategy::kBinPack:
        if (best == n || less_loaded(best, i)) best = i;
        break;
      case PlacementStrategy::kSpread:
        if (best == n || of_function[i] < of_function[best] ||
            (of_function[i] == of_function[best] && less_loaded(i, best))) {
          best = i;
        }
        break;
    }
  }
  return best;
}

}  // namespace reeve
