#include "sim/uncontended.h"

#include <algorithm>
#include <cmath>

#include "sim/function_settings.h"

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
  const FunctionSettings settings = SettingsFor(spec, profile);
  UncontendedFunction f;
  f.memory = settings.memory;
  f.concurrency = settings.concurrency;
  f.initial_replicas = settings.initial_replicas;
  f.stretch = std::max(1.0, settings.cpu_demand.cores() / settings.cpu_limit.cores());
  f.timeout = spec.containers.request_timeout;
  double start_ms = MeanOrMedian(settings.cold_start_ms);
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
