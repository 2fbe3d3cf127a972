#include "agents/adapt/expert_folder.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "agents/adapt/library_files.h"
#include "core/file_lock.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

class ExpertFolder final : public ExpertStorage {
 public:
  ExpertFolder(const std::string& folder, Access access, std::optional<FileLock> lock)
      : ExpertStorage(folder, access), lock_(std::move(lock)) {}

  std::string PathOf(const std::string& name) const override { return path() + "/" + name; }

  absl::StatusOr<std::vector<std::string>> List() override { return NamesIn(path()); }
  absl::StatusOr<std::string> Read(const std::string& name) override {
    return ReadFile(PathOf(name));
  }

  absl::Status Write(std::span<const File> files) override {
    for (const File& file : files) {
      RETURN_IF_ERROR(WriteFileAtomically(PathOf(file.name), file.bytes()));
    }
    return absl::OkStatus();
  }

  absl::Status Remove(std::span<const std::string> names) override {
    for (const std::string& name : HalfWrittenFiles(path())) RETURN_IF_ERROR(RemoveOne(name));
    for (const std::string& name : names) RETURN_IF_ERROR(RemoveOne(name));
    return absl::OkStatus();
  }

 private:
  absl::Status RemoveOne(const std::string& name) {
    std::error_code error;
    std::filesystem::remove(PathOf(name), error);
    if (error) return FromErrno(error.value(), PathOf(name), "cannot remove an old file");
    return absl::OkStatus();
  }

  const std::optional<FileLock> lock_;  // none: for reading
};

}  // namespace

absl::StatusOr<std::unique_ptr<ExpertStorage>> OpenExpertFolder(const std::string& folder,
                                                                ExpertStorage::Access access) {
  std::optional<FileLock> lock;
  if (access == ExpertStorage::Access::kWrite) {
    RETURN_IF_ERROR(MakeDirectories(folder));
    ASSIGN_OR_RETURN(
        lock, FileLock::Take(folder + "/lock",
                             folder + ": another process has this library of experts open for "
                                      "writing; wait for it, stop it, or work on a copy of the "
                                      "folder"));
  }
  return std::make_unique<ExpertFolder>(folder, access, std::move(lock));
}

}  // namespace reeve
