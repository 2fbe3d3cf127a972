// The life and death of containers.
#include <algorithm>
#include <utility>

#include "sim/engine.h"

namespace reeve {

namespace {

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
    while (missing > 0 && StartContainer(function) != kNone) --missing;
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
    const uint32_t container = StartContainer(function);
    if (container == kNone) {
      AddUnplaced(function, 1);
    } else if (spec_.bind_cold_starts && f.queue_tail != kNone) {
      // The request that has waited least is the one that no container on its way was meant for.
      const uint32_t request = f.queue_tail;
      Unqueue(f, request);
      f.queued.Add(1, now_);
      requests_[request].bound = true;
      requests_[request].container = container;
      containers_[container].bound_request = request;
    }
  }
}

uint32_t SimulatedCluster::Engine::StartContainer(uint32_t function, bool ready_at_once) {
  Function& f = functions_[function];
  Touch(function);
  const Need need{f.memory_limit_mib, f.cpu_limit};

  // A pre-warmed container of the right size beats an empty place.
  uint32_t node = TakePrewarmed(function, need);
  const bool prewarmed = node != kNone;
  bool evicted = false;
  if (!prewarmed) {
    if (placement_.strategy() == PlacementStrategy::kSpread) {
      std::fill(function_on_node_.begin(), function_on_node_.end(), 0u);
      for (uint32_t member : f.members) ++function_on_node_[containers_[member].node];
    }
    node = placement_.Choose(nodes_, need, function_hash_[function], function_on_node_);
    if (node == nodes_.size()) {
      node = on_demand_ ? EvictFor(function) : kNone;
      if (node == kNone) return kNone;
      evicted = true;
    }
  }
  const uint32_t container = CreateContainer(function, node, prewarmed, ready_at_once);
  if (evicted) OnMemoryFreed(node);  // more may have gone than was needed
  return container;
}

