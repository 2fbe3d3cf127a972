// The tables of the store. Names of enums are stored as text, times as us since 1970 UTC, so that
// any SQLite client can read it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/store/sqlite.h"
#include "core/file_lock.h"

namespace reeve {

inline constexpr int kStoreVersion = 1;

// Opens the store for writing and makes its tables where they are missing.
//
// WAL, so that readers and the writer do not wait for each other. synchronous = NORMAL: a
// transaction that was committed survives the death of the process at once, and loss of power from
// the next checkpoint on; power may cost the last moments, never what was there before. Syncing at
// each commit (FULL) would cost a disk write a tick for a history that is only looked back at.
// What must not be lost (blobs: experts, learner's state, modes) is committed with FULL.
//
// FailedPrecondition for a store that a newer version of this program has written, or a database of
// something else. DataLoss when it is damaged: it says so instead of losing what is left.
absl::StatusOr<SqliteDb> OpenStoreForWriting(const std::string& path);
// For reading, also while it is written; the same errors.
absl::StatusOr<SqliteDb> OpenStoreForReading(const std::string& path);

// Keeps other processes from writing the same part of the store: the lock STORE-PART.lock, beside
// the file that `path` leads to by whatever links. Unavailable, naming `what`, while somebody has
// it.
absl::StatusOr<FileLock> LockStore(const std::string& path, std::string_view part,
                                   std::string_view what);

// What the column `checksum` of `blobs` has for these data.
int64_t BlobChecksum(std::string_view data);

}  // namespace reeve
