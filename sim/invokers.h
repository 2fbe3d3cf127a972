// Requests bound to nodes: what OpenWhisk's sharding balancer and its invokers remember. What they
// do with it is in engine_invokers.cc.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sim/available_containers.h"

namespace reeve {

// One function on one node.
template <class Slots>
struct Shelf {
  Shelf(uint32_t of_node, RouterStrategy router) : node(of_node), available(router) {}

  uint32_t node;
  uint64_t in_system = 0;                // requests sent to the node that have not left
  int64_t slots_mib = 0;                 // memory that the balancer holds for them
  AvailableContainers<Slots> available;  // warm containers with room for requests
  std::vector<uint32_t> warming;         // starting or resuming ones with room, oldest first
};

// A node as the balancer and its own pool know it.
struct Invoker {
  int64_t slots_mib = 0;  // sum over the shelves
  // The run buffer, first come, first served: requests linked by prev and next.
  uint32_t head = UINT32_MAX, tail = UINT32_MAX;
  bool serving = false;  // its buffer is being looked at
};

// Requests that wait for one container to start or resume, linked by prev and next.
struct Assigned {
  uint32_t head = UINT32_MAX, tail = UINT32_MAX;
  uint32_t count = 0;
  bool resuming = false;
};

template <class Slots>
class Invokers {
 public:
  Invokers(size_t functions, size_t nodes, RouterStrategy router)
      : router_(router), shelves_(functions), nodes_(nodes + 1) {}

  // As newly constructed; the memory of shelves that there were is kept.
  void Clear() {
    for (std::vector<Shelf<Slots>>& shelves : shelves_) {
      for (Shelf<Slots>& shelf : shelves) {
        shelf.in_system = 0;
        shelf.slots_mib = 0;
        shelf.available.Clear();
        shelf.warming.clear();
      }
    }
    std::fill(nodes_.begin(), nodes_.end(), Invoker{});
    assigned_.clear();
    displaced.clear();
    evicted = false;
    forced = resumes = 0;
  }

  // Made when there was none. The reference holds until the next call for another node. O(log n) in
  // the number of nodes that ever served the function.
  Shelf<Slots>& ShelfOf(uint32_t function, uint32_t node) {
    std::vector<Shelf<Slots>>& shelves = shelves_[function];
    auto at = std::lower_bound(shelves.begin(), shelves.end(), node,
                               [](const Shelf<Slots>& s, uint32_t n) { return s.node < n; });
    if (at == shelves.end() || at->node != node) at = shelves.emplace(at, node, router_);
    return *at;
  }
  // One beyond the nodes buffers what no node takes.
  Invoker& invoker(uint32_t node) { return nodes_[node]; }
  Assigned& assigned(uint32_t container) {
    if (container >= assigned_.size()) assigned_.resize(container + 1);
    return assigned_[container];
  }

  std::vector<uint32_t> displaced;  // requests whose container or node went, oldest first
  bool evicted = false;             // more memory may have come free than was needed
  uint64_t forced = 0;              // requests sent to a full node so far
  uint64_t resumes = 0;             // so far

 private:
  RouterStrategy router_;
  std::vector<std::vector<Shelf<Slots>>> shelves_;  // [F][by rising node]
  std::vector<Invoker> nodes_;                      // [nodes + 1]
  std::vector<Assigned> assigned_;                  // [containers]
};

}  // namespace reeve
