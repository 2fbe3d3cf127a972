#include "sim/cluster.h"

#include "core/check.h"
#include "sim/engine.h"

namespace reeve {

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kCompleted:
      return "completed";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kRejected:
      return "rejected";
    case Outcome::kTimedOut:
      return "timed_out";
  }
  return "";
}

void CompletionHistograms::Clear() {
  for (RunHistogram* h : {&latency_us, &execution_us, &wait_us, &slowdown_per_mille}) h->Clear();
}

void CompletionHistograms::Merge(const CompletionHistograms& other) {
  latency_us.Merge(other.latency_us);
  execution_us.Merge(other.execution_us);
  wait_us.Merge(other.wait_us);
  slowdown_per_mille.Merge(other.slowdown_per_mille);
}

SimulatedCluster::SimulatedCluster(const Trace& trace, const ClusterSpec& spec, uint64_t seed,
                                   std::unique_ptr<ArrivalSource> arrivals)
    : engine_(std::make_unique<Engine>(trace, spec, seed, std::move(arrivals))) {}
SimulatedCluster::~SimulatedCluster() = default;

void SimulatedCluster::Reset(uint64_t seed, const ArrivalOptions& arrivals, int from_minute) {
  engine_->Reset(seed, arrivals, from_minute);
}

void SimulatedCluster::set_wake(WakeCallback wake) {
  engine_->wake = std::move(wake);
}
void SimulatedCluster::set_invocation_sink(InvocationSink sink) {
  engine_->sink = std::move(sink);
}
void SimulatedCluster::set_container_sink(ContainerSink sink) {
  engine_->container_sink = std::move(sink);
}

void SimulatedCluster::AdvanceTo(SimTime time) {
  REEVE_CHECK(time.micros() >= engine_->now());
  engine_->AdvanceTo(time.micros());
}

SimTime SimulatedCluster::now() const {
  return SimTime::Micros(engine_->now());
}
bool SimulatedCluster::arrivals_done() const {
  return engine_->arrivals_done();
}
uint64_t SimulatedCluster::invocations() const {
  return engine_->invocations();
}
size_t SimulatedCluster::function_count() const {
  return engine_->functions().size();
}

uint64_t SimulatedCluster::in_system() const {
  uint64_t count = 0;
  for (uint32_t i = 0; i < function_count(); ++i) count += unfinished(FunctionId(i));
  return count;
}

absl::Status SimulatedCluster::Observe(Snapshot& snapshot) {
  return engine_->Observe(snapshot);
}
absl::Status SimulatedCluster::Apply(std::span<const Decision> decisions) {
  return engine_->Apply(decisions);
}

const FunctionTotals& SimulatedCluster::totals(FunctionId function) const {
  return engine_->Totals(function.index());
}

const CompletionHistograms& SimulatedCluster::completions() const {
  return engine_->completions;
}
void SimulatedCluster::set_record_completions(bool record) {
  engine_->record_completions = record;
}
void SimulatedCluster::ClearCompletions() {
  engine_->completions.Clear();
}

SimTime SimulatedCluster::slo_latency(FunctionId function) const {
  return SimTime::Micros(engine_->functions()[function.index()].slo_us);
}

Mebibytes SimulatedCluster::memory_limit(FunctionId function) const {
  return Mebibytes(engine_->functions()[function.index()].memory_limit_mib);
}

std::vector<int64_t> SimulatedCluster::UnfinishedAges() const {
  return engine_->UnfinishedAges();
}

uint64_t SimulatedCluster::unfinished(FunctionId function) const {
  const Function& f = engine_->functions()[function.index()];
  return static_cast<uint64_t>(f.queued.value + f.in_flight.value);
}

Millicores SimulatedCluster::cpu_capacity() const {
  Millicores sum;
  for (const NodeGroupSpec& group : engine_->spec().nodes) {
    sum += Millicores(group.cpu.value() * group.count);
  }
  return sum;
}

Mebibytes SimulatedCluster::memory_capacity() const {
  Mebibytes sum;
  for (const NodeGroupSpec& group : engine_->spec().nodes) {
    sum += Mebibytes(group.memory.value() * group.count);
  }
  return sum;
}

}  // namespace reeve
