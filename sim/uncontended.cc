#include "sim/uncontended.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace reeve {
namespace {

SimTime FromMillis(double ms) {
  return SimTime::FromSeconds(std::min(ms, 1e9) / 1000);
}

double MeanOrMedian(const Distribution& ms) {
  const double mean = ms.Mean();
  return std::isfinite(mean) ? mean : ms.Sample(0.5);
}

}  // namespace

SimTime UncontendedFunction::Execution(int64_t work_us) const {
  if (stretch == 1) return std::min(SimTime::Micros(work_us), timeout);
  const double us = std::min(static_cast<double>(work_us) * stretch, 0x1p62);
  return std::min(SimTime::Micros(static_cast<int64_t>(us)), timeout);
}

UncontendedFunction Uncontended(const ClusterSpec& spec, const FunctionProfile& profile) {
  const ContainerSpec& base = spec.containers;
  const auto found = spec.functions.find(profile.name);
  const FunctionOverride own = found == spec.functions.end() ? FunctionOverride{} : found->second;
  UncontendedFunction f;
  const bool known = base.memory_from_trace && profile.memory.value() > 0;
  f.memory =
      own.memory.value_or(std::max(known ? profile.memory : base.memory, base.minimum_memory));
  const int32_t concurrency = own.concurrency.value_or(base.concurrency);
  f.concurrency =
      concurrency == 0 ? std::numeric_limits<uint32_t>::max() : static_cast<uint32_t>(concurrency);
  f.initial_replicas =
      static_cast<uint32_t>(std::min(own.initial_replicas.value_or(base.initial_replicas),
                                     own.max_replicas.value_or(base.max_replicas)));
  const double demand = own.cpu_demand.value_or(base.cpu_demand).cores();
  const double limit = own.cpu_limit.value_or(base.cpu_limit).cores();
  f.stretch = std::max(1.0, demand / limit);
  f.timeout = base.request_timeout;
  double start_ms = MeanOrMedian(profile.cold_start_ms.value_or(spec.cold_start.time_ms));
  for (const PrewarmPoolSpec& pool : spec.prewarm) {
    if (pool.count > 0 && pool.memory == f.memory) {
      start_ms = std::min(start_ms, MeanOrMedian(spec.cold_start.prewarmed_ms));
    }
  }
  f.mean_start = FromMillis(start_ms);
  return f;
}

SimTime StartQuantile(const ClusterSpec& spec, const FunctionProfile& profile, double share) {
  return FromMillis(profile.cold_start_ms.value_or(spec.cold_start.time_ms).Sample(share) +
                    spec.cold_start.image_pull_ms.Sample(share));
}

}  // namespace reeve
