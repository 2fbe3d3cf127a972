// Knative's pod autoscaler for one function, from measured load to replicas: metric windows, scaler
// and activation put together. KpaPolicy runs one of these per function.
#pragma once

#include <cstdint>
#include <optional>

#include "agents/rules/kpa_activation.h"
#include "agents/rules/kpa_options.h"
#include "agents/rules/kpa_scaler.h"
#include "agents/rules/kpa_windows.h"
#include "core/units.h"

namespace reeve {

// Not thread-safe. The options and spec passed to a function's calls are those it was made with,
// but for values derived from its concurrency limit.
class KpaFunction {
 public:
  // A function first met at `now` with `ready` replicas. It starts out with Initial() replicas;
  // with none of those and none ready it counts as scaled to zero.
  KpaFunction(const KpaOptions& options, const KpaSpec& spec, SimTime now, int32_t ready);

  // Enters the load of [begin, end): its average, in the metric's unit. Each second (or part of
  // one) is entered as a scrape at the second's end would, weighted by the part of the second
  // covered. As upstream, no scrape is made while nothing is ready and nothing waits; the caller
  // leaves it out.
  void Record(SimTime begin, SimTime end, double load);

  // One tick of the autoscaler. The replicas to have from now on; unset: leave them as they are.
  std::optional<int32_t> Tick(const KpaOptions& options, const KpaSpec& spec, SimTime now,
                              int32_t ready);

  // A request arrived and no replica is there. When the autoscaler last wanted none, the request is
  // recorded as load 1 and a tick made at once (the activator's poke); otherwise nothing happens
  // until the next tick. The load of the same second, when it is recorded, is lowered by 1, as the
  // activator's report is.
  std::optional<int32_t> Poke(const KpaOptions& options, const KpaSpec& spec, SimTime now);

  // Replicas to create the function with: the larger of initial_scale and min_scale. As upstream,
  // they may be more than max_scale until they have been reached once.
  static int32_t Initial(const KpaOptions& options);

  // Nothing ready, nothing wanted, and a tick without load would change nothing.
  bool Dormant() const;

  int32_t desired() const { return desired_; }  // of the last valid tick; KpaActivation::kUnknown
  int32_t excess_burst_capacity() const { return excess_burst_capacity_; }
  const KpaScaler& scaler() const { return scaler_; }
  const KpaActivation& activation() const { return activation_; }
  // The replicas last asked for; kUnknown before the first time.
  int32_t target() const { return target_; }

 private:
  static constexpr int64_t kNoSecond = INT64_MIN;

  BucketWindow stable_;
  BucketWindow panic_;
  KpaScaler scaler_;
  KpaActivation activation_;
  int64_t poked_second_ = kNoSecond;  // in which the last poke was recorded
  int32_t desired_;
  int32_t excess_burst_capacity_;
  int32_t target_;
};

}  // namespace reeve
