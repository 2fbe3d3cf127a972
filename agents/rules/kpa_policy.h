// Knative's pod autoscaler (KPA) as a policy over all functions.
//
// Load is taken from the snapshot: mean_in_flight + mean_queued (metric concurrency; the
// activator's buffer counts upstream as well), or arrivals / window (metric rps). Each control
// period fills the 1 s buckets it covers with its average.
//
// Time: a decision about a function is made every `tick` (2 s) of snapshot time. With a shorter
// control period the calls in between only record, and leave replicas unset; with a longer one
// there is one tick per call, with all of the period's load entered first (upstream would have
// ticked in between). Control periods that end on whole seconds fill their buckets; one that ends
// within a second leaves that second's bucket filled in part until the next call.
//
// Cost of a Decide over 20,000 functions on one core (bench/kpa_bench): 0.05 ms when all sleep at
// zero, 0.07 ms when 1 % are busy, 4 ms when all are. About 0.9 KB a function at the default
// windows. No allocation once a function has been seen.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "agents/rules/kpa_function.h"
#include "agents/rules/kpa_options.h"
#include "core/policy.h"

namespace reeve {

// Why a function has the replicas it has.
struct KpaStatus {
  int32_t desired = KpaActivation::kUnknown;  // before bounds and the way to zero
  int32_t target = KpaActivation::kUnknown;   // last asked for
  int32_t excess_burst_capacity = 0;          // requests
  int32_t activators = 0;                     // for `ready` replicas
  KpaPhase phase = KpaPhase::kActivating;
  KpaMode mode = KpaMode::kProxy;
  bool panicking = false;
};

class KpaPolicy : public Policy {
 public:
  // `options` have passed Validate().
  explicit KpaPolicy(const KpaOptions& options) : options_(options) {}

  std::string_view name() const override { return "kpa"; }

  // Sets `replicas` of functions that were ticked and whose number of replicas the rule wants to
  // change or hold. A function seen for the first time gets its initial scale. Functions may be
  // added from one call to the next, at the end. InvalidArgument when decisions and functions
  // differ in number, when functions disappeared, or when time went backwards.
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;

  // The poke of the activator: scales from zero at once. Does nothing for functions that no Decide
  // has seen, and when the autoscaler wants replicas already.
  void Wake(FunctionId function, SimTime now, Decision& decision) override;

  // Of a function seen by Decide, as if `ready` of its replicas are ready.
  KpaStatus StatusOf(FunctionId function, int32_t ready) const;

 private:
  uint32_t SpecFor(int32_t concurrency_limit);
  void AddFunctions(const Snapshot& snapshot, std::span<Decision> decisions);

  const KpaOptions options_;
  std::vector<KpaFunction> functions_;     // [F]
  std::vector<uint8_t> dormant_;           // [F] at zero: skipped while there is no load
  std::vector<uint32_t> spec_of_;          // [F] index into specs_
  std::vector<int32_t> concurrency_of_;    // [F] the limit that spec_of_ is for
  std::vector<int32_t> spec_concurrency_;  // [S] distinct concurrency limits met so far
  std::vector<KpaSpec> specs_;             // [S]
  bool started_ = false;
  SimTime last_;       // of the last Decide
  SimTime next_tick_;  // earliest time of the next tick
};

}  // namespace reeve
