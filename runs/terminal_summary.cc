#include "runs/terminal_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/human.h"
#include "core/terminal.h"
#include "runs/fields.h"

namespace reeve {
namespace {

enum class Show { kCount, kNumber, kMillis, kFactor, kPercent, kSeconds };

struct Metric {
  const char* field;  // of RunSummary, or "safeguard." and one of SafeguardSummary; replay likewise
  const char* title;
  Show show;
};
struct Group {
  const char* title;
  std::vector<Metric> metrics;
};

constexpr const char* kSafeguard = "Safeguard";
constexpr const char* kReplay = "Replay";

const std::vector<Group>& Groups() {
  static const std::vector<Group> groups = {
      {"Requests",
       {{"arrivals", "arrived", Show::kCount},
        {"completions", "completed", Show::kCount},
        {"rejections", "rejected", Show::kCount},
        {"timeouts", "timed out", Show::kCount},
        {"failures", "failed", Show::kCount},
        {"unfinished", "unfinished", Show::kCount},
        {"slo_violations", "SLO violations", Show::kCount},
        {"slo_violation_share", "SLO violations, share", Show::kPercent}}},
      {"Latency",
       {{"latency_p50_ms", "p50", Show::kMillis},
        {"latency_p95_ms", "p95", Show::kMillis},
        {"latency_p99_ms", "p99", Show::kMillis}}},
      {"Slowdown (latency over ideal execution)",
       {{"slowdown_p50", "p50", Show::kFactor},
        {"slowdown_p95", "p95", Show::kFactor},
        {"slowdown_p99", "p99", Show::kFactor},
        {"slowdown_p99_geomean", "p99, geometric mean of functions", Show::kFactor}}},
      {"Containers",
       {{"cold_starts", "cold starts", Show::kCount},
        {"cold_start_share", "cold starts per request", Show::kPercent},
        {"container_seconds", "container-seconds", Show::kSeconds},
        {"gb_seconds", "GB-seconds", Show::kNumber},
        {"gb_seconds_over_bound", "GB-seconds over the bound", Show::kFactor},
        {"container_utilisation", "busy share of container time", Show::kPercent},
        {"cpu_utilisation", "CPU utilisation", Show::kPercent},
        {"replica_changes_per_hour", "replica changes per hour", Show::kNumber}}},
      {kSafeguard,
       {{"safeguard.engaged_share", "decisions that were the fallback's", Show::kPercent},
        {"safeguard.engagements", "times it took over", Show::kCount},
        {"safeguard.engagements_impossible_metrics", "by impossible metrics", Show::kCount},
        {"safeguard.engagements_learner_failed", "by a learner that failed", Show::kCount},
        {"safeguard.engagements_budget", "by the budget", Show::kCount},
        {"safeguard.engagements_queue", "by queues", Show::kCount},
        {"safeguard.engagements_slo_violations", "by SLO violations", Show::kCount},
        {"safeguard.engagements_latency", "by latency", Show::kCount},
        {"safeguard.engagements_rejections", "by rejections", Show::kCount},
        {"safeguard.engagements_value", "by the critic's value", Show::kCount},
        {"safeguard.budget_charged", "SLO violations charged", Show::kNumber},
        {"safeguard.budget_granted", "SLO violations granted", Show::kNumber}}},
      {kReplay,
       {{"replay.timing_error_p50_ms", "timing error p50", Show::kMillis},
        {"replay.timing_error_p99_ms", "timing error p99", Show::kMillis},
        {"replay.timing_error_max_ms", "timing error, worst", Show::kMillis},
        {"replay.late", "more than 1 ms late", Show::kCount},
        {"replay.held_back", "held back by those under way", Show::kCount},
        {"replay.never_sent", "never sent", Show::kCount},
        {"replay.failed_connections", "no connection", Show::kCount},
        {"replay.failed_answers", "broken answer", Show::kCount},
        {"replay.failed_statuses", "answer of failure", Show::kCount},
        {"replay.most_in_flight", "most under way at once", Show::kCount}}}};
  return groups;
}

// Of the fields of a summary by name, whether more or less is better.
std::map<std::string, Better> BetterByField() {
  std::map<std::string, Better> better;
  for (const ColumnDoc& doc : DescribeColumns<RunSummary>()) better[doc.name] = doc.better;
  for (const ColumnDoc& doc : DescribeColumns<SafeguardSummary>()) {
    better["safeguard." + doc.name] = doc.better;
  }
  for (const ColumnDoc& doc : DescribeColumns<ReplaySummary>()) {
    better["replay." + doc.name] = doc.better;
  }
  return better;
}

std::optional<double> ValueOf(const nlohmann::ordered_json& summary, std::string field) {
  std::ranges::replace(field, '.', '/');
  const auto at = nlohmann::ordered_json::json_pointer("/" + field);
  if (!summary.contains(at) || !summary[at].is_number()) return std::nullopt;
  return summary[at].get<double>();
}

// What a guard that nobody has, or that nothing engaged in this way, has to say; what no replay
// has.
bool NothingToTell(const Group& group, const Metric& metric,
                   const std::vector<std::optional<double>>& values) {
  if (std::string_view(group.title) == kReplay) {
    return std::ranges::none_of(values, [](const auto& v) { return v.has_value(); });
  }
  if (std::string_view(group.title) != kSafeguard) return false;
  const bool counts = std::string_view(metric.field).find(".engagements_") != std::string::npos;
  return std::ranges::all_of(values, [&](const auto& v) { return !v || (counts && *v == 0); });
}

std::string Shown(double value, Show show) {
  switch (show) {
    case Show::kCount:
      return HumanCount(static_cast<uint64_t>(value));
    case Show::kMillis:
      return HumanNumber(value) + " ms";
    case Show::kFactor:
      return HumanNumber(value) + "x";
    case Show::kPercent:
      return HumanPercent(value);
    case Show::kNumber:
    case Show::kSeconds:
      break;
  }
  return HumanNumber(value);
}

// Index of the only best value, if there is one among at least two. Values within 0.05 % of each
// other print alike: nobody is best.
std::optional<size_t> BestOf(const std::vector<std::optional<double>>& values, Better better) {
  if (better == Better::kNeither) return std::nullopt;
  std::optional<size_t> best;
  size_t known = 0, ties = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    ++known;
    const double sign = better == Better::kLower ? 1 : -1;
    if (!best || sign * *values[i] < sign * *values[*best]) best = i;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i] || i == best) continue;
    if (std::abs(*values[i] - *values[*best]) <= 5e-4 * std::abs(*values[*best])) ++ties;
  }
  return known >= 2 && ties == 0 ? best : std::nullopt;
}

