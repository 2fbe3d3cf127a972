// What a simulated cluster is made of: nodes, containers, scaling, faults. Read from YAML
// (core/config.h), immutable during a run, shared by threads.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/config.h"
#include "core/distribution.h"
#include "core/units.h"

namespace reeve {

enum class ScalingMode : uint8_t {
  kReplicaTarget,  // Knative: a policy sets replicas, requests wait for a ready container
  kOnDemand,       // OpenWhisk, Lambda: an arrival that finds no free container starts one
};
constexpr auto EnumNames(ScalingMode) {
  return std::array<std::pair<ScalingMode, std::string_view>, 2>{
      {{ScalingMode::kReplicaTarget, "replica_target"}, {ScalingMode::kOnDemand, "on_demand"}}};
}

enum class PlacementStrategy : uint8_t {
  kFirstFit,     // lowest-numbered node with room
  kLeastLoaded,  // smallest share of memory held
  kHash,         // from the function's home in coprime steps, as OpenWhisk's balancer walks
  kSpread,       // fewest containers of the function, then least loaded
  kBinPack,      // largest share of memory held that still has room
};
constexpr auto EnumNames(PlacementStrategy) {
  return std::array<std::pair<PlacementStrategy, std::string_view>, 5>{
      {{PlacementStrategy::kFirstFit, "first_fit"},
       {PlacementStrategy::kLeastLoaded, "least_loaded"},
       {PlacementStrategy::kHash, "hash"},
       {PlacementStrategy::kSpread, "spread"},
       {PlacementStrategy::kBinPack, "bin_pack"}}};
}

// Who finds a request a container.
enum class BalancerStrategy : uint8_t {
  kAnyContainer,  // all containers of its function are open to it, wherever they are
  kSharding,      // OpenWhisk's: it is sent to a node, whose pool finds it one or buffers it
};
constexpr auto EnumNames(BalancerStrategy) {
  return std::array<std::pair<BalancerStrategy, std::string_view>, 2>{
      {{BalancerStrategy::kAnyContainer, "any_container"},
       {BalancerStrategy::kSharding, "sharding"}}};
}

// On demand: which idle container is ended when memory is short.
enum class EvictionOrder : uint8_t {
  kLeastRecentlyUsed,  // the longest idle
  kGreedyDual,         // FaasCache's: by age, use, cost of a cold start and size (sim/eviction.h)
};
constexpr auto EnumNames(EvictionOrder) {
  return std::array<std::pair<EvictionOrder, std::string_view>, 2>{
      {{EvictionOrder::kLeastRecentlyUsed, "least_recently_used"},
       {EvictionOrder::kGreedyDual, "greedy_dual"}}};
}

enum class RouterStrategy : uint8_t {
  kLeastOutstanding,  // fewest requests in execution; ties to the oldest container
  kRoundRobin,        // the container that waited longest for its turn
  kMostRecent,        // the container that became free last: the others can expire
  kNewest,            // the container created last
};
constexpr auto EnumNames(RouterStrategy) {
  return std::array<std::pair<RouterStrategy, std::string_view>, 4>{
      {{RouterStrategy::kLeastOutstanding, "least_outstanding"},
       {RouterStrategy::kRoundRobin, "round_robin"},
       {RouterStrategy::kMostRecent, "most_recent"},
       {RouterStrategy::kNewest, "newest"}}};
}

enum class ScaleDownOrder : uint8_t {
  kNewest,     // the container created last, busy or not, as a ReplicaSet does; busy ones drain
  kIdleFirst,  // idle ones before busy ones, newest first
};
constexpr auto EnumNames(ScaleDownOrder) {
  return std::array<std::pair<ScaleDownOrder, std::string_view>, 2>{
      {{ScaleDownOrder::kNewest, "newest"}, {ScaleDownOrder::kIdleFirst, "idle_first"}}};
}

// What becomes of the containers that there are when a decision changes their function's memory or
// concurrency.
enum class ResizeMode : uint8_t {
  kInPlace,     // Kubernetes: they change, as far as their nodes have room
  kNewVersion,  // OpenWhisk: they stay as they are, end what was sent to them and serve nothing
                // more
};
constexpr auto EnumNames(ResizeMode) {
  return std::array<std::pair<ResizeMode, std::string_view>, 2>{
      {{ResizeMode::kInPlace, "in_place"}, {ResizeMode::kNewVersion, "new_version"}}};
}

// A group of equal nodes.
struct NodeGroupSpec {
  int32_t count = 1;
  Millicores cpu = Millicores::Cores(16);
  Mebibytes memory{65536};

