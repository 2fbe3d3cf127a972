#include "agents/rules/kpa_scaler.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace reeve {
namespace {

int32_t ToInt32(double value) {
  constexpr double kMin = std::numeric_limits<int32_t>::min();
  constexpr double kMax = std::numeric_limits<int32_t>::max();
  return static_cast<int32_t>(std::clamp(value, kMin, kMax));
}

double ExcessBurstCapacity(const KpaSpec& spec, int32_t ready, double panic) {
  if (spec.target_burst_capacity == 0) return 0;
  if (spec.target_burst_capacity < 0) return -1;
  return std::floor(ready * spec.total - spec.target_burst_capacity - panic);
}

}  // namespace

KpaScaler::KpaScaler(const KpaSpec& spec, SimTime now, int32_t ready)
    : panicking_(ready > 1), panic_time_(now), max_panic_replicas_(ready) {
  if (spec.scale_down_delay > SimTime()) {
    delay_ = SlidingMaximum(spec.scale_down_delay, kDelayGranularity);
  }
}

std::optional<SimTime> KpaScaler::panic_time() const {
  return panicking_ ? std::optional(panic_time_) : std::nullopt;
}

void KpaScaler::ResumePanic(SimTime panic_time, int32_t max_panic_replicas) {
  panicking_ = true;
  panic_time_ = panic_time;
  max_panic_replicas_ = max_panic_replicas;
}

void KpaScaler::UpdatePanic(const KpaSpec& spec, SimTime now, bool over_threshold) {
  if (over_threshold) {
    panicking_ = true;
    panic_time_ = now;
  } else if (panicking_ && panic_time_ + spec.stable_window < now) {
    // By now the surge shows in the stable window.
    panicking_ = false;
    max_panic_replicas_ = 0;
  }
}

KpaScale KpaScaler::Scale(const KpaSpec& spec, SimTime now, int32_t ready, double stable,
                          double panic) {
  if (ready < 0 || !std::isfinite(stable) || !std::isfinite(panic)) return {};
  const double replicas = std::max(1, ready);
  // Rounding outwards lets a rate near 1 still move by one replica.
  const double up = std::ceil(spec.max_scale_up_rate * replicas);
  const double down = spec.reachable ? std::floor(replicas / spec.max_scale_down_rate) : 0;
  const double stable_wish = std::ceil(stable / spec.target);
  const double panic_wish = std::ceil(panic / spec.target);
  const auto bounded = [&](double wish) {
    const int32_t desired = ToInt32(std::min(std::max(wish, down), up));
    const bool activate = spec.activation_scale > 1 && wish > 0;
    return activate ? std::max(desired, spec.activation_scale) : desired;
  };

  UpdatePanic(spec, now, panic_wish / replicas >= spec.panic_threshold);
  int32_t desired = bounded(stable_wish);
  if (panicking_) {
    max_panic_replicas_ = std::max({desired, bounded(panic_wish), max_panic_replicas_});
    desired = max_panic_replicas_;
  }
  if (spec.reachable && delay_.enabled()) {
    delay_.Record(now, desired);
    desired = delay_.Current();
  }
  return {.desired = desired,
          .excess_burst_capacity = ToInt32(ExcessBurstCapacity(spec, ready, panic)),
          .valid = true,
          .panicking = panicking_};
}

int32_t KpaActivators(const KpaSpec& spec, int32_t ready) {
  constexpr double kFewest = 2;
  if (spec.target_burst_capacity == 0) return static_cast<int32_t>(kFewest);
  const double requests = ready * spec.total + std::max(spec.target_burst_capacity, 0.0);
  return ToInt32(std::max(kFewest, std::ceil(requests / spec.activator_capacity)));
}

}  // namespace reeve
