// Holds a learner's decision near what the fallback would have in force.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "agents/adapt/safeguard_spec.h"
#include "core/decision.h"
#include "core/snapshot.h"

namespace reeve {

// Changes `decision`, the learner's for `function`, so that what is in force after it is within
// `spec` of `fallback`, which has the fields that are known (FallbackSettings::of). What the
// learner leaves as it is counts as decided too, but for the keep-alive, which a snapshot does not
// show.
inline void HoldAround(const AroundFallback& spec, const Decision& fallback,
                       const Snapshot& snapshot, size_t function, Decision& decision) {
  const FunctionWindows& w = snapshot.functions;
  const auto least = [&](int64_t of) {
    return static_cast<int64_t>(std::ceil(spec.least * static_cast<double>(of)));
  };
  const auto most = [&](int64_t of) {
    return std::max(least(of), static_cast<int64_t>(std::min(
                                   std::ceil(spec.most * static_cast<double>(of)), 2147483647.0)));
  };
  if (fallback.replicas) {
    const auto now = static_cast<int32_t>(w.replicas_asked[function]);
    // Where the fallback wants none, one is not far from it.
    const auto held = static_cast<int32_t>(
        std::clamp<int64_t>(decision.replicas.value_or(now), least(*fallback.replicas),
                            most(std::max(*fallback.replicas, 1))));
    if (decision.replicas || held != now) decision.replicas = held;
  }
  const auto hold_limit = [&](auto& field, const auto& by_fallback, auto now) {
    if (!by_fallback) return;
    using Quantity = decltype(now);
    const Quantity held(std::clamp<int64_t>(
        field.value_or(now).value(), least(by_fallback->value()), most(by_fallback->value())));
    if (field || held != now) field = held;
  };
  hold_limit(decision.cpu_limit, fallback.cpu_limit, w.cpu_limit[function]);
  hold_limit(decision.memory_limit, fallback.memory_limit, w.memory_limit[function]);
  if (decision.keep_alive && fallback.keep_alive) {
    // Max() times a share is still far beyond any run.
    decision.keep_alive = std::max(
        *decision.keep_alive, SimTime::FromSeconds(spec.least * fallback.keep_alive->seconds()));
  }
}

}  // namespace reeve
