// Measures what a safeguard looks at: of each function, and of all together.
#pragma once

#include <cstddef>
#include <vector>

#include "agents/adapt/safeguard.h"
#include "core/snapshot.h"

namespace reeve {

// Requests of all functions in one window.
struct WindowTotals {
  double arrivals = 0;
  double left = 0;        // in whatever way
  double rejected = 0;    // of them, refused or given up
  double violations = 0;  // of their SLO
  double in_system = 0;   // waiting or in flight at its end
};
WindowTotals TotalsOf(const FunctionWindows& windows);

// Not thread-safe. No allocation once a number of functions has been seen.
class SafetyMeter {
 public:
  // `per_function`: signals of each function are asked for too; `latency`: those of latency are.
  SafetyMeter(const ViolationTrigger& violations, bool per_function, bool latency = true)
      : spec_(violations), per_function_(per_function), latency_(latency) {}

  // The next window, and its sums. Only the signals that a snapshot shows are set.
  void Add(const Snapshot& snapshot, const WindowTotals& totals);

  // Queue and latency of the worst function, violations and rejections of all.
  const SafetySignals& cluster() const { return cluster_; }
  // With `per_function`.
  const SafetySignals& function(size_t f) const { return functions_[f]; }

 private:
  // Requests that left, and those of them that violated their SLO; both fading.
  struct Recent {
    double left = 0, violations = 0;
    void Add(double new_left, double new_violations, double keep) {
      left = left * keep + new_left;
      violations = violations * keep + new_violations;
    }
  };
  double ShareOf(const Recent& recent) const;
  void AddFunctions(const FunctionWindows& windows, double keep);

  const ViolationTrigger spec_;
  const bool per_function_, latency_;
  Recent all_;
  SafetySignals cluster_;
  std::vector<Recent> recent_;            // [F], with per_function
  std::vector<SafetySignals> functions_;  // [F], with per_function
};

// Requests of a function that left in the window, in whatever way.
double RequestsLeft(const FunctionWindows& windows, size_t function);

}  // namespace reeve
