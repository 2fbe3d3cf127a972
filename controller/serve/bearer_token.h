// A secret that requests must carry, from a file that may change.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace reeve {

// Thread-safe.
class BearerToken {
 public:
  explicit BearerToken(std::string path) : path_(std::move(path)) {}

  // Reads the file. InvalidArgument when there is no token in it, or one that no header can carry.
  absl::Status Check();
  // Whether the value of an Authorization header is "Bearer " and the token. Reads the file again
  // when it was changed; false when it cannot be read. Takes as long for a wrong token as for a
  // right one.
  bool Allows(std::string_view authorization);

 private:
  absl::Status Read();  // with mutex_ held

  const std::string path_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::string token_;
  std::filesystem::file_time_type changed_;
};

}  // namespace reeve
