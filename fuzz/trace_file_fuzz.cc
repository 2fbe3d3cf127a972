// Binary trace files. Most inputs end at a checksum; the seeds are whole files.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "traces/trace_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto trace =
      reeve::TraceFile::Parse(std::string_view(reinterpret_cast<const char*>(data), size), "input");
  REEVE_CHECK(trace.ok() || !trace.status().message().empty());
  return 0;
}
