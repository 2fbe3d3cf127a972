#include "controller/fleet/simulated_pods.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/status.h"

namespace reeve {
namespace {

template <class T>
bool Erase(std::vector<T>& from, const T& value) {
  const auto found = std::find(from.begin(), from.end(), value);
  if (found == from.end()) return false;
  from.erase(found);
  return true;
}

}  // namespace

SimulatedPods::SimulatedPods(const Trace& trace, const ClusterSpec& spec,
                             const ArrivalOptions& arrivals)
    : cluster_(trace, spec, arrivals.seed, MakeArrivalSource(trace, arrivals)),
      functions_(trace.functions().size()),
      decisions_(functions_.size()),
      activator_(functions_.size()) {
  cluster_.set_invocation_sink([this](const InvocationRecord& record) { OnInvocation(record); });
  cluster_.set_container_sink([this](const ContainerRecord& record) { OnContainer(record); });
  cluster_.Reset(arrivals.seed, arrivals, 0);  // again, to be told of what stands ready
}

const SimulatedPod* SimulatedPods::Find(const std::string& name) const {
  const auto found = pods_.find(name);
  return found == pods_.end() ? nullptr : &found->second;
}

void SimulatedPods::Add(const std::string& name, FunctionId function) {
  const auto [at, added] = pods_.emplace(name, SimulatedPod());
  if (!added) return;
  at->second.function = function;
  Function& f = functions_[function.index()];
  ++f.wanted;
  f.waiting.push_back(name);
  if (!f.loose.empty()) {
    const uint32_t number = f.loose.front();
    f.loose.erase(f.loose.begin());
    Offer(number);
  }
}

void SimulatedPods::Remove(const std::string& name) {
  const auto found = pods_.find(name);
  if (found == pods_.end() || std::exchange(found->second.leaving, true)) return;
  Function& f = functions_[found->second.function.index()];
  --f.wanted;
  f.removing.push_back(name);
  Erase(f.waiting, name);
}

void SimulatedPods::Forget(const std::string& name) {
  const SimulatedPod* pod = Find(name);
  if (pod == nullptr) return;
  Remove(name);
  if (std::find(forgotten_.begin(), forgotten_.end(), name) == forgotten_.end()) {
    forgotten_.push_back(name);
  }
}

void SimulatedPods::AdvanceTo(SimTime time) {
  CarryOut();
  cluster_.AdvanceTo(time);
  for (auto name = forgotten_.begin(); name != forgotten_.end();) {
    const auto pod = pods_.find(*name);
    if (pod != pods_.end() && pod->second.stage != PodStage::kGone) {
      ++name;
      continue;
    }
    if (pod != pods_.end()) pods_.erase(pod);
    answered_before_.erase(*name);
    name = forgotten_.erase(name);
  }
}

void SimulatedPods::CarryOut() {
  for (size_t f = 0; f < functions_.size(); ++f) {
    decisions_[f].replicas = static_cast<int32_t>(functions_[f].wanted);
  }
  // One decision for each function: there is no error that it could have.
  REEVE_CHECK(cluster_.Apply(decisions_).ok());
  for (size_t f = 0; f < functions_.size(); ++f) Settle(FunctionId(static_cast<uint32_t>(f)));
}

// Pods that go without the simulator having ended a container for it: it wanted one less than had a
// place. Their containers are for those who wait.
void SimulatedPods::Settle(FunctionId function) {
  Function& f = functions_[function.index()];
  for (const std::string& name : std::exchange(f.removing, {})) {
    SimulatedPod& pod = pods_.at(name);
    pod.stage = PodStage::kGone;
    if (!pod.container) continue;
    const uint32_t number = *std::exchange(pod.container, std::nullopt);
    containers_.at(number).pod.clear();
    Offer(number);
  }
}

void SimulatedPods::Bind(const std::string& name, uint32_t number) {
  SimulatedPod& pod = pods_.at(name);
  Container& container = containers_.at(number);
  container.pod = name;
  pod.container = number;
  pod.stage = container.draining ? PodStage::kDraining
              : container.ready  ? PodStage::kReady
                                 : PodStage::kStarting;
}

void SimulatedPods::Unbind(const std::string& name) {
  SimulatedPod& pod = pods_.at(name);
  pod.container.reset();
  pod.stage = PodStage::kWaiting;
  Function& f = functions_[pod.function.index()];
  f.waiting.push_back(name);
  if (f.loose.empty()) return;
  const uint32_t number = f.loose.front();
  f.loose.erase(f.loose.begin());
  Offer(number);
}

void SimulatedPods::Offer(uint32_t number) {
  if (containers_.at(number).draining) return;  // it takes no more requests
  Function& f = functions_[containers_.at(number).function.index()];
  if (f.waiting.empty()) {
    f.loose.push_back(number);
    return;
  }
  const std::string name = f.waiting.front();
  f.waiting.erase(f.waiting.begin());
  Bind(name, number);
}

void SimulatedPods::OnContainer(const ContainerRecord& record) {
  const uint32_t number = record.container.index();
  switch (record.event) {
    case ContainerEvent::kStarted:
      containers_[number].function = record.function;
      Offer(number);
      return;
    case ContainerEvent::kReady: {
      Container& container = containers_.at(number);
      container.ready = true;
      container.ready_at = record.time;
      if (!container.pod.empty()) pods_.at(container.pod).stage = PodStage::kReady;
      return;
    }
    case ContainerEvent::kDraining:
    case ContainerEvent::kEnded:
      OnEnding(number, containers_.at(number), record.event == ContainerEvent::kEnded);
      if (record.event == ContainerEvent::kEnded) containers_.erase(number);
      return;
  }
}

void SimulatedPods::OnEnding(uint32_t number, Container& container, bool ended) {
  Function& f = functions_[container.function.index()];
  if (!container.draining && !f.removing.empty()) {
    // By scaling, for a pod that is to go: it gets this container, if it has another.
    const bool own = Erase(f.removing, container.pod);
    if (!own) {
      const std::string leaver = f.removing.front();
      f.removing.erase(f.removing.begin());
      const std::optional<uint32_t> other =
          std::exchange(pods_.at(leaver).container, std::optional<uint32_t>(number));
      const std::string heir = std::exchange(container.pod, leaver);
      if (heir.empty()) Erase(f.loose, number);
      if (other) containers_.at(*other).pod = heir;
      if (other && heir.empty()) Offer(*other);
      if (other && !heir.empty()) Bind(heir, *other);
      if (!other && !heir.empty()) Unbind(heir);
    }
    pods_.at(container.pod).stage = ended ? PodStage::kGone : PodStage::kDraining;
    if (ended) pods_.at(container.pod).container.reset();
    container.draining = true;
    return;
  }
  container.draining = true;
  if (container.pod.empty()) {
    Erase(f.loose, number);
    return;
  }
  SimulatedPod& pod = pods_.at(container.pod);
  if (!ended) return;  // of a node that is drained: it serves what it has
  pod.container.reset();
  if (pod.leaving) {
    pod.stage = PodStage::kGone;
  } else {
    ++pod.restarts;
    Unbind(container.pod);
  }
}

void SimulatedPods::OnInvocation(const InvocationRecord& record) {
  if (!record.container.valid()) return;  // it never reached a pod
  const auto container = containers_.find(record.container.index());
  if (container == containers_.end() || container->second.pod.empty()) return;
  pods_.at(container->second.pod).counters.Count(record, container->second.ready_at);
}

absl::Status SimulatedPods::CloseWindow(Snapshot& snapshot) {
  RETURN_IF_ERROR(cluster_.Observe(snapshot));
  const FunctionWindows& w = snapshot.functions;
  const double seconds = snapshot.window.seconds();
  for (size_t f = 0; f < activator_.size(); ++f) {
    activator_[f].queued = static_cast<double>(w.queued[f]);
  }
  std::vector<uint32_t> ready(functions_.size());
  for (const auto& [name, pod] : pods_)
    ready[pod.function.index()] += pod.stage == PodStage::kReady;
  for (auto& [name, pod] : pods_) {
    uint64_t& before = answered_before_[name];
    const uint64_t answered = pod.counters.answered();
    pod.rates = {};
    if (seconds > 0) pod.rates.requests = static_cast<double>(answered - before) / seconds;
    before = answered;
    if (pod.stage != PodStage::kReady) continue;
    // The router spreads what runs evenly, so a pod has its share of it.
    const size_t f = pod.function.index();
    pod.rates.concurrency = w.mean_in_flight[f] / ready[f];
    pod.counters.cpu_seconds += w.cpu_used_millicores[f] / 1000 * seconds / ready[f];
  }
  return absl::OkStatus();
}

}  // namespace reeve
