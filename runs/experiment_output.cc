// The results of an experiment as a table and as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/human.h"
#include "runs/experiment.h"
#include "runs/figures.h"

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;

size_t MetricIndex(std::string_view key) {
  const auto& metrics = ExperimentMetrics();
  size_t i = 0;
  while (metrics[i].key != key) ++i;
  return i;
}

std::string Shown(const Metric& metric, double value) {
  return metric.unit == "share" ? fmt::format("{:.2f} %", value * 100) : HumanNumber(value);
}

// Some row has this figure: what nobody asked for is left out.
bool IsThere(const ExperimentResults& results, size_t metric) {
  return std::any_of(results.rows.begin(), results.rows.end(),
                     [&](const ExperimentRow& row) { return row.mean[metric].has_value(); });
}

Cell MeanCell(const ExperimentRow& row, size_t metric) {
  const std::optional<Interval>& mean = row.mean[metric];
  if (!mean) return Cell::Missing();
  const Metric& m = ExperimentMetrics()[metric];
  const double half = (mean->high - mean->low) / 2;
  return Cell::Number(mean->value,
                      half > 0 ? fmt::format("{} ±{}", Shown(m, mean->value), Shown(m, half))
                               : Shown(m, mean->value));
}

Json StatisticsJson(const ExperimentRow& row, size_t metric) {
  Json json = Json::object();
  if (const auto& mean = row.mean[metric]) {
    json.update({{"mean", mean->value}, {"low", mean->low}, {"high", mean->high}});
  }
  if (const auto& ratio = row.ratio[metric]) {
    json.update({{"ratio", ratio->value}, {"ratio_low", ratio->low}, {"ratio_high", ratio->high}});
  }
  return json;
}

Json RowJson(const ExperimentRow& row) {
  const auto& metrics = ExperimentMetrics();
  Json runs = Json::array();
  for (size_t i = 0; i < row.seeds.size(); ++i) {
    Json run = {{"seed", row.seeds[i]}};
    for (size_t m = 0; m < metrics.size(); ++m) {
      run[std::string(metrics[m].key)] = NumberOrNull(row.values[m][i]);
    }
    runs.push_back(std::move(run));
  }
  Json statistics = Json::object();
  for (size_t m = 0; m < metrics.size(); ++m) {
    statistics[std::string(metrics[m].key)] = StatisticsJson(row, m);
  }
  Json json = {{"workload", row.workload}, {"policy", row.policy},
               {"tuned", row.tuned},       {"label", row.label()},
               {"cluster", row.cluster},   {"parameters", row.parameters},
               {"runs", std::move(runs)},  {"stats", std::move(statistics)}};
  if (row.clairvoyant) json["clairvoyant"] = true;
  if (row.tuning) {
    json["feasible"] = row.tuning->feasible;
    json["candidates"] = row.tuning->trials.size();
  }
  return json;
}

}  // namespace

Table ResultsTable(const ExperimentResults& results) {
  static constexpr std::string_view kColumns[] = {"slowdown_p99",
                                                  "slo_violation_share",
                                                  "gb_seconds",
                                                  "cold_starts",
                                                  "replica_changes_per_hour",
                                                  "gb_seconds_over_bound",
                                                  "gb_seconds_over_hindsight"};
  using Align = Table::Align;
  std::vector<Table::Column> columns = {{"workload", "workload", Align::kLeft},
                                        {"policy", "policy", Align::kLeft}};
  std::vector<size_t> shown;
  for (const std::string_view key : kColumns) {
    const size_t metric = MetricIndex(key);
    if (!IsThere(results, metric)) continue;
    shown.push_back(metric);
    columns.push_back({std::string(key), std::string(ExperimentMetrics()[metric].title)});
  }
  columns.push_back({"gb_seconds_ratio", "GB-s to " + results.baseline});
  columns.push_back({"parameters", "parameters", Align::kLeft});
  Table table(std::move(columns));
  for (const ExperimentRow& row : results.rows) {
    std::vector<Cell> cells = {Cell::Text(row.workload), Cell::Text(row.label())};
    for (const size_t metric : shown) cells.push_back(MeanCell(row, metric));
    const auto& ratio = row.ratio[MetricIndex("gb_seconds")];
    cells.push_back(
        ratio ? Cell::Number(ratio->value, fmt::format("{:.2f} [{:.2f}, {:.2f}]", ratio->value,
                                                       ratio->low, ratio->high))
              : Cell::Missing());
    cells.push_back(Cell::Text(AssignmentsText(row.parameters)));
    table.AddRow(std::move(cells));
  }
  return table;
}

std::string ResultsJson(const ExperimentResults& results) {
  Json metrics = Json::array();
  for (size_t i = 0; i < ExperimentMetrics().size(); ++i) {
    if (!IsThere(results, i)) continue;
    const Metric& m = ExperimentMetrics()[i];
    metrics.push_back({{"key", m.key},
                       {"title", m.title},
                       {"unit", m.unit},
                       {"better", m.better == Better::kHigher ? "higher" : "lower"}});
  }
  Json rows = Json::array(), bounds = Json::array();
  for (const ExperimentRow& row : results.rows) rows.push_back(RowJson(row));
  for (const ExperimentBound& bound : results.bounds) {
    bounds.push_back({{"workload", bound.workload},
                      {"cluster", bound.cluster},
                      {"label", "bound (" + bound.cluster + ")"},
                      {"warm_gb_seconds", bound.warm_gb_seconds},
                      {"needed_gb_seconds", bound.needed_gb_seconds},
                      {"fewest_cold_starts", bound.fewest_cold_starts},
                      {"points", bound.points}});
  }
  Json seeds = Json::array();
  if (!results.rows.empty()) seeds = results.rows.front().seeds;
  const Json json = {{"format", "reeve-experiment"}, {"version", 1},
                     {"name", results.name},         {"title", results.title},
                     {"baseline", results.baseline}, {"level", results.confidence},
                     {"seeds", std::move(seeds)},    {"metrics", std::move(metrics)},
                     {"rows", std::move(rows)},      {"bounds", std::move(bounds)}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace reeve