  template <class V>
  static void Fields(V& v) {
    v.Field("count", &NodeGroupSpec::count, "Nodes of this kind", {1, 100000});
    v.Field("cpu", &NodeGroupSpec::cpu, "CPU of each", {1, 1e7});
    v.Field("memory", &NodeGroupSpec::memory, "Memory of each", {1, 1e9});
  }
};

// How long a container takes from being asked for to being ready.
struct ColdStartSpec {
  // Huawei (A. Joosen et al., EuroSys'25): lognormal with mean 3.24 s and deviation 7.10 s over all
  // functions of a large platform, most runtimes mostly below 1 s. This default is a light runtime
  // with its image at hand.
  Distribution time_ms = Distribution::LognormalFromMoments(600, 350);
  Distribution image_pull_ms = Distribution::Constant(0);
  Distribution prewarmed_ms = Distribution::LognormalFromMoments(150, 80);
  Millicores cpu{0};

  template <class V>
  static void Fields(V& v) {
    v.Field("time_ms", &ColdStartSpec::time_ms,
            "Start of a container whose image is on the node, in ms, for functions whose trace has "
            "no cold-start times of its own");
    v.Field("image_pull_ms", &ColdStartSpec::image_pull_ms,
            "Added at a function's first start on each node, in ms");
    v.Field("prewarmed_ms", &ColdStartSpec::prewarmed_ms,
            "Start of a function in a pre-warmed container, in ms");
    v.Field("cpu", &ColdStartSpec::cpu,
            "CPU that a starting container asks for; 0: starting is not slowed by, and does not "
            "slow, what runs on the node",
            AtLeast(0));
  }
};

// What becomes of a container between two requests; under the sharding balancer only.
struct PauseSpec {
  SimTime grace = SimTime::Max();
  Distribution resume_ms = Distribution::Constant(0);

  template <class V>
  static void Fields(V& v) {
    v.Field("grace", &PauseSpec::grace,
            "Idle time after which a container is paused; OpenWhisk's is 10 s. With "
            "balancer: sharding only",
            AtLeast(0));
    v.Field("resume_ms", &PauseSpec::resume_ms,
            "Time in ms that a request waits for a paused container");
  }
};

// A pool of generic containers that every node keeps started (OpenWhisk's stem cells).
struct PrewarmPoolSpec {
  int32_t count = 1;
  Mebibytes memory{256};

  template <class V>
  static void Fields(V& v) {
    v.Field("count", &PrewarmPoolSpec::count, "Containers kept on each node", {0, 10000});
    v.Field("memory", &PrewarmPoolSpec::memory,
            "Their size; they serve functions of exactly this size", {1, 1e9});
  }
};

// What a function's containers look like unless `functions:` or a decision says otherwise.
struct ContainerSpec {
  Millicores cpu_limit = Millicores::Cores(1);
  Millicores cpu_demand = Millicores::Cores(1);
  int32_t cpu_shares = 0;
  bool cpu_shares_from_memory = false;
  Millicores cpu_limit_per_gib{0};
  Mebibytes memory{256};
  Mebibytes minimum_memory{128};
  bool memory_from_trace = true;
  int32_t concurrency = 1;
  int32_t initial_replicas = 0;
  int32_t max_replicas = 1000;
  SimTime keep_alive = SimTime::Minutes(10);
  SimTime request_timeout = SimTime::Seconds(300);
  int32_t queue_limit = 10000;

