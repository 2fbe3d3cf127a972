#include "agents/rules/kpa_activation.h"

#include <algorithm>

namespace reeve {

std::string_view KpaPhaseName(KpaPhase phase) {
  switch (phase) {
    case KpaPhase::kActivating:
      return "activating";
    case KpaPhase::kActive:
      return "active";
    case KpaPhase::kInactive:
      return "inactive";
  }
  return "";
}

KpaActivation KpaActivation::AtZero(SimTime now) {
  KpaActivation activation(now);
  activation.phase_ = KpaPhase::kInactive;
  activation.initialized_ = true;
  return activation;
}

KpaTarget KpaActivation::Reconcile(const KpaOptions& options, bool reachable, SimTime now,
                                   int32_t desired, int32_t excess_burst_capacity, int32_t ready) {
  const int32_t min_scale = reachable ? options.min_scale : 0;
  Wish wish{desired, false};
  if (desired >= 0 || phase_ == KpaPhase::kActivating) {
    const int32_t at_least = options.initial_scale > 1 && !initialized_
                                 ? std::max(min_scale, options.initial_scale)
                                 : min_scale;
    int32_t bounded = std::max(desired, at_least);
    if (desired >= at_least && options.max_scale > 0)
      bounded = std::min(bounded, options.max_scale);
    wish = bounded == 0 ? ScaleToZero(options, now) : Wish{bounded, true};
  }

  const bool proxy = wish.want == 0 || excess_burst_capacity < 0 ||
                     (wish.want == kUnknown && phase_ == KpaPhase::kInactive);
  if (proxy && mode_ == KpaMode::kServe) proxy_since_ = now;
  mode_ = proxy ? KpaMode::kProxy : KpaMode::kServe;
  UpdatePhase(options, min_scale, now, wish.want, ready);
  return {.want = wish.want, .apply = wish.apply, .mode = mode_};
}

KpaActivation::Wish KpaActivation::ScaleToZero(const KpaOptions& options, SimTime now) const {
  if (!options.enable_scale_to_zero) return {1, true};
  const SimTime in_phase = now - phase_since_;
  switch (phase_) {
    case KpaPhase::kActivating:
      if (in_phase > options.progress_deadline + kActivationBuffer) return {0, true};
      return {kUnknown, false};
    case KpaPhase::kActive:
      if (in_phase >= options.stable_window) return {0, false};
      return {1, true};
    case KpaPhase::kInactive:
      break;
  }
  const SimTime grace = options.scale_to_zero_grace_period;
  const SimTime retention = options.scale_to_zero_pod_retention_period;
  if (in_phase >= std::max(grace, retention)) return {0, true};
  const bool in_path = mode_ == KpaMode::kProxy && now - proxy_since_ >= grace;
  return {0, in_phase >= retention && in_path};
}

void KpaActivation::SetPhase(KpaPhase phase, SimTime now) {
  if (phase == phase_) return;
  phase_ = phase;
  phase_since_ = now;
}

void KpaActivation::UpdatePhase(const KpaOptions& options, int32_t min_scale, SimTime now,
                                int32_t want, int32_t ready) {
  const int32_t enough = std::max(min_scale, initialized_ ? 1 : options.initial_scale);
  if (ready >= enough) initialized_ = true;
  if (want == 0 || enough == 0) {
    SetPhase(KpaPhase::kInactive, now);
  } else if (want > 0 || phase_ != KpaPhase::kInactive) {
    SetPhase(ready < enough ? KpaPhase::kActivating : KpaPhase::kActive, now);
  }
}

}  // namespace reeve
