// Windows as bytes, for the store.
//
// Little-endian: magic "RWIN", version u32 = 1, window us i64, the cluster (capacity CPU, memory,
// limits, held: i64 each; used f64; nodes u32), rows u32, then key i64 and all columns, row by row,
// in the order of VisitColumns with their types' sizes; at the end XXH3-64 of all before. Rows of
// functions that did nothing and have nothing are left out.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/snapshot.h"

namespace reeve {

struct StoredWindow {
  std::vector<int64_t> keys;  // [rows] of functions
  Snapshot snapshot;          // [rows]; without time and histograms
};

// `keys` [N]: one for each function of the snapshot.
std::string EncodeWindow(const Snapshot& snapshot, std::span<const int64_t> keys);
// DataLoss for bytes that are not one whole window.
absl::StatusOr<StoredWindow> DecodeWindow(std::string_view bytes);

}  // namespace reeve