  template <class V>
  static void Fields(V& v) {
    v.Field("cpu_limit", &ContainerSpec::cpu_limit, "CPU a container may use at most", {1, 1e7});
    v.Field("cpu_demand", &ContainerSpec::cpu_demand,
            "CPU one request uses while it runs at full speed", {1, 1e7});
    v.Field("cpu_shares", &ContainerSpec::cpu_shares,
            "Weight against other containers when a node's CPU is short; 0: its CPU limit in "
            "millicores, so give it to all functions or to none",
            {0, 1e9});
    v.Field("cpu_shares_from_memory", &ContainerSpec::cpu_shares_from_memory,
            "The weight is the container's memory in MiB, as OpenWhisk gives CPU; a function's own "
            "cpu_shares goes before it");
    v.Field("cpu_limit_per_gib", &ContainerSpec::cpu_limit_per_gib,
            "The CPU limit is this much for each GiB of the container's memory, in place of "
            "cpu_limit (AWS Lambda: 579m); a function's own cpu_limit goes before it. 0: cpu_limit "
            "counts",
            {0, 1e7});
    v.Field("memory", &ContainerSpec::memory,
            "Memory of a container of a function whose memory the trace does not know", {1, 1e9});
    v.Field("minimum_memory", &ContainerSpec::minimum_memory,
            "Memory of a container is at least this", {1, 1e9});
    v.Field("memory_from_trace", &ContainerSpec::memory_from_trace,
            "Use the trace's memory where it has it");
    v.Field("concurrency", &ContainerSpec::concurrency,
            "Requests at once in one container; 0: unlimited", {0, 100000});
    v.Field("initial_replicas", &ContainerSpec::initial_replicas,
            "Containers ready at the start of the run", {0, 100000});
    v.Field("max_replicas", &ContainerSpec::max_replicas, "Containers of one function at most",
            {1, 1e6});
    v.Field("keep_alive", &ContainerSpec::keep_alive,
            "On-demand scaling: idle time after which a container goes", AtLeast(0));
    v.Field("request_timeout", &ContainerSpec::request_timeout,
            "A request is given up this long after it came, queued or running", AtLeast(0.001));
    v.Field("queue_limit", &ContainerSpec::queue_limit,
            "Requests of one function that may wait; more are rejected", {0, 1e9});
  }
};

// Differences of one function from ContainerSpec.
struct FunctionOverride {
  std::optional<Millicores> cpu_limit, cpu_demand;
  std::optional<Mebibytes> memory;
  std::optional<int32_t> cpu_shares, concurrency, initial_replicas, max_replicas;
  std::optional<SimTime> keep_alive, slo_latency;

  template <class V>
  static void Fields(V& v) {
    v.Field("cpu_limit", &FunctionOverride::cpu_limit, "As containers.cpu_limit", {1, 1e7});
    v.Field("cpu_demand", &FunctionOverride::cpu_demand, "As containers.cpu_demand", {1, 1e7});
    v.Field("cpu_shares", &FunctionOverride::cpu_shares, "As containers.cpu_shares", {1, 1e9});
    v.Field("memory", &FunctionOverride::memory, "Memory of its containers", {1, 1e9});
    v.Field("concurrency", &FunctionOverride::concurrency, "As containers.concurrency",
            {0, 100000});
    v.Field("initial_replicas", &FunctionOverride::initial_replicas,
            "As containers.initial_replicas", {0, 100000});
    v.Field("max_replicas", &FunctionOverride::max_replicas, "As containers.max_replicas",
            {1, 1e6});
    v.Field("keep_alive", &FunctionOverride::keep_alive, "As containers.keep_alive", AtLeast(0));
    v.Field("slo_latency", &FunctionOverride::slo_latency, "Latency objective", AtLeast(0.001));
  }
};

// The latency objective of a function that has none of its own.
struct SloSpec {
  double percentile = 0.95;
  double factor = 2.0;
  SimTime minimum = SimTime::Millis(250);

  template <class V>
  static void Fields(V& v) {
    v.Field(
        "percentile", &SloSpec::percentile,
        "The objective is `factor` times this quantile of the execution time on an idle machine",
        {0.01, 0.9999});
    v.Field("factor", &SloSpec::factor, "See percentile", {1, 1e6});
    v.Field("minimum", &SloSpec::minimum, "The objective is at least this", AtLeast(0));
  }
};

// One point of the interference curve.
struct InterferencePoint {
  double load = 0;
  double slowdown = 1;

  template <class V>
  static void Fields(V& v) {
    v.Field("load", &InterferencePoint::load,
            "CPU asked for by what runs on the node, over the node's CPU", AtLeast(0));
    v.Field("slowdown", &InterferencePoint::slowdown,
            "Factor on every execution time there, beyond the sharing of CPU", {1, 1000});
  }
};

struct FailureSpec {
  SimTime container_mtbf = SimTime::Max();
  double start_failure_probability = 0;

  template <class V>
  static void Fields(V& v) {
    v.Field("container_mtbf", &FailureSpec::container_mtbf,
            "Mean time from a container's start until it fails, exponentially distributed",
            AtLeast(0.001));
    v.Field("start_failure_probability", &FailureSpec::start_failure_probability,
            "Share of container starts that fail at their end; each is tried again", {0, 0.95});
  }
};

enum class NodeEventKind : uint8_t { kDrain, kLose, kRestore };
constexpr auto EnumNames(NodeEventKind) {
  return std::array<std::pair<NodeEventKind, std::string_view>, 3>{
      {{NodeEventKind::kDrain, "drain"},
       {NodeEventKind::kLose, "lose"},
       {NodeEventKind::kRestore, "restore"}}};
}

struct NodeEventSpec {
  SimTime at;
  int32_t node = 0;
  NodeEventKind kind = NodeEventKind::kDrain;

