#include "traces/readers/iluvatar.h"

#include <fmt/format.h>

#include <map>

namespace reeve {
namespace {

struct Metadata {
  double cold_ms, warm_ms, memory_mb;
};
using MetadataByName = std::map<std::string, Metadata, std::less<>>;

void ReadFunctions(const InputFile& input, ReadContext& context, MetadataByName& functions) {
  CsvTable table(input, context);
  if (!table.ReadHeader()) return;
  const int name = table.Required("func_name"), cold = table.Required("cold_dur_ms");
  const int warm = table.Required("warm_dur_ms"), memory = table.Required("mem_mb");
  if (std::min({name, cold, warm, memory}) < 0) return;
  while (table.Next()) {
    const auto cold_ms = table.NonNegative(cold);
    if (!cold_ms) continue;
    const auto warm_ms = table.NonNegative(warm);
    if (!warm_ms) continue;
    const auto memory_mb = table.NonNegative(memory);
    if (!memory_mb) continue;
    if (*cold_ms > 1e12 || *warm_ms > 1e12) {
      table.Bad(Problem::kTooLarge, *warm_ms > 1e12 ? warm : cold, "beyond all reason");
      continue;
    }
    if (!functions
             .try_emplace(std::string(table.cell(name)), Metadata{*cold_ms, *warm_ms, *memory_mb})
             .second) {
      table.Bad(Problem::kDuplicate, name, "the function stands here twice, remove one");
    }
  }
}

void ReadInvocations(const InputFile& input, ReadContext& context, TimedRows& rows) {
  CsvTable table(input, context);
  if (!table.ReadHeader()) return;
  const int name = table.Required("func_name"), time = table.Required("invoke_time_ms");
  if (std::min(name, time) < 0) return;
  while (table.Next()) {
    if (table.cell(name).empty()) {
      table.Bad(Problem::kBadText, name, "the name is empty, fill it in");
      continue;
    }
    const auto time_ms = table.NonNegative(time);
    if (!time_ms) continue;
    const auto start_us = ToMicros(*time_ms, 1e3);
    if (!start_us) {
      table.Bad(Problem::kTooLarge, time, "beyond all reason; it is in milliseconds");
      continue;
    }
    rows.Add(rows.Function("default", table.cell(name), table.cell(name)), *start_us,
             TimedInvocation::kDrawDuration);
  }
}

}  // namespace

absl::Status ReadIluvatar(ReadContext& context) {
  MetadataByName metadata;
  TimedRows rows(context);
  std::string_view invocations_file;
  for (const InputFile& file : context.files) {
    const std::string_view header = file.bytes.substr(0, file.bytes.find('\n'));
    if (header.find("warm_dur_ms") != header.npos) {
      ReadFunctions(file, context, metadata);
    } else {
      invocations_file = file.name;
      ReadInvocations(file, context, rows);
    }
  }
  if (absl::Status status = rows.Finish(TimedRows::Shift::kNone); !status.ok()) return status;

  ReadReport& report = context.report;
  report.functions_without_durations = report.functions_without_memory = 0;
  for (uint32_t f = 0; f < context.builder.function_count(); ++f) {
    FunctionProfile& profile = context.builder.function(FunctionId(f));
    const auto found = metadata.find(profile.name);
    if (found == metadata.end()) {
      ++report.functions_without_durations;
      ++report.functions_without_memory;
      continue;
    }
    const Metadata& m = found->second;
    profile.duration_ms = Distribution::Constant(m.warm_ms);
    profile.duration_known = true;
    profile.cold_start_ms = Distribution::Constant(std::max(0.0, m.cold_ms - m.warm_ms));
    profile.memory = ToMebibytes(m.memory_mb);
  }
  if (report.functions_without_durations > 0 && !context.options.lenient) {
    context.log.Add(Problem::kNoDurations, invocations_file, 0, "func_name",
                    "functions that are invoked have no row with their durations and memory; add "
                    "them, or take the stand-in that --lenient gives them",
                    report.functions_without_durations);
  }
  return absl::OkStatus();
}

}  // namespace reeve
