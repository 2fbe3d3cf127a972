// Which idle container goes first when memory is short, beyond the longest idle.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace reeve {

// Greedy-dual keep-alive (A. Fuerst and P. Sharma, "FaasCache: keeping serverless computing alive
// with greedy-dual caching", ASPLOS'21, section 4). Each node keeps a clock, and each idle
// container a priority
//
//   priority = clock + frequency * cost / size      as of its last use
//
// with frequency the requests of its function on the node since the function last had no container
// there, cost what a cold start takes longer than a warm one, and size its memory. The lowest goes
// first, and the clock moves to the priority of what went, so that what has not been used since
// ages. The paper counts frequency over all containers of a function and does not say whether those
// that stay idle gain by the use of another; as in greedy-dual caching before it they do not, so a
// surplus of containers left by a burst does go.
//
// Not thread-safe. A use costs O(1); memory is O(functions * nodes + containers).
class GreedyDual {
 public:
  GreedyDual(uint32_t functions, uint32_t nodes)
      : nodes_(nodes),
        cost_ms_(functions),
        frequency_(std::size_t{functions} * nodes),
        clock_(nodes) {}

  // Everything but the costs is forgotten.
  void Clear() {
    std::fill(frequency_.begin(), frequency_.end(), 0u);
    std::fill(clock_.begin(), clock_.end(), 0.0);
    priority_.clear();
  }

  // Mean time of the function's cold starts, in ms.
  void SetCost(uint32_t function, double ms) { cost_ms_[function] = ms; }

  // A container came to the node; until its first use it has no more than the clock.
  void Started(uint32_t container, uint32_t node) {
    if (container >= priority_.size()) priority_.resize(container + 1);
    priority_[container] = clock_[node];
  }
  // A request began in it.
  void Used(uint32_t container, uint32_t function, uint32_t node, int64_t memory_mib) {
    const double frequency = ++Frequency(function, node);
    priority_[container] =
        clock_[node] + frequency * cost_ms_[function] / static_cast<double>(memory_mib);
  }
  // In ms per MiB.
  double Priority(uint32_t container) const { return priority_[container]; }
  // A container of this priority was ended to make room.
  void Evicted(uint32_t node, double priority) {
    if (priority > clock_[node]) clock_[node] = priority;
  }
  // The function has no container left on the node.
  void Forget(uint32_t function, uint32_t node) { Frequency(function, node) = 0; }

  double clock(uint32_t node) const { return clock_[node]; }

 private:
  uint32_t& Frequency(uint32_t function, uint32_t node) {
    return frequency_[std::size_t{function} * nodes_ + node];
  }

  uint32_t nodes_;
  std::vector<double> cost_ms_;      // [F]
  std::vector<uint32_t> frequency_;  // [F, nodes]
  std::vector<double> clock_;        // [nodes]
  std::vector<double> priority_;     // [containers]
};

}  // namespace reeve
