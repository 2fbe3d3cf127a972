// The event loop and what happens to a request: the simulator's hot path.
#include <algorithm>
#include <limits>

#include "sim/engine.h"

namespace reeve {

namespace {

constexpr size_t kArrivalsAhead = 4;     // arrivals between two steps of prefetching
constexpr size_t kFinishedAhead = 8;     // journal entries to prefetch for
constexpr size_t kJournalLength = 4096;  // 128 KiB: stays in the second-level cache

}  // namespace

void SimulatedCluster::Engine::AdvanceTo(int64_t until_us) {
  OpenWindow();
  // A source that had nothing more when it was asked last may have by now.
  if (next_arrival_us_ == WinnerTree::kNever) LoadArrival();
  while (true) {
    const int64_t completion = node_times_.earliest();
    const int64_t timer = timers_.empty() ? WinnerTree::kNever : timers_.top().time_us;
    const int64_t arrival = next_arrival_us_;
    const int64_t next = std::min({completion, timer, arrival});
    if (next > until_us) break;
    now_ = next;
    if (completion == next) {
      OnCompletion();
    } else if (timer == next) {
      OnTimer();
    } else {
      OnArrival();
    }
  }
  now_ = until_us;
}

void SimulatedCluster::Engine::LoadArrival() {
  while (batch_at_ == batch_.arrivals.size()) {
    batch_at_ = 0;
    if (!source_->Next(batch_)) {
      batch_.arrivals = {};
      next_arrival_us_ = WinnerTree::kNever;
      return;
    }
  }
  next_arrival_us_ = batch_.start.micros() + batch_.arrivals[batch_at_].offset_us;
}

// The second step reads what the first one brought: the function of an arrival still far off tells
// the container that would serve it.
inline void SimulatedCluster::Engine::PrefetchAhead() const {
  if (batch_at_ + 2 * kArrivalsAhead >= batch_.arrivals.size()) return;
  const Arrival* arrivals = batch_.arrivals.data() + batch_at_;
  const char* lines =
      reinterpret_cast<const char*>(&functions_[arrivals[2 * kArrivalsAhead].function]);
  PrefetchLine(lines);
  PrefetchLine(lines + 64);
  functions_[arrivals[kArrivalsAhead].function].available.VisitNext([this](uint32_t container) {
    const char* next = reinterpret_cast<const char*>(&containers_[container]);
    PrefetchLine(next);
    PrefetchLine(next + 64);
  });
}

// The container was brought when its node's next completion was found; it tells the rest.
inline void SimulatedCluster::Engine::PrefetchNextCompletion() const {
  const NodeCpu& cpu = cpus_[node_times_.earliest_index()];
  const Container& next = containers_[cpu.next_runner()];
  if (next.cpu.jobs == 0) return;
  const char* function = reinterpret_cast<const char*>(&functions_[next.function]);
  PrefetchLine(function);
  PrefetchLine(function + 64);
  if (next.cpu.head_id != kNone) PrefetchLine(&requests_[next.cpu.head_id]);
}

void SimulatedCluster::Engine::OnArrival() {
  const Arrival arrival = batch_.arrivals[batch_at_++];
  ++invocations_;
  PrefetchAhead();
  Function& f = functions_[arrival.function];
  ++f.arrivals;
  Touch(arrival.function);
  const uint32_t container = f.available.Pick();
  if (invokers_) {
    ArriveAtInvoker(arrival.function, arrival.work_us);
  } else if (container != kNone) {
    const uint32_t request = NewRequest(arrival.function, arrival.work_us);
    Begin(f, request, container);
  } else if (f.queued.value >= queue_limit_) {
    journal_.push_back({0, 0, arrival.work_us, arrival.function, Outcome::kRejected});
    if (journal_.size() == kJournalLength) FlushJournal();
    if (sink) {
      const SimTime at = SimTime::Micros(now_);
      sink({FunctionId(arrival.function), at, at, at, SimTime::Micros(arrival.work_us),
            ContainerId(), false, Outcome::kRejected});
    }
  } else {
    Enqueue(f, NewRequest(arrival.function, arrival.work_us));
    if (on_demand_) {
      StartForQueue(arrival.function);
    } else if (f.queued.value == 1 && f.containers.value == f.draining && f.unplaced == 0) {
      WakeUp(arrival.function);
    }
  }
  LoadArrival();
}

void SimulatedCluster::Engine::OnCompletion() {
  const uint32_t node = node_times_.earliest_index();
  NodeCpu& cpu = cpus_[node];
  const uint32_t container = cpu.next_runner();
  const uint32_t request = cpu.FinishHead(containers_[container].cpu, container, now_);
  SetNodeTime(node);
  PrefetchNextCompletion();
  if (request == kNone) {  // the work was the container's own start
    OnReady(container);
  } else {
    Leave(functions_[containers_[container].function], request, Outcome::kCompleted);
    AfterRelease(container);
  }
}

void SimulatedCluster::Engine::OnTimer() {
  const Timer timer = timers_.top();
  timers_.Pop();
  const auto same_container = [&] {
    return containers_[timer.a].state != ContainerState::kFree &&
           containers_[timer.a].slot.sequence == timer.b;
  };
  switch (timer.kind) {
    case Timer::Kind::kContainerReady:
      if (same_container()) OnReady(timer.a);
      break;
    case Timer::Kind::kKeepAlive:
      if (same_container()) OnKeepAlive(timer.a);
      break;
    case Timer::Kind::kContainerFailure:
      if (same_container()) Fail(timer.a);
      break;
    case Timer::Kind::kResumed:
      if (same_container()) OnResumed(timer.a);
      break;
    case Timer::Kind::kDeadline:
      OnDeadline();
      break;
    case Timer::Kind::kNodeEvent:
      OnNodeEvent(spec_.events[timer.a]);
      break;
    case Timer::Kind::kPrewarmReady: {
      if (timer.order < nodes_[timer.a].lost_before) break;
      PrewarmPool& pool = nodes_[timer.a].prewarm[timer.b];
      --pool.starting;
      ++pool.ready;
      OnMemoryFreed(timer.a);
      break;
    }
  }
}

void SimulatedCluster::Engine::SetTimer(int64_t time_us, Timer::Kind kind, uint32_t a, uint32_t b) {
  if (time_us == WinnerTree::kNever) return;
  timers_.Push({time_us, timers_set_++, kind, a, b});
}

// All requests have the same time limit, so they reach it in the order in which they came: the
// list's head is the next to give up, and one timer, set for the head of its day, is enough.
void SimulatedCluster::Engine::OnDeadline() {
  deadline_armed_ = false;
  while (oldest_request_ != kNone) {
    const uint32_t request = oldest_request_;
    const Request& r = requests_[request];
    const int64_t deadline = r.arrival_us + timeout_us_;
    if (deadline > now_) {
      SetTimer(deadline, Timer::Kind::kDeadline, 0, 0);
      deadline_armed_ = true;
      return;
    }
    Function& f = functions_[r.function];
    const uint32_t container = r.container;
    if (r.bound || container == kNone) {
      const uint32_t invoker = r.invoker;
      if (invoker != kNone) {
        r.bound ? Unassign(request) : Unbuffer(request);
      } else {
        r.bound ? Unbind(f, container) : Unqueue(f, request);
      }
      Leave(f, request, Outcome::kTimedOut);
      if (invoker != kNone) ServeBuffer(invoker);
    } else {
      const uint32_t node = containers_[container].node;
      cpus_[node].Cancel(containers_[container].cpu, container, now_, request);
      SetNodeTime(node);
      Leave(f, request, Outcome::kTimedOut);
      AfterRelease(container);
    }
  }
}

uint32_t SimulatedCluster::Engine::NewRequest(uint32_t function, int64_t work_us) {
  uint32_t request = free_request_;
  if (request != kNone) {
    free_request_ = requests_[request].next;
  } else {
    request = static_cast<uint32_t>(requests_.size());
    requests_.emplace_back();
  }
  requests_[request] = {now_,  now_,  work_us,         function, kNone,
                        kNone, kNone, newest_request_, kNone,    false};
  if (newest_request_ != kNone) {
    requests_[newest_request_].newer = request;
  } else {
    oldest_request_ = request;
    if (!deadline_armed_ && timeout_us_ != WinnerTree::kNever) {
      SetTimer(After(timeout_us_), Timer::Kind::kDeadline, 0, 0);
      deadline_armed_ = true;
    }
  }
  newest_request_ = request;
  return request;
}

void SimulatedCluster::Engine::FreeRequest(uint32_t request) {
  Request& r = requests_[request];
  (r.older != kNone ? requests_[r.older].newer : oldest_request_) = r.newer;
  (r.newer != kNone ? requests_[r.newer].older : newest_request_) = r.older;
  r.next = free_request_;
  free_request_ = request;
}

void SimulatedCluster::Engine::Enqueue(Function& f, uint32_t request) {
  Request& r = requests_[request];
  r.prev = f.queue_tail;
  (f.queue_tail != kNone ? requests_[f.queue_tail].next : f.queue_head) = request;
  f.queue_tail = request;
  f.queued.Add(1, now_);
}

void SimulatedCluster::Engine::Unqueue(Function& f, uint32_t request) {
  const Request& r = requests_[request];
  (r.prev != kNone ? requests_[r.prev].next : f.queue_head) = r.next;
  (r.next != kNone ? requests_[r.next].prev : f.queue_tail) = r.prev;
  f.queued.Add(-1, now_);
}

void SimulatedCluster::Engine::Unbind(Function& f, uint32_t container) {
  Container& c = containers_[container];
  Request& r = requests_[c.bound_request];
  r.bound = false;
  r.container = kNone;
  c.bound_request = kNone;
  f.queued.Add(-1, now_);
}

void SimulatedCluster::Engine::Begin(Function& f, uint32_t request, uint32_t container) {
  Request& r = requests_[request];
  Container& c = containers_[container];
  r.start_us = now_;
  r.container = container;
  f.in_flight.Add(1, now_);
  if (r.arrival_us < c.ready_us) ++f.cold_starts;
  if (c.slot.outstanding++ == 0) {
    f.busy.Add(1, now_);
    nodes_[c.node].idle_memory_mib -= c.memory_mib;
  }
  if (c.slot.available()) AvailableOf(f, c).Taken(containers_, container);
  if (greedy_dual_) greedy_dual_->Used(container, c.function, c.node, c.memory_mib);
  cpus_[c.node].Start(c.cpu, container, now_, static_cast<double>(r.work_us), request);
  SetNodeTime(c.node);
}

void SimulatedCluster::Engine::Leave(Function& f, uint32_t request, Outcome outcome) {
  const Request& r = requests_[request];
  const bool ran = r.container != kNone;
  if (ran) f.in_flight.Add(-1, now_);
  Touch(r.function);
  journal_.push_back(
      {now_ - r.arrival_us, ran ? now_ - r.start_us : 0, r.work_us, r.function, outcome});
  if (journal_.size() == kJournalLength) FlushJournal();
  if (sink) {
    const SimTime end = SimTime::Micros(now_);
    InvocationRecord record{FunctionId(r.function),
                            SimTime::Micros(r.arrival_us),
                            end,
                            end,
                            SimTime::Micros(r.work_us),
                            ContainerId(),
                            false,
                            outcome};
    if (ran) {
      const Container& c = containers_[r.container];
      record.start = SimTime::Micros(r.start_us);
      record.container = ContainerId(c.slot.sequence);
      record.cold = r.arrival_us < c.ready_us;
    }
    sink(record);
  }
  if (invokers_) LeaveInvoker(requests_[request]);
  FreeRequest(request);
}

void SimulatedCluster::Engine::FlushJournal() {
  for (size_t i = 0; i < journal_.size(); ++i) {
    if (i + kFinishedAhead < journal_.size()) {
      const uint32_t soon = journal_[i + kFinishedAhead].function;
      PrefetchLine(&functions_[soon].window);
      histograms_.Prefetch(soon);
      histograms_.PrefetchPlace(journal_[i + kFinishedAhead / 2].function);
    }
    const Finished& r = journal_[i];
    Function& f = functions_[r.function];
    f.time_in_system_us += r.latency_us;
    switch (r.outcome) {
      case Outcome::kCompleted: {
        ++f.window.completions;
        f.window.slo_violations += r.latency_us > f.slo_us;
        f.latency_sum_us += r.latency_us;
        const int64_t wait_us = r.latency_us - r.execution_us;  // mostly none
        // A latency of 10^9 s still fits.
        const int64_t slowdown = r.latency_us * 1000 / r.work_us;
        const uint32_t latency = InvocationHistogram::BucketOfSigned(r.latency_us);
        const uint32_t execution =
            wait_us == 0 ? latency : InvocationHistogram::BucketOfSigned(r.execution_us);
        histograms_.Record(r.function,
                           {static_cast<uint16_t>(latency), static_cast<uint16_t>(execution),
                            static_cast<uint16_t>(InvocationHistogram::BucketOfSigned(slowdown))});
        if (!record_completions) break;
        const uint32_t bucket = RunHistogram::BucketOfSigned(r.latency_us);
        completions.latency_us.RecordIn(bucket);
        completions.execution_us.RecordIn(
            wait_us == 0 ? bucket : RunHistogram::BucketOfSigned(r.execution_us));
        completions.wait_us.RecordIn(RunHistogram::BucketOfSigned(wait_us));
        completions.slowdown_per_mille.Record(slowdown);
        break;
      }
      case Outcome::kFailed:
        ++f.window.failures;
        ++f.window.slo_violations;
        break;
      case Outcome::kTimedOut:
        ++f.window.timeouts;
        ++f.window.slo_violations;
        break;
      case Outcome::kRejected:
        ++f.window.rejections;
        ++f.window.slo_violations;
        break;
    }
  }
  journal_.clear();
}

void SimulatedCluster::Engine::AfterRelease(uint32_t container) {
  Container& c = containers_[container];
  Function& f = functions_[c.function];
  --c.slot.outstanding;
  if (c.slot.outstanding == 0) {
    f.cpu_used_window += cpus_[c.node].TakeUsed(c.cpu, now_);
    f.busy.Add(-1, now_);
    nodes_[c.node].idle_memory_mib += c.memory_mib;
    c.idle_since_us = now_;
    if (c.state == ContainerState::kDraining) {
      ++totals_[c.function].containers_stopped;
      Remove(container);
      return;
    }
  }
  if (c.state == ContainerState::kDraining) return;
  if (!c.outdated) AvailableOf(f, c).Released(containers_, container);
  if (f.queue_head != kNone) ServeQueue(c.function);
  AfterChange(container);
}

void SimulatedCluster::Engine::ServeQueue(uint32_t function) {
  Function& f = functions_[function];
  while (f.queue_head != kNone) {
    const uint32_t container = f.available.Pick();
    if (container == kNone) return;
    const uint32_t request = f.queue_head;
    Unqueue(f, request);
    Begin(f, request, container);
  }
}

}  // namespace reeve
