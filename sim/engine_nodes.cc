// Nodes: their events, their memory and who gets it, their pools of pre-warmed containers.
#include <algorithm>
#include <utility>

#include "sim/engine.h"

namespace reeve {

void SimulatedCluster::Engine::OnNodeEvent(const NodeEventSpec& event) {
  const uint32_t index = static_cast<uint32_t>(event.node);
  Node& node = nodes_[index];
  if (event.kind == NodeEventKind::kRestore) {
    node.accepting = true;
    if (invokers_) {
      DisplaceBuffer(static_cast<uint32_t>(nodes_.size()));
      Redispatch();
    }
    OnMemoryFreed(index);
    return;
  }
  node.accepting = false;
  const std::vector<uint32_t> members = node.members;
  std::vector<uint32_t> affected;
  for (uint32_t container : members) {
    affected.push_back(containers_[container].function);
    if (event.kind == NodeEventKind::kLose) {
      Fail(container);
    } else if (containers_[container].state != ContainerState::kDraining) {
      Stop(container);
    }
  }
  if (event.kind == NodeEventKind::kLose) {
    for (PrewarmPool& pool : node.prewarm) {
      node.memory_held_mib -= (pool.ready + pool.starting) * pool.memory_mib;
      pool.ready = pool.starting = 0;
    }
    node.lost_before = timers_set_;
  }
  if (invokers_) {
    DisplaceBuffer(index);
    Redispatch();
  }
  for (uint32_t function : affected) {
    if (on_demand_) StartForQueue(function);
    Reconcile(function);
  }
}

// ---- memory

void SimulatedCluster::Engine::OnMemoryFreed(uint32_t node) {
  if (!nodes_[node].accepting) return;
  if (invokers_) ServeBuffer(node);
  if (!pending_.empty()) PlacePending(node, /*evict=*/false);
  if (!nodes_[node].prewarm.empty()) RefillPrewarm(node);
}

void SimulatedCluster::Engine::RetryPending() {
  if (invokers_) ServeBuffers();
  for (uint32_t i = 0; i < nodes_.size() && !pending_.empty(); ++i) PlacePending(i, on_demand_);
}

void SimulatedCluster::Engine::PlacePending(uint32_t node, bool evict) {
  if (!nodes_[node].accepting) return;
  const auto can_start = [&](const Need& need) {
    if (placement_.Fits(nodes_[node], need)) return true;
    for (const PrewarmPool& pool : nodes_[node].prewarm) {
      if (pool.ready > 0 && pool.memory_mib == need.memory_mib) return true;
    }
    return evict && FindVictims(node, need);
  };
  // Whoever waits longest and fits starts; starting changes pending_, so work on a copy.
  std::vector<uint32_t> waiting = std::exchange(pending_, std::exchange(spare_pending_, {}));
  for (uint32_t function : waiting) {
    Function& f = functions_[function];
    Touch(function);
    f.pending = false;
    uint32_t wanted = f.unplaced;
    if (on_demand_) {
      // Requests that other containers served meanwhile need none of their own any more; those
      // bound to nodes never did.
      const uint64_t per = f.concurrency;
      const uint64_t queue =
          invokers_ ? 0 : (static_cast<uint64_t>(f.queued.value) + per - 1) / per;
      const uint64_t floor = f.target > f.alive() ? f.target - f.alive() : 0;
      const uint64_t needed = std::max(queue > f.starting ? queue - f.starting : 0, floor);
      wanted = static_cast<uint32_t>(std::min<uint64_t>(wanted, needed));
    }
    f.unplaced = 0;
    const Need need{f.memory_limit_mib, f.cpu_limit};
    while (wanted > 0 && can_start(need) && StartContainer(function) != kNone) --wanted;
    AddUnplaced(function, wanted);
  }
  waiting.clear();
  spare_pending_ = std::move(waiting);
}

// ---- eviction

bool SimulatedCluster::Engine::Evictable(uint32_t container) const {
  const Container& c = containers_[container];
  const Function& f = functions_[c.function];
  return c.state == ContainerState::kReady && c.slot.outstanding == 0 &&
         (c.outdated || f.alive() > f.target) && !Resuming(container);
}

bool SimulatedCluster::Engine::FindVictims(uint32_t node_index, const Need& need) {
  const Node& node = nodes_[node_index];
  victims_.clear();
  if (!node.accepting || node.memory_free_mib() + node.idle_memory_mib < need.memory_mib) {
    return false;
  }
  for (uint32_t member : node.members) {
    if (Evictable(member)) victims_.push_back(member);
  }
  std::sort(victims_.begin(), victims_.end(), [this](uint32_t a, uint32_t b) {
    if (greedy_dual_) {
      const double x = greedy_dual_->Priority(a), y = greedy_dual_->Priority(b);
      if (x != y) return x < y;
    }
    const Container &c = containers_[a], &d = containers_[b];
    if (c.idle_since_us != d.idle_since_us) return c.idle_since_us < d.idle_since_us;
    return c.slot.sequence < d.slot.sequence;
  });
  Need freed;
  size_t kept = 0;
  for (size_t i = 0; i < victims_.size() && !placement_.Fits(node, need, freed); ++i) {
    const Container& c = containers_[victims_[i]];
    const Function& f = functions_[c.function];
    // The function's warm floor stays, counting those that go already.
    const auto gone = std::count_if(
        victims_.begin(), victims_.begin() + static_cast<ptrdiff_t>(kept), [&](uint32_t victim) {
          return containers_[victim].function == c.function && !containers_[victim].outdated;
        });
    if (!c.outdated && f.alive() - static_cast<uint32_t>(gone) <= f.target) continue;
    freed.memory_mib += c.memory_mib;
    freed.cpu_millicores += f.cpu_limit;
    victims_[kept++] = victims_[i];
  }
  victims_.resize(kept);
  return placement_.Fits(node, need, freed);
}

uint32_t SimulatedCluster::Engine::EvictFor(uint32_t function) {
  const Need need{functions_[function].memory_limit_mib, functions_[function].cpu_limit};
  for (uint32_t k = 0; k < nodes_.size(); ++k) {
    const uint32_t node = placement_.InOrder(function_hash_[function], k);
    if (!FindVictims(node, need)) continue;
    EvictVictims();
    return node;
  }
  return kNone;
}

void SimulatedCluster::Engine::EvictVictims() {
  for (uint32_t victim : victims_) {
    const Container& c = containers_[victim];
    if (greedy_dual_) greedy_dual_->Evicted(c.node, greedy_dual_->Priority(victim));
    ++totals_[c.function].containers_stopped;
    Discard(victim);
  }
}

// ---- pools

uint32_t SimulatedCluster::Engine::TakePrewarmed(uint32_t function, const Need& need) {
  if (spec_.prewarm.empty()) return kNone;
  for (uint32_t k = 0; k < nodes_.size(); ++k) {
    const uint32_t node = placement_.InOrder(function_hash_[function], k);
    if (TakePrewarmedOn(node, need)) return node;
  }
  return kNone;
}

bool SimulatedCluster::Engine::TakePrewarmedOn(uint32_t index, const Need& need) {
  Node& node = nodes_[index];
  if (!node.accepting) return false;
  for (PrewarmPool& pool : node.prewarm) {
    if (pool.memory_mib != need.memory_mib || pool.ready == 0) continue;
    --pool.ready;
    node.memory_held_mib -= pool.memory_mib;
    return true;
  }
  return false;
}

void SimulatedCluster::Engine::RefillPrewarm(uint32_t index) {
  Node& node = nodes_[index];
  if (!node.accepting) return;
  for (uint32_t p = 0; p < node.prewarm.size(); ++p) {
    PrewarmPool& pool = node.prewarm[p];
    while (pool.ready + pool.starting < pool.target && node.memory_free_mib() >= pool.memory_mib) {
      node.memory_held_mib += pool.memory_mib;
      ++pool.starting;
      const RandomStream draws(seed_, StreamPurpose::kPlacement, index);
      const double ms = spec_.cold_start.time_ms.Sample(draws.Uniform(node.prewarm_starts++));
      SetTimer(now_ + MicrosFromMillis(ms), Timer::Kind::kPrewarmReady, index, p);
    }
  }
}

}  // namespace reeve
