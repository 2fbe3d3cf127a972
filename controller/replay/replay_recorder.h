// Turns what became of a replay's requests into the rows of a run.
#pragma once

#include <cstdint>
#include <vector>

#include "controller/replay/open_loop.h"
#include "controller/replay/replay_spec.h"
#include "core/histogram.h"
#include "runs/run_data.h"
#include "sim/cluster.h"
#include "traces/trace.h"

namespace reeve {

// Latency runs from when a request was due, whenever it was sent. What only the platform can see
// (containers, CPU, memory) stays 0; execution times and cold starts are those that the target
// tells. Requests that are due and not sent are the queued ones. Not thread-safe.
class ReplayRecorder {
 public:
  // `trace` outlives the recorder. With `each_function` every function gets intervals of its own.
  ReplayRecorder(const Trace& trace, const LiveReplaySpec& spec, bool each_function);

  void OnDue(const PlannedRequest& plan);
  void OnSent(const PlannedRequest& plan, int64_t sent_us, bool held_back);
  void OnFinished(const FinishedRequest& finished);

  uint64_t due() const { return all_.arrivals; }
  uint64_t completions() const { return all_.completions; }
  uint64_t failures() const { return all_.failures + all_.timeouts + all_.rejections; }
  uint64_t in_flight() const { return all_.in_flight; }
  double timing_error_p99_ms() const { return timing_error_us_.Quantile(0.99) / 1000; }

  // The rows until `end_us`, an interval that has begun included, and the sums of the summary.
  // What is left counts as unfinished. Names, configuration and host are left to the caller. Once.
  RunData Finish(int64_t end_us);

 private:
  // Of one function, or of all: since the start, and of the present interval.
  struct Counts {
    uint64_t arrivals = 0, completions = 0, failures = 0, timeouts = 0, rejections = 0;
    uint64_t cold_starts = 0, slo_violations = 0;
    int64_t latency_sum_us = 0;
    uint32_t queued = 0, in_flight = 0;
    // Integrals over the present interval up to `changed_us`.
    int64_t changed_us = 0, queued_us = 0, in_flight_us = 0;
    IntervalRow row;
    void Advance(int64_t now_us);
  };
  struct FunctionHistograms {
    FunctionHistogram latency_us, execution_us, wait_us, slowdown_permille;
    FunctionHistogram interval_latency_us;
  };

  // Closes the intervals that end at `now_us` or before; returns the time, never before the last.
  int64_t MoveTo(int64_t now_us);
  void CloseInterval(int64_t end_us);
  void CloseRow(Counts& counts, int64_t begin_us, int64_t end_us) const;
  // Adds to both the function's counts and those of all.
  template <class Change>
  void Change2(uint32_t function, int64_t now_us, Change change);
  FunctionRow MakeFunctionRow(size_t function) const;
  void FillSummary(RunData& data, int64_t end_us) const;

  const Trace& trace_;
  const int64_t interval_us_;
  const bool each_function_;
  std::vector<int64_t> slo_us_;     // [F]
  std::vector<double> memory_mib_;  // [F]

  int64_t interval_start_us_ = 0, now_us_ = 0;
  Counts all_;
  std::vector<Counts> functions_;               // [F]
  std::vector<FunctionHistograms> histograms_;  // [F]
  CompletionHistograms interval_, run_;
  RunHistogram timing_error_us_;
  int64_t worst_timing_error_us_ = 0;
  ReplaySummary replay_;
  std::vector<IntervalRow> rows_;
};

}  // namespace reeve
