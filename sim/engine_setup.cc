// How a simulated cluster begins: nodes, functions, what stands ready.
#include <algorithm>
#include <utility>

#include "sim/engine.h"
#include "sim/function_settings.h"

namespace reeve {

SimulatedCluster::Engine::Engine(const Trace& trace, const ClusterSpec& spec, uint64_t seed,
                                 std::unique_ptr<ArrivalSource> arrivals)
    : trace_(trace),
      spec_(spec),
      on_demand_(spec.scaling == ScalingMode::kOnDemand),
      timeout_us_(spec.containers.request_timeout.micros()),
      queue_limit_(static_cast<uint32_t>(spec.containers.queue_limit)),
      curve_(spec.interference),
      seed_(seed),
      source_(std::move(arrivals)),
      node_times_(static_cast<uint32_t>(spec.node_count())),
      placement_(spec.placement, spec.cpu_overcommit, static_cast<uint32_t>(spec.node_count())) {
  MakeNodes();
  MakeFunctions();
  if (spec.balancer == BalancerStrategy::kSharding) {
    invokers_ = std::make_unique<Invokers<LargeVector<Container>>>(functions_.size(), nodes_.size(),
                                                                   spec.router);
  }
  if (spec.eviction == EvictionOrder::kGreedyDual) {
    greedy_dual_ = std::make_unique<GreedyDual>(static_cast<uint32_t>(functions_.size()),
                                                static_cast<uint32_t>(nodes_.size()));
  }
  Begin();
}

void SimulatedCluster::Engine::Reset(uint64_t seed, const ArrivalOptions& arrivals,
                                     int from_minute) {
  seed_ = seed;
  source_->Restart(arrivals, from_minute);
  completions.Clear();
  Begin();
}

void SimulatedCluster::Engine::MakeNodes() {
  nodes_.resize(static_cast<size_t>(spec_.node_count()));
  for (const NodeGroupSpec& group : spec_.nodes) {
    for (int32_t i = 0; i < group.count; ++i) {
      cpus_.emplace_back(static_cast<double>(group.cpu.value()), &curve_, &cpu_generations_);
    }
  }
  function_on_node_.assign(nodes_.size(), 0);
}

void SimulatedCluster::Engine::MakeFunctions() {
  const size_t count = trace_.functions().size();
  totals_.resize(count);
  histograms_ = WindowHistograms(count);
  functions_.reserve(count);
  for (const FunctionProfile& profile : trace_.functions()) {
    functions_.emplace_back(spec_.router);
    function_hash_.push_back(OpenWhiskHash(trace_.tenants()[profile.tenant.index()], profile.name));
  }
  const bool pulls = !(spec_.cold_start.image_pull_ms == Distribution::Constant(0));
  if (pulls) image_on_node_.resize(count * nodes_.size());
}

// Everything is as it is when a run begins, in the memory that there is.
void SimulatedCluster::Engine::Begin() {
  batch_ = {};
  batch_at_ = 0;
  invocations_ = 0;
  now_ = 0;
  node_times_.Clear();
  timers_.Clear();
  timers_set_ = 0;
  containers_used_ = containers_made_ = 0;
  free_containers_.clear();
  requests_.clear();
  free_request_ = oldest_request_ = newest_request_ = kNone;
  deadline_armed_ = false;
  pending_.clear();
  if (invokers_) invokers_->Clear();
  if (greedy_dual_) greedy_dual_->Clear();
  std::fill(image_on_node_.begin(), image_on_node_.end(), uint8_t{0});
  histograms_.Clear();
  journal_.clear();
  touched_.clear();
  last_snapshot_ = nullptr;
  window_start_us_ = 0;
  window_closed_ = false;

  BeginNodes();
  BeginFunctions();
  for (uint32_t i = 0; i < spec_.events.size(); ++i) {
    SetTimer(spec_.events[i].at.micros(), Timer::Kind::kNodeEvent, i, 0);
  }
  LoadArrival();
}

void SimulatedCluster::Engine::BeginNodes() {
  for (NodeCpu& cpu : cpus_) cpu.Clear();
  size_t index = 0;
  for (const NodeGroupSpec& group : spec_.nodes) {
    for (int32_t i = 0; i < group.count; ++i) {
      Node& node = nodes_[index++];
      node.Clear();
      node.cpu_millicores = group.cpu.value();
      node.memory_mib = group.memory.value();
      for (const PrewarmPoolSpec& pool : spec_.prewarm) {
        PrewarmPool made{pool.memory.value(), static_cast<uint32_t>(pool.count), 0, 0};
        // The pools stand ready when the run begins, as far as the node's memory goes.
        while (made.ready < made.target && node.memory_free_mib() >= made.memory_mib) {
          node.memory_held_mib += made.memory_mib;
          ++made.ready;
        }
        node.prewarm.push_back(made);
      }
    }
  }
}

void SimulatedCluster::Engine::BeginFunctions() {
  for (uint32_t i = 0; i < functions_.size(); ++i) {
    const FunctionSettings settings = SettingsFor(spec_, trace_.functions()[i]);
    Function& f = functions_[i];
    f.Clear(spec_.router);
    f.cpu_demand = static_cast<int32_t>(settings.cpu_demand.value());
    f.cpu_limit = static_cast<int32_t>(settings.cpu_limit.value());
    f.cpu_shares = settings.cpu_shares;
    f.memory_limit_mib = settings.memory.value();
    f.concurrency = settings.concurrency;
    f.keep_alive_us = settings.keep_alive.micros();
    f.max_replicas = settings.max_replicas;
    f.target = settings.initial_replicas;
    f.slo_us = settings.slo_latency.micros();
    f.cold_start_ms = settings.cold_start_ms;
    if (greedy_dual_) greedy_dual_->SetCost(i, std::min(f.cold_start_ms.Mean(), 1e9));
    totals_[i] = {};
  }
  for (uint32_t i = 0; i < functions_.size(); ++i) {
    uint32_t missing = functions_[i].target;
    while (missing > 0 && StartContainer(i, /*ready_at_once=*/true) != kNone) --missing;
    AddUnplaced(i, missing);
  }
}

}  // namespace reeve
