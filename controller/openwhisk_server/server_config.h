// What `reeve openwhisk-server` is told: who may call, what actions there are and how they behave,
// the simulated machines they run on, the limits that hold, and what goes wrong.
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
#include "controller/net/tls_spec.h"
#include "core/config.h"
#include "core/distribution.h"
#include "core/units.h"
#include "sim/cluster_spec.h"
#include "traces/arrival_stream.h"

namespace reeve::openwhisk_server {

// Who may call, and how often.
struct NamespaceSpec {
  std::string key;
  int32_t invocations_per_minute = 120;
  int32_t concurrent_invocations = 100;
  int32_t fires_per_minute = 60;

  static constexpr std::string_view kScalarField = "key";
  template <class V>
  static void Fields(V& v) {
    using N = NamespaceSpec;
    v.Field("key", &N::key,
            "UUID:SECRET, what its clients show as user and password. It stands here in the clear: "
            "one that opens nothing else");
    v.Field("invocations_per_minute", &N::invocations_per_minute,
            "More are answered with 429; minutes are those of the clock", {0, 1e9});
    v.Field("concurrent_invocations", &N::concurrent_invocations,
            "Activations under way at once; more are answered with 429", {0, 1e9});
    v.Field("fires_per_minute", &N::fires_per_minute, "As invocations_per_minute, of triggers",
            {0, 1e9});
  }
};

// What actions may be given. Names and defaults of OpenWhisk's own configuration.
struct SystemLimits {
  Mebibytes memory_min{128}, memory_max{512}, memory_std{256};
  SimTime timeout_min = SimTime::Millis(100), timeout_max = SimTime::Minutes(5),
          timeout_std = SimTime::Minutes(1);
  Mebibytes logs_min{0}, logs_max{10}, logs_std{10};
  int32_t concurrency_min = 1, concurrency_max = 1, concurrency_std = 1;
  int32_t sequence_length = 50;
  Mebibytes code_size{48};
  Mebibytes payload_size{1};

  template <class V>
  static void Fields(V& v) {
    using L = SystemLimits;
    v.Field("memory_min", &L::memory_min, "Memory of an action, at least", {1, 1e6});
    v.Field("memory_max", &L::memory_max, "At most", {1, 1e6});
    v.Field("memory_std", &L::memory_std, "When it is not said", {1, 1e6});
    v.Field("timeout_min", &L::timeout_min, "Time limit of an activation, at least", AtLeast(0));
    v.Field("timeout_max", &L::timeout_max, "At most", AtLeast(0.001));
    v.Field("timeout_std", &L::timeout_std, "When it is not said", AtLeast(0.001));
    v.Field("logs_min", &L::logs_min, "Log size, at least", {0, 1e6});
    v.Field("logs_max", &L::logs_max, "At most", {0, 1e6});
    v.Field("logs_std", &L::logs_std, "When it is not said", {0, 1e6});
    v.Field("concurrency_min", &L::concurrency_min,
            "Activations at once in one container, at least", {1, 100000});
    v.Field("concurrency_max", &L::concurrency_max, "At most", {1, 100000});
    v.Field("concurrency_std", &L::concurrency_std, "When it is not said", {1, 100000});
    v.Field("sequence_length", &L::sequence_length, "Actions of a sequence", {1, 1000});
    v.Field("code_size", &L::code_size, "Code of an action", {1, 1000});
    v.Field("payload_size", &L::payload_size, "Parameters of an invocation", {1, 1000});
  }
};

// How the activations of an action behave, whatever its code says.
struct BehaviourSpec {
  Distribution duration_ms = Distribution::LognormalFromMoments(50, 25);
  std::optional<Distribution> cold_start_ms = std::nullopt;
  Millicores cpu_demand = Millicores::Cores(1);
  double error_share = 0;

  template <class V>
  static void Fields(V& v) {
    using B = BehaviourSpec;
    v.Field("duration_ms", &B::duration_ms, "Execution time on an idle machine");
    v.Field("cold_start_ms", &B::cold_start_ms,
            "Start of a container that was not pre-warmed; else the cluster's");
    v.Field("cpu_demand", &B::cpu_demand, "CPU that one activation uses at full speed", {1, 1e6});
    v.Field("error_share", &B::error_share,
            "Share of activations that end with an application error", {0, 1});
  }
};

// An action that is there when the server starts.
struct ActionSpec {
  BehaviourSpec behaviour;
  std::optional<Mebibytes> memory;
  std::optional<SimTime> timeout;
  std::optional<int32_t> concurrency, instances;
  std::string kind = "nodejs:20";

  template <class V>
  static void Fields(V& v) {
    using A = ActionSpec;
    v.Field("behaviour", &A::behaviour, "Of its activations");
    v.Field("memory", &A::memory, "Its limit; else the standard one", {1, 1e6});
    v.Field("timeout", &A::timeout, "Its limit; else the standard one", AtLeast(0.001));
    v.Field("concurrency", &A::concurrency, "Its limit; else the standard one", {1, 100000});
    v.Field("instances", &A::instances,
            "Containers at most, as the scheduler of newer OpenWhisk holds it; unset: no limit",
            {1, 100000});
    v.Field("kind", &A::kind, "Its runtime's name");
  }
};

// A workload that the server invokes itself, as if somebody else did.
struct LoadSpec {
  std::string trace, scenario;
  std::string ns = "guest";
  SimTime length = SimTime::Minutes(10);
  WithinMinute within_minute = WithinMinute::kByTrigger;
  SimTime begin_after;
  bool repeat = false;

