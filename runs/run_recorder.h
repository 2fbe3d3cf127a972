// Turns the snapshots of a simulated run into the rows of its report.
#pragma once

#include <vector>

#include "agents/adapt/safeguarded_policy.h"
#include "core/snapshot.h"
#include "runs/run_data.h"
#include "sim/cluster.h"
#include "traces/trace.h"

namespace reeve {

class RunRecorder {
 public:
  // `trace`, `cluster` and `safeguard` outlive the recorder. Intervals are `interval` long; with
  // `each_function` every function gets rows of its own beside the totals. `safeguard`: of the
  // policy that decides; null: it has none.
  RunRecorder(const Trace& trace, SimulatedCluster& cluster, SimTime interval, bool each_function,
              const SafeguardedPolicy* safeguard = nullptr);

  // Call after every Observe, with its snapshot, before the policy decides on it. Clears the
  // cluster's completion histograms at the end of each interval.
  void Record(const Snapshot& snapshot);

  // The rows so far, an interval that has begun included, and the sums of the summary. Names,
  // configuration and host are left to the caller. Call once, after an Observe at the end.
  RunData Finish();

 private:
  // Sums over the windows of an interval; means are weighted by the windows' lengths.
  struct Sums {
    IntervalRow row;
    double slots = 0;
    double engaged = 0;  // share of functions x seconds
    bool unlimited = false;
  };

  void AddWindow(const Snapshot& snapshot, size_t function, Sums& sums) const;
  void AddSafeguard(double seconds);
  void CloseInterval();
  FunctionRow MakeFunctionRow(size_t function) const;
  void FillSummary(RunData& data) const;

  const Trace& trace_;
  SimulatedCluster& cluster_;
  const SimTime interval_;
  const bool each_function_;
  const SafeguardedPolicy* const safeguard_;

  SimTime interval_start_, last_time_;
  double span_s_ = 0;  // of the windows in the present interval
  Sums total_;
  std::vector<Sums> functions_;                  // [F], with each_function
  std::vector<InvocationHistogram> histograms_;  // [F], with each_function
  CompletionHistograms run_;
  std::vector<IntervalRow> rows_;
};

// What became of its decisions so far, as a run's summary has it.
SafeguardSummary SafeguardSummaryOf(const SafeguardedPolicy& safeguard);

}  // namespace reeve
