// Binary trace files: as they come, and with sums and sizes put right, so that what lies behind the
// checksums is reached. An input that is an accepted file when put right is checked as a trace.
#include <xxhash.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/check.h"
#include "fuzz/files_of_input.h"
#include "traces/trace_file.h"

namespace reeve {
namespace {

// The layout of traces/trace_file.h, version 1.
constexpr size_t kHeaderBytes = 32, kSectionBytes = 32;

template <class T>
T Get(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

template <class T>
void Put(std::string& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

// Makes magic, version, file size and all checksums fit the bytes.
void PutRight(std::string& bytes) {
  if (bytes.size() < kHeaderBytes) return;
  std::memcpy(bytes.data(), "REEVETRC", 8);
  Put<uint32_t>(bytes, 8, TraceFile::kVersion);
  Put<uint64_t>(bytes, 16, bytes.size());
  const size_t sections =
      std::min<size_t>(Get<uint32_t>(bytes, 12), (bytes.size() - kHeaderBytes) / kSectionBytes);
  for (size_t i = 0; i < sections; ++i) {
    const size_t entry = kHeaderBytes + i * kSectionBytes;
    const auto offset = Get<uint64_t>(bytes, entry + 8), size = Get<uint64_t>(bytes, entry + 16);
    if (offset > bytes.size() || size > bytes.size() - offset) continue;
    Put<uint64_t>(bytes, entry + 24, XXH3_64bits(bytes.data() + offset, size));
  }
  Put<uint64_t>(bytes, 24, 0);
  Put<uint64_t>(bytes, 24, XXH3_64bits(bytes.data(), kHeaderBytes + sections * kSectionBytes));
}

void ParseAndCheck(std::string_view bytes) {
  const auto trace = TraceFile::Parse(bytes, "input");
  if (trace.ok()) {
    fuzzing::CheckTrace(*trace);
  } else {
    REEVE_CHECK(!trace.status().message().empty());
  }
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  reeve::ParseAndCheck(bytes);
  reeve::PutRight(bytes);
  reeve::ParseAndCheck(bytes);
  return 0;
}
