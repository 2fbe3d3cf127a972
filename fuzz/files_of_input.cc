#include "fuzz/files_of_input.h"

#include <set>

#include "core/check.h"

namespace reeve::fuzzing {

void CheckTrace(const Trace& trace) {
  std::set<std::string> names;
  for (const FunctionProfile& f : trace.functions()) {
    REEVE_CHECK(names.insert(f.name).second);
    REEVE_CHECK(f.tenant.index() < trace.tenants().size());
    REEVE_CHECK(f.app.index() < trace.apps().size());
    REEVE_CHECK(f.memory >= Mebibytes(0));
    REEVE_CHECK(f.duration_ms.Mean() >= 0);
    REEVE_CHECK(f.duration_ms.Sample(0.001) <= f.duration_ms.Sample(0.999));
  }
  uint64_t total = trace.invocations().size();
  int64_t before = 0;
  for (const TimedInvocation& i : trace.invocations()) {
    REEVE_CHECK(i.start_us >= before && i.function < trace.functions().size());
    REEVE_CHECK(i.duration_us >= TimedInvocation::kDrawDuration);
    REEVE_CHECK(SimTime::Micros(i.start_us) < trace.duration());
    before = i.start_us;
  }
  for (int m = 0; m < trace.minutes(); ++m) {
    int64_t last = -1;
    for (const MinuteCount& c : trace.minute(m)) {
      REEVE_CHECK(c.count > 0 && c.function > last && c.function < trace.functions().size());
      last = c.function;
      total += c.count;
    }
  }
  REEVE_CHECK(total == trace.total_invocations());
}

std::vector<InputFile> FilesOfInput(std::string_view bytes, const std::string& default_name) {
  constexpr std::string_view kMark = "==== ";
  constexpr size_t kMaxFiles = 16;
  std::vector<InputFile> files = {{default_name, {}}};
  const char* content = bytes.data();  // of the last file
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end);
    if (line.starts_with(kMark) && files.size() < kMaxFiles) {
      std::string_view name = line.substr(kMark.size());
      if (name.ends_with('\n')) name.remove_suffix(1);
      files.push_back({std::string(name), {}});
      content = line.data() + line.size();
    } else {
      files.back().bytes = {content, static_cast<size_t>(line.data() + line.size() - content)};
    }
  }
  if (files.size() > 1 && files[0].bytes.empty()) files.erase(files.begin());
  return files;
}

void ReadBothWays(const uint8_t* data, size_t size, TraceFormat format,
                  const std::string& default_name) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<InputFile> files = FilesOfInput(bytes, default_name);
  const auto strict = ReadTraceFiles(files, {.format = format});
  const auto lenient = ReadTraceFiles(files, {.format = format, .lenient = true});
  if (strict.ok()) {
    // What is accepted strictly has nothing to be lenient about.
    CheckTrace(strict->trace);
    REEVE_CHECK(lenient.ok());
    REEVE_CHECK(lenient->report.skipped_total() == 0);
    REEVE_CHECK(strict->trace.total_invocations() == lenient->trace.total_invocations());
  } else {
    REEVE_CHECK(!strict.status().message().empty());
  }
  if (!lenient.ok()) return;
  CheckTrace(lenient->trace);
  REEVE_CHECK(!lenient->report.Summary().empty());
  for (const FunctionProfile& f : lenient->trace.functions()) {
    REEVE_CHECK(f.duration_ms.Mean() <= 1e16);
  }
}

}  // namespace reeve::fuzzing
