// Which node a new container goes to.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/cluster_spec.h"

namespace reeve {

struct PrewarmPool {
  int64_t memory_mib = 0;
  uint32_t target = 0, ready = 0, starting = 0;
};

struct Node {
  int64_t cpu_millicores = 0;
  int64_t memory_mib = 0;
  int64_t memory_held_mib = 0;
  int64_t cpu_limits_millicores = 0;  // sum over its containers
  int64_t idle_memory_mib = 0;        // of containers without requests
  bool accepting = true;              // takes new containers
  std::vector<uint32_t> members;      // containers, by rising creation
  std::vector<PrewarmPool> prewarm;
  uint64_t prewarm_starts = 0;  // drawn so far
  uint64_t lost_before = 0;     // starts of the pools begun before this timer were lost

  // As newly constructed, in the memory that there is.
  void Clear() {
    auto kept_members = std::move(members);
    auto kept_prewarm = std::move(prewarm);
    kept_members.clear();
    kept_prewarm.clear();
    *this = Node();
    members = std::move(kept_members);
    prewarm = std::move(kept_prewarm);
  }

  int64_t memory_free_mib() const { return memory_mib - memory_held_mib; }
};

// What a container needs.
struct Need {
  int64_t memory_mib = 0;
  int64_t cpu_millicores = 0;
};

// Room by memory and, with overcommit > 0, by the sum of CPU limits, once `freed` has gone.
bool HasRoom(const Node& node, const Need& need, double cpu_overcommit, const Need& freed = {});

// The walk of OpenWhisk's sharding balancer (core/controller, ShardingContainerPoolBalancer.scala):
// a function starts looking at its home and goes on in steps that are coprime to the number of
// nodes, so that it sees every node once. Home is hash mod n; the step is the one numbered hash mod
// the number of steps.
class HashOrder {
 public:
  explicit HashOrder(uint32_t nodes);
  // The k-th node, k < nodes, for a function with this hash.
  uint32_t At(uint64_t hash, uint32_t k) const;
  // The pairwise coprime steps for n nodes: 10 gives 1, 3, 7.
  static std::vector<uint32_t> PairwiseCoprimes(uint32_t n);

 private:
  uint32_t nodes_;
  std::vector<uint32_t> steps_;
};

// OpenWhisk's hash of an action in a namespace (generateHash): the absolute value of
// hash(namespace) xor hash(namespace/action), each as Java's String.hashCode. Of names in ASCII;
// other bytes count as characters of their own.
uint32_t OpenWhiskHash(std::string_view name_space, std::string_view action);

class Placement {
 public:
  Placement(PlacementStrategy strategy, double cpu_overcommit, uint32_t nodes)
      : strategy_(strategy), cpu_overcommit_(cpu_overcommit), hash_order_(nodes) {}

  // The node for a container, or nodes.size() when none has room. `of_function` counts, for each
  // node, the function's containers there (kSpread only; empty otherwise). Ties go to the lowest
  // index. O(nodes).
  uint32_t Choose(std::span<const Node> nodes, const Need& need, uint64_t function_hash,
                  std::span<const uint32_t> of_function) const;

  // The k-th node at which the strategy looks when none has room: which idle containers go.
  uint32_t InOrder(uint64_t function_hash, uint32_t k) const {
    return strategy_ == PlacementStrategy::kHash ? hash_order_.At(function_hash, k) : k;
  }

  // Whether the node has room once containers that hold `freed` have gone.
  bool Fits(const Node& node, const Need& need, const Need& freed = {}) const {
    return HasRoom(node, need, cpu_overcommit_, freed);
  }
  PlacementStrategy strategy() const { return strategy_; }
  const HashOrder& hash_order() const { return hash_order_; }

 private:
  PlacementStrategy strategy_;
  double cpu_overcommit_;
  HashOrder hash_order_;
};

}  // namespace reeve
