// How a simulated cluster begins: nodes, functions, what stands ready.
#include <algorithm>

#include "sim/engine.h"
#include "sim/function_settings.h"

namespace reeve {

SimulatedCluster::Engine::Engine(const Trace& trace, const ClusterSpec& spec, uint64_t seed,
                                 std::unique_ptr<ArrivalSource> arrivals)
    : trace_(trace),
      spec_(spec),
      seed_(seed),
      on_demand_(spec.scaling == ScalingMode::kOnDemand),
      timeout_us_(spec.containers.request_timeout.micros()),
      queue_limit_(static_cast<uint32_t>(spec.containers.queue_limit)),
      curve_(spec.interference),
      source_(std::move(arrivals)),
      node_times_(static_cast<uint32_t>(spec.node_count())),
      placement_(spec.placement, spec.cpu_overcommit, static_cast<uint32_t>(spec.node_count())) {
  SetUpNodes();
  const size_t functions = trace.functions().size();
  if (spec.balancer == BalancerStrategy::kSharding) {
    invokers_ =
        std::make_unique<Invokers<LargeVector<Container>>>(functions, nodes_.size(), spec.router);
  }
  if (spec.eviction == EvictionOrder::kGreedyDual) {
    greedy_dual_ = std::make_unique<GreedyDual>(static_cast<uint32_t>(functions),
                                                static_cast<uint32_t>(nodes_.size()));
  }
  SetUpFunctions();
  for (uint32_t i = 0; i < spec_.events.size(); ++i) {
    SetTimer(spec_.events[i].at.micros(), Timer::Kind::kNodeEvent, i, 0);
  }
  LoadArrival();
}

void SimulatedCluster::Engine::SetUpNodes() {
  for (const NodeGroupSpec& group : spec_.nodes) {
    for (int32_t i = 0; i < group.count; ++i) {
      Node node;
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
      nodes_.push_back(std::move(node));
      cpus_.emplace_back(static_cast<double>(group.cpu.value()), &curve_, &cpu_generations_);
    }
  }
  function_on_node_.assign(nodes_.size(), 0);
}

void SimulatedCluster::Engine::SetUpFunctions() {
  const size_t count = trace_.functions().size();
  totals_.resize(count);
  histograms_ = WindowHistograms(count);
  functions_.reserve(count);
  const bool pulls = !(spec_.cold_start.image_pull_ms == Distribution::Constant(0));
  if (pulls) image_on_node_.assign(count * nodes_.size(), 0);
  for (const FunctionProfile& profile : trace_.functions()) {
    const FunctionSettings settings = SettingsFor(spec_, profile);
    Function& f = functions_.emplace_back(spec_.router);
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
    if (greedy_dual_) {
      greedy_dual_->SetCost(static_cast<uint32_t>(functions_.size() - 1),
                            std::min(f.cold_start_ms.Mean(), 1e9));
    }
    function_hash_.push_back(OpenWhiskHash(trace_.tenants()[profile.tenant.index()], profile.name));
  }
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t missing = functions_[i].target;
    while (missing > 0 && StartContainer(i, /*ready_at_once=*/true) != kNone) --missing;
    AddUnplaced(i, missing);
  }
}

}  // namespace reeve
