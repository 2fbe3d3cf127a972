#include "runs/adaptation_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/human.h"
#include "core/status.h"
#include "runs/adaptation.h"
#include "runs/figures.h"
#include "runs/worker_pool.h"

namespace reeve {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr size_t kMostTuned = 10'000;
constexpr double kNotMeasured = std::numeric_limits<double>::quiet_NaN();

double NumberAt(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : kNotMeasured;
}

class AdaptationRunner {
 public:
  AdaptationRunner(const AdaptationStudyConfig& config, std::string folder, JsonStore& store,
                   int threads, const AdaptationStudyHooks& hooks)
      : config_(config),
        folder_(std::move(folder)),
        store_(store),
        threads_(threads),
        hooks_(hooks) {}

  absl::StatusOr<AdaptationStudyResults> Run() {
    for (const auto& [problem, spec] : config_.problems) {
      for (const AdaptationVariant& variant : config_.variants) {
        if (variant.On(problem)) RETURN_IF_ERROR(Plan(problem, spec, variant));
      }
    }
    RETURN_IF_ERROR(Tune());
    for (const Row& row : rows_) {
      for (int32_t s = 0; s < config_.seeds; ++s) {
        cells_.push_back(
            {&row, row.best, config_.first_seed + static_cast<uint64_t>(s), false, {}});
      }
    }
    RETURN_IF_ERROR(PlayAll(cells_));
    return Collect();
  }

 private:
  struct Candidate {
    Assignments parameters;
    AdaptationConfig config, tuning;
  };
  struct Row {
    std::string problem, variant, run_folder;
    // What results, and those of tuning, follow from beside the run's file.
    std::string follows_from, tuning_follows_from;
    std::vector<Candidate> candidates;  // of tuning; one: as given
    size_t best = 0;
  };
  struct Cell {
    const Row* row;
    size_t candidate;
    uint64_t seed;
    bool tuning;
    Json result;
  };

  absl::StatusOr<AdaptationConfig> ConfigOf(const std::string& path, const AdaptationProblem& spec,
                                            const AdaptationVariant& variant,
                                            const Assignments& parameters, bool tuning) const {
    ASSIGN_OR_RETURN(ConfigNode node, ConfigNode::Load(path));
    for (const std::string& change : spec.set) RETURN_IF_ERROR(node.Set(change));
    for (const std::string& change : variant.set) RETURN_IF_ERROR(node.Set(change));
    if (tuning) {
      for (const std::string& change : spec.tuning_set) RETURN_IF_ERROR(node.Set(change));
    }
    for (const auto& [key, value] : parameters) RETURN_IF_ERROR(node.Set(key + "=" + value));
    AdaptationConfig config;
    RETURN_IF_ERROR(ReadConfig(node, config));
    return config;
  }

  absl::Status Plan(const std::string& problem, const AdaptationProblem& spec,
                    const AdaptationVariant& variant) {
    const std::string path = (fs::path(folder_) / spec.run).lexically_normal().string();
    Row row;
    row.problem = problem;
    row.variant = variant.label;
    row.run_folder = fs::path(path).parent_path().string();
    ASSIGN_OR_RETURN(const std::vector<Assignments> candidates,
                     GridCandidates(variant.search, kMostTuned));
    for (const Assignments& parameters : candidates) {
      Candidate candidate{parameters, {}, {}};
      for (const bool tuning : {false, true}) {
        absl::StatusOr<AdaptationConfig> config = ConfigOf(path, spec, variant, parameters, tuning);
        if (!config.ok()) {
          return absl::InvalidArgumentError(fmt::format("problems: {}: variants: {}: {}", problem,
                                                        variant.label, MessageOf(config.status())));
        }
        (tuning ? candidate.tuning : candidate.config) = *std::move(config);
      }
      row.candidates.push_back(std::move(candidate));
    }
    const Candidate& first = row.candidates.front();
    ASSIGN_OR_RETURN(row.follows_from, DescribeProblem(first.config, row.run_folder));
    if (candidates.size() > 1) {
      ASSIGN_OR_RETURN(row.tuning_follows_from, DescribeProblem(first.tuning, row.run_folder));
    }
    rows_.push_back(std::move(row));
    return absl::OkStatus();
  }

