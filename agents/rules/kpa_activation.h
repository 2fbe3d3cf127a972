// What becomes of the autoscaler's wish for one function: bounds, initial scale, and the slow way
// to zero. Semantics of knative/serving pkg/reconciler/autoscaling/kpa/scaler.go and kpa.go at
// 98e5ef90 (the PodAutoscaler's Active condition and the ServerlessService's mode), for a function
// whose objects follow at once and whose activator probe succeeds whenever the activator is in the
// path.
#pragma once

#include <cstdint>
#include <string_view>

#include "agents/rules/kpa_options.h"
#include "core/units.h"

namespace reeve {

// The function's Active condition: Unknown, True, False.
enum class KpaPhase : uint8_t {
  kActivating,  // replicas are wanted and not ready
  kActive,      // enough replicas are ready
  kInactive,    // to be, or already, without replicas
};
std::string_view KpaPhaseName(KpaPhase phase);  // "activating", "active", "inactive"

// Who gets a function's requests first: its replicas, or the activator, which buffers them.
enum class KpaMode : uint8_t { kServe, kProxy };

struct KpaTarget {
  int32_t want = 0;    // replicas; kUnknown = no opinion
  bool apply = false;  // false: leave the number of replicas as it is
  KpaMode mode = KpaMode::kProxy;
  bool operator==(const KpaTarget&) const = default;
};

class KpaActivation {
 public:
  static constexpr int32_t kUnknown = -1;
  // Added to the progress deadline before an activation is given up.
  static constexpr SimTime kActivationBuffer = SimTime::Seconds(10);

  // A function that was just made (or is met for the first time): activating.
  explicit KpaActivation(SimTime now) : phase_since_(now), proxy_since_(now) {}
  // A function that was scaled to zero long ago.
  static KpaActivation AtZero(SimTime now);

  // Turns `desired` replicas (kUnknown before the first valid decision), the excess burst capacity
  // and the ready replicas at `now` into what is to be done:
  //   1. Unknown and not activating: nothing.
  //   2. Bounds: at least min_scale (and initial_scale until that was reached once), at most
  //      max_scale.
  //   3. Zero is not applied at once. Activating: nothing, until progress_deadline + 10 s have
  //      passed. Active for less than the stable window: 1. Else inactive, and zero when
  //      inactive for max(grace, retention), or inactive for the retention period and in proxy mode
  //      for the grace period. So a function whose burst capacity kept the activator in the path
  //      goes to zero one tick after it became inactive, any other after the grace period.
  //   4. Proxy mode when 0 is wanted, when the excess burst capacity is negative, or when nothing
  //   is
  //      known of an inactive function.
  //   5. Phase: wanting 0 is inactive; fewer ready than max(min_scale, 1) (initial_scale at first)
  //      activating; else active.
  // Calls come in time order.
  KpaTarget Reconcile(const KpaOptions& options, bool reachable, SimTime now, int32_t desired,
                      int32_t excess_burst_capacity, int32_t ready);

  KpaPhase phase() const { return phase_; }
  SimTime phase_since() const { return phase_since_; }
  KpaMode mode() const { return mode_; }
  // The initial scale was reached once.
  bool initialized() const { return initialized_; }

 private:
  struct Wish {
    int32_t want;
    bool apply;
  };
  Wish ScaleToZero(const KpaOptions& options, SimTime now) const;
  void SetPhase(KpaPhase phase, SimTime now);
  void UpdatePhase(const KpaOptions& options, int32_t min_scale, SimTime now, int32_t want,
                   int32_t ready);

  KpaPhase phase_ = KpaPhase::kActivating;
  KpaMode mode_ = KpaMode::kProxy;
  bool initialized_ = false;
  SimTime phase_since_;
  SimTime proxy_since_;  // meaningful in proxy mode
};

}  // namespace reeve
