// Results that stay on disk, so that long work that was ended goes on where it was, with the same
// outcome as work that was not.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace reeve {

// A file name for a result of this kind that follows from `what`: a checksum of both and of the
// program itself, since a newer one may well come to other results.
std::string ResultName(std::string_view kind, std::string_view what);

// A folder with one small file per result, named by a checksum of all that the result follows from,
// the program itself included. Files are written whole or not at all; one that cannot be read is as
// good as none. Thread-safe; several processes may share a folder.
class JsonStore {
 public:
  using Compute = std::function<absl::StatusOr<nlohmann::ordered_json>()>;

  // Makes the folder. An empty path: nothing is kept.
  static absl::StatusOr<JsonStore> Open(const std::string& folder);
  JsonStore(JsonStore&& other) noexcept;

  // The result of kind `kind` (a word that names its form and version) that follows from `what`:
  // read if it is there and `usable`, else computed and kept.
  absl::StatusOr<nlohmann::ordered_json> Get(
      std::string_view kind, std::string_view what, const Compute& compute,
      const std::function<bool(const nlohmann::ordered_json&)>& usable);

  uint64_t computed() const { return computed_; }  // so far, by this object
  uint64_t reused() const { return reused_; }

 private:
  explicit JsonStore(std::string folder);

  std::string folder_;
  std::atomic<uint64_t> computed_ = 0, reused_ = 0;
};

}  // namespace reeve