  static constexpr std::string_view kScalarField = "trace";
  template <class V>
  static void Fields(V& v) {
    using L = LoadSpec;
    v.Field("trace", &L::trace,
            "A .rtrace file, or what `reeve trace import` reads: each of its functions becomes an "
            "action, with its memory and execution times; empty: none");
    v.Field("scenario", &L::scenario,
            "In place of a trace: the YAML of a scenario; its cluster takes the place of `cluster` "
            "if it scales on demand");
    v.Field("namespace", &L::ns, "Of these actions; its throttles do not hold for this load");
    v.Field("length", &L::length, "Of the scenario that is played", AtLeast(1));
    v.Field("within_minute", &L::within_minute,
            "Where the invocations of a per-minute trace fall within their minute");
    v.Field("begin_after", &L::begin_after, "From the start of the server", AtLeast(0));
    v.Field("repeat", &L::repeat, "Again from the beginning when it has ended");
  }
};

enum class FaultKind : uint8_t {
  kThrottleRate,        // 429, as of too many in the last minute
  kThrottleConcurrent,  // 429, as of too many at once
  kError,               // 5xx, and nothing is done
  kDelay,               // done, and answered late
  kCut,                 // done, and the answer ends in its middle
  kDrop,                // nothing is done, and the connection ends without an answer
};
constexpr auto EnumNames(FaultKind) {
  return std::array<std::pair<FaultKind, std::string_view>, 6>{
      {{FaultKind::kThrottleRate, "throttle_rate"},
       {FaultKind::kThrottleConcurrent, "throttle_concurrent"},
       {FaultKind::kError, "error"},
       {FaultKind::kDelay, "delay"},
       {FaultKind::kCut, "cut"},
       {FaultKind::kDrop, "drop"}}};
}

// Something that goes wrong on purpose, for requests below /api/v1.
struct FaultSpec {
  FaultKind kind = FaultKind::kError;
  SimTime from = SimTime();
  SimTime length = SimTime::Max();
  std::string method = {}, path = {};
  double share = 1;
  int64_t count = 1'000'000'000'000;
  int32_t code = 503;
  SimTime delay = SimTime::Seconds(5);

  template <class V>
  static void Fields(V& v) {
    using F = FaultSpec;
    v.Field("kind", &F::kind, "What happens");
    v.Field("from", &F::from, "When it begins, from the start of the server", AtLeast(0));
    v.Field("length", &F::length, "How long it lasts", AtLeast(0));
    v.Field("method", &F::method, "Of the requests that it meets; empty: any");
    v.Field("path", &F::path, "Part of their path; empty: any");
    v.Field("share", &F::share, "Of these, drawn at random", {0, 1});
    v.Field("count", &F::count, "At most so many", {0, 1e12});
    v.Field("code", &F::code, "kind: error: the status", {500, 599});
    v.Field("delay", &F::delay, "kind: delay: how long", AtLeast(0));
  }
};

struct ServerConfig {
  std::string listen = "127.0.0.1:3233";
  TlsSpec tls;
  std::map<std::string, NamespaceSpec> namespaces = {
      {"guest", {.key = "00000000-0000-4000-8000-000000000001:guest"}}};
  std::map<std::string, ActionSpec> actions;
  BehaviourSpec behaviour;
  SystemLimits limits;
  ClusterSpec cluster;
  double init_share = 0.3;
  LoadSpec load;
  uint64_t seed = 0;
  double time_scale = 1;
  int64_t kept_activations = 20000;
  int32_t versions = 24;
  int32_t client_versions = 128;
  std::vector<FaultSpec> faults;

  ServerConfig();  // the cluster: one node, OpenWhisk's way
  template <class V>
  static void Fields(V& v) {
    using C = ServerConfig;
    v.Field("listen", &C::listen, "HOST:PORT of the API and of /metrics (port 0: any free one)");
    v.Field("tls", &C::tls, "TLS; needed where others than this machine can connect");
    v.Field("namespaces", &C::namespaces, "By name: keys and throttles");
    v.Field("actions", &C::actions,
            "By name, NAMESPACE/ACTION or NAMESPACE/PACKAGE/ACTION: those there at the start");
    v.Field("behaviour", &C::behaviour, "Of actions that clients create");
    v.Field("limits", &C::limits, "What actions and requests may ask for");
    v.Field("cluster", &C::cluster,
            "The simulated machines, with scaling: on_demand; memory, concurrency and containers "
            "at most follow each action's limits");
    v.Field("init_share", &C::init_share,
            "Share of a container's start that initTime tells of; the rest is waitTime", {0, 1});
    v.Field("load", &C::load, "Invocations by the server itself");
    v.Field("seed", &C::seed, "All random draws follow from it");
    v.Field("time_scale", &C::time_scale,
            "Simulated seconds in a real one; timestamps and limits are of the simulated time",
            {0.01, 1000});
    v.Field("kept_activations", &C::kept_activations, "Of each namespace; the oldest go", {1, 1e8});
    v.Field(
        "versions", &C::versions,
        "Versions of an action named here or by the load whose containers may be alive at once; "
        "idle containers of the oldest are ended when there are more",
        {2, 1000});
    v.Field("client_versions", &C::client_versions, "The same, of all others together", {2, 10000});
    v.Field("faults", &C::faults, "What goes wrong on purpose; the first that applies");
  }

  // The cluster is valid and scales on demand, keys and names can be used and are different, limits
  // are in order, actions fit them and name namespaces that are there, not both trace and scenario.
  absl::Status Validate() const;
};

}  // namespace reeve::openwhisk_server
