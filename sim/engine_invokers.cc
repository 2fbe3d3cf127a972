// OpenWhisk's way from a request to a container (`balancer: sharding`): the balancer sends each
// request to a node by the memory of the requests under way there, and the node's pool finds it a
// container or buffers it. Facts: apache/openwhisk, ShardingContainerPoolBalancer.scala and
// ContainerPool.scala; sim/README.md says what differs.
#include <utility>

#include "sim/engine.h"

namespace reeve {

// ---- the balancer

int64_t SimulatedCluster::Engine::SlotsFor(const Function& f, uint64_t requests) const {
  const uint64_t containers = requests / f.concurrency + (requests % f.concurrency != 0);
  return static_cast<int64_t>(containers) * f.memory_limit_mib;
}

void SimulatedCluster::Engine::CountInSystem(uint32_t function, uint32_t node, int change) {
  auto& shelf = invokers_->ShelfOf(function, node);
  shelf.in_system += static_cast<uint64_t>(static_cast<int64_t>(change));
  const int64_t slots = SlotsFor(functions_[function], shelf.in_system);
  invokers_->invoker(node).slots_mib += slots - shelf.slots_mib;
  shelf.slots_mib = slots;
}

uint32_t SimulatedCluster::Engine::ChooseInvoker(uint32_t function) {
  const Function& f = functions_[function];
  const uint32_t n = static_cast<uint32_t>(nodes_.size());
  for (uint32_t k = 0; k < n; ++k) {
    const uint32_t i = placement_.hash_order().At(function_hash_[function], k);
    if (!nodes_[i].accepting) continue;
    const auto& shelf = invokers_->ShelfOf(function, i);
    const int64_t more = SlotsFor(f, shelf.in_system + 1) - shelf.slots_mib;
    if (invokers_->invoker(i).slots_mib + more <= nodes_[i].memory_mib) return i;
  }
  // All are full: any one, best one that can ever hold the container.
  const auto pick = [&](int64_t least_mib) {
    const auto usable = [&](const Node& node) {
      return node.accepting && node.memory_mib >= least_mib;
    };
    const auto count = static_cast<uint64_t>(std::count_if(nodes_.begin(), nodes_.end(), usable));
    if (count == 0) return n;
    const RandomStream draws(seed_, StreamPurpose::kPlacement, kNone);
    uint64_t skip = draws.Below(invokers_->forced++, count);
    uint32_t i = 0;
    while (!usable(nodes_[i]) || skip-- > 0) ++i;
    return i;
  };
  const uint32_t fitting = pick(f.memory_limit_mib);
  return fitting != n ? fitting : pick(0);
}

void SimulatedCluster::Engine::ArriveAtInvoker(uint32_t function, int64_t work_us) {
  const uint32_t node = ChooseInvoker(function);
  Function& f = functions_[function];
  const uint32_t request = NewRequest(function, work_us);
  const bool direct = node < nodes_.size() && invokers_->invoker(node).head == kNone;
  const uint32_t warm = direct ? invokers_->ShelfOf(function, node).available.Pick() : kNone;
  const bool at_once = warm != kNone && !Paused(warm);
  if (!at_once && f.queued.value >= queue_limit_) {
    Leave(f, request, Outcome::kRejected);
    return;
  }
  f.queued.Add(1, now_);
  SendTo(request, node);
}

void SimulatedCluster::Engine::SendTo(uint32_t request, uint32_t node) {
  requests_[request].invoker = node;
  CountInSystem(requests_[request].function, node, 1);
  const bool direct = node < nodes_.size() && invokers_->invoker(node).head == kNone;
  if (!direct || !StartAt(request, node)) Buffer(request, node);
  AfterEviction(node);
}

void SimulatedCluster::Engine::LeaveInvoker(Request& r) {
  if (r.invoker == kNone) return;
  CountInSystem(r.function, r.invoker, -1);
  r.invoker = kNone;
}

// ---- the run buffer

void SimulatedCluster::Engine::Buffer(uint32_t request, uint32_t node) {
  Invoker& invoker = invokers_->invoker(node);
  Request& r = requests_[request];
  r.prev = invoker.tail;
  r.next = kNone;
  (invoker.tail != kNone ? requests_[invoker.tail].next : invoker.head) = request;
  invoker.tail = request;
}

void SimulatedCluster::Engine::Unbuffer(uint32_t request) {
  const Request& r = requests_[request];
  Invoker& invoker = invokers_->invoker(r.invoker);
  (r.prev != kNone ? requests_[r.prev].next : invoker.head) = r.next;
  (r.next != kNone ? requests_[r.next].prev : invoker.tail) = r.prev;
  functions_[r.function].queued.Add(-1, now_);
}

// In the order of coming; one that cannot start holds up those behind it.
void SimulatedCluster::Engine::ServeBuffer(uint32_t node) {
  Invoker& invoker = invokers_->invoker(node);
  if (invoker.head == kNone || invoker.serving) return;
  if (node == nodes_.size() || !nodes_[node].accepting) return;
  invoker.serving = true;
  while (invoker.head != kNone) {
    const uint32_t request = invoker.head;
    Touch(requests_[request].function);
    const uint32_t next = requests_[request].next;
    if (!StartAt(request, node)) break;
    invoker.head = next;
    (next != kNone ? requests_[next].prev : invoker.tail) = kNone;
  }
  invoker.serving = false;
  AfterEviction(node);
}

void SimulatedCluster::Engine::ServeBuffers() {
  for (uint32_t node = 0; node < nodes_.size(); ++node) ServeBuffer(node);
}

void SimulatedCluster::Engine::AfterEviction(uint32_t node) {
  if (std::exchange(invokers_->evicted, false)) OnMemoryFreed(node);
}

// ---- the pool

// Takes a request that is counted as queued. Leaves its links alone when it cannot.
bool SimulatedCluster::Engine::StartAt(uint32_t request, uint32_t node) {
  const uint32_t function = requests_[request].function;
  Function& f = functions_[function];
  const auto& shelf = invokers_->ShelfOf(function, node);
  if (const uint32_t warm = shelf.available.Pick(); warm != kNone) {
    if (Paused(warm)) {
      Resume(warm);
      Assign(request, warm);
    } else {
      f.queued.Add(-1, now_);
      Begin(f, request, warm);
    }
    return true;
  }
  if (!shelf.warming.empty()) {
    Assign(request, shelf.warming.front());
    return true;
  }
  const Need need{f.memory_limit_mib, f.cpu_limit};
  const bool prewarmed = TakePrewarmedOn(node, need);
  if (!prewarmed && !placement_.Fits(nodes_[node], need)) {
    if (!FindVictims(node, need)) return false;
    EvictVictims();
    invokers_->evicted = true;
  }
  Assign(request, CreateContainer(function, node, prewarmed, /*ready_at_once=*/false));
  return true;
}

void SimulatedCluster::Engine::Assign(uint32_t request, uint32_t container) {
  Assigned& waiting = invokers_->assigned(container);
  Request& r = requests_[request];
  r.bound = true;
  r.container = container;
  r.prev = waiting.tail;
  r.next = kNone;
  (waiting.tail != kNone ? requests_[waiting.tail].next : waiting.head) = request;
  waiting.tail = request;
  ++waiting.count;
  ReviewWarming(container);
}

void SimulatedCluster::Engine::Unassign(uint32_t request) {
  Request& r = requests_[request];
  const uint32_t container = r.container;
  Assigned& waiting = invokers_->assigned(container);
  (r.prev != kNone ? requests_[r.prev].next : waiting.head) = r.next;
  (r.next != kNone ? requests_[r.next].prev : waiting.tail) = r.prev;
  --waiting.count;
  r.bound = false;
  r.container = kNone;
  functions_[r.function].queued.Add(-1, now_);
  ReviewWarming(container);
}

// Whether requests may still be assigned to the container changed.
void SimulatedCluster::Engine::ReviewWarming(uint32_t container) {
  const Container& c = containers_[container];
  const Assigned& waiting = invokers_->assigned(container);
  const bool open = (c.state == ContainerState::kStarting || waiting.resuming) && !c.outdated &&
                    waiting.count < c.slot.concurrency;
  std::vector<uint32_t>& warming = invokers_->ShelfOf(c.function, c.node).warming;
  const auto at = std::find(warming.begin(), warming.end(), container);
  if (open && at == warming.end()) warming.push_back(container);
  if (!open && at != warming.end()) warming.erase(at);
}

bool SimulatedCluster::Engine::Paused(uint32_t container) const {
  const Container& c = containers_[container];
  return c.slot.outstanding == 0 && now_ - c.idle_since_us >= spec_.pause.grace.micros();
}

// An idle container was paused; until it is back it takes assignments only.
void SimulatedCluster::Engine::Resume(uint32_t container) {
  Container& c = containers_[container];
  AvailableOf(functions_[c.function], c).Remove(containers_, container);
  nodes_[c.node].idle_memory_mib -= c.memory_mib;
  invokers_->assigned(container).resuming = true;
  constexpr uint64_t kResumes = uint64_t{1} << 62;  // beyond the draws of starts
  const RandomStream draws(seed_, StreamPurpose::kColdStart, c.function);
  const double ms = spec_.pause.resume_ms.Sample(draws.Uniform(kResumes + invokers_->resumes++));
  SetTimer(now_ + MicrosFromMillis(ms), Timer::Kind::kResumed, container, c.slot.sequence);
}

void SimulatedCluster::Engine::OnResumed(uint32_t container) {
  Container& c = containers_[container];
  Function& f = functions_[c.function];
  Touch(c.function);
  invokers_->assigned(container).resuming = false;
  nodes_[c.node].idle_memory_mib += c.memory_mib;
  c.idle_since_us = now_;
  BeginAssigned(container);
  if (!c.outdated && c.slot.outstanding < c.slot.concurrency) {
    AvailableOf(f, c).Add(containers_, container);
  }
  AfterChange(container);
}

// The container is ready for those who waited for it.
void SimulatedCluster::Engine::BeginAssigned(uint32_t container) {
  Function& f = functions_[containers_[container].function];
  Assigned& waiting = invokers_->assigned(container);
  uint32_t request = waiting.head;
  waiting = {};
  ReviewWarming(container);
  while (request != kNone) {
    const uint32_t next = requests_[request].next;
    requests_[request].bound = false;
    f.queued.Add(-1, now_);
    Begin(f, request, container);
    request = next;
  }
}

// The container goes: those who wait for it are displaced.
void SimulatedCluster::Engine::Detach(uint32_t container) {
  const Container& c = containers_[container];
  Assigned& waiting = invokers_->assigned(container);
  if (waiting.resuming) nodes_[c.node].idle_memory_mib += c.memory_mib;
  for (uint32_t request = waiting.head; request != kNone; request = requests_[request].next) {
    requests_[request].bound = false;
    requests_[request].container = kNone;
    invokers_->displaced.push_back(request);
  }
  waiting = {};
  std::vector<uint32_t>& warming = invokers_->ShelfOf(c.function, c.node).warming;
  std::erase(warming, container);
}

// Those in the node's buffer are displaced.
void SimulatedCluster::Engine::DisplaceBuffer(uint32_t node) {
  Invoker& invoker = invokers_->invoker(node);
  for (uint32_t request = invoker.head; request != kNone; request = requests_[request].next) {
    invokers_->displaced.push_back(request);
  }
  invoker.head = invoker.tail = kNone;
}

// A node that is still there takes its displaced requests again, behind those in its buffer; else
// the balancer finds another, or they wait for one.
void SimulatedCluster::Engine::Redispatch() {
  const std::vector<uint32_t> displaced = std::exchange(invokers_->displaced, {});
  for (const uint32_t request : displaced) {
    Request& r = requests_[request];
    const uint32_t function = r.function;
    Touch(function);
    uint32_t node = r.invoker;
    LeaveInvoker(r);
    if (node == nodes_.size() || !nodes_[node].accepting) node = ChooseInvoker(function);
    SendTo(request, node);
  }
}

}  // namespace reeve
