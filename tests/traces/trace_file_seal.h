// Forging trace files: fixes the checksums of damaged bytes, so that tests and the fuzz target
// reach what lies behind them. Follows the layout in traces/trace_file.h.
#pragma once

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace reeve {

inline std::string Resealed(std::string bytes) {
  constexpr size_t kHeader = 32, kEntry = 32, kSizeAt = 16, kChecksumAt = 24;
  if (bytes.size() < kHeader) return bytes;
  const auto put = [&](size_t at, uint64_t value) {
    std::memcpy(bytes.data() + at, &value, sizeof(value));
  };
  const auto get = [&](size_t at) {
    uint64_t value;
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    return value;
  };
  put(kSizeAt, bytes.size());
  const size_t sections =
      std::min<size_t>(get(8) >> 32, std::min<size_t>(6, (bytes.size() - kHeader) / kEntry));
  for (size_t i = 0; i < sections; ++i) {
    const size_t entry = kHeader + i * kEntry;
    const uint64_t offset = get(entry + 8), size = get(entry + 16);
    if (offset > bytes.size() || size > bytes.size() - offset) continue;
    put(entry + 24, XXH3_64bits(bytes.data() + offset, size));
  }
  put(kChecksumAt, 0);
  put(kChecksumAt, XXH3_64bits(bytes.data(), kHeader + sections * kEntry));
  return bytes;
}

}  // namespace reeve
