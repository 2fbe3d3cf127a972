// Fits a simulated cluster to a recorded one: `reeve twin`.
//
// The recorded stretch is simulated with the cluster as described; then cold-start time and spread,
// a factor on execution times and interference are searched so that latencies, execution times and
// cold starts of each function come as near to the observed ones as they get (twin_model.h says
// what near means). A part of the functions is held out: the fit does not see them, and the error
// on them says how far the twin can be believed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/table.h"
#include "runs/run_data.h"
#include "runs/twin_config.h"
#include "runs/twin_model.h"
#include "runs/twin_observed.h"
#include "traces/trace.h"

namespace reeve {

// One of the parameters, by the name of its field.
struct FittedParameter {
  std::string name;
  double before = 0, after = 0;
  bool searched = false;  // else it was not to be fitted
  bool moved = false;     // else the recording asks for no other value
};

// How far the twin is from what was observed, over some functions.
struct TwinAccuracy {
  double loss = 0;  // TwinLoss
  // Of each quantity: the median over functions of simulated over observed, as a factor of at least
  // 1 either way; unset when no function has it.
  TwinValues median_factor;
  double cold_starts_observed = 0, cold_starts_simulated = 0;  // of functions that have both
  size_t functions = 0;                                        // that were observed
};

struct TwinResult {
  std::vector<FittedParameter> parameters;
  TwinParameters before_parameters, after_parameters;
  ClusterSpec cluster;                              // with the fitted parameters
  std::vector<bool> train;                          // [F] those that the fit saw
  std::vector<TwinValues> observed, before, after;  // [F]
  TwinAccuracy train_before, train_after, held_out_before, held_out_after;
  RunData before_run, after_run;
  int simulations = 0;
};

// [F] The functions that are not held out; at least one. By a hash of seed and name, so that the
// split does not depend on the other functions.
std::vector<bool> TwinSplit(const Trace& trace, const TwinFitSpec& fit);

TwinAccuracy AccuracyOf(const std::vector<TwinValues>& simulated,
                        const std::vector<TwinValues>& observed, const std::vector<bool>& use);

// Fits. Results do not depend on `threads`. `progress` may be empty; see MinimizeByCoordinates.
// `observed` [F], from MatchObserved. InvalidArgument when no function that the fit may see was
// observed, or the stretch is empty.
absl::StatusOr<TwinResult> FitTwin(const Trace& trace, const std::vector<TwinValues>& observed,
                                   const TwinConfig& config, int threads,
                                   const std::function<bool(int done, int planned)>& progress = {});

// Parameters, and errors before and after on both parts.
Table TwinSummaryTable(const TwinResult& result);

// Into a folder, which is made: cluster.yaml (the twin), trace.rtrace (the workload with the fitted
// execution times), functions.csv (each function's values, observed, before and after), twin.json
// (parameters and errors), config.yaml, and report.html of the runs before and after, beside the
// observed one where that is a run. Each file appears whole. AlreadyExists when there is a twin and
// `replace` is false.
absl::Status WriteTwin(const std::string& folder, const TwinConfig& config, const Trace& trace,
                       const TwinResult& result, bool replace);
// Whether WriteTwin would refuse: asked before the work is done.
absl::Status CheckTwinFolder(const std::string& folder, bool replace);

}  // namespace reeve
