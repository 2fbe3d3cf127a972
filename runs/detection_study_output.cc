// The results of a study of detection as tables and as JSON.
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "core/human.h"
#include "runs/detection_study.h"
#include "runs/figures.h"

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;

// The environment that makes the size of a shift: the one that is not the first, or both.
std::string SizeOf(const DetectionRow& row, const ShiftOutcome& shift) {
  const std::string& before = row.labels[static_cast<size_t>(shift.before)];
  const std::string& after = row.labels[static_cast<size_t>(shift.after)];
  if (shift.before == 0) return after;
  if (shift.after == 0) return before;
  return fmt::format("{} to {}", before, after);
}

Json RunJson(const DetectionRow& row, const DetectionRun& run) {
  Json shifts = Json::array();
  for (const ShiftOutcome& shift : run.score.shifts) {
    shifts.push_back({{"at_s", shift.at.seconds()},
                      {"size", SizeOf(row, shift)},
                      {"to", row.labels[static_cast<size_t>(shift.after)]},
                      {"delay_s", shift.detected ? Json(shift.delay_s) : Json(nullptr)},
                      {"returned", shift.returned},
                      {"recognised", shift.recognised}});
  }
  Json json = {{"seed", run.seed},
               {"days", run.score.days},
               {"changes", run.score.changes},
               {"false_alarms", run.score.false_alarms},
               {"environments", run.score.environments}};
  for (const DetectionMetric& metric : DetectionMetrics()) {
    json[std::string(metric.key)] = NumberOrNull(metric.of(run.score));
  }
  json["shifts"] = std::move(shifts);
  Json detected = Json::array();
  for (const EnvironmentSpan& span : run.detected) {
    detected.push_back({span.from.seconds(), span.environment});
  }
  json["detected"] = std::move(detected);  // [time, id] of each change, and of the beginning
  return json;
}

}  // namespace

const std::vector<DetectionMetric>& DetectionMetrics() {
  using S = DetectionScore;
  static const std::vector<DetectionMetric> metrics = {
      {"f1", "F1", [](const S& s) { return s.f1(); }},
      {"precision", "precision", [](const S& s) { return s.precision(); }},
      {"recall", "recall", [](const S& s) { return s.recall(); }},
      {"delay_s", "delay, s", [](const S& s) { return s.mean_delay_s(); }},
      {"false_alarms_per_day", "false alarms a day",
       [](const S& s) { return s.false_alarms_per_day(); }},
      {"recognised", "returns recognised", [](const S& s) { return s.recognised_share(); }},
      {"opened", "environments opened", [](const S& s) { return static_cast<double>(s.opened); }},
      {"agreement", "time in the right one", [](const S& s) { return s.agreement; }},
  };
  return metrics;
}

std::optional<Interval> DetectionResults::Mean(const DetectionRow& row,
                                               const DetectionMetric& metric) const {
  std::vector<double> values;
  for (const DetectionRun& run : row.runs) {
    const double value = metric.of(run.score);
    if (std::isfinite(value)) values.push_back(value);
  }
  return MeanInterval(values, {.resamples = resamples, .level = confidence});
}

Table DetectionTable(const DetectionResults& results) {
  using Align = Table::Align;
  std::vector<Table::Column> columns = {{"workload", "workload", Align::kLeft},
                                        {"detector", "detector", Align::kLeft}};
  for (const DetectionMetric& metric : DetectionMetrics()) {
    columns.push_back({std::string(metric.key), std::string(metric.title)});
  }
  columns.push_back({"parameters", "tuned", Align::kLeft});
  Table table(columns);
  for (const DetectionRow& row : results.rows) {
    std::vector<Cell> cells = {Cell::Text(row.workload), Cell::Text(row.detector)};
    for (const DetectionMetric& metric : DetectionMetrics()) {
      cells.push_back(IntervalCell(results.Mean(row, metric), FigureText));
    }
    cells.push_back(Cell::Text(AssignmentsText(row.parameters)));
    table.AddRow(std::move(cells));
  }
  return table;
}

Table ShiftSizeTable(const DetectionResults& results) {
  using Align = Table::Align;
  Table table({{"workload", "workload", Align::kLeft},
               {"detector", "detector", Align::kLeft},
               {"size", "shift", Align::kLeft},
               {"shifts", "shifts"},
               {"detected", "detected"},
               {"delay_s", "delay, s"}});
  for (const DetectionRow& row : results.rows) {
    struct Sum {
      double shifts = 0, detected = 0, delay_s = 0;
    };
    std::map<std::string, Sum> sums;
    for (const DetectionRun& run : row.runs) {
      for (const ShiftOutcome& shift : run.score.shifts) {
        Sum& sum = sums[SizeOf(row, shift)];
        ++sum.shifts;
        sum.detected += shift.detected;
        sum.delay_s += shift.detected ? shift.delay_s : 0;
      }
    }
    for (const auto& [size, sum] : sums) {
      table.AddRow({Cell::Text(row.workload), Cell::Text(row.detector), Cell::Text(size),
                    Cell::Number(sum.shifts, fmt::format("{:.0f}", sum.shifts)),
                    Cell::Number(sum.detected, fmt::format("{:.0f}", sum.detected)),
                    sum.detected > 0 ? Cell::Number(sum.delay_s / sum.detected,
                                                    HumanNumber(sum.delay_s / sum.detected))
                                     : Cell::Missing()});
    }
  }
  return table;
}

std::string DetectionJson(const DetectionResults& results) {
  Json rows = Json::array();
  for (const DetectionRow& row : results.rows) {
    Json runs = Json::array(), means = Json::object(), parameters = Json::object();
    for (const DetectionRun& run : row.runs) runs.push_back(RunJson(row, run));
    for (const auto& [path, value] : row.parameters) parameters[path] = value;
    for (const DetectionMetric& metric : DetectionMetrics()) {
      const std::optional<Interval> mean = results.Mean(row, metric);
      means[std::string(metric.key)] =
          mean ? Json({{"value", mean->value}, {"low", mean->low}, {"high", mean->high}})
               : Json(nullptr);
    }
    rows.push_back({{"workload", row.workload},
                    {"detector", row.detector},
                    {"labels", row.labels},
                    {"parameters", std::move(parameters)},
                    {"tuning_f1", row.tuning_f1 ? Json(*row.tuning_f1) : Json(nullptr)},
                    {"means", std::move(means)},
                    {"runs", std::move(runs)}});
  }
  const Json json = {{"format", "reeve-detection-study"},
                     {"version", 1},
                     {"name", results.name},
                     {"title", results.title},
                     {"context", results.context},
                     {"tolerance_s", results.tolerance_s},
                     {"level", results.confidence},
                     {"rows", std::move(rows)}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace reeve
