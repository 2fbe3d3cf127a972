#include "controller/store/schema.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <filesystem>

#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr int64_t kApplicationId = 0x52656576;  // "Reev"

constexpr const char* kTables = R"sql(
CREATE TABLE functions(
  function INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  tenant TEXT NOT NULL);
CREATE TABLE windows(
  wall_us INTEGER NOT NULL,
  tick INTEGER NOT NULL,
  data BLOB NOT NULL);
CREATE INDEX windows_by_time ON windows(wall_us);
CREATE TABLE decisions(
  wall_us INTEGER NOT NULL,
  tick INTEGER NOT NULL,
  function INTEGER NOT NULL REFERENCES functions(function),
  mode TEXT NOT NULL,
  paused INTEGER NOT NULL,
  ours INTEGER NOT NULL,
  stage TEXT NOT NULL,
  decider TEXT NOT NULL,
  why TEXT NOT NULL,
  actuation TEXT NOT NULL,
  wished_replicas INTEGER,
  wished_cpu_millicores INTEGER,
  wished_memory_mib INTEGER,
  wished_concurrency INTEGER,
  wished_keep_alive_us INTEGER,
  applied_replicas INTEGER,
  applied_cpu_millicores INTEGER,
  applied_memory_mib INTEGER,
  applied_concurrency INTEGER,
  applied_keep_alive_us INTEGER,
  replicas_asked INTEGER NOT NULL,
  containers_ready INTEGER NOT NULL,
  containers_starting INTEGER NOT NULL);
CREATE INDEX decisions_by_time ON decisions(wall_us);
CREATE INDEX decisions_by_function ON decisions(function, wall_us);
CREATE TABLE events(
  wall_us INTEGER NOT NULL,
  kind TEXT NOT NULL,
  warning INTEGER NOT NULL,
  function INTEGER REFERENCES functions(function),
  tenant TEXT NOT NULL,
  message TEXT NOT NULL);
CREATE INDEX events_by_time ON events(wall_us);
CREATE TABLE blobs(
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  wall_us INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY(kind, name)) WITHOUT ROWID;
)sql";

// Whether the tables are there; errors for what is not our store, or is one of another time.
absl::StatusOr<bool> HasTables(SqliteDb& db) {
  ASSIGN_OR_RETURN(const int64_t tables, db.QueryInt("SELECT count(*) FROM sqlite_master"));
  if (tables == 0) return false;
  ASSIGN_OR_RETURN(const int64_t application, db.QueryInt("PRAGMA application_id"));
  ASSIGN_OR_RETURN(const int64_t version, db.QueryInt("PRAGMA user_version"));
  if (application != kApplicationId) {
    return absl::FailedPreconditionError(db.path() + ": a database, but not Reeve's store");
  }
  if (version != kStoreVersion) {
    return absl::FailedPreconditionError(fmt::format(
        "{}: a store of version {}, this program knows version {}: use the program that "
        "wrote it, or name another file",
        db.path(), version, kStoreVersion));
  }
  return true;
}

}  // namespace

absl::StatusOr<SqliteDb> OpenStoreForWriting(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (!folder.empty()) RETURN_IF_ERROR(MakeDirectories(folder));
  ASSIGN_OR_RETURN(SqliteDb db, SqliteDb::Open(path, SqliteDb::Access::kReadWrite));
  ASSIGN_OR_RETURN(const bool has_tables, HasTables(db));
  // Before the first table: it cannot be changed later. Space of what was deleted is given back.
  if (!has_tables) RETURN_IF_ERROR(db.Execute("PRAGMA auto_vacuum = INCREMENTAL"));
  RETURN_IF_ERROR(
      db.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
                 "PRAGMA foreign_keys = ON"));
  if (!has_tables) {
    RETURN_IF_ERROR(db.Execute(fmt::format(
        "BEGIN IMMEDIATE; PRAGMA application_id = {}; PRAGMA user_version = {}; {} COMMIT",
        kApplicationId, kStoreVersion, kTables)));
  }
  return db;
}

absl::StatusOr<SqliteDb> OpenStoreForReading(const std::string& path) {
  ASSIGN_OR_RETURN(SqliteDb db, SqliteDb::Open(path, SqliteDb::Access::kReadOnly));
  ASSIGN_OR_RETURN(const bool has_tables, HasTables(db));
  if (!has_tables) return absl::FailedPreconditionError(path + ": an empty database");
  return db;
}

absl::StatusOr<FileLock> LockStore(const std::string& path, std::string_view part,
                                   std::string_view what) {
  std::error_code error;
  const std::filesystem::path file = std::filesystem::canonical(path, error);
  if (error) return FromErrno(error.value(), path, "cannot find the store");
  return FileLock::Take(
      fmt::format("{}-{}.lock", file.string(), part),
      fmt::format("{}: another process has {} of this store open for writing; wait "
                  "for it, stop it, or name another store",
                  path, what));
}

int64_t BlobChecksum(std::string_view data) {
  return static_cast<int64_t>(XXH3_64bits(data.data(), data.size()));
}

}  // namespace reeve