uint32_t SimulatedCluster::Engine::CreateContainer(uint32_t function, uint32_t node, bool prewarmed,
                                                   bool ready_at_once) {
  Function& f = functions_[function];
  Touch(function);
  const Need need{f.memory_limit_mib, f.cpu_limit};
  const RandomStream draws(seed_, StreamPurpose::kColdStart, function);

  uint32_t container;
  if (free_containers_.empty()) {
    container = containers_used_++;
    if (container == containers_.size()) {
      containers_.emplace_back();
      cpu_generations_.push_back(0);
    } else {  // of a run before the last Reset
      containers_[container].Clear();
      cpu_generations_[container] = 0;
    }
  } else {
    container = free_containers_.back();
    free_containers_.pop_back();
  }
  Container& c = containers_[container];
  c.slot = {.concurrency = f.concurrency, .sequence = containers_made_++};
  c.function = function;
  c.node = node;
  c.state = ContainerState::kStarting;
  c.outdated = false;
  c.expiry_us = WinnerTree::kNever;
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
  Tell(c, ContainerEvent::kStarted);
  if (greedy_dual_) greedy_dual_->Started(container, node);
  if (invokers_) ReviewWarming(container);

  const uint64_t draw = f.starts_drawn++ * kDraws;
  double ms = (prewarmed ? spec_.cold_start.prewarmed_ms : f.cold_start_ms)
                  .Sample(draws.Uniform(draw + kStartTime));
  if (!prewarmed && !image_on_node_.empty()) {
    uint8_t& pulled = image_on_node_[size_t{function} * nodes_.size() + node];
    if (!pulled) ms += spec_.cold_start.image_pull_ms.Sample(draws.Uniform(draw + kPullTime));
    pulled = 1;
  }
  const RandomStream faults(seed_, StreamPurpose::kFailure, function);
  c.start_fails = !ready_at_once && spec_.failures.start_failure_probability > 0 &&
                  faults.Uniform(draw + kFails) < spec_.failures.start_failure_probability;
  if (spec_.failures.container_mtbf != SimTime::Max()) {
    const double after = faults.Exponential(draw + kLifetime) *
                         static_cast<double>(spec_.failures.container_mtbf.micros());
    SetTimer(After(static_cast<int64_t>(std::min(after, 1e17))), Timer::Kind::kContainerFailure,
             container, c.slot.sequence);
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
  return container;
}

void SimulatedCluster::Engine::ConfigureCpu(uint32_t container) {
  Container& c = containers_[container];
  const Function& f = functions_[c.function];
  const CpuGrant grant = c.outdated ? GrantOf(c) : CpuGrant{f.cpu_limit, f.weight()};
  cpus_[c.node].Configure(c.cpu, container, now_, f.cpu_demand, grant.limit, grant.weight);
  SetNodeTime(c.node);
}

void SimulatedCluster::Engine::OnReady(uint32_t container) {
  Container& c = containers_[container];
  Function& f = functions_[c.function];
  const uint32_t function = c.function;
  Touch(function);
  if (c.start_fails) {
    Fail(container);
    return;
  }
  --CountOf(f, c);
  c.state = ContainerState::kReady;
  ++CountOf(f, c);
  Tell(c, ContainerEvent::kReady);
  c.ready_us = now_;
  c.idle_since_us = now_;
  f.cpu_used_window += cpus_[c.node].TakeUsed(c.cpu, now_);  // by the start
  nodes_[c.node].idle_memory_mib += c.memory_mib;
  ConfigureCpu(container);
  if (c.bound_request != kNone) {
    const uint32_t request = c.bound_request;
    Unbind(f, container);
    Begin(f, request, container);
  }
  if (invokers_) BeginAssigned(container);
  if (!c.outdated && c.slot.outstanding < c.slot.concurrency) {
    AvailableOf(f, c).Add(containers_, container);
  }
  ServeQueue(function);
  AfterChange(container);
}

void SimulatedCluster::Engine::ArmExpiry(uint32_t container, int64_t time_us) {
  Container& c = containers_[container];
  if (time_us >= c.expiry_us) return;
  c.expiry_us = time_us;
  SetTimer(time_us, Timer::Kind::kKeepAlive, container, c.slot.sequence);
}

void SimulatedCluster::Engine::ReviewIdle(uint32_t function) {
  const Function& f = functions_[function];
  for (uint32_t member : f.members) {
    const Container& c = containers_[member];
    if (c.state != ContainerState::kReady || c.slot.outstanding > 0) continue;
    const int64_t idle_us = now_ - c.idle_since_us;
    ArmExpiry(member, After(std::max<int64_t>(0, f.keep_alive_us - idle_us)));
  }
  if (on_demand_) RetryPending();
}

void SimulatedCluster::Engine::OnKeepAlive(uint32_t container) {
  Container& c = containers_[container];
  const Function& f = functions_[c.function];
  if (c.expiry_us != now_) return;  // an earlier time took its place
  c.expiry_us = WinnerTree::kNever;
  if (c.state != ContainerState::kReady || c.slot.outstanding > 0 || Resuming(container)) return;
  // It was used since the timer was set, or stays as part of the warm floor: look again later.
  int64_t left_us = f.keep_alive_us - (now_ - c.idle_since_us);
  if (left_us <= 0 && !c.outdated && f.alive() <= f.target) {
    left_us = std::max<int64_t>(f.keep_alive_us, 1'000'000);
  }
  if (left_us > 0) {
    ArmExpiry(container, After(left_us));
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
    AvailableOf(f, c).Remove(containers_, container);
    --CountOf(f, c);
    c.state = ContainerState::kDraining;
    ++f.draining;
    Tell(c, ContainerEvent::kDraining);
    return;
  }
  ++totals_[c.function].containers_stopped;
  Remove(container);
}

void SimulatedCluster::Engine::Remove(uint32_t container) {
  const uint32_t node = containers_[container].node;
  Discard(container);
  if (invokers_ && !invokers_->displaced.empty()) Redispatch();
  OnMemoryFreed(node);
}

void SimulatedCluster::Engine::Discard(uint32_t container) {
  Container& c = containers_[container];
  Function& f = functions_[c.function];
  Node& node = nodes_[c.node];
  const uint32_t node_index = c.node;
  Touch(c.function);
  if (invokers_) Detach(container);
  switch (c.state) {
    case ContainerState::kStarting:
      --CountOf(f, c);
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
      --CountOf(f, c);
      AvailableOf(f, c).Remove(containers_, container);
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
  Tell(c, ContainerEvent::kEnded);
  free_containers_.push_back(container);
  if (greedy_dual_ && std::none_of(f.members.begin(), f.members.end(), [&](uint32_t member) {
        return containers_[member].node == node_index;
      })) {
    greedy_dual_->Forget(c.function, node_index);
  }
}

void SimulatedCluster::Engine::Fail(uint32_t container) {
  Container& c = containers_[container];
  const uint32_t function = c.function;
  Function& f = functions_[function];
  if (c.slot.outstanding > 0) {
    std::vector<uint32_t> lost = std::exchange(spare_lost_, {});
    cpus_[c.node].CancelAll(c.cpu, container, now_, lost);
    SetNodeTime(c.node);
    for (uint32_t request : lost) Leave(f, request, Outcome::kFailed);
    lost.clear();
    spare_lost_ = std::move(lost);
    c.slot.outstanding = 0;
    f.busy.Add(-1, now_);
    nodes_[c.node].idle_memory_mib += c.memory_mib;
  }
  Remove(container);
  if (on_demand_) StartForQueue(function);
  Reconcile(function);
}

}  // namespace reeve
