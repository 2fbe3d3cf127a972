// The results of a study as tables and as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/human.h"
#include "runs/figures.h"
#include "runs/learning_study.h"

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;

std::optional<Interval> MeanOf(const StudyResults& results, const StudyRow& row,
                               double StudyRun::*figure) {
  std::vector<double> values;
  for (const StudyRun& run : row.runs) {
    if (std::isfinite(run.*figure)) values.push_back(run.*figure);
  }
  return MeanInterval(values, {.resamples = results.resamples, .level = results.confidence});
}

std::string Percent(double share) {
  return fmt::format("{:.2f} %", share * 100);
}

}  // namespace

Table StudyTable(const StudyResults& results) {
  using Align = Table::Align;
  Table table({{"scenario", "scenario", Align::kLeft},
               {"variant", "variant", Align::kLeft},
               {"actor_parameters", "actor's parameters"},
               {"final_return", "return"},
               {"latency_p99_ms", "p99 latency, ms"},
               {"slo_violation_share", "SLO violations"},
               {"gb_seconds", "GB-seconds"},
               {"replica_changes_per_hour", "replica changes per hour"}});
  for (const StudyRow& row : results.rows) {
    table.AddRow(
        {Cell::Text(row.scenario), Cell::Text(row.variant),
         IntervalCell(MeanOf(results, row, &StudyRun::actor_parameters), HumanNumber),
         IntervalCell(MeanOf(results, row, &StudyRun::final_return), HumanNumber),
         IntervalCell(MeanOf(results, row, &StudyRun::latency_p99_ms), HumanNumber),
         IntervalCell(MeanOf(results, row, &StudyRun::slo_violation_share), Percent),
         IntervalCell(MeanOf(results, row, &StudyRun::gb_seconds), HumanNumber),
         IntervalCell(MeanOf(results, row, &StudyRun::replica_changes_per_hour), HumanNumber)});
  }
  return table;
}

Table StudyRatioTable(const StudyResults& results) {
  using Align = Table::Align;
  Table table({{"scenario", "scenario", Align::kLeft},
               {"ratio", "ratio of p99", Align::kLeft},
               {"function", "function", Align::kLeft},
               {"value", "value"}});
  for (const StudyRatioRow& row : results.ratios) {
    table.AddRow({Cell::Text(row.scenario), Cell::Text(row.ratio),
                  Cell::Text(row.function.empty() ? "all (geometric mean)" : row.function),
                  row.value ? Cell::Number(row.value->value,
                                           fmt::format("{:.3f} [{:.3f}, {:.3f}]", row.value->value,
                                                       row.value->low, row.value->high))
                            : Cell::Missing()});
  }
  return table;
}

std::string StudyJson(const StudyResults& results) {
  Json rows = Json::array(), ratios = Json::array();
  for (const StudyRow& row : results.rows) {
    Json runs = Json::array();
    for (const StudyRun& run : row.runs) runs.push_back(StudyRunToJson(run));
    rows.push_back(
        {{"scenario", row.scenario}, {"variant", row.variant}, {"runs", std::move(runs)}});
  }
  for (const StudyRatioRow& row : results.ratios) {
    Json json = {{"scenario", row.scenario},
                 {"ratio", row.ratio},
                 {"function", row.function},
                 {"reference", row.reference}};
    if (row.value) {
      json.update(
          {{"value", row.value->value}, {"low", row.value->low}, {"high", row.value->high}});
    }
    ratios.push_back(std::move(json));
  }
  const Json json = {{"format", "reeve-learning-study"},
                     {"version", 1},
                     {"name", results.name},
                     {"title", results.title},
                     {"level", results.confidence},
                     {"rows", std::move(rows)},
                     {"ratios", std::move(ratios)}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace reeve
