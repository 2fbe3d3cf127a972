// Where the files of a library of experts (agents/adapt/expert_library.h) are kept: bytes by name,
// in a folder (expert_folder.h) or in a database.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace reeve {

// Who has one open for writing keeps others from it as long as it lives. From one thread at a time.
// Errors name the storage, or the file in it.
class ExpertStorage {
 public:
  enum class Access { kRead, kWrite };
  struct File {
    std::string name;
    std::function<std::string()> bytes;  // asked for at its turn: one is in memory at a time
  };

  virtual ~ExpertStorage() = default;

  // The folder or the database.
  const std::string& path() const { return path_; }
  Access access() const { return access_; }
  // What messages call a file of it.
  virtual std::string PathOf(const std::string& name) const = 0;

  // Names, in no order. Others than the library's may be among them.
  virtual absl::StatusOr<std::vector<std::string>> List() = 0;
  virtual absl::StatusOr<std::string> Read(const std::string& name) = 0;

  // The rest needs it open for writing.

  // Each file comes to be there whole or not at all, and the last one only with all others,
  // whenever the process is killed or the power fails. After an error some of the others may be
  // there.
  virtual absl::Status Write(std::span<const File> files) = 0;
  // Also removes what a process that was killed had begun to write.
  virtual absl::Status Remove(std::span<const std::string> names) = 0;

 protected:
  ExpertStorage(std::string path, Access access) : path_(std::move(path)), access_(access) {}

 private:
  const std::string path_;
  const Access access_;
};

// Opens the storage of one library. Unavailable where another has it open for writing.
using ExpertStorageOpener =
    std::function<absl::StatusOr<std::unique_ptr<ExpertStorage>>(ExpertStorage::Access)>;

}  // namespace reeve
