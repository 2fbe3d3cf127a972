// A run under a changing load as tables and as JSON.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/human.h"
#include "runs/adaptation_timeline.h"
#include "runs/figures.h"

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;
using Record = AdaptationRecord;

// Six digits: more than any figure means, and pages stay small.
Json SixDigits(double value) {
  return std::isfinite(value) ? Json(std::stod(fmt::format("{:.6g}", value))) : Json(nullptr);
}

Json FiguresJson(const AdaptationFigures& f) {
  return {{"seconds", f.seconds},
          {"requests", f.requests},
          {"slo_violations", f.violations},
          {"slo_violation_share", NumberOrNull(f.violation_share)},
          {"latency_mean_ms", NumberOrNull(f.latency_mean_ms)},
          {"latency_p95_ms", NumberOrNull(f.latency_p95_ms)},
          {"latency_p99_ms", NumberOrNull(f.latency_p99_ms)},
          {"over_slo_p99", NumberOrNull(f.over_slo_p99)},
          {"cost", f.cost},
          {"reward", NumberOrNull(f.reward)},
          {"engaged_share", NumberOrNull(f.engaged_share)},
          {"exploring_share", NumberOrNull(f.exploring_share)}};
}

Json IdOrNull(int64_t id) {
  return id < 0 ? Json(nullptr) : Json(id);
}

// Column by column, as charts want it.
Json RowsJson(const Record& record) {
  Json columns = Json::object();
  for (const AdaptationRow& row : record.rows) {
    const AdaptationFigures& f = row.figures;
    columns["time_s"].push_back(row.from.seconds());
    columns["truth"].push_back(row.truth);
    columns["detected"].push_back(IdOrNull(row.detected));
    columns["expert"].push_back(IdOrNull(row.expert));
    columns["requests"].push_back(f.requests);
    columns["slo_violations"].push_back(f.violations);
    columns["latency_p95_ms"].push_back(SixDigits(f.latency_p95_ms));
    columns["latency_p99_ms"].push_back(SixDigits(f.latency_p99_ms));
    columns["cost_per_hour"].push_back(SixDigits(f.cost * 3600 / f.seconds));
    columns["reward"].push_back(SixDigits(f.reward));
    columns["engaged_share"].push_back(SixDigits(f.engaged_share));
    columns["exploring_share"].push_back(SixDigits(f.exploring_share));
  }
  return columns;
}

Json VisitsJson(const Record& record) {
  Json visits = Json::array();
  for (const AdaptationVisit& visit : record.visits) {
    Json json = {{"from_s", visit.from.seconds()},
                 {"to_s", visit.to.seconds()},
                 {"truth", visit.truth},
                 {"first", visit.first},
                 {"detected", IdOrNull(visit.detected)},
                 {"reward_settling", NumberOrNull(visit.reward_settling)},
                 {"reward_rest", NumberOrNull(visit.reward_rest)}};
    json.update(FiguresJson(visit.figures));
    visits.push_back(std::move(json));
  }
  return visits;
}

Json DetectionJson(const DetectionScore& score) {
  return {{"shifts", score.shifts.size()},
          {"detected", score.detected()},
          {"changes", score.changes},
          {"false_alarms", score.false_alarms},
          {"delay_s", NumberOrNull(score.mean_delay_s())},
          {"f1", NumberOrNull(score.f1())},
          {"returns", score.returns()},
          {"recognised", score.recognised()},
          {"opened", score.opened},
          {"agreement", score.agreement}};
}

Cell Share(double value) {
  return Cell::Number(value, HumanPercent(value));
}

// h:mm
std::string Clock(SimTime time) {
  const auto minutes = static_cast<int64_t>(time.seconds() / 60 + 0.5);
  return fmt::format("{}:{:02}", minutes / 60, minutes % 60);
}

Cell IdCell(int64_t id) {
  return id < 0 ? Cell::Missing() : Cell::Count(static_cast<uint64_t>(id));
}

std::vector<Cell> FigureCells(const AdaptationFigures& f) {
  return {Cell::Count(f.requests),
          Share(f.violation_share),
          Cell::Number(f.latency_p95_ms),
          Cell::Number(f.latency_p99_ms),
          Cell::Number(f.cost * 3600 / f.seconds),
          Cell::Number(f.reward),
          Share(f.engaged_share)};
}

void AddFigureColumns(const Record& record, std::vector<Table::Column>& columns) {
  columns.insert(columns.end(), {{"requests", "requests"},
                                 {"slo_violation_share", "SLO violations"},
                                 {"latency_p95_ms", "p95, ms"},
                                 {"latency_p99_ms", "p99, ms"},
                                 {"cost_per_hour", record.cost_unit + " an hour"},
                                 {"reward", "reward"},
                                 {"engaged_share", "safeguarded"}});
}

std::string LabelOf(const Record& record, int64_t truth) {
  return record.labels[static_cast<size_t>(truth)];
}

}  // namespace

