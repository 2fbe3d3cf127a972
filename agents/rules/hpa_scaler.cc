#include "agents/rules/hpa_scaler.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace reeve {
namespace {

constexpr int32_t kLeast = std::numeric_limits<int32_t>::min();
constexpr int32_t kMostReplicas = std::numeric_limits<int32_t>::max();

int32_t ToReplicas(double value) {
  return static_cast<int32_t>(
      std::clamp(value, static_cast<double>(kLeast), static_cast<double>(kMostReplicas)));
}

SimTime LongestPeriod(const HpaOptions& options) {
  SimTime longest;
  for (const HpaScalingRules* rules : {&options.scale_up, &options.scale_down}) {
    for (const HpaScalingPolicy& policy : rules->policies) {
      longest = std::max(longest, policy.period);
    }
  }
  return longest;
}

}  // namespace

std::string_view HpaReasonName(HpaReason reason) {
  switch (reason) {
    case HpaReason::kDesiredWithinRange:
      return "DesiredWithinRange";
    case HpaReason::kTooFewReplicas:
      return "TooFewReplicas";
    case HpaReason::kTooManyReplicas:
      return "TooManyReplicas";
    case HpaReason::kScaleUpLimit:
      return "ScaleUpLimit";
    case HpaReason::kScaleDownLimit:
      return "ScaleDownLimit";
  }
  return "";
}

HpaScaler::Recent::Recent(SimTime horizon, SimTime interval)
    : horizon_(horizon), entries_(static_cast<size_t>(horizon / interval) + 2) {}

void HpaScaler::Recent::Push(SimTime now, int32_t value) {
  const bool full = size_ == entries_.size();
  if (full && entries_[next_].time > now - horizon_) {
    // Faster than expected, and the oldest still counts: make room behind the newest.
    const auto at = entries_.begin() + static_cast<std::ptrdiff_t>(next_);
    entries_.insert(at, {now, value});
    ++size_;
  } else {
    entries_[next_] = {now, value};
    size_ = std::min(size_ + 1, entries_.size());
  }
  next_ = (next_ + 1) % entries_.size();
}

template <class Visit>
void HpaScaler::Recent::After(SimTime cutoff, Visit visit) const {
  size_t i = next_;
  for (size_t n = 0; n < size_; ++n) {
    i = (i == 0 ? entries_.size() : i) - 1;
    if (entries_[i].time <= cutoff) return;
    visit(entries_[i].value);
  }
}

HpaScaler::HpaScaler(const HpaOptions& options)
    : recommendations_(
          std::max(options.scale_up.stabilization_window, options.scale_down.stabilization_window),
          options.sync_period),
      events_(LongestPeriod(options), options.sync_period) {}

int32_t HpaScaler::Stabilize(const HpaOptions& options, SimTime now, int32_t current,
                             int32_t desired) {
  int32_t least = desired;
  int32_t largest = desired;
  recommendations_.After(now - options.scale_up.stabilization_window,
                         [&](int32_t value) { least = std::min(least, value); });
  recommendations_.After(now - options.scale_down.stabilization_window,
                         [&](int32_t value) { largest = std::max(largest, value); });
  recommendations_.Push(now, desired);
  return std::min(std::max(current, least), largest);
}

int32_t HpaScaler::PeriodStart(SimTime now, SimTime period, int32_t current) const {
  int64_t start = current;
  events_.After(now - period, [&](int32_t change) { start -= change; });
  return static_cast<int32_t>(std::clamp<int64_t>(start, kLeast, kMostReplicas));
}

int32_t HpaScaler::UpLimit(const HpaScalingRules& rules, SimTime now, int32_t current) const {
  if (rules.select_policy == HpaSelect::kDisabled) return current;
  const bool least = rules.select_policy == HpaSelect::kMin;
  int32_t limit = least ? kMostReplicas : kLeast;
  for (const HpaScalingPolicy& policy : rules.policies) {
    const double start = PeriodStart(now, policy.period, current);
    const double allowed = policy.type == HpaPolicyType::kPods
                               ? start + policy.value
                               : std::ceil(start * (1 + policy.value / 100.0));
    limit = least ? std::min(limit, ToReplicas(allowed)) : std::max(limit, ToReplicas(allowed));
  }
  return std::max(limit, current);
}

int32_t HpaScaler::DownLimit(const HpaScalingRules& rules, SimTime now, int32_t current) const {
  if (rules.select_policy == HpaSelect::kDisabled) return current;
  const bool least = rules.select_policy == HpaSelect::kMin;
  int32_t limit = least ? kLeast : kMostReplicas;
  for (const HpaScalingPolicy& policy : rules.policies) {
    const double start = PeriodStart(now, policy.period, current);
    const double allowed = policy.type == HpaPolicyType::kPods
                               ? start - policy.value
                               : std::trunc(start * (1 - policy.value / 100.0));
    limit = least ? std::max(limit, ToReplicas(allowed)) : std::min(limit, ToReplicas(allowed));
  }
  return std::min(limit, current);
}

HpaScale HpaScaler::Limit(const HpaOptions& options, SimTime now, int32_t current,
                          int32_t desired) const {
  if (desired > current) {
    const int32_t limit = UpLimit(options.scale_up, now, current);
    const int32_t bound = options.MaxReplicas();
    if (desired > std::min(limit, bound)) {
      return bound > limit ? HpaScale{limit, HpaReason::kScaleUpLimit}
                           : HpaScale{bound, HpaReason::kTooManyReplicas};
    }
  } else if (desired < current) {
    const int32_t limit = DownLimit(options.scale_down, now, current);
    const int32_t bound = options.min_replicas;
    if (desired < std::max(limit, bound)) {
      return bound < limit ? HpaScale{limit, HpaReason::kScaleDownLimit}
                           : HpaScale{bound, HpaReason::kTooFewReplicas};
    }
  }
  return {desired, HpaReason::kDesiredWithinRange};
}

HpaScale HpaScaler::Scale(const HpaOptions& options, SimTime now, int32_t current,
                          int32_t desired) {
  const HpaScale scale = Limit(options, now, current, Stabilize(options, now, current, desired));
  if (scale.replicas != current) RecordScale(now, scale.replicas - current);
  return scale;
}

}  // namespace reeve
