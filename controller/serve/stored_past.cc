#include "controller/serve/stored_past.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/status.h"

namespace reeve {
namespace {

constexpr int64_t kEvents = 500;

}  // namespace

absl::Status AddStoredPast(const std::string& path, int64_t before_us, RecentPast& past) {
  if (path.empty()) return absl::OkStatus();
  // As many as find room if all are as large as the newest.
  size_t rows = 0;
  RETURN_IF_ERROR(VisitHistory(path, 1, before_us,
                               [&](const PastWindow& window) { rows = window.ids.size(); }));
  const auto windows = static_cast<int64_t>(past.RoomFor(rows));
  RETURN_IF_ERROR(VisitHistory(path, windows, before_us,
                               [&](const PastWindow& window) { past.AddPast(window); }));
  ASSIGN_OR_RETURN(const std::vector<PastEvent> events, ReadPastEvents(path, kEvents, before_us));
  for (const PastEvent& event : events) past.AddPast(event);
  return absl::OkStatus();
}

}  // namespace reeve