// The value furthest from the best one, over it.
Cell Spread(const std::vector<std::optional<double>>& values, size_t best) {
  double furthest = *values[best];
  for (const auto& value : values) {
    if (value && std::abs(*value - *values[best]) > std::abs(furthest - *values[best])) {
      furthest = *value;
    }
  }
  if (*values[best] == 0) return Cell::Missing();
  const double factor = furthest / *values[best];
  return Cell::Number(factor - 1, HumanRelativeDifference(factor));
}

std::string Heading(const RunSummary& run) {
  const std::string name = PrintableText(run.name.empty() ? run.policy : run.name);
  return run.complete ? name : name + " (interrupted)";
}

// The run's name as a CSV or JSON key: numbered when another column has it.
std::string UniqueKey(const RunSummary& run, const std::vector<Table::Column>& taken) {
  const std::string name = run.name.empty() ? run.policy : run.name;
  const auto used = [&](const std::string& key) {
    return key == "best" || key == "worst_over_best" ||
           std::any_of(taken.begin(), taken.end(), [&](const auto& c) { return c.key == key; });
  };
  std::string key = name;
  for (int number = 2; used(key); ++number) key = fmt::format("{} ({})", name, number);
  return key;
}

}  // namespace

Table SummaryTable(std::span<const RunSummary> runs) {
  REEVE_CHECK(!runs.empty());
  const bool comparing = runs.size() > 1;
  std::vector<Table::Column> columns = {{"metric", "", Table::Align::kLeft}};
  std::vector<nlohmann::ordered_json> summaries;
  for (size_t i = 0; i < runs.size(); ++i) {
    columns.push_back({comparing ? UniqueKey(runs[i], columns) : "value", Heading(runs[i])});
    summaries.push_back(ToJson(runs[i]));
    for (const std::string& field : UnseenFields(runs[i])) summaries.back()[field] = nullptr;
  }
  if (comparing) {
    columns.push_back({"best", "best", Table::Align::kLeft});
    columns.push_back({"worst_over_best", "worst is"});
  }
  Table table(std::move(columns));
  const std::map<std::string, Better> better = BetterByField();
  for (const Group& group : Groups()) {
    bool titled = false;
    for (const Metric& metric : group.metrics) {
      REEVE_CHECK(better.contains(metric.field));
      std::vector<std::optional<double>> values;
      for (const auto& summary : summaries) values.push_back(ValueOf(summary, metric.field));
      if (NothingToTell(group, metric, values)) continue;
      if (!titled) table.AddSection(group.title);
      titled = true;
      const std::optional<size_t> best = BestOf(values, better.at(metric.field));
      std::vector<Cell> cells;
      Cell& title = cells.emplace_back(Cell::Text(metric.field));
      title.shown = fmt::format("  {}", metric.title);
      for (size_t i = 0; i < values.size(); ++i) {
        cells.push_back(values[i] ? Cell::Number(*values[i], Shown(*values[i], metric.show))
                                  : Cell::Missing());
        cells.back().strong = best == i;
      }
      if (comparing) {
        cells.push_back(best ? Cell::Text(Heading(runs[*best])) : Cell::Missing());
        cells.push_back(best ? Spread(values, *best) : Cell::Missing());
      }
      table.AddRow(std::move(cells));
    }
  }
  return table;
}

}  // namespace reeve
