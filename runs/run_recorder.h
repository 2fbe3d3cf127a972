// Turns the snapshots of a simulated run into the rows of its report.
#pragma once

#include <vector>

#include "core/snapshot.h"
#include "runs/run_data.h"
#include "sim/cluster.h"
#include "traces/trace.h"

namespace reeve {

class RunRecorder {
 public:
  // `trace` and `cluster` outlive the recorder. Intervals are `interval` long; with
  // `each_function` every function gets rows of its own beside the totals.
  RunRecorder(const Trace& trace, SimulatedCluster& cluster, SimTime interval, bool each_function);

  // Call after every Observe, with its snapshot. Clears the cluster's completion histograms at the
  // end of each interval.
  void Record(const Snapshot& snapshot);

  // The rows so far, an interval that has begun included, and the sums of the summary. Names,
  // configuration and host are left to the caller. Call once, after an Observe at the end.
  RunData Finish();

 private:
  // Sums over the windows of an interval; means are weighted by the windows' lengths.
  struct Sums {
    IntervalRow row;
    double slots = 0;
    bool unlimited = false;
  };

  void AddWindow(const Snapshot& snapshot, size_t function, Sums& sums) const;
  void CloseInterval();
  FunctionRow MakeFunctionRow(size_t function) const;
  void FillSummary(RunData& data) const;

  const Trace& trace_;
  SimulatedCluster& cluster_;
  const SimTime interval_;
  const bool each_function_;

  SimTime interval_start_, last_time_;
  double span_s_ = 0;  // of the windows in the present interval
  Sums total_;
  std::vector<Sums> functions_;                  // [F], with each_function
  std::vector<InvocationHistogram> histograms_;  // [F], with each_function
  CompletionHistograms run_;
  std::vector<IntervalRow> rows_;
  double memory_capacity_gib_ = 0;
};

}  // namespace reeve
