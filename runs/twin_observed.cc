#include "runs/twin_observed.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>

#include "core/files.h"
#include "core/status.h"
#include "runs/csv_table.h"
#include "runs/run_folder.h"

namespace reeve {
namespace {

constexpr size_t kNoColumn = SIZE_MAX;

std::vector<ObservedFunction> FromRun(const RunData& run) {
  // A target that tells neither execution nor cold starts has none to compare.
  const bool cold_starts = !run.summary.replay || run.summary.replay->told > 0;
  std::vector<ObservedFunction> out;
  for (const FunctionRow& row : run.functions) {
    out.push_back(
        {row.name,
         row.completions,
         {row.latency_p50_ms, row.latency_p95_ms, row.latency_p99_ms, row.execution_p50_ms,
          row.execution_p99_ms,
          cold_starts ? std::optional(static_cast<double>(row.cold_starts)) : std::nullopt}});
  }
  return out;
}

// Unset for an empty cell; an error names the column.
absl::Status ReadCell(const CsvRows& rows, const std::string& cell, std::string_view column,
                      std::optional<double>& out) {
  out.reset();
  if (cell.empty()) return absl::OkStatus();
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  const bool whole = error == std::errc() && end == cell.data() + cell.size();
  if (!whole || !std::isfinite(value) || value < 0 || value > 1e15) {
    return InvalidAt(rows.file(), rows.line(), 0,
                     fmt::format("'{}' is not a value of column '{}'", cell, column));
  }
  out = value;
  return absl::OkStatus();
}

// Of completions, so that the quantile is not the luck of a few.
double LeastCompletions(TwinQuantity quantity) {
  switch (quantity) {
    case TwinQuantity::kLatencyP50:
    case TwinQuantity::kExecutionP50:
      return 20;
    case TwinQuantity::kLatencyP95:
      return 200;
    case TwinQuantity::kLatencyP99:
    case TwinQuantity::kExecutionP99:
      return 1000;
    case TwinQuantity::kColdStarts:
      break;
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::vector<ObservedFunction>> ParseObserved(std::string_view csv,
                                                            const std::string& file) {
  CsvRows rows(csv, file);
  std::vector<std::string> cells;
  ASSIGN_OR_RETURN(const bool has_header, rows.Next(cells));
  if (!has_header) return InvalidAt(file, 1, 0, "the file is empty");
  const auto column_of = [&](std::string_view name) {
    const auto found = std::ranges::find(cells, name);
    return found == cells.end() ? kNoColumn : static_cast<size_t>(found - cells.begin());
  };
  const size_t name_column = column_of("name"), completions_column = column_of("completions");
  if (name_column == kNoColumn) return InvalidAt(file, 1, 0, "there is no column 'name'");
  std::array<size_t, kTwinQuantities> columns;
  bool any = false;
  for (const auto& [quantity, name] : EnumNames(TwinQuantity{})) {
    columns[static_cast<size_t>(quantity)] = column_of(name);
    any = any || column_of(name) != kNoColumn;
  }
  if (!any) {
    return InvalidAt(file, 1, 0,
                     "there is nothing to compare: no column cold_starts, latency_p50_ms, "
                     "latency_p95_ms, latency_p99_ms, execution_p50_ms or execution_p99_ms");
  }
  const size_t width = cells.size();
  std::map<std::string, int64_t, std::less<>> lines;
  std::vector<ObservedFunction> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, rows.Next(cells));
    if (!more) return out;
    if (cells.size() != width) {
      return InvalidAt(file, rows.line(), 0,
                       fmt::format("{} fields instead of {}", cells.size(), width));
    }
    ObservedFunction& function = out.emplace_back();
    function.name = cells[name_column];
    const auto [first, added] = lines.emplace(function.name, rows.line());
    if (!added) {
      return InvalidAt(
          file, rows.line(), 0,
          fmt::format("function '{}' was on line {} already", function.name, first->second));
    }
    if (completions_column != kNoColumn) {
      std::optional<double> completions;
      RETURN_IF_ERROR(ReadCell(rows, cells[completions_column], "completions", completions));
      if (completions) function.completions = static_cast<uint64_t>(*completions);
    }
    for (const auto& [quantity, name] : EnumNames(TwinQuantity{})) {
      const auto q = static_cast<size_t>(quantity);
      if (columns[q] == kNoColumn) continue;
      RETURN_IF_ERROR(ReadCell(rows, cells[columns[q]], name, function.values[q]));
    }
  }
}

absl::StatusOr<std::vector<ObservedFunction>> ReadObserved(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    ASSIGN_OR_RETURN(const RunData run, ReadRun(path));
    return FromRun(run);
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseObserved(text, path);
}

absl::StatusOr<std::vector<TwinValues>> MatchObserved(const std::vector<ObservedFunction>& observed,
                                                      const Trace& trace) {
  std::map<std::string_view, const ObservedFunction*> by_name;
  for (const ObservedFunction& function : observed) by_name[function.name] = &function;
  std::vector<TwinValues> values(trace.functions().size());
  size_t found = 0;
  for (size_t f = 0; f < values.size(); ++f) {
    const auto known = by_name.find(trace.functions()[f].name);
    if (known == by_name.end()) continue;
    ++found;
    values[f] = known->second->values;
    if (!known->second->completions) continue;
    const auto completions = static_cast<double>(*known->second->completions);
    for (const auto& [quantity, name] : EnumNames(TwinQuantity{})) {
      if (completions < LeastCompletions(quantity))
        values[f][static_cast<size_t>(quantity)].reset();
    }
  }
  if (found == 0) {
    return absl::InvalidArgumentError(fmt::format(
        "none of the {} functions that were observed is one of the trace's {}; they are matched "
        "by name",
        observed.size(), trace.functions().size()));
  }
  return values;
}

}  // namespace reeve
