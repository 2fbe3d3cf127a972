#include "fuzz/files_of_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::fuzzing::ReadBothWays(data, size, reeve::TraceFormat::kHuawei,
                               "requests_minute/day_000.csv");
  return 0;
}
