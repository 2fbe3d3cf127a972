// What goes in and out of the simulated cluster: decisions, measurements.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "core/check.h"
#include "sim/engine.h"
#include "sim/function_settings.h"

namespace reeve {
namespace {

constexpr size_t kFunctionsAhead = 4;  // functions to prefetch for

}  // namespace

// ---- decisions

absl::Status SimulatedCluster::Engine::Apply(std::span<const Decision> decisions) {
  if (decisions.size() != functions_.size()) {
    return absl::InvalidArgumentError(
        fmt::format("{} decisions for {} functions", decisions.size(), functions_.size()));
  }
  for (uint32_t i = 0; i < decisions.size(); ++i) ApplyTo(i, decisions[i]);
  return absl::OkStatus();
}

void SimulatedCluster::Engine::ApplyTo(uint32_t function, const Decision& decision) {
  Function& f = functions_[function];
  const bool renewed = spec_.resize == ResizeMode::kNewVersion && MakesNewVersion(f, decision);
  if (renewed) Outdate(function);
  if (decision.cpu_limit) ResizeCpu(function, *decision.cpu_limit);
  if (decision.memory_limit) {
    ResizeMemory(function, *decision.memory_limit);
    FollowMemory(function, /*limit_too=*/!decision.cpu_limit);
  }
  if (decision.concurrency) SetConcurrency(function, *decision.concurrency);
  if (decision.keep_alive) {
    const int64_t before = f.keep_alive_us;
    f.keep_alive_us = std::max<int64_t>(0, decision.keep_alive->micros());
    if (on_demand_ && f.keep_alive_us < before) ReviewIdle(function);
  }
  if (decision.replicas) {
    const uint32_t target = static_cast<uint32_t>(std::max(0, *decision.replicas));
    if (target != f.target) Touch(function);
    const bool lower = target < f.target;
    f.target = target;
    if (on_demand_ && lower) ReviewIdle(function);
  }
  // Nothing is to be done for most functions in most periods.
  if ((decision.replicas || renewed) &&
      f.alive() + f.unplaced != std::min(f.target, f.max_replicas)) {
    Reconcile(function);
  }
}

bool SimulatedCluster::Engine::MakesNewVersion(const Function& f, const Decision& decision) const {
  if (decision.memory_limit &&
      std::max<int64_t>(1, decision.memory_limit->value()) != f.memory_limit_mib) {
    return true;
  }
  return decision.concurrency &&
         ConcurrencyLimit(std::max(0, *decision.concurrency)) != f.concurrency;
}

// The containers that there are end what was sent to them, and take nothing more.
void SimulatedCluster::Engine::Outdate(uint32_t function) {
  Function& f = functions_[function];
  Touch(function);
  for (uint32_t member : f.members) {
    Container& c = containers_[member];
    if (c.outdated || c.state == ContainerState::kDraining) continue;
    AvailableOf(f, c).Remove(containers_, member);
    --CountOf(f, c);
    c.outdated = true;
    ++CountOf(f, c);
    ReviewWarming(member);
  }
}

void SimulatedCluster::Engine::ResizeCpu(uint32_t function, Millicores limit) {
  Function& f = functions_[function];
  const int32_t wanted = static_cast<int32_t>(std::clamp<int64_t>(limit.value(), 1, 1'000'000'000));
  const int32_t before = f.cpu_limit;
  if (wanted == before) return;
  Touch(function);
  f.cpu_limit = wanted;
  for (uint32_t member : f.members) {
    nodes_[containers_[member].node].cpu_limits_millicores += wanted - before;
    if (containers_[member].state != ContainerState::kStarting) ConfigureCpu(member);
  }
  if (wanted < before) RetryPending();
}

void SimulatedCluster::Engine::ResizeMemory(uint32_t function, Mebibytes limit) {
  Function& f = functions_[function];
  const int64_t before = f.memory_limit_mib;
  f.memory_limit_mib = std::max<int64_t>(1, limit.value());
  Touch(function);
  // Running containers change in place where their node has room; the others keep their size.
  std::vector<uint32_t> freed = std::exchange(spare_freed_, {});
  for (uint32_t member : f.members) {
    Container& c = containers_[member];
    Node& node = nodes_[c.node];
    const int64_t change = f.memory_limit_mib - c.memory_mib;
    if (change == 0 || change > node.memory_free_mib() || c.outdated) continue;
    c.memory_mib += change;
    node.memory_held_mib += change;
    const bool idle =
        c.state != ContainerState::kStarting && c.slot.outstanding == 0 && !Resuming(member);
    if (idle) node.idle_memory_mib += change;
    f.memory_mib.Add(change, now_);
    if (change < 0) freed.push_back(c.node);
  }
  for (uint32_t node : freed) OnMemoryFreed(node);
  freed.clear();
  spare_freed_ = std::move(freed);
  if (f.memory_limit_mib < before) RetryPending();
}

// CPU that is given by memory changes with it.
void SimulatedCluster::Engine::FollowMemory(uint32_t function, bool limit_too) {
  const ContainerSpec& base = spec_.containers;
  const bool limit = base.cpu_limit_per_gib.value() > 0, shares = base.cpu_shares_from_memory;
  if (!limit && !shares) return;
  const FunctionOverride* own = OverrideOf(function);
  Function& f = functions_[function];
  if (limit && limit_too && !(own && own->cpu_limit)) {
    ResizeCpu(function, CpuLimitFor(base, Mebibytes(f.memory_limit_mib)));
  }
  if (!shares || (own && own->cpu_shares)) return;
  f.cpu_shares = CpuSharesFor(base, Mebibytes(f.memory_limit_mib));
  for (uint32_t member : f.members) {
    if (containers_[member].state != ContainerState::kStarting) ConfigureCpu(member);
  }
}

const FunctionOverride* SimulatedCluster::Engine::OverrideOf(uint32_t function) const {
  const auto found = spec_.functions.find(trace_.functions()[function].name);
  return found == spec_.functions.end() ? nullptr : &found->second;
}

// Of a container whose memory is no longer its function's: what follows memory follows its own.
CpuGrant SimulatedCluster::Engine::GrantOf(const Container& c) const {
  const ContainerSpec& base = spec_.containers;
  const Function& f = functions_[c.function];
  const FunctionOverride* own = OverrideOf(c.function);
  int32_t limit = f.cpu_limit, shares = f.cpu_shares;
  if (base.cpu_limit_per_gib.value() > 0 && !(own && own->cpu_limit)) {
    limit = static_cast<int32_t>(CpuLimitFor(base, Mebibytes(c.memory_mib)).value());
  }
  if (base.cpu_shares_from_memory && !(own && own->cpu_shares)) {
    shares = CpuSharesFor(base, Mebibytes(c.memory_mib));
  }
  return {limit, shares > 0 ? shares : limit};
}

void SimulatedCluster::Engine::SetConcurrency(uint32_t function, int32_t concurrency) {
  Function& f = functions_[function];
  const uint32_t limit = ConcurrencyLimit(std::max(0, concurrency));
  if (limit == f.concurrency) return;
  f.concurrency = limit;
  Touch(function);
  for (uint32_t member : f.members) {
    Container& c = containers_[member];
    if (c.outdated) continue;
    c.slot.concurrency = limit;
    if (c.state != ContainerState::kReady) continue;
    if (Resuming(member)) continue;
    if (c.slot.outstanding >= limit) {
      AvailableOf(f, c).Remove(containers_, member);
    } else if (!c.slot.available()) {
      AvailableOf(f, c).Add(containers_, member);
    }
  }
  if (invokers_) {
    for (uint32_t member : f.members) ReviewWarming(member);
    ServeBuffers();
  }
  ServeQueue(function);
  if (on_demand_) StartForQueue(function);
}

// ---- measurements

// What runners used that have work now; the others told when their work ended.
void SimulatedCluster::Engine::CollectCpu() {
  for (const uint32_t function : touched_) {
    Function& f = functions_[function];
    if (f.in_flight.value == 0 && f.starting == 0) continue;
    for (const uint32_t member : f.members) {
      Container& c = containers_[member];
      if (c.cpu.jobs > 0) f.cpu_used_window += cpus_[c.node].TakeUsed(c.cpu, now_);
    }
  }
}

void SimulatedCluster::Engine::OpenWindow() {
  if (!window_closed_) return;
  window_closed_ = false;
  histograms_.Clear();
  // Functions with nothing to tell for two windows have zeros in the last snapshot already; the
  // others stay in the list.
  size_t kept = 0;
  for (const uint32_t function : touched_) {
    Function& f = functions_[function];
    const bool quiet =
        f.in_flight.value == 0 && f.queued.value == 0 && f.starting == 0 && f.quiet >= 2;
    if (quiet) {
      f.touched = false;
      f.quiet = 0;
    } else {
      touched_[kept++] = function;
    }
  }
  touched_.resize(kept);
}

void SimulatedCluster::Engine::CloseWindow(uint32_t function) {
  Function& f = functions_[function];
  FunctionTotals& t = totals_[function];
  const WindowCounts& w = f.window;
  t.arrivals += f.arrivals;
  t.cold_starts += f.cold_starts;
  t.completions += w.completions;
  t.failures += w.failures;
  t.timeouts += w.timeouts;
  t.rejections += w.rejections;
  t.containers_started += w.containers_started;
  t.slo_violations += w.slo_violations;
  if (w.completions > 0) histograms_.MergeInto(function, t.histogram);
  t.cpu_used_mc_us += f.cpu_used_window;
  f.quiet = static_cast<uint8_t>(std::min(f.quiet + 1, 2));
}

// The function's part of the snapshot, and a new window for it.
void SimulatedCluster::Engine::Publish(uint32_t i, double span, FunctionWindows& out) {
  Function& f = functions_[i];
  const WindowCounts& w = f.window;
  for (Metered* m : {&f.queued, &f.in_flight, &f.memory_mib}) m->Add(0, now_);
  out.arrivals[i] = f.arrivals;
  out.completions[i] = w.completions;
  out.failures[i] = w.failures;
  out.timeouts[i] = w.timeouts;
  out.rejections[i] = w.rejections;
  out.cold_starts[i] = f.cold_starts;
  out.containers_started[i] = w.containers_started;
  out.slo_violations[i] = w.slo_violations;
  out.queued[i] = static_cast<uint32_t>(f.queued.value);
  out.in_flight[i] = static_cast<uint32_t>(f.in_flight.value);
  out.containers_ready[i] = f.ready;
  out.containers_starting[i] = f.starting + f.unplaced;
  out.replicas_asked[i] = f.target;
  out.mean_queued[i] = static_cast<double>(f.queued.integral_us - f.queued_before) / span;
  out.mean_in_flight[i] = static_cast<double>(f.in_flight.integral_us - f.in_flight_before) / span;
  out.cpu_used_millicores[i] = f.cpu_used_window / span;
  out.memory_used_mebibytes[i] =
      static_cast<double>(f.memory_mib.integral_us - f.memory_before) / span;
  constexpr std::array<double, 3> kShares = {0.50, 0.95, 0.99};
  const auto latency = histograms_.Quantiles(i, kShares, kLatencyLane);
  const auto execution = histograms_.Quantiles(i, kShares, kExecutionLane);
  const auto ms = [](double us) { return static_cast<float>(us / 1000); };
  out.latency_p50_ms[i] = ms(latency[0]);
  out.latency_p95_ms[i] = ms(latency[1]);
  out.latency_p99_ms[i] = ms(latency[2]);
  out.execution_p50_ms[i] = ms(execution[0]);
  out.execution_p95_ms[i] = ms(execution[1]);
  out.execution_p99_ms[i] = ms(execution[2]);
  out.cpu_limit[i] = Millicores(f.cpu_limit);
  out.memory_limit[i] = Mebibytes(f.memory_limit_mib);
  out.concurrency_limit[i] = f.concurrency == std::numeric_limits<uint32_t>::max()
                                 ? 0
                                 : static_cast<int32_t>(f.concurrency);
  out.slo_latency[i] = SimTime::Micros(f.slo_us);
  f.window = {};
  f.arrivals = f.cold_starts = 0;
  f.cpu_used_window = 0;
}

absl::Status SimulatedCluster::Engine::Observe(Snapshot& snapshot) {
  OpenWindow();  // in case nothing happened since the last call
  FlushJournal();
  const int64_t length = now_ - window_start_us_;
  const double span = length > 0 ? static_cast<double>(length) : 1;
  snapshot.time = SimTime::Micros(now_);
  snapshot.window = SimTime::Micros(length);
  FunctionWindows& out = snapshot.functions;
  // A snapshot that was not the last one filled knows nothing of the functions that were quiet.
  if (&snapshot != last_snapshot_ || out.size() != functions_.size()) {
    out.Resize(functions_.size());
    for (uint32_t i = 0; i < functions_.size(); ++i) Touch(i);
    last_snapshot_ = &snapshot;
  }
  CollectCpu();
  double cpu_used = 0;
  std::sort(touched_.begin(), touched_.end());  // memory is walked in one direction
  for (size_t k = 0; k < touched_.size(); ++k) {
    if (k + 2 * kFunctionsAhead < touched_.size()) {
      const uint32_t later = touched_[k + 2 * kFunctionsAhead];
      PrefetchLine(&functions_[later].window);
      PrefetchLine(&functions_[later].cpu_used_window);
      PrefetchLine(&totals_[later]);
      PrefetchLine(&totals_[later].memory_mib_us);
      histograms_.Prefetch(later);
      const uint32_t soon = touched_[k + kFunctionsAhead];
      histograms_.PrefetchMerge(soon, totals_[soon].histogram);
    }
    const uint32_t i = touched_[k];
    cpu_used += functions_[i].cpu_used_window;
    CloseWindow(i);
    Publish(i, span, out);
  }
  // Integrals run on for quiet functions too; their means do not change.
  for (const uint32_t i : touched_) {
    Function& f = functions_[i];
    f.queued_before = f.queued.integral_us;
    f.in_flight_before = f.in_flight.integral_us;
    f.memory_before = f.memory_mib.integral_us;
  }
  // Shown as they are; OpenWindow clears them when time moves on.
  out.histograms = &histograms_;
  window_closed_ = true;

  ClusterState& cluster = snapshot.cluster;
  cluster = {};
  for (const Node& node : nodes_) {
    if (!node.accepting) continue;
    ++cluster.nodes_ready;
    cluster.cpu_capacity += Millicores(node.cpu_millicores);
    cluster.memory_capacity += Mebibytes(node.memory_mib);
    cluster.cpu_limits += Millicores(node.cpu_limits_millicores);
    cluster.memory_held += Mebibytes(node.memory_held_mib);
  }
  cluster.cpu_used_millicores = cpu_used / span;
  window_start_us_ = now_;
  return absl::OkStatus();
}

const FunctionTotals& SimulatedCluster::Engine::Totals(uint32_t function) {
  REEVE_CHECK(window_start_us_ == now_);
  Function& f = functions_[function];
  FunctionTotals& t = totals_[function];
  for (Metered* m : {&f.queued, &f.in_flight, &f.busy, &f.containers, &f.memory_mib}) {
    m->Add(0, now_);
  }
  t.time_in_system_us = f.time_in_system_us;
  t.latency_sum_us = f.latency_sum_us;
  t.in_system_integral_us = f.queued.integral_us + f.in_flight.integral_us;
  t.container_us = f.containers.integral_us;
  t.busy_container_us = f.busy.integral_us;
  t.memory_mib_us = f.memory_mib.integral_us;
  return t;
}

std::vector<int64_t> SimulatedCluster::Engine::UnfinishedAges() const {
  std::vector<int64_t> ages(functions_.size(), 0);
  for (uint32_t r = oldest_request_; r != kNone; r = requests_[r].newer) {
    ages[requests_[r].function] += now_ - requests_[r].arrival_us;
  }
  return ages;
}

}  // namespace reeve
