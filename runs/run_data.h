// What a run leaves behind, as plain structs: whoever drives a platform fills them, run_folder
// writes and reads them, report_page and terminal_summary show them.
//
// Every struct lists its fields once, as
//   v.Field(name, member, unit, what it is, which way is better)
// and CSV headers, JSON keys, columns of tables and the reference in docs/ come from that list.
// Plain data; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/histogram.h"
#include "core/ids.h"

namespace reeve {

// Which of two values a comparison prefers.
enum class Better { kNeither, kLower, kHigher };

// What happened in one interval [time_s, time_s + the summary's interval_s), to all functions
// together or to one. Percentiles are over the interval's completions, unset when there was none.
// Means are over time.
struct IntervalRow {
  double time_s = 0;
  FunctionId function;  // index into RunData::functions; no one: all functions together

  uint64_t arrivals = 0;
  uint64_t completions = 0;
  uint64_t failures = 0;
  uint64_t timeouts = 0;
  uint64_t rejections = 0;
  uint64_t cold_starts = 0;
  uint64_t containers_started = 0;
  uint64_t slo_violations = 0;
  double mean_in_flight = 0;
  double mean_queued = 0;
  double containers_ready = 0;
  double containers_starting = 0;
  std::optional<double> slots_ready;
  double replicas_asked = 0;
  double cpu_used_cores = 0;
  double cpu_capacity_cores = 0;
  double memory_held_gib = 0;
  double memory_capacity_gib = 0;
  std::optional<double> latency_p50_ms, latency_p95_ms, latency_p99_ms;
  std::optional<double> slowdown_p99;
  std::optional<double> safeguard_engaged;

  // Columns at the end that windows.csv has only in runs where some row has a value there.
  static constexpr size_t kOptionalColumns = 1;
  bool has_optional_columns() const { return safeguard_engaged.has_value(); }

  template <class Visitor>
  static void Fields(Visitor& v);
  bool operator==(const IntervalRow&) const = default;
};

// One function over the whole run.
struct FunctionRow {
  std::string name;  // unique in the run
  std::string tenant, app, trigger;
  double memory_mib = 0;

  uint64_t arrivals = 0;
  uint64_t completions = 0;
  uint64_t failures = 0;
  uint64_t timeouts = 0;
  uint64_t rejections = 0;
  uint64_t unfinished = 0;
  uint64_t cold_starts = 0;
  uint64_t containers_started = 0;
  std::optional<double> slo_ms;
  uint64_t slo_violations = 0;
  std::optional<double> latency_mean_ms, latency_p50_ms, latency_p95_ms, latency_p99_ms;
  std::optional<double> slowdown_p50, slowdown_p99;
  std::optional<double> execution_p50_ms, execution_p99_ms;
  std::optional<double> wait_p99_ms;
  double container_seconds = 0;
  double gb_seconds = 0;
  double busy_share = 0;
  uint64_t replica_changes = 0;

  template <class Visitor>
  static void Fields(Visitor& v);
  bool operator==(const FunctionRow&) const = default;
};

// One point of the distributions over all completions of the run: a share `quantile` of them is at
// or below the values.
struct QuantileRow {
  double quantile = 0;
  std::optional<double> latency_ms, execution_ms, wait_ms, slowdown;

  template <class Visitor>
  static void Fields(Visitor& v);
  bool operator==(const QuantileRow&) const = default;
};

// What depends on the machine and the moment, and on nothing else of the summary.
struct HostInfo {
  std::string version;     // of the program
  std::string started_at;  // UTC, ISO 8601
  double wall_seconds = 0;
  double invocations_per_second = 0;
  double peak_memory_mb = 0;
  uint64_t threads = 1;

  template <class Visitor>
  static void Fields(Visitor& v);
  bool operator==(const HostInfo&) const = default;
};

// What a policy's safeguard did (agents/adapt/safeguarded_policy.h). An engagement may have several
// triggers.
struct SafeguardSummary {
  uint64_t steps = 0;
  uint64_t engaged_steps = 0;
  double engaged_share = 0;
  uint64_t engagements = 0;
  uint64_t engagements_impossible_metrics = 0, engagements_learner_failed = 0,
           engagements_budget = 0;
  uint64_t engagements_queue = 0, engagements_slo_violations = 0, engagements_latency = 0;
  uint64_t engagements_rejections = 0, engagements_value = 0;
  std::optional<double> budget_granted, budget_charged;

