#include "sim/function_settings.h"

#include <algorithm>
#include <limits>

namespace reeve {
namespace {

// A multiple of the function's own tail on an idle machine.
SimTime DefaultSlo(const SloSpec& slo, const FunctionProfile& profile) {
  const double ms = profile.duration_ms.Sample(slo.percentile) * slo.factor;
  return std::max(slo.minimum, SimTime::FromSeconds(std::min(ms, 1e9) / 1000));
}

}  // namespace

Millicores CpuLimitFor(const ContainerSpec& spec, Mebibytes memory) {
  if (spec.cpu_limit_per_gib.value() == 0) return spec.cpu_limit;
  const int64_t scaled = spec.cpu_limit_per_gib.value() * memory.value() / 1024;
  return Millicores(std::clamp<int64_t>(scaled, 1, 1'000'000'000));
}

int32_t CpuSharesFor(const ContainerSpec& spec, Mebibytes memory) {
  if (!spec.cpu_shares_from_memory) return spec.cpu_shares;
  return static_cast<int32_t>(std::clamp<int64_t>(memory.value(), 1, 1'000'000'000));
}

uint32_t ConcurrencyLimit(int32_t configured) {
  return configured == 0 ? std::numeric_limits<uint32_t>::max() : static_cast<uint32_t>(configured);
}

FunctionSettings SettingsFor(const ClusterSpec& spec, const FunctionProfile& profile) {
  const ContainerSpec& base = spec.containers;
  const auto found = spec.functions.find(profile.name);
  const FunctionOverride own = found == spec.functions.end() ? FunctionOverride{} : found->second;
  const bool known = base.memory_from_trace && profile.memory.value() > 0;
  FunctionSettings s;
  s.memory =
      own.memory.value_or(std::max(known ? profile.memory : base.memory, base.minimum_memory));
  s.cpu_limit = own.cpu_limit.value_or(CpuLimitFor(base, s.memory));
  s.cpu_demand = own.cpu_demand.value_or(base.cpu_demand);
  s.cpu_shares = own.cpu_shares.value_or(CpuSharesFor(base, s.memory));
  s.concurrency = ConcurrencyLimit(own.concurrency.value_or(base.concurrency));
  s.keep_alive = own.keep_alive.value_or(base.keep_alive);
  s.max_replicas = static_cast<uint32_t>(own.max_replicas.value_or(base.max_replicas));
  s.initial_replicas = std::min(
      s.max_replicas, static_cast<uint32_t>(own.initial_replicas.value_or(base.initial_replicas)));
  s.slo_latency = own.slo_latency.value_or(DefaultSlo(spec.slo, profile));
  s.cold_start_ms = profile.cold_start_ms.value_or(spec.cold_start.time_ms);
  return s;
}

}  // namespace reeve
