#include "runs/twin_model.h"

#include <algorithm>
#include <cmath>

#include "core/histogram.h"
#include "core/portable_math.h"
#include "core/status.h"
#include "runs/simulation.h"
#include "traces/trace_edit.h"

namespace reeve {
namespace {

constexpr double kKneeLoad = 0.5, kLastLoad = 3;
constexpr size_t kKeptTraces = 8;

// Slowdown of a curve at a load: linear between its points, flat beyond.
double SlowdownAt(const std::vector<InterferencePoint>& curve, double load) {
  if (curve.empty()) return 1;
  if (load <= curve.front().load) return curve.front().slowdown;
  for (size_t i = 1; i < curve.size(); ++i) {
    if (load > curve[i].load) continue;
    const InterferencePoint &a = curve[i - 1], &b = curve[i];
    return a.slowdown + (b.slowdown - a.slowdown) * (load - a.load) / (b.load - a.load);
  }
  return curve.back().slowdown;
}

// What one function did in a simulation.
struct Collected {
  RunHistogram latency_us, execution_us;
  uint64_t cold_starts = 0;
};

bool CountsAsCold(const ColdStartCounting& counting, const InvocationRecord& record) {
  if (record.start == record.end && !record.container.valid()) return false;  // it never ran
  if (counting.rule == ColdStartRule::kNotReady) return record.cold;
  SimTime late = record.start - record.arrival;
  if (counting.beyond_execution) late -= record.work;
  return late >= counting.threshold;
}

std::vector<TwinValues> ValuesOf(const std::vector<Collected>& collected) {
  std::vector<TwinValues> out(collected.size());
  for (size_t f = 0; f < collected.size(); ++f) {
    const Collected& c = collected[f];
    const auto set = [&](TwinQuantity quantity, double value) {
      out[f][static_cast<size_t>(quantity)] = value;
    };
    set(TwinQuantity::kColdStarts, static_cast<double>(c.cold_starts));
    if (c.latency_us.count() == 0) continue;
    const auto [p50, p95, p99] = c.latency_us.Quantiles(std::array{0.5, 0.95, 0.99});
    set(TwinQuantity::kLatencyP50, p50 / 1000);
    set(TwinQuantity::kLatencyP95, p95 / 1000);
    set(TwinQuantity::kLatencyP99, p99 / 1000);
    set(TwinQuantity::kExecutionP50, c.execution_us.Quantile(0.5) / 1000);
    set(TwinQuantity::kExecutionP99, c.execution_us.Quantile(0.99) / 1000);
  }
  return out;
}

}  // namespace

TwinParameters ParametersOf(const ClusterSpec& cluster) {
  const Distribution& time = cluster.cold_start.time_ms;
  // Moments by the quantiles of 1,000 equal shares: of any distribution, and finite.
  constexpr int kShares = 1000;
  double sum = 0, squares = 0;
  for (int i = 0; i < kShares; ++i) {
    const double ms = time.Sample((i + 0.5) / kShares);
    sum += ms;
    squares += ms * ms;
  }
  const double middle = sum / kShares;
  const double variance = std::max(0.0, squares / kShares - middle * middle);
  const double mean = std::isfinite(time.Mean()) ? time.Mean() : middle;
  TwinParameters parameters;
  parameters.cold_start_ms = mean;
  parameters.cold_start_spread = middle > 0 ? std::sqrt(variance) / middle : 0;
  if (time.kind() == Distribution::Kind::kLognormal) {
    // exp(sigma^2) - 1 is the square of what is wanted.
    const double sigma = time.parameters()[1];
    parameters.cold_start_spread = std::sqrt(PortableExp(sigma * sigma) - 1);
  }
  parameters.interference = SlowdownAt(cluster.interference, 1) - 1;
  return parameters;
}

ClusterSpec ApplyParameters(const ClusterSpec& cluster, const TwinParameters& parameters) {
  const TwinParameters before = ParametersOf(cluster);
  ClusterSpec out = cluster;
  if (parameters.cold_start_ms != before.cold_start_ms ||
      parameters.cold_start_spread != before.cold_start_spread) {
    out.cold_start.time_ms = Distribution::LognormalFromMoments(
        parameters.cold_start_ms, parameters.cold_start_spread * parameters.cold_start_ms);
  }
  if (parameters.interference == before.interference) return out;
  if (before.interference > 0) {
    const double factor = parameters.interference / before.interference;
    for (InterferencePoint& point : out.interference) {
      point.slowdown = 1 + (point.slowdown - 1) * factor;
    }
  } else {
    const double rise = parameters.interference / (1 - kKneeLoad);
    out.interference = {{.load = kKneeLoad, .slowdown = 1},
                        {.load = kLastLoad, .slowdown = 1 + rise * (kLastLoad - kKneeLoad)}};
  }
  return out;
}

double TwinError(TwinQuantity quantity, double simulated, double observed) {
  const double offset = quantity == TwinQuantity::kColdStarts ? 1 : 0;
  const double a = simulated + offset, b = observed + offset;
  if (!(a > 0) || !(b > 0)) return a == b ? 0 : kMostError;
  return std::min(kMostError, std::abs(PortableLog(a / b)));
}

double TwinLoss(std::span<const TwinValues> simulated, std::span<const TwinValues> observed,
                const std::vector<bool>& use) {
  using Q = TwinQuantity;
  static const std::vector<std::vector<Q>> kGroups = {
      {Q::kLatencyP50, Q::kLatencyP95, Q::kLatencyP99},
      {Q::kExecutionP50, Q::kExecutionP99},
      {Q::kColdStarts}};
  double sum = 0;
  size_t functions = 0;
  for (size_t f = 0; f < use.size(); ++f) {
    if (!use[f]) continue;
    double own = 0;
    bool any = false;
    for (const std::vector<Q>& group : kGroups) {
      double errors = 0;
      int known = 0;
      for (const Q quantity : group) {
        const std::optional<double>& seen = observed[f][static_cast<size_t>(quantity)];
        if (!seen) continue;
        const std::optional<double>& made = simulated[f][static_cast<size_t>(quantity)];
        errors += made ? TwinError(quantity, *made, *seen) : kMostError;
        ++known;
      }
      if (known > 0) own += errors / known;
      any = any || known > 0;
    }
    sum += own;
    functions += any;
  }
  return functions > 0 ? sum / static_cast<double>(functions) : 0;
}

absl::StatusOr<std::shared_ptr<const Trace>> TwinModel::ScaledTrace(double service_factor) const {
  // The caller's own, which outlives this.
  if (service_factor == 1) return std::shared_ptr<const Trace>(std::shared_ptr<void>(), &trace_);
  const std::lock_guard lock(mutex_);
  for (const auto& [factor, trace] : scaled_) {
    if (factor == service_factor) return trace;
  }
  ASSIGN_OR_RETURN(Trace scaled, ScaleDurations(trace_, service_factor));
  if (scaled_.size() == kKeptTraces) scaled_.erase(scaled_.begin());
  scaled_.emplace_back(service_factor, std::make_shared<const Trace>(std::move(scaled)));
  return scaled_.back().second;
}

absl::StatusOr<std::pair<RunData, std::vector<TwinValues>>> TwinModel::Run(
    const TwinParameters& parameters) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Trace> trace,
                   ScaledTrace(parameters.service_factor));
  SimulationConfig config;
  config.trace = config_.trace;
  config.seed = config_.seed;
  config.within_minute = config_.within_minute;
  config.bound = false;
  config.cluster = ApplyParameters(config_.cluster, parameters);
  config.policy = config_.policy;
  // At least a minute, in whole control periods.
  const SimTime period = config.cluster.control_period;
  config.report_interval =
      period * std::max<int64_t>(1, (SimTime::Minutes(1) + period - SimTime::Micros(1)) / period);
  std::vector<Collected> collected(trace_.functions().size());
  SimulationHooks hooks;
  hooks.on_invocation = [&](const InvocationRecord& record) {
    if (record.arrival < config_.from || record.arrival >= config_.to) return;
    Collected& own = collected[record.function.index()];
    own.cold_starts += CountsAsCold(config_.cold_starts, record);
    if (record.outcome != Outcome::kCompleted) return;
    own.latency_us.Record((record.end - record.arrival).micros());
    own.execution_us.Record((record.end - record.start).micros());
  };
  ASSIGN_OR_RETURN(RunData data, RunSimulation(*trace, config, 1, hooks));
  return std::pair(std::move(data), ValuesOf(collected));
}

absl::StatusOr<std::vector<TwinValues>> TwinModel::Simulate(
    const TwinParameters& parameters) const {
  ASSIGN_OR_RETURN(auto run, Run(parameters));
  return std::move(run.second);
}

}  // namespace reeve