  template <class Visitor>
  static void Fields(Visitor& v);
  bool operator==(const SafeguardSummary&) const = default;
};

// How requests were sent in a run that is a replay against a live target (controller/replay).
struct ReplaySummary {
  double speed = 1;
  uint64_t sent = 0;
  double timing_error_p50_ms = 0, timing_error_p99_ms = 0, timing_error_max_ms = 0;
  uint64_t late = 0;
  uint64_t held_back = 0;
  uint64_t never_sent = 0;
  uint64_t failed_connections = 0, failed_answers = 0, failed_statuses = 0;
  uint64_t told = 0;
  uint64_t connections = 0;
  uint64_t most_in_flight = 0;

  template <class Visitor>
  static void Fields(Visitor& v);
  bool operator==(const ReplaySummary&) const = default;
};

// The run in one record. Equal inputs give equal summaries but for `host`.
struct RunSummary {
  std::string name;
  std::string policy, trace, cluster;
  uint64_t seed = 0;
  bool complete = true;
  double simulated_seconds = 0;
  double interval_s = 60;
  uint64_t functions = 0;

  uint64_t arrivals = 0;
  uint64_t completions = 0;
  uint64_t failures = 0;
  uint64_t timeouts = 0;
  uint64_t rejections = 0;
  uint64_t unfinished = 0;

  std::optional<double> latency_mean_ms, latency_p50_ms, latency_p95_ms, latency_p99_ms;
  std::optional<double> slowdown_p50, slowdown_p95, slowdown_p99;
  std::optional<double> slowdown_p99_geomean;
  std::optional<double> wait_p99_ms;

  uint64_t cold_starts = 0;
  uint64_t containers_started = 0;
  double cold_start_share = 0;
  uint64_t slo_violations = 0;
  double slo_violation_share = 0;

  double container_seconds = 0;
  double gb_seconds = 0;
  double container_utilisation = 0;
  double cpu_utilisation = 0;
  double replica_changes_per_hour = 0;
  std::optional<double> bound_gb_seconds, gb_seconds_over_bound;
  std::optional<double> littles_law_error;
  std::optional<SafeguardSummary> safeguard;  // of policies that have one
  std::optional<ReplaySummary> replay;        // of replays: what only a platform sees is then 0

  HostInfo host;

