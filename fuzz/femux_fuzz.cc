#include "fuzz/files_of_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::fuzzing::ReadBothWays(data, size, reeve::TraceFormat::kFemux, "apps_minutes.csv");
  return 0;
}