  // The candidate with the highest mean reward over the tuning seeds; of equals the first.
  absl::Status Tune() {
    for (const Row& row : rows_) {
      if (row.candidates.size() < 2) continue;
      for (size_t c = 0; c < row.candidates.size(); ++c) {
        for (int32_t s = 0; s < config_.tuning_seeds; ++s) {
          tuning_.push_back(
              {&row, c, config_.first_tuning_seed + static_cast<uint64_t>(s), true, {}});
        }
      }
    }
    RETURN_IF_ERROR(PlayAll(tuning_));
    for (Row& row : rows_) {
      std::vector<double> rewards(row.candidates.size(), 0.0);
      for (const Cell& cell : tuning_) {
        if (cell.row != &row) continue;
        rewards[cell.candidate] += NumberAt(cell.result["whole"], "reward");
      }
      row.best =
          static_cast<size_t>(std::max_element(rewards.begin(), rewards.end()) - rewards.begin());
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Json> Play(const Cell& cell) {
    const Row& row = *cell.row;
    const Candidate& candidate = row.candidates[cell.candidate];
    AdaptationConfig config = cell.tuning ? candidate.tuning : candidate.config;
    config.seed = cell.seed;
    const std::string key =
        WriteConfig(config) + "\n" + (cell.tuning ? row.tuning_follows_from : row.follows_from);
    return store_.Get(
        "adaptation-run", key,
        [&]() -> absl::StatusOr<Json> {
          AdaptationHooks hooks;
          hooks.stop = hooks_.stop;
          ASSIGN_OR_RETURN(const AdaptationRecord record,
                           RunAdaptation(config, row.run_folder, hooks));
          if (!record.complete) return absl::CancelledError("interrupted");
          return AdaptationToJson(record, false);
        },
        [](const Json& kept) { return kept.is_object() && kept.contains("metrics"); });
  }

  absl::Status PlayAll(std::vector<Cell>& cells) {
    std::atomic<size_t> done = 0;
    return RunInParallel(
        cells.size(), threads_,
        [&](size_t i) -> absl::Status {
          absl::StatusOr<Json> result = Play(cells[i]);
          if (!result.ok()) {
            return absl::Status(
                result.status().code(),
                fmt::format("{}: {}: seed {}: {}", cells[i].row->problem, cells[i].row->variant,
                            cells[i].seed, MessageOf(result.status())));
          }
          cells[i].result = *std::move(result);
          const size_t now_done = ++done;
          if (hooks_.on_progress) hooks_.on_progress(now_done, cells.size());
          return absl::OkStatus();
        },
        hooks_.stop);
  }

  AdaptationStudyResults Collect() const {
    AdaptationStudyResults results{.name = config_.name,
                                   .title = config_.title,
                                   .reference = config_.reference,
                                   .confidence = config_.confidence,
                                   .resamples = config_.resamples,
                                   .rows = {}};
    for (const Row& row : rows_) {
      AdaptationStudyRow out{row.problem, row.variant, "", row.candidates[row.best].parameters, {}};
      for (const Cell& cell : cells_) {
        if (cell.row != &row) continue;
        out.cost_unit = cell.result.value("cost_unit", "");
        for (const AdaptationMetric& metric : AdaptationMetrics()) {
          const std::string key(metric.key);
          out.values[key].push_back(NumberAt(cell.result["metrics"], key));
        }
      }
      results.rows.push_back(std::move(out));
    }
    return results;
  }

  const AdaptationStudyConfig& config_;
  const std::string folder_;
  JsonStore& store_;
  const int threads_;
  const AdaptationStudyHooks& hooks_;
  std::vector<Row> rows_;
  std::vector<Cell> tuning_, cells_;
};

Json IntervalJson(const std::optional<Interval>& mean) {
  return mean ? Json({{"value", mean->value}, {"low", mean->low}, {"high", mean->high}})
              : Json(nullptr);
}

}  // namespace

std::optional<Interval> AdaptationStudyResults::Mean(const AdaptationStudyRow& row,
                                                     const std::string& metric) const {
  std::vector<double> known;
  for (const double value : row.values.at(metric)) {
    if (std::isfinite(value)) known.push_back(value);
  }
  return MeanInterval(known, {.resamples = resamples, .level = confidence});
}

std::optional<Interval> AdaptationStudyResults::OverReference(const AdaptationStudyRow& row) const {
  for (const AdaptationStudyRow& other : rows) {
    if (other.problem != row.problem || other.variant != reference) continue;
    return RatioInterval(row.values.at("latency_p99_ms"), other.values.at("latency_p99_ms"),
                         {.resamples = resamples, .level = confidence});
  }
  return std::nullopt;
}

absl::StatusOr<AdaptationStudyResults> RunAdaptationStudy(const AdaptationStudyConfig& config,
                                                          const std::string& folder,
                                                          JsonStore& store, int threads,
                                                          const AdaptationStudyHooks& hooks) {
  return AdaptationRunner(config, folder, store, threads, hooks).Run();
}

Table AdaptationStudyTable(const AdaptationStudyResults& results) {
  using Align = Table::Align;
  std::vector<Table::Column> columns = {{"problem", "problem", Align::kLeft},
                                        {"variant", "variant", Align::kLeft}};
  if (!results.reference.empty())
    columns.push_back({"p99_over_reference", "p99 over " + results.reference});
  for (const AdaptationMetric& metric : AdaptationMetrics()) {
    std::string title(metric.title);
    if (metric.unit == "share") title += ", %";
    if (metric.unit == "ms" || metric.unit == "s") title += fmt::format(", {}", metric.unit);
    columns.push_back({std::string(metric.key), title});
  }
  columns.push_back({"cost_unit", "cost in", Align::kLeft});
  columns.push_back({"parameters", "tuned", Align::kLeft});
  Table table(columns);
  for (const AdaptationStudyRow& row : results.rows) {
    std::vector<Cell> cells = {Cell::Text(row.problem), Cell::Text(row.variant)};
    if (!results.reference.empty())
      cells.push_back(IntervalCell(results.OverReference(row), FigureText));
    for (const AdaptationMetric& metric : AdaptationMetrics()) {
      const double scale = metric.unit == "share" ? 100 : 1;
      cells.push_back(IntervalCell(results.Mean(row, std::string(metric.key)),
                                   [&](double v) { return FigureText(v * scale); }));
    }
    cells.push_back(Cell::Text(row.cost_unit));
    cells.push_back(Cell::Text(AssignmentsText(row.parameters)));
    table.AddRow(std::move(cells));
  }
  return table;
}

Json AdaptationStudyJson(const AdaptationStudyResults& results) {
  Json metrics = Json::array();
  for (const AdaptationMetric& metric : AdaptationMetrics()) {
    metrics.push_back({{"key", metric.key}, {"title", metric.title}, {"unit", metric.unit}});
  }
  Json rows = Json::array();
  for (const AdaptationStudyRow& row : results.rows) {
    Json parameters = Json::object(), values = Json::object(), means = Json::object();
    for (const auto& [path, value] : row.parameters) parameters[path] = value;
    for (const auto& [key, by_seed] : row.values) {
      for (const double value : by_seed) {
        values[key].push_back(std::isfinite(value) ? Json(value) : Json(nullptr));
      }
      means[key] = IntervalJson(results.Mean(row, key));
    }
    rows.push_back({{"problem", row.problem},
                    {"variant", row.variant},
                    {"cost_unit", row.cost_unit},
                    {"parameters", std::move(parameters)},
                    {"means", std::move(means)},
                    {"p99_over_reference", IntervalJson(results.OverReference(row))},
                    {"values", std::move(values)}});
  }
  return {{"format", "reeve-adaptation-study"},
          {"version", 1},
          {"name", results.name},
          {"title", results.title},
          {"reference", results.reference},
          {"level", results.confidence},
          {"metrics", std::move(metrics)},
          {"rows", std::move(rows)}};
}

}  // namespace reeve
