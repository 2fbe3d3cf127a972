// What a cluster's description gives the containers of one function: defaults, what follows from
// its memory, and its own overrides.
#pragma once

#include <cstdint>

#include "core/distribution.h"
#include "core/units.h"
#include "sim/cluster_spec.h"
#include "traces/trace.h"

namespace reeve {

struct FunctionSettings {
  Mebibytes memory;
  Millicores cpu_limit, cpu_demand;
  int32_t cpu_shares = 0;    // 0: as the limit
  uint32_t concurrency = 1;  // requests at once in one container; UINT32_MAX: unlimited
  SimTime keep_alive;
  uint32_t max_replicas = 0, initial_replicas = 0;  // initial is at most max
  SimTime slo_latency;
  Distribution cold_start_ms;
};

// Unlimited (0 in a configuration or a decision) as the largest number.
uint32_t ConcurrencyLimit(int32_t configured);

// What follows from a container's memory where the description says so, else what it says.
Millicores CpuLimitFor(const ContainerSpec& spec, Mebibytes memory);
int32_t CpuSharesFor(const ContainerSpec& spec, Mebibytes memory);

// Pure; thread-safe.
FunctionSettings SettingsFor(const ClusterSpec& spec, const FunctionProfile& profile);

}  // namespace reeve