  template <class Visitor>
  static void Fields(Visitor& v);
  bool operator==(const RunSummary&) const = default;
};

struct RunData {
  RunSummary summary;
  std::vector<FunctionRow> functions;  // in the trace's order
  std::vector<IntervalRow> intervals;  // by time; within a time all-functions first, then by id;
                                       // a function without anything to tell may be left out
  std::vector<QuantileRow> quantiles;  // by rising quantile
  std::string config_yaml;             // resolved configuration, as text
};

// The quantiles that a report draws: 1 % steps to 90 %, then nine in each decade of 1 - q, up to
// where a single invocation of `latency_us.count()` decides. Histograms hold microseconds and, for
// slowdown, per mille; an empty one leaves its column unset.
std::vector<QuantileRow> MakeQuantileRows(const RunHistogram& latency_us,
                                          const RunHistogram& execution_us,
                                          const RunHistogram& wait_us,
                                          const RunHistogram& slowdown_permille);

// exp(mean(ln x)) of the functions' p99 slowdown, over functions with completions; unset if none.
std::optional<double> GeometricMeanSlowdown(const std::vector<FunctionRow>& functions);

// Fields of a summary that say nothing in this run: those that a replay cannot see from outside.
// Tables and pages leave them blank.
std::vector<std::string> UnseenFields(const RunSummary& summary);

// ---- The field lists

template <class Visitor>
void IntervalRow::Fields(Visitor& v) {
  using R = IntervalRow;
  v.Field("time_s", &R::time_s, "s", "start of the interval, since the start of the run");
  v.Field("function", &R::function, "", "name of the function; empty for all together");
  v.Field("arrivals", &R::arrivals, "requests", "requests that came");
  v.Field("completions", &R::completions, "requests", "requests answered");
  v.Field("failures", &R::failures, "requests", "requests lost to container or node failure");
  v.Field("timeouts", &R::timeouts, "requests", "requests given up at their time limit");
  v.Field("rejections", &R::rejections, "requests", "requests refused by a full queue");
  v.Field("cold_starts", &R::cold_starts, "requests",
          "requests begun on a container that was not ready when they came");
  v.Field("containers_started", &R::containers_started, "containers",
          "containers whose start began");
  v.Field("slo_violations", &R::slo_violations, "requests",
          "requests slower than the objective, lost or refused");
  v.Field("mean_in_flight", &R::mean_in_flight, "requests", "requests being executed, mean");
  v.Field("mean_queued", &R::mean_queued, "requests", "requests waiting, mean");
  v.Field("containers_ready", &R::containers_ready, "containers", "idle or busy, mean");
  v.Field("containers_starting", &R::containers_starting, "containers", "starting, mean");
  v.Field("slots_ready", &R::slots_ready, "requests",
          "requests that ready containers can execute at once, mean; empty if unlimited");
  v.Field("replicas_asked", &R::replicas_asked, "containers", "what the policy asked for, mean");
  v.Field("cpu_used_cores", &R::cpu_used_cores, "cores", "CPU used, mean");
  v.Field("cpu_capacity_cores", &R::cpu_capacity_cores, "cores", "CPU there is, mean");
  v.Field("memory_held_gib", &R::memory_held_gib, "GiB", "memory held by containers, mean");
  v.Field("memory_capacity_gib", &R::memory_capacity_gib, "GiB", "memory there is, mean");
  v.Field("latency_p50_ms", &R::latency_p50_ms, "ms", "arrival to answer, median");
  v.Field("latency_p95_ms", &R::latency_p95_ms, "ms", "arrival to answer, 95th percentile");
  v.Field("latency_p99_ms", &R::latency_p99_ms, "ms", "arrival to answer, 99th percentile");
  v.Field("slowdown_p99", &R::slowdown_p99, "x",
          "latency over execution on an idle machine, 99th percentile");
  v.Field(
      "safeguard_engaged", &R::safeguard_engaged, "share",
      "functions that the safeguard's fallback drove, over all, mean; of one function: of time");
}

template <class Visitor>
void FunctionRow::Fields(Visitor& v) {
  using R = FunctionRow;
  constexpr Better kLower = Better::kLower;
  v.Field("name", &R::name, "", "name of the function");
  v.Field("tenant", &R::tenant, "", "who owns it");
  v.Field("app", &R::app, "", "application it belongs to");
  v.Field("trigger", &R::trigger, "", "what sets it off");
  v.Field("memory_mib", &R::memory_mib, "MiB", "memory of one container");
  v.Field("arrivals", &R::arrivals, "requests", "requests that came");
  v.Field("completions", &R::completions, "requests", "requests answered");
  v.Field("failures", &R::failures, "requests", "requests lost to failure", kLower);
  v.Field("timeouts", &R::timeouts, "requests", "requests given up", kLower);
  v.Field("rejections", &R::rejections, "requests", "requests refused", kLower);
  v.Field("unfinished", &R::unfinished, "requests", "requests still there at the end");
  v.Field("cold_starts", &R::cold_starts, "requests",
          "requests begun on a container that was not ready when they came", kLower);
  v.Field("containers_started", &R::containers_started, "containers", "containers started", kLower);
  v.Field("slo_ms", &R::slo_ms, "ms", "latency objective; empty if none");
  v.Field("slo_violations", &R::slo_violations, "requests", "slower, lost or refused", kLower);
  v.Field("latency_mean_ms", &R::latency_mean_ms, "ms", "arrival to answer, mean", kLower);
  v.Field("latency_p50_ms", &R::latency_p50_ms, "ms", "median latency", kLower);
  v.Field("latency_p95_ms", &R::latency_p95_ms, "ms", "95th percentile of latency", kLower);
  v.Field("latency_p99_ms", &R::latency_p99_ms, "ms", "99th percentile of latency", kLower);
  v.Field("slowdown_p50", &R::slowdown_p50, "x", "latency over ideal execution, median", kLower);
  v.Field("slowdown_p99", &R::slowdown_p99, "x", "the same, 99th percentile", kLower);
  v.Field("execution_p50_ms", &R::execution_p50_ms, "ms", "start to answer, median", kLower);
  v.Field("execution_p99_ms", &R::execution_p99_ms, "ms", "start to answer, 99th percentile",
          kLower);
  v.Field("wait_p99_ms", &R::wait_p99_ms, "ms", "arrival to start, 99th percentile", kLower);
  v.Field("container_seconds", &R::container_seconds, "s", "life of containers, summed", kLower);
  v.Field("gb_seconds", &R::gb_seconds, "GB s", "memory held over time", kLower);
  v.Field("busy_share", &R::busy_share, "share", "busy container time over container time",
          Better::kHigher);
  v.Field("replica_changes", &R::replica_changes, "changes",
          "containers started, or stopped by scaling", kLower);
}

template <class Visitor>
void QuantileRow::Fields(Visitor& v) {
  using R = QuantileRow;
  v.Field("quantile", &R::quantile, "share", "share of completions at or below the values");
  v.Field("latency_ms", &R::latency_ms, "ms", "arrival to answer");
  v.Field("execution_ms", &R::execution_ms, "ms", "start to answer");
  v.Field("wait_ms", &R::wait_ms, "ms", "arrival to start");
  v.Field("slowdown", &R::slowdown, "x", "latency over execution on an idle machine");
}

template <class Visitor>
void HostInfo::Fields(Visitor& v) {
  using R = HostInfo;
  v.Field("version", &R::version, "", "of the program");
  v.Field("started_at", &R::started_at, "", "UTC, ISO 8601");
  v.Field("wall_seconds", &R::wall_seconds, "s", "time the run took", Better::kLower);
  v.Field("invocations_per_second", &R::invocations_per_second, "1/s", "arrivals per wall second",
          Better::kHigher);
  v.Field("peak_memory_mb", &R::peak_memory_mb, "MB", "peak resident memory", Better::kLower);
  v.Field("threads", &R::threads, "threads", "threads used");
}

template <class Visitor>
void SafeguardSummary::Fields(Visitor& v) {
  using R = SafeguardSummary;
  v.Field("steps", &R::steps, "periods", "control periods");
  v.Field("engaged_steps", &R::engaged_steps, "periods",
          "control periods in which the fallback drove at least one function");
  v.Field("engaged_share", &R::engaged_share, "share",
          "decisions for single functions that were the fallback's");
  v.Field("engagements", &R::engagements, "times", "times that the fallback took over");
  v.Field("engagements_impossible_metrics", &R::engagements_impossible_metrics, "times",
          "by numbers that cannot be");
  v.Field("engagements_learner_failed", &R::engagements_learner_failed, "times",
          "by a learner that failed");
  v.Field("engagements_budget", &R::engagements_budget, "times", "by the violation budget");
  v.Field("engagements_queue", &R::engagements_queue, "times", "by requests that waited");
  v.Field("engagements_slo_violations", &R::engagements_slo_violations, "times",
          "by SLO violations");
  v.Field("engagements_latency", &R::engagements_latency, "times", "by latency");
  v.Field("engagements_rejections", &R::engagements_rejections, "times",
          "by requests refused or given up");
  v.Field("engagements_value", &R::engagements_value, "times", "by what the critic thought");
  v.Field("budget_granted", &R::budget_granted, "requests",
          "SLO violations that the learner was granted; empty without a budget");
  v.Field("budget_charged", &R::budget_charged, "requests", "SLO violations charged to it");
}

template <class Visitor>
void ReplaySummary::Fields(Visitor& v) {
  using R = ReplaySummary;
  constexpr Better kLower = Better::kLower;
  v.Field("speed", &R::speed, "x", "how much faster than in the trace time ran");
  v.Field("sent", &R::sent, "requests", "requests that were sent");
  v.Field("timing_error_p50_ms", &R::timing_error_p50_ms, "ms",
          "from when a request was due to when it was sent, median", kLower);
  v.Field("timing_error_p99_ms", &R::timing_error_p99_ms, "ms", "the same, 99th percentile",
          kLower);
  v.Field("timing_error_max_ms", &R::timing_error_max_ms, "ms", "the same, the worst", kLower);
  v.Field("late", &R::late, "requests", "requests sent more than 1 ms after they were due", kLower);
  v.Field("held_back", &R::held_back, "requests",
          "requests sent late because too many others were under way", kLower);
  v.Field("never_sent", &R::never_sent, "requests",
          "requests whose time limit passed before they could be sent; they count as timed out",
          kLower);
  v.Field("failed_connections", &R::failed_connections, "requests",
          "requests for which there was no connection", kLower);
  v.Field("failed_answers", &R::failed_answers, "requests",
          "requests whose answer was cut short or is no HTTP", kLower);
  v.Field("failed_statuses", &R::failed_statuses, "requests",
          "requests whose answer says that they failed", kLower);
  v.Field("told", &R::told, "requests",
          "answers that told the execution time or a cold start; without any these are unknown");
  v.Field("connections", &R::connections, "connections", "connections opened");
  v.Field("most_in_flight", &R::most_in_flight, "requests", "most requests under way at once");
}

template <class Visitor>
void RunSummary::Fields(Visitor& v) {
  using R = RunSummary;
  constexpr Better kLower = Better::kLower;
  constexpr Better kHigher = Better::kHigher;
  v.Field("name", &R::name, "", "name of the run");
  v.Field("policy", &R::policy, "", "who decided");
  v.Field("trace", &R::trace, "", "workload");
  v.Field("cluster", &R::cluster, "", "cluster");
  v.Field("seed", &R::seed, "", "seed of all random streams");
  v.Field("complete", &R::complete, "", "false when the run was interrupted");
  v.Field("simulated_seconds", &R::simulated_seconds, "s", "length of the run");
  v.Field("interval_s", &R::interval_s, "s", "length of the intervals in windows.csv");
  v.Field("functions", &R::functions, "functions", "functions of the workload");
  v.Field("arrivals", &R::arrivals, "requests", "requests that came");
  v.Field("completions", &R::completions, "requests", "requests answered");
  v.Field("failures", &R::failures, "requests", "requests lost to failure", kLower);
  v.Field("timeouts", &R::timeouts, "requests", "requests given up at their time limit", kLower);
  v.Field("rejections", &R::rejections, "requests", "requests refused by a full queue", kLower);
  v.Field("unfinished", &R::unfinished, "requests", "requests still there at the end");
  v.Field("latency_mean_ms", &R::latency_mean_ms, "ms", "arrival to answer, mean", kLower);
  v.Field("latency_p50_ms", &R::latency_p50_ms, "ms", "median latency", kLower);
  v.Field("latency_p95_ms", &R::latency_p95_ms, "ms", "95th percentile of latency", kLower);
  v.Field("latency_p99_ms", &R::latency_p99_ms, "ms", "99th percentile of latency", kLower);
  v.Field("slowdown_p50", &R::slowdown_p50, "x",
          "latency over execution on an idle machine, median", kLower);
  v.Field("slowdown_p95", &R::slowdown_p95, "x", "95th percentile of slowdown", kLower);
  v.Field("slowdown_p99", &R::slowdown_p99, "x", "99th percentile of slowdown", kLower);
  v.Field("slowdown_p99_geomean", &R::slowdown_p99_geomean, "x",
          "geometric mean over functions of their p99 slowdown", kLower);
  v.Field("wait_p99_ms", &R::wait_p99_ms, "ms", "arrival to start, 99th percentile", kLower);
  v.Field("cold_starts", &R::cold_starts, "requests",
          "requests begun on a container that was not ready when they came", kLower);
  v.Field("containers_started", &R::containers_started, "containers", "containers started", kLower);
  v.Field("cold_start_share", &R::cold_start_share, "share", "cold starts per arrival", kLower);
  v.Field("slo_violations", &R::slo_violations, "requests",
          "requests slower than their objective, lost or refused", kLower);
  v.Field("slo_violation_share", &R::slo_violation_share, "share", "the same, per arrival", kLower);
  v.Field("container_seconds", &R::container_seconds, "s", "life of containers, summed", kLower);
  v.Field("gb_seconds", &R::gb_seconds, "GB s", "memory held over time", kLower);
  v.Field("container_utilisation", &R::container_utilisation, "share",
          "busy container time over container time", kHigher);
  v.Field("cpu_utilisation", &R::cpu_utilisation, "share", "CPU used over CPU there is", kHigher);
  v.Field("replica_changes_per_hour", &R::replica_changes_per_hour, "1/h",
          "changes of replica targets per hour, all functions", kLower);
  v.Field("bound_gb_seconds", &R::bound_gb_seconds, "GB s",
          "least that a policy with as many cold starts needs that knows the workload");
  v.Field("gb_seconds_over_bound", &R::gb_seconds_over_bound, "x", "memory held over that", kLower);
  v.Field("littles_law_error", &R::littles_law_error, "share",
          "|L - lambda W| / L over the run: a check of the metering");
  v.Field("safeguard", &R::safeguard, "", "what the safeguard did; only where there is one");
  v.Field("replay", &R::replay, "", "how requests were sent; only of replays");
  v.Field("host", &R::host, "", "machine and moment");
}

}  // namespace reeve
