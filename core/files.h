// Files that are whole or absent, and files read without copying.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace reeve {

// The whole content. NotFound, PermissionDenied, … name the path.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Replaces the file in one step: written beside it, synced, renamed. On failure the old content
// stays and nothing is left behind.
absl::Status WriteFileAtomically(const std::string& path, std::string_view content);

// Makes a directory and its parents; fine when it is there.
absl::Status MakeDirectories(const std::string& path);

// Makes an empty file if there is none: in one step, unlike WriteFileAtomically, which leaves its
// temporary file when the process is killed in the middle. For marks of what a folder is.
absl::Status MakeEmptyFile(const std::string& path);

// A file that is written piece by piece and appears under its name only when Commit succeeds;
// destroyed before that, it leaves nothing behind. Not thread-safe.
class AtomicFile {
 public:
  static absl::StatusOr<AtomicFile> Create(const std::string& path);
  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) noexcept;
  ~AtomicFile();

  absl::Status Append(std::string_view bytes);  // buffered; after a failure, fails for good
  absl::Status Commit();                        // flush, sync, rename; once, the last call

 private:
  struct State;
  explicit AtomicFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A file mapped read-only; the view is valid as long as the object lives. A file that another
// process cuts short while it is mapped ends the program, as any mapped file would.
class MappedFile {
 public:
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::string_view bytes() const { return {data_, size_}; }

 private:
  MappedFile(const char* data, size_t size) : data_(data), size_(size) {}
  const char* data_;
  size_t size_;
};

}  // namespace reeve
