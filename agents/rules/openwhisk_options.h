// What can be set of OpenWhisk's ways as policies.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "core/config.h"
#include "core/units.h"

namespace reeve {

// How long an idle container stays: the grace, then the time it is paused; never, where one is.
inline SimTime OpenWhiskKeepAlive(SimTime pause_grace, SimTime idle_container) {
  return idle_container < SimTime::Max() - pause_grace ? pause_grace + idle_container
                                                       : SimTime::Max();
}

// Of the invoker's pool, for platforms that start containers on demand.
struct OpenWhiskPoolOptions {
  SimTime pause_grace = SimTime::Seconds(10);
  SimTime idle_container = SimTime::Minutes(10);

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = OpenWhiskPoolOptions;
    v.Field("pause_grace", &O::pause_grace, "idle time after which a container is paused",
            AtLeast(0));
    v.Field("idle_container", &O::idle_container,
            "time after which a paused container is removed; with pause_grace the keep-alive time",
            AtLeast(0));
  }
};

enum class OpenWhiskNamespace : uint8_t { kFunction, kCluster };
constexpr auto EnumNames(OpenWhiskNamespace) {
  return std::array<std::pair<OpenWhiskNamespace, std::string_view>, 2>{
      {{OpenWhiskNamespace::kFunction, "function"}, {OpenWhiskNamespace::kCluster, "cluster"}}};
}

// Of the scheduler that decides per queue, for platforms that are given a number of replicas.
struct OpenWhiskSchedulerOptions {
  SimTime stale_threshold = SimTime::Millis(100);
  bool allow_over_provision_before_throttle = true;
  double namespace_over_provision_before_throttle_ratio = 1.5;
  OpenWhiskNamespace namespaces = OpenWhiskNamespace::kFunction;
  int32_t namespace_limit = 30;
  int32_t action_limit = 0;
  int32_t duration_buffer_size = 10;
  SimTime pause_grace = SimTime::Seconds(10);
  SimTime idle_container = SimTime::Minutes(10);

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = OpenWhiskSchedulerOptions;
    v.Field("stale_threshold", &O::stale_threshold,
            "wait after which a request is stale and asks for a container of its own",
            AtLeast(0.001));
    v.Field("allow_over_provision_before_throttle", &O::allow_over_provision_before_throttle,
            "a function without containers gets its first one although the namespace is full");
    v.Field("namespace_over_provision_before_throttle_ratio",
            &O::namespace_over_provision_before_throttle_ratio,
            "how far beyond its limit a namespace may go for that, as a factor", AtLeast(1));
    v.Field("namespaces", &O::namespaces,
            "what shares a namespace_limit: a function alone, or all of the cluster");
    v.Field("namespace_limit", &O::namespace_limit,
            "containers of a namespace at most (upstream: its limit of concurrent activations)",
            AtLeast(1));
    v.Field("action_limit", &O::action_limit,
            "containers of a function at most; 0: as namespace_limit", AtLeast(0));
    v.Field("duration_buffer_size", &O::duration_buffer_size,
            "activations over which the duration is averaged", AtLeast(1));
    v.Field("pause_grace", &O::pause_grace, "idle time after which a container is paused",
            AtLeast(0));
    v.Field("idle_container", &O::idle_container, "time after which a paused container is removed",
            AtLeast(0));
  }
};

}  // namespace reeve
