// The life and death of containers and nodes.
#include <algorithm>

#include "sim/engine.h"

namespace reeve {

namespace {

// At least 1 us, so that a start that fails and is tried again takes time.
int64_t MicrosFromMillis(double ms) {
  return std::max<int64_t>(1, static_cast<int64_t>(std::min(ms, 1e9) * 1000 + 0.5));
}

// Draws per container start, within the function's cold-start stream.
enum StartDraw : uint64_t { kStartTime, kPullTime, kFails, kLifetime, kDraws };

}  // namespace

void SimulatedCluster::Engine::WakeUp(uint32_t function) {
  if (!wake) return;
  Decision decision;
  wake(FunctionId(function), SimTime::Micros(now_), decision);
  ApplyTo(function, decision);
}

void SimulatedCluster::Engine::AddUnplaced(uint32_t function, uint32_t count) {
  Function& f = functions_[function];
  Touch(function);
  f.unplaced += count;
  if (!f.pending && f.unplaced > 0) {
    f.pending = true;
    pending_.push_back(function);
  }
}

// Replica-target scaling: as many containers as the target asks for. On demand: at least as many.
void SimulatedCluster::Engine::Reconcile(uint32_t function) {
  Function& f = functions_[function];
  const uint32_t wanted = std::min(f.target, f.max_replicas);
  const uint32_t have = f.alive() + f.unplaced;
  if (have < wanted) {
    uint32_t missing = wanted - have;
    while (missing > 0 && StartContainer(function)) --missing;
    AddUnplaced(function, missing);
  } else if (have > wanted && !on_demand_) {
    ScaleDown(function, have - wanted);
  }
}

void SimulatedCluster::Engine::ScaleDown(uint32_t function, uint32_t excess) {
  Function& f = functions_[function];
  Touch(function);
  const uint32_t unplaced = std::min(excess, f.unplaced);
  f.unplaced -= unplaced;
  excess -= unplaced;
  // Those that are not ready go first, as a ReplicaSet ranks them; then by the strategy.
  const auto stop_newest = [&](auto eligible) {
    for (size_t i = f.members.size(); i-- > 0 && excess > 0;) {
      const uint32_t container = f.members[i];
      if (!eligible(containers_[container])) continue;
      Stop(container);
      --excess;
      i = std::min(i, f.members.size());
    }
  };
  stop_newest([](const Container& c) { return c.state == ContainerState::kStarting; });
  if (spec_.scale_down == ScaleDownOrder::kIdleFirst) {
    stop_newest([](const Container& c) {
      return c.state == ContainerState::kReady && c.slot.outstanding == 0;
    });
  }
  stop_newest([](const Container& c) { return c.state == ContainerState::kReady; });
}

void SimulatedCluster::Engine::StartForQueue(uint32_t function) {
  Function& f = functions_[function];
  while (f.alive() + f.unplaced < f.max_replicas) {
    const uint64_t coming = uint64_t{f.starting} + f.unplaced;
    if (coming * f.concurrency >= static_cast<uint64_t>(f.queued.value)) return;
    if (!StartContainer(function)) {
      AddUnplaced(function, 1);
    } else if (spec_.bind_cold_starts && f.queue_tail != kNone) {
      // The request that has waited least is the one that no container on its way was meant for.
      const uint32_t request = f.queue_tail;
      Unqueue(f, request);
      f.queued.Add(1, now_);
      requests_[request].bound = true;
      requests_[request].container = f.members.back();
      containers_[f.members.back()].bound_request = request;
    }
  }
}

bool SimulatedCluster::Engine::StartContainer(uint32_t function, bool ready_at_once) {
  Function& f = functions_[function];
  Touch(function);
  const Need need{f.memory_limit_mib, f.cpu_limit};
  const RandomStream draws(seed_, StreamPurpose::kColdStart, function);

  // A pre-warmed container of the right size beats an empty place.
  uint32_t node = static_cast<uint32_t>(nodes_.size());
  bool prewarmed = false;
  for (uint32_t i = 0; i < nodes_.size() && !prewarmed; ++i) {
    if (!nodes_[i].accepting) continue;
    for (PrewarmPool& pool : nodes_[i].prewarm) {
      if (pool.memory_mib != need.memory_mib || pool.ready == 0) continue;
      --pool.ready;
      nodes_[i].memory_held_mib -= pool.memory_mib;
      node = i;
      prewarmed = true;
      break;
    }
  }
  if (!prewarmed) {
    if (placement_.strategy() == PlacementStrategy::kSpread) {
      std::fill(function_on_node_.begin(), function_on_node_.end(), 0u);
      for (uint32_t member : f.members) ++function_on_node_[containers_[member].node];
    }
    node = placement_.Choose(nodes_, need, function_hash_[function], function_on_node_);
    if (node == nodes_.size() && !(on_demand_ && EvictFor(function, node))) return false;
  }

  uint32_t container;
  if (free_containers_.empty()) {
    container = static_cast<uint32_t>(containers_.size());
    containers_.emplace_back();
    cpu_generations_.push_back(0);
  } else {
    container = free_containers_.back();
    free_containers_.pop_back();
  }
  Container& c = containers_[container];
  c.slot = {.concurrency = f.concurrency, .sequence = containers_made_++};
  c.function = function;
  c.node = node;
  c.state = ContainerState::kStarting;
  c.expiry_armed = false;
  c.bound_request = kNone;
  c.memory_mib = need.memory_mib;
  c.ready_us = WinnerTree::kNever;
  f.members.push_back(container);
  nodes_[node].members.push_back(container);
  nodes_[node].memory_held_mib += need.memory_mib;
  nodes_[node].cpu_limits_millicores += need.cpu_millicores;
  ++f.starting;
  f.containers.Add(1, now_);
  f.memory_mib.Add(c.memory_mib, now_);
  ++f.window.containers_started;

  const uint64_t draw = f.starts_drawn++ * kDraws;
  double ms = (prewarmed ? spec_.cold_start.prewarmed_ms : f.cold_start_ms)
                  .Sample(draws.Uniform(draw + kStartTime));
  if (!prewarmed && !image_on_node_.empty()) {
    uint8_t& pulled = image_on_node_[size_t{function} * nodes_.size() + node];
    if (!pulled) ms += spec_.cold_start.image_pull_ms.Sample(draws.Uniform(draw + kPullTime));
    pulled = 1;
  }
  const int64_t start_us = MicrosFromMillis(ms);
  if (ready_at_once) {
    OnReady(container);
  } else if (spec_.cold_start.cpu.value() > 0) {
    const int32_t cpu = static_cast<int32_t>(spec_.cold_start.cpu.value());
    cpus_[node].Configure(c.cpu, container, now_, cpu, std::min(cpu, f.cpu_limit), f.weight());
    cpus_[node].Start(c.cpu, container, now_, static_cast<double>(start_us), kNone);
    SetNodeTime(node);
  } else {
    SetTimer(now_ + start_us, Timer::Kind::kContainerReady, container, c.slot.sequence);
  }
  if (prewarmed) RefillPrewarm(node);
  return true;
}

void SimulatedCluster::Engine::ConfigureCpu(uint32_t container) {
  Container& c = containers_[container];
  const Function& f = functions_[c.function];
  cpus_[c.node].Configure(c.cpu, container, now_, f.cpu_demand, f.cpu_limit, f.weight());
  SetNodeTime(c.node);
}

bool SimulatedCluster::Engine::Evictable(const Container& c) const {
  const Function& f = functions_[c.function];
  return c.state == ContainerState::kReady && c.slot.outstanding == 0 && f.alive() > f.target;
}

// Makes room on one node by ending idle containers, the longest idle first.
bool SimulatedCluster::Engine::EvictFor(uint32_t function, uint32_t& node) {
  const Need need{functions_[function].memory_limit_mib, functions_[function].cpu_limit};
  const uint32_t chosen = placement_.ChooseForEviction(nodes_, need, function_hash_[function]);
  if (chosen == nodes_.size()) return false;
  while (!placement_.Fits(nodes_[chosen], need)) {
    uint32_t victim = kNone;
    for (uint32_t member : nodes_[chosen].members) {
      const Container& c = containers_[member];
      if (Evictable(c) &&
          (victim == kNone || c.idle_since_us < containers_[victim].idle_since_us)) {
        victim = member;
      }
    }
    if (victim == kNone) return false;
    ++totals_[containers_[victim].function].containers_stopped;
    Remove(victim);
  }
  node = chosen;
  return true;
}

void SimulatedCluster::Engine::OnReady(uint32_t container) {
  Container& c = containers_[container];
  Function& f = functions_[c.function];
  const uint32_t function = c.function;
  Touch(function);
  const RandomStream draws(seed_, StreamPurpose::kFailure, c.slot.sequence);
  if (spec_.failures.start_failure_probability > 0 &&
      draws.Uniform(kFails) < spec_.failures.start_failure_probability) {
    Fail(container);
    return;
  }
  c.state = ContainerState::kReady;
  c.ready_us = now_;
  c.idle_since_us = now_;
  --f.starting;
  ++f.ready;
  nodes_[c.node].idle_memory_mib += c.memory_mib;
  ConfigureCpu(container);
  if (spec_.failures.container_mtbf != SimTime::Max()) {
    const double after =
        draws.Exponential(kLifetime) * static_cast<double>(spec_.failures.container_mtbf.micros());
    SetTimer(now_ + static_cast<int64_t>(std::min(after, 1e17)), Timer::Kind::kContainerFailure,
             container, c.slot.sequence);
  }
  if (c.bound_request != kNone) {
    const uint32_t request = c.bound_request;
    Unbind(f, container);
    Begin(f, request, container);
  }
  if (c.slot.outstanding < c.slot.concurrency) f.available.Add(containers_, container);
  ServeQueue(function);
  if (on_demand_ && c.slot.outstanding == 0) {
    c.expiry_armed = true;
    SetTimer(now_ + f.keep_alive_us, Timer::Kind::kKeepAlive, container, c.slot.sequence);
  }
}

void SimulatedCluster::Engine::OnKeepAlive(uint32_t container) {
  Container& c = containers_[container];
  const Function& f = functions_[c.function];
  c.expiry_armed = false;
  if (c.state != ContainerState::kReady || c.slot.outstanding > 0) return;
  // It was used since the timer was set, or stays as part of the warm floor: look again later.
  int64_t expiry = c.idle_since_us + f.keep_alive_us;
  if (expiry <= now_ && f.alive() <= f.target) {
    expiry = now_ + std::max<int64_t>(f.keep_alive_us, 1'000'000);
  }
  if (expiry > now_) {
    c.expiry_armed = true;
    SetTimer(expiry, Timer::Kind::kKeepAlive, container, c.slot.sequence);
    return;
  }
  ++totals_[c.function].containers_stopped;
  Remove(container);
}

void SimulatedCluster::Engine::Stop(uint32_t container) {
  Container& c = containers_[container];
  Function& f = functions_[c.function];
  Touch(c.function);
  if (c.slot.outstanding > 0) {
    f.available.Remove(containers_, container);
    c.state = ContainerState::kDraining;
    --f.ready;
    ++f.draining;
    return;
  }
  ++totals_[c.function].containers_stopped;
  Remove(container);
}

void SimulatedCluster::Engine::Remove(uint32_t container) {
  Container& c = containers_[container];
  Function& f = functions_[c.function];
  Node& node = nodes_[c.node];
  const uint32_t node_index = c.node;
  Touch(c.function);
  switch (c.state) {
    case ContainerState::kStarting:
      --f.starting;
      if (c.bound_request != kNone) {
        const uint32_t request = c.bound_request;
        Unbind(f, container);
        Enqueue(f, request);
      }
      scratch_.clear();
      cpus_[node_index].CancelAll(c.cpu, container, now_, scratch_);
      SetNodeTime(node_index);
      break;
    case ContainerState::kReady:
      --f.ready;
      f.available.Remove(containers_, container);
      break;
    case ContainerState::kDraining:
      --f.draining;
      break;
    case ContainerState::kFree:
      return;
  }
  if (c.state != ContainerState::kStarting) node.idle_memory_mib -= c.memory_mib;
  f.cpu_used_window += cpus_[node_index].TakeUsed(c.cpu, now_);
  f.containers.Add(-1, now_);
  f.memory_mib.Add(-c.memory_mib, now_);
  node.memory_held_mib -= c.memory_mib;
  node.cpu_limits_millicores -= f.cpu_limit;
  f.members.erase(std::find(f.members.begin(), f.members.end(), container));
  node.members.erase(std::find(node.members.begin(), node.members.end(), container));
  c.state = ContainerState::kFree;
  free_containers_.push_back(container);
  OnMemoryFreed(node_index);
}

void SimulatedCluster::Engine::Fail(uint32_t container) {
  Container& c = containers_[container];
  const uint32_t function = c.function;
  Function& f = functions_[function];
  if (c.slot.outstanding > 0) {
    std::vector<uint32_t> lost;
    cpus_[c.node].CancelAll(c.cpu, container, now_, lost);
    SetNodeTime(c.node);
    for (uint32_t request : lost) Leave(f, request, Outcome::kFailed);
    c.slot.outstanding = 0;
    f.busy.Add(-1, now_);
    nodes_[c.node].idle_memory_mib += c.memory_mib;
  }
  Remove(container);
  if (on_demand_) StartForQueue(function);
  Reconcile(function);
}

void SimulatedCluster::Engine::OnNodeEvent(const NodeEventSpec& event) {
  const uint32_t index = static_cast<uint32_t>(event.node);
  Node& node = nodes_[index];
  if (event.kind == NodeEventKind::kRestore) {
    node.accepting = true;
    RefillPrewarm(index);
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
  for (uint32_t function : affected) {
    if (on_demand_) StartForQueue(function);
    Reconcile(function);
  }
}

void SimulatedCluster::Engine::OnMemoryFreed(uint32_t node) {
  if (pending_.empty() || !nodes_[node].accepting) return;
  // Whoever waits longest and fits starts; starting changes pending_, so work on a copy.
  const std::vector<uint32_t> waiting = std::exchange(pending_, {});
  for (uint32_t function : waiting) {
    Function& f = functions_[function];
    Touch(function);
    f.pending = false;
    uint32_t wanted = f.unplaced;
    if (on_demand_) {
      // Requests that other containers served meanwhile need none of their own any more.
      const uint64_t per = f.concurrency;
      const uint64_t queue = (static_cast<uint64_t>(f.queued.value) + per - 1) / per;
      const uint64_t floor = f.target > f.alive() ? f.target - f.alive() : 0;
      const uint64_t needed = std::max(queue > f.starting ? queue - f.starting : 0, floor);
      wanted = static_cast<uint32_t>(std::min<uint64_t>(wanted, needed));
    }
    f.unplaced = 0;
    const Need need{f.memory_limit_mib, f.cpu_limit};
    while (wanted > 0 && placement_.Fits(nodes_[node], need) && StartContainer(function)) --wanted;
    AddUnplaced(function, wanted);
  }
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
