// A tenant's key, read from a file that may be replaced while we run.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "controller/net/clock.h"
#include "core/units.h"

namespace reeve {

struct WhiskKeySnapshot {
  std::string authorization;  // value of the header, "Basic …"
  uint64_t generation = 0;    // rises when another key was read
};

// Thread-safe.
class WhiskKey {
 public:
  WhiskKey(std::string path, NetClock& clock) : path_(std::move(path)), clock_(clock) {}

  // The key, from the file if it was not looked at for ten seconds. A file that cannot be read, or
  // holds no key, leaves the last one; an error only when there is none. Errors name the file.
  absl::StatusOr<WhiskKeySnapshot> Current();
  // The server refused the key of this generation: the file is read at once. True when there is
  // another key now, so that the request is worth another try.
  bool Refused(uint64_t generation);

 private:
  void ReadAgain(SimTime now);

  const std::string path_;
  NetClock& clock_;
  std::mutex mutex_;
  // Guarded by mutex_.
  WhiskKeySnapshot current_;
  absl::Status last_read_;
  SimTime read_at_;
};

// "uuid:key", from a file's text: one line, printable, with a colon in the middle.
absl::StatusOr<std::string> ParseWhiskKey(const std::string& text);

}  // namespace reeve
