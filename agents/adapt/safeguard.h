// Who drives: the learner, or the fallback. Signals of one control period in, engaged or not and
// why out; independent of policies and platforms.
//
// Each trigger has a threshold at which it engages and one at which it releases. The safeguard is
// engaged while any trigger is, and for `minimum_time` after it engaged.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agents/adapt/safeguard_spec.h"
#include "core/units.h"

namespace reeve {

// Of one control period: of the whole cluster, or of one function.
struct SafetySignals {
  double longest_queue = 0;        // requests waiting for one function at the end
  double slo_violation_share = 0;  // 0..1, of recent requests
  double latency_over_slo = 0;     // 95th percentile of the window over the objective
  double rejected = 0;             // requests refused or given up
  std::optional<double> value;     // a critic's pessimistic value of the state
  bool budget_exhausted = false;   // the violations the learner may cost are spent or at stake
  bool impossible_metrics = false;
  bool learner_failed = false;  // no decision, or one that cannot be
};

// In the order in which they are named when several act at once.
enum class SafeguardReason : uint8_t {
  kImpossibleMetrics,
  kLearnerFailed,
  kBudget,
  kQueue,
  kSloViolations,
  kLatency,
  kRejections,
  kValue,
};
inline constexpr size_t kSafeguardReasons = 8;
std::string_view SafeguardReasonName(SafeguardReason reason);  // "queue"

// A set of reasons.
class SafeguardReasons {
 public:
  constexpr SafeguardReasons() = default;
  constexpr bool Has(SafeguardReason r) const { return (bits_ >> Index(r) & 1) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr void Set(SafeguardReason r, bool on) {
    bits_ = static_cast<uint8_t>((bits_ & ~(1u << Index(r))) | (unsigned{on} << Index(r)));
  }
  friend constexpr SafeguardReasons operator|(SafeguardReasons a, SafeguardReasons b) {
    a.bits_ |= b.bits_;
    return a;
  }
  constexpr bool operator==(const SafeguardReasons&) const = default;
  // "budget, queue"; "none" if empty.
  std::string ToString() const;

 private:
  static constexpr unsigned Index(SafeguardReason r) { return static_cast<unsigned>(r); }
  uint8_t bits_ = 0;
};

struct SafeguardState {
  bool engaged = false;
  SimTime since;                // of being engaged or not
  SafeguardReasons active;      // triggers that hold it engaged now; may be empty in minimum_time
  SafeguardReasons engaged_by;  // what engaged it last
  // Some signal is beyond the threshold at which it engages, now: what a learner is punished for.
  bool unsafe = false;
};

// Not thread-safe; no allocation.
class Safeguard {
 public:
  // `spec` has passed Validate().
  explicit Safeguard(const SafeguardSpec& spec);

  // The control period that ended at `now` (not before the last). What the fallback or the learner
  // decides at `now` follows from the state after it.
  const SafeguardState& Update(const SafetySignals& signals, SimTime now);

  const SafeguardState& state() const { return state_; }

 private:
  // Sets the trigger: on when `engage`, off when `release`.
  void Hold(SafeguardReason reason, bool engage, bool release);

  SafeguardSpec spec_;
  SafeguardState state_;
  bool started_ = false;
};

}  // namespace reeve
