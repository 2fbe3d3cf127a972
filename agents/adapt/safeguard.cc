#include "agents/adapt/safeguard.h"

#include <fmt/format.h>

#include "core/status.h"

namespace reeve {
namespace {

absl::Status Ordered(const char* name, double engage, double release, bool above) {
  if (above ? release <= engage : release >= engage) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{}.release: {} is {} engage ({}), so it would flicker", name, release,
                  above ? "above" : "below", engage));
}

template <class Trigger>
absl::Status Ordered(const char* name, const std::optional<Trigger>& trigger, bool above = true) {
  return trigger ? Ordered(name, trigger->engage, trigger->release, above) : absl::OkStatus();
}

}  // namespace

absl::Status SafeguardSpec::Validate() const {
  if (queue.enabled) RETURN_IF_ERROR(Ordered("queue", queue.engage, queue.release, true));
  RETURN_IF_ERROR(Ordered("slo_violations", slo_violations));
  RETURN_IF_ERROR(Ordered("latency", latency));
  RETURN_IF_ERROR(Ordered("rejections", rejections));
  RETURN_IF_ERROR(Ordered("value", value, /*above=*/false));
  if (budget && budget->Capacity() < budget->violations) {
    return absl::InvalidArgumentError(
        fmt::format("budget.capacity: {} is below the violations that it starts with, {}",
                    budget->capacity, budget->violations));
  }
  return absl::OkStatus();
}

std::string_view SafeguardReasonName(SafeguardReason reason) {
  constexpr std::array<std::string_view, kSafeguardReasons> kNames = {
      "impossible_metrics", "learner_failed", "budget",     "queue",
      "slo_violations",     "latency",        "rejections", "value"};
  return kNames[static_cast<size_t>(reason)];
}

std::string SafeguardReasons::ToString() const {
  std::string text;
  for (size_t i = 0; i < kSafeguardReasons; ++i) {
    const auto reason = static_cast<SafeguardReason>(i);
    if (!Has(reason)) continue;
    if (!text.empty()) text += ", ";
    text += SafeguardReasonName(reason);
  }
  return text.empty() ? "none" : text;
}

Safeguard::Safeguard(const SafeguardSpec& spec) : spec_(spec) {}

void Safeguard::Hold(SafeguardReason reason, bool engage, bool release) {
  state_.unsafe |= engage;
  if (engage) state_.active.Set(reason, true);
  if (release && !engage) state_.active.Set(reason, false);
}

const SafeguardState& Safeguard::Update(const SafetySignals& s, SimTime now) {
  state_.unsafe = false;
  using R = SafeguardReason;
  const auto above = [&](R reason, const auto& trigger, double signal) {
    Hold(reason, signal > trigger.engage, signal <= trigger.release);
  };
  const auto flag = [&](R reason, bool on) { Hold(reason, on, !on); };
  flag(R::kImpossibleMetrics, s.impossible_metrics);
  flag(R::kLearnerFailed, s.learner_failed);
  flag(R::kBudget, s.budget_exhausted);
  // Of a window that cannot be, the triggers below are given nothing to go by: they stay.
  if (!s.impossible_metrics) {
    if (spec_.queue.enabled) above(R::kQueue, spec_.queue, s.longest_queue);
    if (spec_.slo_violations) {
      above(R::kSloViolations, *spec_.slo_violations, s.slo_violation_share);
    }
    if (spec_.latency) above(R::kLatency, *spec_.latency, s.latency_over_slo);
    if (spec_.rejections) above(R::kRejections, *spec_.rejections, s.rejected);
    if (spec_.value && s.value) {
      Hold(R::kValue, *s.value < spec_.value->engage, *s.value >= spec_.value->release);
    }
  }

  if (!started_) state_.since = now;
  started_ = true;
  if (!state_.active.empty() && !state_.engaged) {
    state_.engaged = true;
    state_.since = now;
    state_.engaged_by = state_.active;
  } else if (state_.active.empty() && state_.engaged && now - state_.since >= spec_.minimum_time) {
    state_.engaged = false;
    state_.since = now;
  }
  return state_;
}

}  // namespace reeve