const std::vector<AdaptationMetric>& AdaptationMetrics() {
  static const std::vector<AdaptationMetric> metrics = {
      {"latency_p95_ms", "p95", "ms", [](const Record& r) { return r.whole.latency_p95_ms; }},
      {"latency_p99_ms", "p99", "ms", [](const Record& r) { return r.whole.latency_p99_ms; }},
      {"over_slo_p99", "p99 of latency over SLO", "",
       [](const Record& r) { return r.whole.over_slo_p99; }},
      {"slo_violation_share", "SLO violations", "share",
       [](const Record& r) { return r.whole.violation_share; }},
      {"cost_per_hour", "cost an hour", "", [](const Record& r) { return r.cost_per_hour(); }},
      {"reward", "reward", "", [](const Record& r) { return r.whole.reward; }},
      {"engaged_share", "safeguarded", "share",
       [](const Record& r) { return r.whole.engaged_share; }},
      {"engaged_share_returns", "safeguarded in returns", "share",
       [](const Record& r) { return r.returns.engaged_share; }},
      {"latency_p99_ms_returns", "p99 in returns", "ms",
       [](const Record& r) { return r.returns.latency_p99_ms; }},
      {"reward_returns", "reward in returns", "", [](const Record& r) { return r.returns.reward; }},
      {"first_settling_gap", "settling, first visits", "reward",
       [](const Record& r) { return r.first_settling_gap(); }},
      {"return_settling_gap", "settling, returns", "reward",
       [](const Record& r) { return r.return_settling_gap(); }},
      {"experts_begun", "explorations", "",
       [](const Record& r) { return static_cast<double>(r.learner.experts_begun); }},
      {"detection_f1", "detection F1", "",
       [](const Record& r) {
         return r.detects ? r.detection.f1() : std::numeric_limits<double>::quiet_NaN();
       }},
      {"detection_delay_s", "detection delay", "s",
       [](const Record& r) {
         return r.detects ? r.detection.mean_delay_s() : std::numeric_limits<double>::quiet_NaN();
       }},
  };
  return metrics;
}

Json AdaptationToJson(const Record& record, bool rows) {
  Json json = {{"format", "reeve-adaptation"},
               {"version", 1},
               {"name", record.name},
               {"title", record.title},
               {"driver", record.driver},
               {"seed", record.seed},
               {"complete", record.complete},
               {"interval_s", record.interval_s},
               {"cost_unit", record.cost_unit},
               {"labels", record.labels},
               {"whole", FiguresJson(record.whole)},
               {"first_visits", FiguresJson(record.first_visits)},
               {"returns", FiguresJson(record.returns)},
               {"metrics", Json::object()},
               {"detection", record.detects ? DetectionJson(record.detection) : Json(nullptr)},
               {"learner",
                {{"updates", record.learner.updates},
                 {"switches", record.learner.switches},
                 {"experts_begun", record.learner.experts_begun},
                 {"batches_dropped", record.learner.batches_dropped},
                 {"batches_lost", record.learner.batches_lost},
                 {"engagements", record.learner.engagements}}}};
  for (const AdaptationMetric& metric : AdaptationMetrics()) {
    json["metrics"][std::string(metric.key)] = NumberOrNull(metric.of(record));
  }
  json["visits"] = VisitsJson(record);
  if (rows) json["rows"] = RowsJson(record);
  return json;
}

Table TimelineTable(const Record& record) {
  std::vector<Table::Column> columns = {{"time_s", "time, s"},
                                        {"truth", "environment", Table::Align::kLeft},
                                        {"detected", "detected"},
                                        {"expert", "expert"}};
  AddFigureColumns(record, columns);
  Table table(columns);
  for (const AdaptationRow& row : record.rows) {
    std::vector<Cell> cells = {Cell::Number(row.from.seconds()),
                               Cell::Text(LabelOf(record, row.truth)), IdCell(row.detected),
                               IdCell(row.expert)};
    for (Cell& cell : FigureCells(row.figures)) cells.push_back(std::move(cell));
    table.AddRow(std::move(cells));
  }
  return table;
}

Table VisitsTable(const Record& record) {
  std::vector<Table::Column> columns = {{"from", "from"},
                                        {"to", "to"},
                                        {"truth", "environment", Table::Align::kLeft},
                                        {"visit", "visit", Table::Align::kLeft},
                                        {"detected", "detected"}};
  AddFigureColumns(record, columns);
  Table table(columns);
  for (const AdaptationVisit& visit : record.visits) {
    std::vector<Cell> cells = {
        Cell::Number(visit.from.seconds(), Clock(visit.from)),
        Cell::Number(visit.to.seconds(), Clock(visit.to)), Cell::Text(LabelOf(record, visit.truth)),
        Cell::Text(visit.first ? "first" : "return"), IdCell(visit.detected)};
    for (Cell& cell : FigureCells(visit.figures)) cells.push_back(std::move(cell));
    table.AddRow(std::move(cells));
  }
  return table;
}

}  // namespace reeve
