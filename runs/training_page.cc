#include "runs/training_page.h"

#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/config.h"
#include "core/files.h"
#include "core/status.h"
#include "runs/csv_table.h"
#include "runs/curve_points.h"
#include "runs/html_page.h"

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostCurvePoints = 600;
constexpr const char* kFile = "training.csv";
constexpr const char* kTrainingScripts[] = {"format.js", "charts.js", "training.js"};

// training.csv with a column for each name.
struct Log {
  std::vector<double> steps;                           // [I] at the end of each iteration
  std::vector<std::string> names;                      // as they come
  std::map<std::string, std::vector<double>> columns;  // name to [I]; NaN: the iteration has none
};

void Add(double step, const std::string& name, double value, bool new_iteration, Log& log) {
  if (new_iteration) log.steps.push_back(step);
  const auto [column, is_new] = log.columns.try_emplace(name);
  if (is_new) log.names.push_back(name);
  column->second.resize(log.steps.size(), std::numeric_limits<double>::quiet_NaN());
  column->second.back() = value;
}

absl::StatusOr<Log> ReadLog(std::string_view csv) {
  CsvRows rows(csv, kFile);
  std::vector<std::string> fields;
  ASSIGN_OR_RETURN(bool more, rows.Next(fields));
  if (!more || fields != std::vector<std::string>{"iteration", "step", "name", "value"}) {
    return InvalidAt(kFile, 1, 0, "the columns are not iteration,step,name,value");
  }
  Log log;
  int64_t last_iteration = std::numeric_limits<int64_t>::min();
  while (true) {
    ASSIGN_OR_RETURN(more, rows.Next(fields));
    if (!more) break;
    int64_t iteration = 0, step = 0;
    double value = 0;
    std::string what;
    using config_internal::ReadScalar;
    if (fields.size() != 4 || !ReadScalar(fields[0], iteration, what) ||
        !ReadScalar(fields[1], step, what) || !ReadScalar(fields[3], value, what) ||
        iteration < last_iteration) {
      return InvalidAt(kFile, rows.line(), 0, "not a row of a training's log");
    }
    Add(static_cast<double>(step), fields[2], value, iteration > last_iteration, log);
    last_iteration = iteration;
  }
  for (auto& [name, column] : log.columns) {
    column.resize(log.steps.size(), std::numeric_limits<double>::quiet_NaN());
  }
  return log;
}

// {name, …, steps: [I'], group, series: [{name, values: [I']}]}
Json PageData(const TrainingPageFacts& facts, const Log& log) {
  const size_t group = PointsPerGroup(log.steps.size(), kMostCurvePoints);
  Json series = Json::array();
  for (const std::string& name : log.names) {
    series.push_back({{"name", name}, {"values", GroupMeans(log.columns.at(name), group)}});
  }
  return {{"name", facts.name},
          {"steps_done", facts.steps_done},
          {"steps_planned", facts.steps_planned},
          {"finished", facts.finished},
          {"iterations", log.steps.size()},
          {"group", group},
          {"steps", GroupEnds(log.steps, group)},
          {"series", std::move(series)}};
}

}  // namespace

absl::StatusOr<std::string> TrainingPage(const TrainingPageFacts& facts, std::string_view csv) {
  ASSIGN_OR_RETURN(const Log log, ReadLog(csv));
  const Json data = PageData(facts, log);
  return HtmlPage({.title = (facts.name.empty() ? "" : facts.name + " - ") + "Reeve training",
                   .kind = "Reeve training",
                   .content = "training.html",
                   .scripts = kTrainingScripts,
                   .data = &data});
}

absl::Status WriteTrainingPage(const TrainingPageFacts& facts, std::string_view csv,
                               const std::string& path) {
  ASSIGN_OR_RETURN(const std::string page, TrainingPage(facts, csv));
  return WriteFileAtomically(path, page);
}

}  // namespace reeve