  template <class V>
  static void Fields(V& v) {
    v.Field("at", &NodeEventSpec::at, "When, from the start of the run", AtLeast(0));
    v.Field("node", &NodeEventSpec::node, "Index of the node", {0, 1e6});
    v.Field("kind", &NodeEventSpec::kind,
            "drain: no new containers, the present ones finish; lose: all on it fails at once; "
            "restore: it takes containers again");
  }
};

struct ClusterSpec {
  std::string name = "cluster";
  ScalingMode scaling = ScalingMode::kReplicaTarget;
  std::vector<NodeGroupSpec> nodes = {NodeGroupSpec{}};
  PlacementStrategy placement = PlacementStrategy::kLeastLoaded;
  BalancerStrategy balancer = BalancerStrategy::kAnyContainer;
  RouterStrategy router = RouterStrategy::kLeastOutstanding;
  ScaleDownOrder scale_down = ScaleDownOrder::kNewest;
  EvictionOrder eviction = EvictionOrder::kLeastRecentlyUsed;
  ResizeMode resize = ResizeMode::kInPlace;
  PauseSpec pause;
  bool bind_cold_starts = true;
  double cpu_overcommit = 0;
  ContainerSpec containers;
  std::map<std::string, FunctionOverride> functions;
  SloSpec slo;
  ColdStartSpec cold_start;
  std::vector<PrewarmPoolSpec> prewarm;
  std::vector<InterferencePoint> interference;
  FailureSpec failures;
  std::vector<NodeEventSpec> events;
  SimTime control_period = SimTime::Seconds(2);

  template <class V>
  static void Fields(V& v) {
    v.Field("name", &ClusterSpec::name, "Name in reports");
    v.Field("scaling", &ClusterSpec::scaling, "Who starts containers: a policy, or arrivals");
    v.Field("nodes", &ClusterSpec::nodes, "Groups of equal nodes");
    v.Field("placement", &ClusterSpec::placement, "Where a new container goes");
    v.Field("balancer", &ClusterSpec::balancer,
            "On-demand scaling: whether a request may go to any container of its function, or is "
            "sent to a node first");
    v.Field("router", &ClusterSpec::router, "Which container a request goes to");
    v.Field("scale_down", &ClusterSpec::scale_down, "Which container goes first");
    v.Field("eviction", &ClusterSpec::eviction,
            "On-demand scaling: which idle container makes room for another function");
    v.Field("resize", &ClusterSpec::resize,
            "What a decided memory or concurrency does to the containers that there are: in_place, "
            "or as a new version of an OpenWhisk action, which they do not serve any more until "
            "keep-alive or somebody else's need ends them. With balancer: sharding only");
    v.Field("pause", &ClusterSpec::pause, "Pausing of idle containers");
    v.Field("bind_cold_starts", &ClusterSpec::bind_cold_starts,
            "On-demand scaling: a request that started a container waits for that one (Lambda, "
            "OpenWhisk's invokers); otherwise for whichever is free first");
    v.Field("cpu_overcommit", &ClusterSpec::cpu_overcommit,
            "A node takes containers until their CPU limits add up to this many times its CPU; 0: "
            "memory alone decides",
            AtLeast(0));
    v.Field("containers", &ClusterSpec::containers, "Defaults of every function's containers");
    v.Field("functions", &ClusterSpec::functions, "Differences of single functions, by name");
    v.Field("slo", &ClusterSpec::slo, "Latency objective of functions without one");
    v.Field("cold_start", &ClusterSpec::cold_start, "How long containers take to start");
    v.Field("prewarm", &ClusterSpec::prewarm, "Pools of started generic containers on each node");
    v.Field("interference", &ClusterSpec::interference,
            "Slowdown of everything on a node against its load, linear between the points and flat "
            "beyond them; empty: none");
    v.Field("failures", &ClusterSpec::failures, "Random failures");
    v.Field("events", &ClusterSpec::events, "Node events at given times");
    v.Field("control_period", &ClusterSpec::control_period, "Time between two decisions",
            {0.01, 86400});
  }

  int node_count() const;
  // Conditions between fields: interference points rise, events name nodes that exist, the sharding
  // balancer goes with on-demand scaling, pausing and new versions with it.
  absl::Status Validate() const;
};

// Reads a cluster's YAML; located errors.
absl::StatusOr<ClusterSpec> LoadCluster(const std::string& path,
                                        const std::vector<std::string>& assignments = {});

}  // namespace reeve
