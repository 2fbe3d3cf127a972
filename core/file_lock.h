// A lock against other processes, by a file that is there for nothing else.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace reeve {

// Held as long as it lives; the system lets go of it when the process ends, however it ends.
class FileLock {
 public:
  // Makes the file if there is none; it stays. Unavailable, with the message `taken`, while
  // somebody has it, in this process too; errors of the file system name the path.
  static absl::StatusOr<FileLock> Take(const std::string& path, const std::string& taken);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;  // -1: given away
};

}  // namespace reeve
