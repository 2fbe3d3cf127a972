// The decision of Knative's pod autoscaler for one function: how many replicas for the load seen.
// Semantics of knative/serving pkg/autoscaler/scaling/autoscaler.go at 98e5ef90.
#pragma once

#include <cstdint>
#include <optional>

#include "agents/rules/kpa_options.h"
#include "agents/rules/kpa_windows.h"
#include "core/units.h"

namespace reeve {

struct KpaScale {
  int32_t desired = 0;                // replicas
  int32_t excess_burst_capacity = 0;  // requests; negative: the activator is to stand in the path
  bool valid = false;                 // false: there was nothing to decide on, change nothing
  bool panicking = false;
  bool operator==(const KpaScale&) const = default;
};

// State that outlives a decision. Pure otherwise: the caller measures and keeps the time. Not
// thread-safe.
class KpaScaler {
 public:
  // The granularity of scale-down-delay, which is upstream's tick whatever ours is.
  static constexpr SimTime kDelayGranularity = SimTime::Seconds(2);

  // A scaler that finds more than one replica ready has lost its history (it was restarted): it
  // begins in panic, so as not to scale down before it knows better.
  KpaScaler(const KpaSpec& spec, SimTime now, int32_t ready);

  // With r = max(1, ready), up = ceil(max_up r), down = reachable ? floor(r / max_down) : 0:
  //   s = ceil(stable / target), p = ceil(panic / target), each clamped to [down, up] and, when it
  //   was above 0, raised to the activation scale.
  //   Panic begins or is extended while p (before clamping) / r >= panic threshold; it ends when
  //   the threshold has not been reached for more than the stable window.
  //   desired = s, or in panic the largest max(s, p) since it began; then the largest desired of
  //   the last scale-down-delay.
  //   excess burst capacity = 0 if TBC = 0; -1 if TBC < 0; else
  //   floor(ready total - TBC - panic).
  // `stable` and `panic` are the averages of the two windows, in the metric's unit. Not valid when
  // they or `ready` are impossible (negative ready, not finite).
  KpaScale Scale(const KpaSpec& spec, SimTime now, int32_t ready, double stable, double panic);

  // The instant at which the panic threshold was last reached; unset outside of panic.
  std::optional<SimTime> panic_time() const;
  // The most replicas wanted in this panic; outside of panic, those ready when the scaler was made,
  // then 0.
  int32_t max_panic_replicas() const { return max_panic_replicas_; }
  // Takes up a panic where another scaler left it.
  void ResumePanic(SimTime panic_time, int32_t max_panic_replicas);

 private:
  void UpdatePanic(const KpaSpec& spec, SimTime now, bool over_threshold);

  bool panicking_ = false;
  SimTime panic_time_;
  int32_t max_panic_replicas_;
  SlidingMaximum delay_;
};

// The activators in the path of a function (reconciler/autoscaling/kpa/kpa.go): 2, or as many as
// hold ready * total + max(TBC, 0) requests when that is more and TBC is not 0.
int32_t KpaActivators(const KpaSpec& spec, int32_t ready);

}  // namespace reeve
