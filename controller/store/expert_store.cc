#include "controller/store/expert_store.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "agents/adapt/expert_folder.h"
#include "controller/store/schema.h"
#include "core/file_lock.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr std::string_view kKind = "experts";

int64_t WallNow() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class ExpertStore final : public ExpertStorage {
 public:
  ExpertStore(const std::string& path, Access access, SqliteDb db, std::optional<FileLock> lock)
      : ExpertStorage(path, access), db_(std::move(db)), lock_(std::move(lock)) {}

  std::string PathOf(const std::string& name) const override { return path() + ": " + name; }

  absl::StatusOr<std::vector<std::string>> List() override {
    ASSIGN_OR_RETURN(SqliteStatement all, db_.Prepare("SELECT name FROM blobs WHERE kind = ?1"));
    all.Bind(1, kKind);
    std::vector<std::string> names;
    while (true) {
      ASSIGN_OR_RETURN(const bool row, all.Step());
      if (!row) return names;
      names.push_back(all.Text(0));
    }
  }

  // Damage is found by the checksum that the file has itself.
  absl::StatusOr<std::string> Read(const std::string& name) override {
    ASSIGN_OR_RETURN(SqliteStatement one,
                     db_.Prepare("SELECT data FROM blobs WHERE kind = ?1 AND name = ?2"));
    one.Bind(1, kKind).Bind(2, std::string_view(name));
    ASSIGN_OR_RETURN(const bool row, one.Step());
    if (!row) return absl::NotFoundError(PathOf(name) + ": it is not there");
    return std::string(one.Blob(0));
  }

  absl::Status Write(std::span<const File> files) override {
    return InTransaction([&]() -> absl::Status {
      ASSIGN_OR_RETURN(SqliteStatement put,
                       db_.Prepare("INSERT OR REPLACE INTO blobs(kind, name, wall_us, checksum, "
                                   "data) VALUES(?1, ?2, ?3, ?4, ?5)"));
      for (const File& file : files) {
        const std::string bytes = file.bytes();
        put.Bind(1, kKind).Bind(2, std::string_view(file.name)).Bind(3, WallNow());
        put.Bind(4, BlobChecksum(bytes)).BindBlob(5, bytes);
        RETURN_IF_ERROR(put.Run());
      }
      return absl::OkStatus();
    });
  }

  absl::Status Remove(std::span<const std::string> names) override {
    if (names.empty()) return absl::OkStatus();
    return InTransaction([&]() -> absl::Status {
      ASSIGN_OR_RETURN(SqliteStatement drop,
                       db_.Prepare("DELETE FROM blobs WHERE kind = ?1 AND name = ?2"));
      for (const std::string& name : names) {
        RETURN_IF_ERROR(drop.Bind(1, kKind).Bind(2, std::string_view(name)).Run());
      }
      return absl::OkStatus();
    });
  }

 private:
  template <class Body>
  absl::Status InTransaction(Body body) {
    RETURN_IF_ERROR(db_.Execute("BEGIN IMMEDIATE"));
    absl::Status status = body();
    if (status.ok()) status = db_.Execute("COMMIT");
    if (!status.ok()) (void)db_.Execute("ROLLBACK");
    return status;
  }

  SqliteDb db_;
  const std::optional<FileLock> lock_;  // none: for reading
};

}  // namespace

absl::StatusOr<std::unique_ptr<ExpertStorage>> OpenExpertStore(const std::string& path,
                                                               ExpertStorage::Access access) {
  if (access == ExpertStorage::Access::kRead) {
    ASSIGN_OR_RETURN(SqliteDb db, OpenStoreForReading(path));
    return std::make_unique<ExpertStore>(path, access, std::move(db), std::nullopt);
  }
  ASSIGN_OR_RETURN(SqliteDb db, OpenStoreForWriting(path));
  // Power must not cost what was learned (schema.h).
  RETURN_IF_ERROR(db.Execute("PRAGMA synchronous = FULL"));
  ASSIGN_OR_RETURN(FileLock lock, LockStore(path, "experts", "the experts"));
  return std::make_unique<ExpertStore>(path, access, std::move(db), std::move(lock));
}

ExpertStorageOpener ExpertsAt(const std::string& path) {
  return [path](ExpertStorage::Access access) -> absl::StatusOr<std::unique_ptr<ExpertStorage>> {
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) return OpenExpertStore(path, access);
    if (access == ExpertStorage::Access::kRead && !std::filesystem::exists(path, error)) {
      return absl::NotFoundError(path + ": no such folder or store");
    }
    return OpenExpertFolder(path, access);
  };
}

}  // namespace reeve
