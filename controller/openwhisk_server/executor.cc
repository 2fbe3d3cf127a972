#include "controller/openwhisk_server/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/status.h"

namespace reeve::openwhisk_server {
namespace {

constexpr int64_t kGridUs = 1000;

}  // namespace

// What came since the cluster asked last. The cluster stands at the time of all of it.
class Executor::LiveArrivals : public ArrivalSource {
 public:
  void Push(SimTime at, uint32_t slot, SimTime work) {
    if (coming_.empty()) start_ = at;
    REEVE_CHECK(start_ == at);
    coming_.push_back({0, slot, work.micros()});
  }
  bool Next(ArrivalBatch& batch) override {
    if (coming_.empty()) return false;
    shown_.swap(coming_);
    coming_.clear();
    batch = {start_, shown_};
    return true;
  }
  void Restart(const ArrivalOptions&, int) override { coming_.clear(); }

 private:
  SimTime start_;
  std::vector<Arrival> coming_, shown_;
};

Executor::Executor(const ClusterSpec& spec, const std::vector<ExecutionPool>& pools,
                   double init_share, uint64_t seed, Sink sink)
    : init_share_(init_share),
      keep_alive_(spec.containers.keep_alive),
      sink_(std::move(sink)),
      free_(pools.size()) {
  TraceBuilder builder;
  ClusterSpec own = spec;
  for (uint32_t p = 0; p < pools.size(); ++p) {
    const ExecutionPool& pool = pools[p];
    for (int32_t v = 0; v < pool.versions; ++v) {
      FunctionProfile profile;
      profile.name = fmt::format("{}/{}#{}", pool.ns, pool.action, v);
      profile.tenant = builder.Tenant(pool.ns);
      profile.app = builder.App(pool.ns);
      profile.duration_ms = pool.behaviour.duration_ms;
      profile.cold_start_ms = pool.behaviour.cold_start_ms;
      own.functions[profile.name].cpu_demand = pool.behaviour.cpu_demand;
      builder.AddFunction(std::move(profile));
      free_[p].push_back(static_cast<uint32_t>(slots_.size()));
      slots_.push_back({.pool = p});
    }
    std::reverse(free_[p].begin(), free_[p].end());  // the first is used first
  }
  absl::StatusOr<Trace> trace = builder.Build();
  REEVE_CHECK(trace.ok());
  trace_ = *std::move(trace);
  decisions_.resize(slots_.size());
  auto arrivals = std::make_unique<LiveArrivals>();
  arrivals_ = arrivals.get();
  cluster_ = std::make_unique<SimulatedCluster>(trace_, own, seed, std::move(arrivals));
  cluster_->set_record_completions(false);
  cluster_->set_invocation_sink([this](const InvocationRecord& record) { OnInvocation(record); });
  cluster_->set_container_sink([this](const ContainerRecord& record) { OnContainer(record); });
}

uint32_t Executor::AddVersion(uint32_t pool, const VersionLimits& limits) {
  REEVE_CHECK(pool < free_.size());
  versions_.emplace_back();
  versions_.back().pool = pool;
  versions_.back().limits = limits;
  return static_cast<uint32_t>(versions_.size() - 1);
}

void Executor::Retire(uint32_t version) {
  versions_[version].retired = true;
  if (versions_[version].slot != kNoSlot) ReviewSlot(versions_[version].slot);
}

void Executor::Configure(uint32_t slot, const Decision& decision) {
  decisions_[slot] = decision;
  REEVE_CHECK(cluster_->Apply(decisions_).ok());  // one for each function
  decisions_[slot] = {};
}

// A slot that is free, or one that is made so by ending the idle containers of the version that was
// replaced first.
absl::Status Executor::TakeSlot(uint32_t version) {
  const uint32_t pool = versions_[version].pool;
  if (free_[pool].empty()) {
    uint32_t oldest = kNoSlot;
    for (uint32_t s = 0; s < slots_.size(); ++s) {
      const Slot& slot = slots_[s];
      if (slot.pool != pool || slot.emptied || slot.version == UINT32_MAX) continue;
      const Version& owner = versions_[slot.version];
      if (!owner.retired || owner.inside > 0 || !owner.waiting.empty()) continue;
      if (oldest == kNoSlot || slot.since < slots_[oldest].since) oldest = s;
    }
    if (oldest != kNoSlot) {
      slots_[oldest].emptied = true;
      Decision at_once;
      at_once.keep_alive = SimTime();
      Configure(oldest, at_once);
      cluster_->AdvanceTo(now());
    }
  }
  if (free_[pool].empty()) return absl::ResourceExhaustedError("every version is in use");
  const uint32_t slot = free_[pool].back();
  free_[pool].pop_back();
  slots_[slot].version = version;
  slots_[slot].since = taken_++;
  slots_[slot].emptied = false;
  versions_[version].slot = slot;
  Decision decision;
  decision.memory_limit = versions_[version].limits.memory;
  decision.concurrency = versions_[version].limits.concurrency;
  decision.keep_alive = keep_alive_;
  Configure(slot, decision);
  return absl::OkStatus();
}

// Free again when its version was replaced and nothing of it is left.
void Executor::ReviewSlot(uint32_t s) {
  Slot& slot = slots_[s];
  if (slot.version == UINT32_MAX || slot.containers > 0) return;
  Version& version = versions_[slot.version];
  if (!version.retired || version.inside > 0 || !version.waiting.empty()) return;
  version.slot = kNoSlot;
  slot.version = UINT32_MAX;
  free_[slot.pool].push_back(s);
}

absl::StatusOr<uint64_t> Executor::Invoke(uint32_t v, SimTime work) {
  if (versions_[v].slot == kNoSlot) RETURN_IF_ERROR(TakeSlot(v));
  Version& version = versions_[v];
  const Waiting activation{next_ticket_++, now(), std::max(work, SimTime::Micros(1))};
  ++figures_.activations;
  const uint64_t room = version.limits.instances
                            ? uint64_t{static_cast<uint32_t>(*version.limits.instances)} *
                                  static_cast<uint32_t>(std::max(1, version.limits.concurrency))
                            : UINT64_MAX;
  if (version.inside >= room) {
    version.waiting.push_back(activation);
    ++tickets_waiting_;
  } else {
    Enter(v, activation);
  }
  return activation.ticket;
}

void Executor::Enter(uint32_t v, const Waiting& activation) {
  ++versions_[v].inside;
  ++inside_;
  const Key key{versions_[v].slot, now().micros(), activation.work.micros()};
  inside_of_.emplace(key, Inside{activation.ticket, activation.arrival});
  arrivals_->Push(now(), versions_[v].slot, activation.work);
}

void Executor::AdvanceTo(SimTime time) {
  REEVE_CHECK(time >= now());
  Step(now());  // what was invoked now
  // Nobody looks at the simulator's window, but counts should not grow for ever.
  if (time - observed_ >= SimTime::Minutes(1)) EndWindow();
  while (now() < time) {
    SimTime next = time;
    if (watchers_ > 0 || tickets_waiting_ > 0) {
      next = std::min(time, SimTime::Micros((now().micros() / kGridUs + 1) * kGridUs));
    }
    Step(next);
  }
}

void Executor::EndWindow() {
  observed_ = now();
  REEVE_CHECK(cluster_->Observe(window_).ok());
}

const ExecutorFigures& Executor::figures() {
  EndWindow();  // totals are those of whole windows
  figures_.memory_mib_us = 0;
  for (uint32_t s = 0; s < slots_.size(); ++s) {
    figures_.memory_mib_us += cluster_->totals(FunctionId(s)).memory_mib_us;
  }
  return figures_;
}

void Executor::Step(SimTime time) {
  cluster_->AdvanceTo(time);
  const bool grid = time.micros() % kGridUs == 0;
  if (!grid && (watchers_ > 0 || tickets_waiting_ > 0)) return;
  while (!ended_.empty()) {
    Deliver();
    cluster_->AdvanceTo(time);  // what came of it
  }
}

void Executor::Deliver() {
  for (const Ended& e : std::exchange(ended_, {})) {
    Version& version = versions_[e.version];
    if (!version.waiting.empty()) {
      const Waiting next = version.waiting.front();
      version.waiting.pop_front();
      --tickets_waiting_;
      Enter(e.version, next);
    }
    if (version.slot != kNoSlot) ReviewSlot(version.slot);
    sink_(e.execution);
  }
}

void Executor::OnInvocation(const InvocationRecord& record) {
  const Key key{record.function.index(), record.arrival.micros(), record.work.micros()};
  const auto found = inside_of_.find(key);
  REEVE_CHECK(found != inside_of_.end());
  Execution e;
  e.ticket = found->second.ticket;
  e.arrival = found->second.arrival;
  inside_of_.erase(found);
  e.start = record.start;
  e.end = record.end;
  e.cold = record.cold;
  e.outcome = record.outcome;
  if (e.outcome == Outcome::kCompleted) {
    figures_.latency_us.Record((e.end - e.arrival).micros());
  }
  if (record.container.valid()) {
    const auto container = containers_.find(record.container.index());
    if (container != containers_.end() && !std::exchange(container->second.used, true) && e.cold) {
      const SimTime took = container->second.ready - container->second.started;
      const SimTime init =
          std::max(SimTime::Millis(1), SimTime::FromSeconds(took.seconds() * init_share_));
      e.start = std::max(record.arrival, record.start - init);
      e.init = record.start - e.start;
      ++figures_.cold_starts;
    }
  }
  const uint32_t version = slots_[record.function.index()].version;
  --versions_[version].inside;
  --inside_;
  ended_.push_back({version, e});
}

void Executor::OnContainer(const ContainerRecord& record) {
  const uint32_t number = record.container.index();
  Slot& slot = slots_[record.function.index()];
  switch (record.event) {
    case ContainerEvent::kStarted:
      ++slot.containers;
      ++figures_.containers_started;
      containers_[number].started = record.time;
      return;
    case ContainerEvent::kReady:
      containers_[number].ready = record.time;
      return;
    case ContainerEvent::kDraining:
      return;
    case ContainerEvent::kEnded:
      --slot.containers;
      ++figures_.containers_ended;
      containers_.erase(number);
      ReviewSlot(record.function.index());
      return;
  }
}

}  // namespace reeve::openwhisk_server
