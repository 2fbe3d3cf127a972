#include "traces/readers/azure2021.h"

#include "traces/readers/percentiles.h"

namespace reeve {
namespace {

void ReadFile(const InputFile& input, ReadContext& context, TimedRows& rows) {
  constexpr auto kTickUs = static_cast<int64_t>(kClockTickMs * 1000);
  CsvTable table(input, context);
  if (!table.ReadHeader()) return;
  const int app = table.Required("app"), function = table.Required("func");
  const int end = table.Required("end_timestamp"), duration = table.Required("duration");
  if (std::min({app, function, end, duration}) < 0) return;

  while (table.Next()) {
    if (table.cell(app).empty() || table.cell(function).empty()) {
      table.Bad(Problem::kBadText, table.cell(app).empty() ? app : function,
                "the name is empty, fill it in");
      continue;
    }
    const auto end_s = table.Finite(end);
    if (!end_s) continue;
    const auto duration_s = table.NonNegative(duration);
    if (!duration_s) continue;
    const auto end_us = ToMicros(*end_s, 1e6);
    auto duration_us = ToMicros(*duration_s, 1e6);
    if (!end_us || !duration_us) {
      table.Bad(Problem::kTooLarge, end_us ? duration : end, "beyond all reason; it is in seconds");
      continue;
    }
    const int64_t start_us = *end_us - *duration_us;
    if (*duration_us < kTickUs) {
      duration_us = kTickUs;
      ++context.report.durations_raised;
    }
    rows.Add(rows.Function(table.cell(app), table.cell(app), table.cell(function)), start_us,
             *duration_us);
  }
}

}  // namespace

absl::Status ReadAzure2021(ReadContext& context) {
  TimedRows rows(context);
  for (const InputFile& file : context.files) ReadFile(file, context, rows);
  return rows.Finish(TimedRows::Shift::kEarliest);
}

}  // namespace reeve
