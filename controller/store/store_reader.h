// What the store holds, for a loop that starts again and for people. Each call opens the store for
// itself; it may be written to at the same time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/control_loop.h"
#include "core/table.h"

namespace reeve {

// The windows written last, oldest first: in the order in which they came, whatever the wall clock
// said meanwhile. Damaged ones are left out. Empty when there is no store yet.
absl::StatusOr<std::vector<PastWindow>> ReadHistory(const std::string& path, int32_t windows);

// The same one at a time, and only those that ended before `before_us` (since 1970 UTC), for whom
// all at once would be too many.
absl::Status VisitHistory(const std::string& path, int64_t windows, int64_t before_us,
                          const std::function<void(PastWindow)>& visit);

// An event of an earlier run.
struct PastEvent {
  int64_t wall_us = 0;
  EventKind kind = EventKind::kStart;
  bool warning = false;
  std::string tenant, function_id, function, message;  // may be empty, but for the message
};
// The last events before `before_us`, oldest first. Empty when there is no store yet.
absl::StatusOr<std::vector<PastEvent>> ReadPastEvents(const std::string& path, int64_t events,
                                                      int64_t before_us);

struct StoredFunction {
  std::string id, name, tenant;
};
struct StoredTick {
  int64_t wall_us = 0;  // since 1970 UTC: the window's end
  int64_t tick = 0;     // counts periods since the loop that saw it started
  std::vector<const StoredFunction*> functions;  // [rows] of the snapshot; null: unknown
  const Snapshot* snapshot = nullptr;            // [rows]; without time and histograms
};
// Hands on every window with its end in [since, until], oldest first; damaged ones are left out and
// counted. Unset: no limit. What is handed on lives until the visit returns, the functions until
// the call does. The error of a visit ends it. NotFound when there is no store.
absl::StatusOr<int64_t> VisitWindows(const std::string& path, std::optional<int64_t> since_us,
                                     std::optional<int64_t> until_us,
                                     const std::function<absl::Status(const StoredTick&)>& visit);

// DataLoss when it is damaged; nothing when it, or the store, is not there.
absl::StatusOr<std::optional<std::string>> ReadBlob(const std::string& path,
                                                    const std::string& kind,
                                                    const std::string& name);

enum class LogKind : uint8_t { kDecisions, kWindows, kEvents, kBlobs };
constexpr auto EnumNames(LogKind) {
  return std::array<std::pair<LogKind, std::string_view>, 4>{{{LogKind::kDecisions, "decisions"},
                                                              {LogKind::kWindows, "windows"},
                                                              {LogKind::kEvents, "events"},
                                                              {LogKind::kBlobs, "blobs"}}};
}

struct LogQuery {
  LogKind kind = LogKind::kDecisions;
  std::string tenant, function;               // empty: all
  std::optional<int64_t> since_us, until_us;  // since 1970 UTC
  int64_t limit = 50;                         // the newest so many; 0: all
};

// Oldest first. NotFound when there is no store, or no function or tenant of that name in it.
absl::StatusOr<Table> ReadLog(const std::string& path, const LogQuery& query);

}  // namespace reeve
