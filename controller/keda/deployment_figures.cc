#include "controller/keda/deployment_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace reeve {
namespace {

using Queries = DeploymentQueries;

void Add(std::optional<double>& sum, double more) {
  sum = sum.value_or(0) + more;
}

// What each query is, and where the value of one of its series goes. Those of functions come first.
struct FigureOfFunction {
  std::string Queries::*query;
  void (*take)(DeploymentFigures& of, double value);
};
constexpr size_t kLatency = 1;
constexpr std::array<FigureOfFunction, 11> kOfFunctions = {{
    {&Queries::present, [](DeploymentFigures& of, double) { of.present = true; }},
    {&Queries::latency, nullptr},  // by bucket
    // Little's law: seconds of requests in a second are requests at once.
    {&Queries::busy, [](DeploymentFigures& of, double v) { of.figures.mean_in_flight += v; }},
    {&Queries::failures, [](DeploymentFigures& of, double v) { of.figures.failures += v; }},
    {&Queries::queued, [](DeploymentFigures& of, double v) { Add(of.figures.queued, v); }},
    {&Queries::replicas, [](DeploymentFigures& of, double v) { Add(of.replicas, v); }},
    {&Queries::ready, [](DeploymentFigures& of, double v) { Add(of.ready, v); }},
    {&Queries::cpu,
     [](DeploymentFigures& of, double v) { Add(of.figures.cpu_used_millicores, v * 1000); }},
    {&Queries::memory,
     [](DeploymentFigures& of, double v) { Add(of.figures.memory_used_mebibytes, v / (1 << 20)); }},
    {&Queries::cpu_limit,
     [](DeploymentFigures& of, double v) { of.cpu_limit_cores = std::max(of.cpu_limit_cores, v); }},
    {&Queries::memory_limit,
     [](DeploymentFigures& of, double v) {
       of.memory_limit_bytes = std::max(of.memory_limit_bytes, v);
     }},
}};

struct FigureOfCluster {
  std::string Queries::*query;
  double DeploymentRound::*into;
};
constexpr std::array<FigureOfCluster, 3> kOfCluster = {{
    {&Queries::cluster_cpu, &DeploymentRound::cluster_cpu_cores},
    {&Queries::cluster_memory, &DeploymentRound::cluster_memory_bytes},
    {&Queries::nodes, &DeploymentRound::nodes},
}};

std::string WithRange(std::string query, SimTime range) {
  constexpr std::string_view kName = "$range";
  const std::string text = fmt::format("{}s", std::max<int64_t>(1, range / SimTime::Seconds(1)));
  for (size_t at = 0; (at = query.find(kName, at)) != std::string::npos; at += text.size()) {
    query.replace(at, kName.size(), text);
  }
  return query;
}

// "namespace/deployment"; false when the series does not say whose it is.
bool KeyOf(const PrometheusSample& sample, std::string& key) {
  const std::string_view ns = sample.Label("namespace");
  std::string_view name = sample.Label("deployment");
  if (name.empty()) name = DeploymentOfPod(sample.Label("pod"));
  if (ns.empty() || name.empty()) return false;
  key.assign(ns);
  key += '/';
  key += name;
  return true;
}

}  // namespace

std::string_view DeploymentOfPod(std::string_view pod) {
  for (int part = 0; part < 2; ++part) {
    const size_t dash = pod.rfind('-');
    if (dash == std::string_view::npos) return {};
    pod = pod.substr(0, dash);
  }
  return pod;
}

DeploymentSource::DeploymentSource(PrometheusOptions prometheus, const DeploymentQueries& queries,
                                   SimTime range, NetClock& clock)
    : client_(std::move(prometheus), "reeve"),
      rounds_([this](SimTime now, const StopSignal& stop) { return Ask(now, stop); },
              DeploymentRound(), clock) {
  const auto add = [&](const std::string& query, size_t figure) {
    if (query.empty()) return;
    queries_.push_back(WithRange(query, range));
    figure_of_query_.push_back(figure);
  };
  for (size_t i = 0; i < kOfFunctions.size(); ++i) add(queries.*kOfFunctions[i].query, i);
  for (size_t i = 0; i < kOfCluster.size(); ++i) {
    add(queries.*kOfCluster[i].query, kOfFunctions.size() + i);
  }
}

DeploymentRound DeploymentSource::Ask(SimTime now, const StopSignal& stop) {
  DeploymentRound round;
  double evaluated = 0;
  round.status = absl::OkStatus();
  std::string key;
  const auto visit = [&](size_t query, const PrometheusSample& sample) {
    evaluated = std::max(evaluated, sample.time);
    if (!std::isfinite(sample.value)) return;
    const size_t figure = figure_of_query_[query];
    const double value = std::max(0.0, sample.value);
    if (figure >= kOfFunctions.size()) {
      round.*kOfCluster[figure - kOfFunctions.size()].into += value;
      return;
    }
    if (!KeyOf(sample, key)) return;
    DeploymentFigures& of = round.deployments[key];
    if (figure != kLatency) {
      kOfFunctions[figure].take(of, value);
      return;
    }
    const std::optional<double> bound = BucketBound(sample.Label("le"));
    if (!bound) return;
    if (!of.figures.latency_seconds) of.figures.latency_seconds.emplace();
    of.figures.latency_seconds->Add(*bound, value);
  };
  for (const absl::Status& status : client_.Query(queries_, visit, &stop)) {
    if (!status.ok() && round.status.ok()) round.status = status;
  }
  round.measured_at = round.status.ok() ? age_.MeasuredAt(now, evaluated) : now;
  return round;
}

}  // namespace reeve
