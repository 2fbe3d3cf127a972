// Measures what a safeguard looks at: of each function, and of all together.
#pragma once

#include <cstddef>
#include <vector>

#include "agents/adapt/safeguard.h"
#include "core/snapshot.h"

namespace reeve {

// Not thread-safe. No allocation once a number of functions has been seen.
class SafetyMeter {
 public:
  // `per_function`: signals of each function are asked for too.
  SafetyMeter(const ViolationTrigger& violations, bool per_function)
      : spec_(violations), per_function_(per_function) {}

  // The next window. Only the signals that a snapshot shows are set.
  void Add(const Snapshot& snapshot);

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

  const ViolationTrigger spec_;
  const bool per_function_;
  Recent all_;
  SafetySignals cluster_;
  std::vector<Recent> recent_;            // [F], with per_function
  std::vector<SafetySignals> functions_;  // [F], with per_function
};

// Requests of a function that left in the window, in whatever way.
double RequestsLeft(const FunctionWindows& windows, size_t function);

}  // namespace reeve
