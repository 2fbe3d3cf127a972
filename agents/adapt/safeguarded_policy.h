// A learner that drives while it is safe, and a fallback that drives otherwise: a Policy around any
// two policies.
//
// Both see every snapshot that can be true, so that the state of either is warm when it takes over;
// one of the two decisions is applied, function by function. What the learner changed and the
// fallback does not mention is put back (fallback_settings.h). Of a snapshot that cannot be true
// (metrics_check.h) neither hears: what the fallback wanted last is asked for again.
//
// The guarantee, with a `budget`: under any learner, an adversarial one included,
//
//   violations(guarded) <= violations(fallback alone, same arrivals) + Granted + overshoot
//
// Granted is what the budget was given up to then (violations + refills) and overshoot, at most
// what one control period and one recovery can harm, is 0 where the budget reserves for it; both
// are derived in violation_budget.h. Charged are the violations of every window from a learner's
// decision until the system has recovered from it (recovery_watch.h), the fallback's own in these
// windows included; those of all functions, because tenants disturb each other. Where metrics were
// missing, the window is charged with what could have been in it. What is left are windows in which
// the fallback drives a system that has recovered. The bound rests on two things that no arithmetic
// gives and that tests/agents/adapt/guarantee_test.cc tries to break: there the fallback does no
// worse than it would have alone, and violations show in the window in which a request leaves.
//
// Known limits:
// - Where the fallback alone is at the edge of collapse (a cluster overloaded by its own cold
// starts),
//   its violations hang on single draws: a container started a second earlier, and the collapse
//   comes minutes earlier or later. No guard can promise the same luck; guarantee_test.cc shows by
//   how much they vary.
// - A fallback that learns from what the learner did, for longer than `budget.settle`, can be led
//   astray: `vpa`, which remembers use for days, and `aimd` and `ensure`, whose limits are steps
//   from those in force, so that they go on from where the learner left them. Use fallbacks whose
//   wishes follow from the load (kpa, hpa, keda, static, keep_alive, openwhisk, hybrid_histogram).
// - Executions longer than `budget.settle` that began under the learner end unseen.
// - What a platform cannot undo (memory it does not give back, containers that never expire) is
//   charged for ever where recovery_watch.h can see it, and not at all where it cannot.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agents/adapt/fallback_settings.h"
#include "agents/adapt/metrics_check.h"
#include "agents/adapt/overdue_meter.h"
#include "agents/adapt/recovery_watch.h"
#include "agents/adapt/safeguard.h"
#include "agents/adapt/safeguard_spec.h"
#include "agents/adapt/safety_meter.h"
#include "agents/adapt/violation_budget.h"
#include "core/policy.h"

namespace reeve {

// What became of the decisions so far, counted in decisions of single functions but for `periods`.
struct SafeguardCounts {
  uint64_t periods = 0;            // control periods
  uint64_t engaged_periods = 0;    // of them, in which the fallback drove at least one function
  uint64_t decisions = 0;          // functions x periods
  uint64_t engaged_decisions = 0;  // of them, the fallback's
  uint64_t engagements = 0;        // periods at which it took over a function from the learner
  std::array<uint64_t, kSafeguardReasons> periods_by_reason{};      // a period may have several
  std::array<uint64_t, kSafeguardReasons> engagements_by_reason{};  // so may an engagement

  // Share of decisions that were the fallback's; 0 before the first.
  double engaged_share() const {
    return decisions == 0 ? 0
                          : static_cast<double>(engaged_decisions) / static_cast<double>(decisions);
  }
};

// Not thread-safe. Decide does not allocate once the functions are known (if the policies do not).
class SafeguardedPolicy : public Policy {
 public:
  // `spec` has passed Validate(); its `fallback` is only a name here.
  SafeguardedPolicy(std::unique_ptr<Policy> learner, std::unique_ptr<Policy> fallback,
                    const SafeguardSpec& spec);

