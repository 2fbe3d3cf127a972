// How often and how many at once: OpenWhisk's two throttles of a namespace.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "controller/openwhisk_server/messages.h"
#include "core/units.h"

namespace reeve::openwhisk_server {

// Counts anew with every minute of the clock, refused ones included, as upstream's RateInfo does.
class RateThrottle {
 public:
  // One more at `wall`; ResourceExhausted when it is one too many.
  absl::Status Check(SimTime wall, int64_t allowed) {
    const int64_t minute = wall.micros() / 60'000'000;
    if (minute != minute_) count_ = 0;
    minute_ = minute;
    if (++count_ <= allowed) return absl::OkStatus();
    return absl::ResourceExhaustedError(messages::RequestsPerMinute(count_, allowed));
  }

 private:
  int64_t minute_ = -1, count_ = 0;
};

// `under_way`: before this one.
inline absl::Status CheckConcurrent(int64_t under_way, int64_t allowed) {
  if (under_way < allowed) return absl::OkStatus();
  return absl::ResourceExhaustedError(messages::ConcurrentRequests(under_way, allowed));
}

}  // namespace reeve::openwhisk_server
