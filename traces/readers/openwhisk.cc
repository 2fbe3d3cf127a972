#include "traces/readers/openwhisk.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unordered_set>

#include "traces/readers/json_records.h"
#include "traces/readers/percentiles.h"

namespace reeve {
namespace {

using nlohmann::json;

// What a record says; problems are logged as they are met.
class RecordReader {
 public:
  RecordReader(const InputFile& file, int64_t line, ReadContext& context)
      : file_(file), line_(line), context_(context) {}

  void Bad(Problem problem, std::string_view field, std::string_view what) {
    context_.log.Add(problem, file_.name, line_, field, what);
  }

  // A number of milliseconds as microseconds. False (and logged) when it is there and broken.
  bool Millis(const json& object, const char* field, std::optional<int64_t>& out) {
    const auto found = object.find(field);
    if (found == object.end() || found->is_null()) return true;
    return MillisOf(*found, field, out);
  }
  bool MillisOf(const json& value, const char* field, std::optional<int64_t>& out) {
    if (!value.is_number()) {
      Bad(Problem::kBadNumber, field, "not a number; it is in milliseconds");
      return false;
    }
    const double ms = value.get<double>();
    if (ms < 0) {
      Bad(Problem::kNegative, field, fmt::format("{} is negative", ms));
      return false;
    }
    out = ToMicros(ms, 1e3);
    if (!out) Bad(Problem::kTooLarge, field, "beyond all reason; it is in milliseconds");
    return out.has_value();
  }

  std::string_view Text(const json& object, const char* field) {
    const auto found = object.find(field);
    if (found == object.end() || !found->is_string()) return {};
    return found->get_ref<const std::string&>();
  }

 private:
  const InputFile& file_;
  int64_t line_;
  ReadContext& context_;
};

struct Annotations {
  std::string_view path;
  std::optional<int64_t> wait_us, init_us;
  double memory_mb = 0;
};

bool ReadAnnotations(const json& record, RecordReader& reader, Annotations& out) {
  const auto annotations = record.find("annotations");
  if (annotations == record.end() || !annotations->is_array()) return true;
  for (const json& annotation : *annotations) {
    if (!annotation.is_object()) continue;
    const std::string_view key = reader.Text(annotation, "key");
    const auto value = annotation.find("value");
    if (value == annotation.end()) continue;
    if (key == "path") {
      out.path = reader.Text(annotation, "value");
    } else if (key == "waitTime") {
      if (!reader.MillisOf(*value, "waitTime", out.wait_us)) return false;
    } else if (key == "initTime") {
      if (!reader.MillisOf(*value, "initTime", out.init_us)) return false;
    } else if (key == "limits" && value->is_object()) {
      const auto memory = value->find("memory");
      if (memory != value->end() && memory->is_number()) out.memory_mb = memory->get<double>();
    }
  }
  return true;
}

void TakeRecord(const json& record, RecordReader& reader, ReadContext& context, TimedRows& rows,
                std::unordered_set<std::string>& seen) {
  constexpr auto kTickUs = static_cast<int64_t>(kClockTickMs * 1000);
  std::optional<int64_t> start_us, duration_us;
  Annotations annotations;
  if (!reader.Millis(record, "start", start_us) ||
      !reader.Millis(record, "duration", duration_us) ||
      !ReadAnnotations(record, reader, annotations)) {
    return;
  }
  if (!start_us) {
    return reader.Bad(Problem::kMissingColumn, "start",
                      "the record has no start; is it an activation record (docs=true)?");
  }
  const std::string_view space = reader.Text(record, "namespace");
  const std::string_view name = reader.Text(record, "name");
  const std::string_view path = annotations.path;
  if (path.empty() && name.empty()) {
    return reader.Bad(Problem::kMissingColumn, "name", "the record has no name and no path");
  }
  const std::string function = path.empty() ? fmt::format("{}/{}", space, name) : std::string(path);
  const std::string tenant(!space.empty() ? space : path.substr(0, path.find('/')));
  // ns/package/name: the package is what the platform calls an app.
  const std::string app = function.substr(0, function.rfind('/'));
  if (const std::string_view id = reader.Text(record, "activationId"); !id.empty()) {
    if (!seen.insert(std::string(id)).second) {
      return reader.Bad(Problem::kDuplicate, "activationId",
                        fmt::format("activation {} stands here twice", Quoted(id)));
    }
  }

  int64_t run_us = TimedInvocation::kDrawDuration;
  if (duration_us) {
    run_us = *duration_us - annotations.init_us.value_or(0);
    if (run_us < kTickUs) {
      run_us = kTickUs;
      ++context.report.durations_raised;
    }
  }
  const FunctionId id = rows.Function(tenant, app, function);
  rows.Add(id, *start_us - annotations.wait_us.value_or(0), run_us);
  if (annotations.init_us) {
    rows.AddColdStart(id, static_cast<double>(*annotations.init_us) / 1e3);
  }
  if (annotations.memory_mb > 0) rows.AddMemory(id, annotations.memory_mb);
}

}  // namespace

absl::Status ReadOpenWhisk(ReadContext& context) {
  TimedRows rows(context);
  std::unordered_set<std::string> seen;  // activation ids; looked up, never iterated
  for (const InputFile& file : context.files) {
    ++context.report.files;
    context.report.bytes += file.bytes.size();
    JsonRecords records(file.bytes, "activations");
    for (auto result = records.Next(); result != JsonRecords::Result::kEnd;
         result = records.Next()) {
      ++context.report.rows;
      RecordReader reader(file, records.line(), context);
      if (result == JsonRecords::Result::kBroken) {
        reader.Bad(Problem::kBadRecord, "",
                   "this is not a JSON object, or its braces and quotes do not match; is the file "
                   "cut off?");
        continue;
      }
      const std::string_view text = records.record();
      const json record =
          json::parse(text.data(), text.data() + text.size(), nullptr, /*allow_exceptions=*/false);
      if (!record.is_object()) {
        reader.Bad(Problem::kBadRecord, "", "the record is not JSON");
        continue;
      }
      TakeRecord(record, reader, context, rows, seen);
    }
  }
  return rows.Finish(TimedRows::Shift::kEarliest);
}

}  // namespace reeve
