// Runs an experiment: tunes what is to be tuned, plays every policy on every workload with every
// seed, and says what the runs show.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/table.h"
#include "runs/cell_store.h"
#include "runs/experiment_config.h"
#include "runs/policy_trainer.h"
#include "runs/run_data.h"
#include "runs/statistics.h"
#include "sim/clairvoyant.h"

namespace reeve {

// A figure of a run that experiments compare.
struct Metric {
  std::string_view key, title, unit;
  Better better;
};
// In the order of tables.
const std::vector<Metric>& ExperimentMetrics();

// One policy, as given or tuned, on one workload.
struct ExperimentRow {
  std::string workload, policy, cluster;
  bool tuned = false;
  bool clairvoyant = false;                        // knows the trace: a reference
  Assignments parameters = {};                     // that tuning chose
  std::optional<TuningResult> tuning = {};         // with tuned
  std::vector<uint64_t> seeds = {};                // of the runs
  std::vector<std::vector<double>> values = {};    // [metric][seed]; NaN: a run without this figure
  std::vector<std::optional<Interval>> mean = {};  // [metric]
  // To the baseline on the same workload, paired by seed; the baseline's own are 1.
  std::vector<std::optional<Interval>> ratio = {};  // [metric]

  std::string label() const { return tuned ? policy + " (tuned)" : policy; }
};

// The clairvoyant bound of a workload's test part on a cluster: means over the seeds.
struct ExperimentBound {
  std::string workload, cluster;
  double needed_gb_seconds = 0, warm_gb_seconds = 0, fewest_cold_starts = 0;
  std::vector<std::pair<double, double>> points = {};  // cold starts, GB-seconds (first seed)
};

struct ExperimentResults {
  std::string name, title, baseline;
  double confidence = 0.95;
  std::vector<ExperimentRow> rows;  // by workload, then in the order of the policies
  std::vector<ExperimentBound> bounds;
};

struct ExperimentHooks {
  std::function<bool()> stop = {};  // any thread
  // Trains the policies that are to be learned; null: an experiment with such is InvalidArgument.
  PolicyTrainer* trainer = nullptr;
  // What goes on now, and how many simulations of it are done; any thread.
  std::function<void(std::string_view what, size_t done, size_t planned)> on_progress = {};
};

// `folder`: that paths of the configuration are relative to. Results do not depend on `threads`,
// nor on what `store` already holds. Cancelled when stopped.
absl::StatusOr<ExperimentResults> RunExperiment(const ExperimentConfig& config,
                                                const std::string& folder, CellStore& store,
                                                int threads, const ExperimentHooks& hooks = {});

// Tunes one policy of the configuration on the training part of one of its workloads, as
// RunExperiment does.
absl::StatusOr<TuningResult> TuneOnWorkload(const ExperimentConfig& config,
                                            const ExperimentPolicy& policy,
                                            const std::string& workload, const std::string& folder,
                                            CellStore& store, int threads,
                                            const ExperimentHooks& hooks = {});

// One row per policy and workload: means and intervals.
Table ResultsTable(const ExperimentResults& results);
// Everything, as JSON: format "reeve-experiment", version 1.
std::string ResultsJson(const ExperimentResults& results);

}  // namespace reeve
