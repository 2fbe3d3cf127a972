#include "tests/runs/synthetic_experiment.h"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/random.h"

namespace reeve {
namespace {

using Json = nlohmann::json;

struct Rule {
  const char* name;
  const char* cluster;
  double gb_seconds, slowdown, cold_starts, churn;
};
constexpr Rule kRules[] = {
    {"kpa", "knative", 600, 40, 1800, 310},
    {"hpa", "knative", 900, 14, 450, 120},
    {"keda", "knative", 640, 55, 2100, 260},
    {"static", "knative", 1500, 3, 0, 0},
    {"aimd", "knative", 820, 22, 900, 510},
    {"ensure", "knative", 700, 30, 1100, 420},
    {"vertical", "knative", 560, 48, 1850, 305},
    {"openwhisk", "openwhisk", 760, 18, 700, 190},
    {"scheduler", "openwhisk", 690, 26, 980, 240},
    {"keep-alive 10 min", "openwhisk", 780, 16, 640, 180},
    {"keep-alive 20 min", "openwhisk", 980, 9, 400, 110},
    {"hybrid_histogram", "openwhisk", 610, 12, 520, 330},
    {"greedy_dual", "openwhisk", 740, 15, 560, 170},
};

Json Stat(double mean, double low, double high, double ratio, double spread, bool baseline) {
  if (baseline) return {{"mean", mean}, {"low", low}, {"high", high}, {"ratio", 1}};
  return {{"mean", mean},
          {"low", low},
          {"high", high},
          {"ratio", ratio},
          {"ratio_low", std::max(0.2 * ratio, ratio - spread)},
          {"ratio_high", ratio + spread}};
}

// What tuning does to a rule: less memory for some, fewer cold starts for others.
Rule Tuned(Rule rule, RandomCursor& random) {
  rule.gb_seconds *= 0.7 + 0.25 * random.Uniform();
  rule.slowdown = std::max(1.5, rule.slowdown * (0.4 + 0.9 * random.Uniform()));
  rule.cold_starts *= 0.6 + 0.6 * random.Uniform();
  rule.churn *= 0.5 + random.Uniform();
  return rule;
}

std::map<std::string, double> Numbers(const Rule& rule) {
  return {
      {"slowdown_p99", rule.slowdown},          {"slowdown_p99_geomean", 1 + rule.slowdown / 3},
      {"latency_p99_ms", 210 * rule.slowdown},  {"slo_violation_share", rule.slowdown / 1200},
      {"gb_seconds", rule.gb_seconds},          {"container_seconds", 4.2 * rule.gb_seconds},
      {"cold_starts", rule.cold_starts},        {"cold_start_share", rule.cold_starts / 40000},
      {"replica_changes_per_hour", rule.churn}, {"gb_seconds_over_bound", rule.gb_seconds / 380}};
}

Json Row(const std::string& workload, const Rule& rule, bool tuned, double scale,
         const std::map<std::string, double>& baseline, RandomCursor& random) {
  const std::string label = std::string(rule.name) + (tuned ? " tuned" : "");
  Json runs = Json::array(), stats;
  for (int seed = 1; seed <= 5; ++seed) runs.push_back({{"seed", seed}});
  for (auto [key, mean] : Numbers(rule)) {
    if (key == "gb_seconds" || key == "container_seconds") mean *= scale;
    for (Json& run : runs) run[key] = mean * (0.95 + 0.1 * random.Uniform());
    const double base = baseline.at(key) * (key == "gb_seconds" ? scale : 1);
    stats[key] = Stat(mean, 0.95 * mean, 1.06 * mean, mean / base, 0.06, label == "kpa");
  }
  return {{"workload", workload},
          {"policy", rule.name},
          {"tuned", tuned},
          {"label", label},
          {"cluster", rule.cluster},
          {"parameters", tuned ? Json{{std::string(rule.name) + ".stable_window", "30s"},
                                      {std::string(rule.name) + ".target", "0.6"}}
                               : Json::object()},
          {"runs", std::move(runs)},
          {"stats", std::move(stats)}};
}

Json Metrics() {
  Json out = Json::array();
  const auto add = [&](const char* key, const char* title, const char* unit) {
    out.push_back({{"key", key}, {"title", title}, {"unit", unit}, {"better", "lower"}});
  };
  add("slowdown_p99", "p99 slowdown", "x");
  add("slowdown_p99_geomean", "p99 slowdown, mean of functions", "x");
  add("latency_p99_ms", "p99 latency", "ms");
  add("slo_violation_share", "SLO violations", "share");
  add("gb_seconds", "GB-seconds", "GB s");
  add("container_seconds", "Container-seconds", "s");
  add("cold_starts", "Cold starts", "");
  add("cold_start_share", "Cold-start share", "share");
  add("replica_changes_per_hour", "Replica changes per hour", "1/h");
  add("gb_seconds_over_bound", "GB-seconds over the bound", "x");
  return out;
}

Json Bound(const std::string& workload, const std::string& cluster, double scale) {
  Json points = Json::array();
  for (int i = 0; i <= 20; ++i) {
    points.push_back({3000 - 150.0 * i, scale * (250 + 170 * std::pow(i / 20.0, 3))});
  }
  return {{"workload", workload},
          {"cluster", cluster},
          {"label", "bound (" + cluster + ")"},
          {"warm_gb_seconds", scale * 400},
          {"needed_gb_seconds", scale * 230},
          {"points", std::move(points)}};
}

}  // namespace

Json SyntheticExperiment() {
  RandomCursor random(RandomStream(7, StreamPurpose::kGenerator, 0));
  Json rows = Json::array(), bounds = Json::array();
  for (const auto& [workload, scale] : {std::pair{"azure", 1.0}, std::pair{"generated", 3.4}}) {
    const auto baseline = Numbers(kRules[0]);
    for (const Rule& rule : kRules) {
      rows.push_back(Row(workload, rule, false, scale, baseline, random));
      rows.push_back(Row(workload, Tuned(rule, random), true, scale, baseline, random));
    }
    for (const char* cluster : {"knative", "openwhisk"}) {
      bounds.push_back(Bound(workload, cluster, scale));
    }
  }
  rows[3]["stats"]["gb_seconds"] = Stat(420, 400, 440, 0.7, 0.05, false);
  return {{"format", "reeve-experiment"},
          {"version", 1},
          {"name", "rules_azure"},
          {"baseline", "kpa"},
          {"level", 0.95},
          {"seeds", {1, 2, 3, 4, 5}},
          {"metrics", Metrics()},
          {"rows", std::move(rows)},
          {"bounds", std::move(bounds)}};
}

}  // namespace reeve
