// What a queue-proxy answers at :9090/metrics: one message of Knative's metrics.proto, in
// protobuf's wire format. The numbers are over the last second.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace reeve {

struct QueueStat {
  std::string pod;                         // 1
  double average_concurrency = 0;          // 2  requests at once
  double average_proxied_concurrency = 0;  // 3  those that came through the activator
  double request_rate = 0;                 // 4  a second
  double proxied_request_rate = 0;         // 5
  double process_uptime_seconds = 0;       // 6
  int64_t timestamp_ms = 0;                // 7
};

// Unknown fields are skipped. InvalidArgument: not protobuf, a number that is not finite or below
// zero, or no field of a Stat at all.
absl::StatusOr<QueueStat> ParseQueueStat(std::string_view bytes);

// The message as a queue-proxy writes it: fields that are zero are left out. Numbers must be such
// that ParseQueueStat reads them.
std::string WriteQueueStat(const QueueStat& stat);

}  // namespace reeve
