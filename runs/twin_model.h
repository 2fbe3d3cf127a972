// The parameters of a twin, what they change of a cluster and its workload, and how far what is
// then simulated is from what was observed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/config.h"
#include "runs/run_data.h"
#include "runs/twin_config.h"
#include "runs/twin_observed.h"
#include "sim/cluster_spec.h"
#include "traces/trace.h"

namespace reeve {

struct TwinParameters {
  double cold_start_ms = 0;      // mean
  double cold_start_spread = 0;  // standard deviation over mean
  double service_factor = 1;     // on the trace's execution times
  double interference = 0;       // slowdown at load 1 beyond 1: the curve's rise, see below

  template <class V>
  static void Fields(V& v) {
    using P = TwinParameters;
    v.Field("cold_start_ms", &P::cold_start_ms, "Mean time of a cold start, in ms");
    v.Field("cold_start_spread", &P::cold_start_spread, "Its standard deviation over its mean");
    v.Field("service_factor", &P::service_factor, "Factor on the trace's execution times");
    v.Field("interference", &P::interference,
            "Slowdown beyond 1 on a node at load 1: of its CPU all is asked for");
  }
  bool operator==(const TwinParameters&) const = default;
};

// Those of the cluster as it is described. The spread of a distribution without finite moments is
// taken from its quantiles.
TwinParameters ParametersOf(const ClusterSpec& cluster);

// The cluster with these parameters. Cold starts become lognormal, unless mean and spread are those
// of the cluster. Interference scales the rise of the cluster's curve; where it has none, it is a
// line from 1 at load 0.5 through 1 + interference at load 1 to load 3, and flat beyond.
ClusterSpec ApplyParameters(const ClusterSpec& cluster, const TwinParameters& parameters);

// |ln(simulated / observed)|, of numbers of cold starts with one added to both: of any sizes, how
// far they are apart as a factor. Never above kMostError, so that no function decides alone.
inline constexpr double kMostError = 3;
double TwinError(TwinQuantity quantity, double simulated, double observed);

// Mean error of the functions with use[f]: of each the mean over latencies, the mean over
// executions and that of cold starts, as far as they were observed. 0 when nothing was.
double TwinLoss(std::span<const TwinValues> simulated, std::span<const TwinValues> observed,
                const std::vector<bool>& use);

// Simulates the recorded stretch with any parameters. Thread-safe.
class TwinModel {
 public:
  // Both outlive the model.
  TwinModel(const Trace& trace, const TwinConfig& config) : trace_(trace), config_(config) {}

  // [F] What the simulation gives; a quantity without completions is unset.
  absl::StatusOr<std::vector<TwinValues>> Simulate(const TwinParameters& parameters) const;
  // The same, and the run, with intervals of every function.
  absl::StatusOr<std::pair<RunData, std::vector<TwinValues>>> Run(
      const TwinParameters& parameters) const;

  // The workload with its execution times scaled.
  absl::StatusOr<std::shared_ptr<const Trace>> ScaledTrace(double service_factor) const;

 private:
  const Trace& trace_;
  const TwinConfig& config_;
  mutable std::mutex mutex_;
  // The last few that were needed; guarded by mutex_.
  mutable std::vector<std::pair<double, std::shared_ptr<const Trace>>> scaled_;
};

}  // namespace reeve
