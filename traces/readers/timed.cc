#include "traces/readers/timed.h"

#include <fmt/format.h>

namespace reeve {
namespace {

struct TimeColumn {
  int column = CsvTable::kNone;
  double unit_us = 1e6;
};

// The column of the first of `names` that stands there, with any unit.
TimeColumn FindTime(CsvTable& table, std::initializer_list<std::string_view> names) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"", 1e6}, {"_s", 1e6}, {"_ms", 1e3}, {"_us", 1}};
  for (std::string_view name : names) {
    for (const auto& [suffix, unit_us] : kUnits) {
      const int column = table.Column(fmt::format("{}{}", name, suffix));
      if (column != CsvTable::kNone) return {column, unit_us};
    }
  }
  return {};
}

std::optional<int64_t> ReadTime(CsvTable& table, const TimeColumn& time) {
  const auto value = table.NonNegative(time.column);
  if (!value) return std::nullopt;
  const auto us = ToMicros(*value, time.unit_us);
  if (!us) table.Bad(Problem::kTooLarge, time.column, "beyond all reason; check the unit");
  return us;
}

void ReadFile(const InputFile& input, ReadContext& context, TimedRows& rows) {
  CsvTable table(input, context);
  if (!table.ReadHeader()) return;
  const int function = table.Required("function");
  const TimeColumn time = FindTime(table, {"time", "start"});
  if (time.column == CsvTable::kNone) table.Required("time");
  if (function == CsvTable::kNone || time.column == CsvTable::kNone) return;
  const TimeColumn duration = FindTime(table, {"duration"});
  const int tenant = table.Column("tenant"), app = table.Column("app");
  const int memory = table.Column("memory_mb");

  while (table.Next()) {
    const std::string_view name = table.cell(function);
    if (name.empty()) {
      table.Bad(Problem::kBadText, function, "the name is empty, fill it in");
      continue;
    }
    const auto start = ReadTime(table, time);
    if (!start) continue;
    int64_t duration_us = TimedInvocation::kDrawDuration;
    if (duration.column != CsvTable::kNone && !table.cell(duration.column).empty()) {
      const auto read = ReadTime(table, duration);
      if (!read) continue;
      duration_us = *read;
    }
    std::optional<double> memory_mb;
    if (memory != CsvTable::kNone && !table.cell(memory).empty()) {
      memory_mb = table.NonNegative(memory);
      if (!memory_mb) continue;
    }
    const FunctionId id = rows.Function(tenant == CsvTable::kNone ? "default" : table.cell(tenant),
                                        app == CsvTable::kNone ? name : table.cell(app), name);
    rows.Add(id, *start, duration_us);
    if (memory_mb) rows.AddMemory(id, *memory_mb);
  }
}

}  // namespace

absl::Status ReadTimed(ReadContext& context) {
  TimedRows rows(context);
  for (const InputFile& file : context.files) ReadFile(file, context, rows);
  return rows.Finish(TimedRows::Shift::kWallClock);
}

}  // namespace reeve
