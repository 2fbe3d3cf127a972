// Binary trace files, as they come and with their checksums mended, so that what lies behind the
// checksums is reached: whatever is accepted must keep what Trace promises.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"
#include "tests/traces/trace_file_seal.h"
#include "traces/trace_file.h"

namespace {

void CheckSound(const reeve::Trace& trace) {
  uint64_t total = 0;
  for (const reeve::FunctionProfile& f : trace.functions()) {
    REEVE_CHECK(f.app.index() < trace.apps().size());
    REEVE_CHECK(f.tenant.index() < trace.tenants().size());
    REEVE_CHECK(static_cast<int>(f.trigger) < reeve::kTriggers);
    REEVE_CHECK(f.duration_ms.Sample(0.5) >= 0);
  }
  for (int m = 0; m < trace.minutes(); ++m) {
    int64_t previous = -1;
    for (const reeve::MinuteCount& c : trace.minute(m)) {
      REEVE_CHECK(previous < c.function && c.function < trace.functions().size() && c.count > 0);
      previous = c.function;
      total += c.count;
    }
  }
  int64_t previous = 0;
  for (const reeve::TimedInvocation& i : trace.invocations()) {
    REEVE_CHECK(previous <= i.start_us && i.start_us < trace.duration().micros());
    REEVE_CHECK(i.function < trace.functions().size() && i.duration_us >= -1);
    previous = i.start_us;
    ++total;
  }
  REEVE_CHECK(total == trace.total_invocations());
}

void ParseAndCheck(std::string_view bytes) {
  const auto trace = reeve::TraceFile::Parse(bytes, "input");
  REEVE_CHECK(trace.ok() || !trace.status().message().empty());
  if (trace.ok()) CheckSound(*trace);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  ParseAndCheck(bytes);
  ParseAndCheck(reeve::Resealed(bytes));
  return 0;
}
