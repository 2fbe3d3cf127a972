#include "agents/rules/kpa_function.h"

#include <algorithm>
#include <cmath>

namespace reeve {
namespace {

constexpr SimTime kSecond = SimTime::Seconds(1);

// What is known of the burst capacity before the first decision (scaling/multiscaler.go).
int32_t InitialBurstCapacity(const KpaOptions& options, const KpaSpec& spec) {
  const double burst = spec.target_burst_capacity;
  if (burst <= 0) return static_cast<int32_t>(burst);
  return static_cast<int32_t>(std::clamp(options.initial_scale * spec.total - burst, -1e9, 1e9));
}

bool StartsAtZero(const KpaOptions& options, int32_t ready) {
  return ready == 0 && KpaFunction::Initial(options) == 0;
}

}  // namespace

KpaFunction::KpaFunction(const KpaOptions& options, const KpaSpec& spec, SimTime now, int32_t ready)
    : stable_(options.metric_aggregation_algorithm, spec.stable_window, kSecond),
      panic_(options.metric_aggregation_algorithm, spec.panic_window, kSecond),
      scaler_(spec, now, ready),
      activation_(StartsAtZero(options, ready) ? KpaActivation::AtZero(now) : KpaActivation(now)),
      desired_(StartsAtZero(options, ready) ? 0 : KpaActivation::kUnknown),
      excess_burst_capacity_(InitialBurstCapacity(options, spec)),
      target_(ready == 0 ? Initial(options) : KpaActivation::kUnknown) {}

int32_t KpaFunction::Initial(const KpaOptions& options) {
  return std::max(options.initial_scale, options.min_scale);
}

void KpaFunction::Record(SimTime begin, SimTime end, double load) {
  // What left the window before it was entered need not be entered.
  begin = std::max(begin, end - stable_.window() - kSecond);
  while (begin < end) {
    const int64_t second = begin / kSecond;
    const SimTime next = kSecond * (second + 1);
    const SimTime until = std::min(next, end);
    const double part = (until - begin).seconds();
    const double value = second == poked_second_ ? std::max(load - 1, 0.0) : load;
    stable_.Record(next, value * part);
    panic_.Record(next, value * part);
    begin = until;
  }
}

std::optional<int32_t> KpaFunction::Tick(const KpaOptions& options, const KpaSpec& spec,
                                         SimTime now, int32_t ready) {
  if (!stable_.IsEmpty(now)) {
    const KpaScale scale =
        scaler_.Scale(spec, now, ready, stable_.Average(now), panic_.Average(now));
    if (scale.valid) {
      desired_ = scale.desired;
      excess_burst_capacity_ = scale.excess_burst_capacity;
    }
  }
  const KpaTarget target =
      activation_.Reconcile(options, spec.reachable, now, desired_, excess_burst_capacity_, ready);
  if (!target.apply) return std::nullopt;
  target_ = target.want;
  return target_;
}

std::optional<int32_t> KpaFunction::Poke(const KpaOptions& options, const KpaSpec& spec,
                                         SimTime now) {
  if (desired_ != 0) return std::nullopt;
  stable_.Record(now, 1);
  panic_.Record(now, 1);
  poked_second_ = now / kSecond;
  return Tick(options, spec, now, 0);
}

bool KpaFunction::Dormant() const {
  return target_ == 0 && desired_ == 0 && activation_.phase() == KpaPhase::kInactive &&
         !scaler_.panic_time();
}

}  // namespace reeve