  // The learner's.
  std::string_view name() const override { return learner_->name(); }

  // Errors of the fallback; those of the learner unless they are tolerated. InvalidArgument when
  // `decisions` is not one per function of the first snapshot.
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;
  // Answered by who drives the function.
  void Wake(FunctionId function, SimTime now, Decision& decision) override;

  // A pessimistic value of the state in the next snapshot, of the whole cluster or of one function,
  // from whoever has a critic. Counts for the next Decide only.
  void set_value(double value) { value_ = value; }
  void set_value(FunctionId function, double value);

  // As of the last Decide. Whether the decision for this function was the fallback's.
  bool engaged(FunctionId function) const { return engaged_[function.index()] != 0; }
  bool any_engaged() const { return any_engaged_; }
  std::span<const uint8_t> engaged() const { return engaged_; }  // [F]; empty before the first
  // What concerns all functions, and with scope: function what concerns this one alone.
  const SafeguardState& state() const { return cluster_guard_.state(); }
  const SafeguardState& state(FunctionId function) const;
  // Every reason that is active anywhere.
  SafeguardReasons reasons() const { return reasons_; }
  MetricsFault metrics_fault() const { return fault_; }
  // The last failure of the learner to decide; ok if there was none.
  const absl::Status& learner_status() const { return learner_status_; }
  const SafeguardCounts& counts() const { return counts_; }
  bool has_budget() const { return spec_.budget.has_value(); }
  // As they began where the spec has no budget.
  const ViolationBudget& budget() const { return budget_; }
  const RecoveryWatch& recovery() const { return recovery_; }

  Policy& learner() { return *learner_; }
  Policy& fallback() { return *fallback_; }
  // [F] What the learner wanted at the last Decide at which it was overruled.
  std::span<const Decision> overruled() const { return overruled_; }
  // [F] What the fallback wanted at the last Decide, applied or not.
  std::span<const Decision> fallback_decisions() const { return wished_; }

 private:
  void Begin(const Snapshot& snapshot);
  // Charges the window that ended, and gives the budget what it earned.
  void Account(const Snapshot& snapshot);
  // Asks both, the learner for `wanted`; learner_failed_ says whether that can be used.
  absl::Status AskBoth(const Snapshot& snapshot, std::span<Decision> wanted);
  void UpdateGuards(const Snapshot& snapshot);
  // `decisions` are the learner's, and become those that count.
  void Choose(const Snapshot& snapshot, std::span<Decision> decisions);
  void RepeatFallback(std::span<Decision> decisions);
  // `guard`: whose engagement it is.
  void SetEngaged(size_t function, bool engaged, const Safeguard& guard);
  void Count();

  const SafeguardSpec spec_;
  const bool per_function_;
  const std::unique_ptr<Policy> learner_, fallback_;

  Safeguard cluster_guard_;
  std::vector<Safeguard> function_guards_;  // [F], with scope: function
  SafetyMeter meter_;
  WindowTotals totals_;  // of the window that ended
  ViolationBudget budget_;
  OverdueMeter overdue_;
  RecoveryWatch recovery_;
  FallbackSettings settings_;

  bool started_ = false;
  SimTime last_time_;          // of the last snapshot that could be true
  double last_in_system_ = 0;  // requests, then
  MetricsFault fault_ = MetricsFault::kNone;
  absl::Status learner_status_;
  bool learner_failed_ = false;
  bool any_engaged_ = false;
  bool took_over_ = false;       // some function, since the last Count
  SafeguardReasons taken_over_;  // what did
  SafeguardReasons reasons_;
  std::optional<double> value_;
  std::vector<std::optional<double>> values_;  // [F], or empty
  std::vector<Decision> overruled_;            // [F] the learner's
  std::vector<Decision> wished_;               // [F] the fallback's
  std::vector<uint8_t> engaged_;               // [F]
  SafeguardCounts counts_;
};

}  // namespace reeve
