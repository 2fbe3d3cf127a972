// A twin: a simulated cluster that is fitted to a recorded one. What `reeve twin` is told.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "agents/policy_factory.h"
#include "core/config.h"
#include "core/units.h"
#include "sim/cluster_spec.h"
#include "traces/arrival_stream.h"

namespace reeve {

enum class ColdStartRule : uint8_t {
  kNotReady,  // its container was not ready when it came
  kLate,      // it began at least so late
};
constexpr auto EnumNames(ColdStartRule) {
  return std::array<std::pair<ColdStartRule, std::string_view>, 2>{
      {{ColdStartRule::kNotReady, "not_ready"}, {ColdStartRule::kLate, "late"}}};
}

struct ColdStartCounting {
  ColdStartRule rule = ColdStartRule::kNotReady;
  SimTime threshold = SimTime::Millis(500);
  bool beyond_execution = false;

  template <class V>
  static void Fields(V& v) {
    using C = ColdStartCounting;
    v.Field("rule", &C::rule,
            "Which requests the recording counts as cold starts: those that found no ready "
            "container, or those that began late");
    v.Field("threshold", &C::threshold, "late: how late", AtLeast(0));
    v.Field("beyond_execution", &C::beyond_execution,
            "late: later than the threshold and the execution time together (docs/validation.md "
            "has a measurement that was counted so)");
  }
};

struct TwinFitSpec {
  bool cold_start_time = true;
  bool cold_start_spread = true;
  bool service_time = true;
  bool interference = true;
  double holdout = 0.3;
  uint64_t split_seed = 1;
  int32_t sweeps = 3;
  double least_gain = 0.002;

  template <class V>
  static void Fields(V& v) {
    using F = TwinFitSpec;
    v.Field("cold_start_time", &F::cold_start_time, "Fit the mean time of cold starts");
    v.Field("cold_start_spread", &F::cold_start_spread,
            "Fit their standard deviation, as a share of the mean; they become lognormal");
    v.Field("service_time", &F::service_time, "Fit the factor on all execution times");
    v.Field("interference", &F::interference,
            "Fit the slowdown by load: the rise of the cluster's curve, or of a line from load "
            "0.5 on where it has none");
    v.Field("holdout", &F::holdout,
            "Share of the functions that the fit does not see, drawn by their names",
            Between(0, 0.9));
    v.Field("split_seed", &F::split_seed, "Of that draw");
    v.Field("sweeps", &F::sweeps, "How often all parameters are searched, one after another",
            {1, 20});
    v.Field("least_gain", &F::least_gain,
            "A parameter is moved only when that lowers the error by this share; one that the "
            "recording tells nothing of stays as it was",
            Between(0, 0.5));
  }
};

struct TwinConfig {
  std::string trace;
  std::string observed;
  ClusterSpec cluster;
  PolicySpec policy;
  uint64_t seed = 0;
  WithinMinute within_minute = WithinMinute::kByTrigger;
  SimTime from = {};
  SimTime to = SimTime::Max();
  ColdStartCounting cold_starts;
  TwinFitSpec fit;

  template <class V>
  static void Fields(V& v) {
    using C = TwinConfig;
    v.Field("trace", &C::trace,
            "The workload that was recorded: a .rtrace file, or what `reeve trace import` reads");
    v.Field("observed", &C::observed,
            "What was observed: a run folder (of `reeve record` or `reeve replay`), or a CSV file "
            "with the column name and any of completions, cold_starts, latency_p50_ms, "
            "latency_p95_ms, latency_p99_ms, execution_p50_ms and execution_p99_ms");
    v.Field("cluster", &C::cluster, "The cluster as far as it is known: where the fit begins");
    v.Field("policy", &C::policy, "The policy that drove what was recorded");
    v.Field("seed", &C::seed, "Of all random draws");
    v.Field("within_minute", &C::within_minute,
            "Where the invocations of a per-minute trace fall within their minute");
    v.Field("from", &C::from, "Only requests that come from here on are compared", AtLeast(0));
    v.Field("to", &C::to, "And only those before; unset: to the end", AtLeast(0));
    v.Field("cold_starts", &C::cold_starts, "How the recording counts cold starts");
    v.Field("fit", &C::fit, "What is fitted, and to which functions");
  }
  absl::Status Validate() const;
};

}  // namespace reeve
