// What an earlier run has left in the store, for the page.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "controller/serve/recent_past.h"

namespace reeve {

// The newest windows and events that ended before `before_us` (since 1970 UTC), as many as there is
// room for. Nothing where there is no store at `path`, or it is empty. Errors of the store.
absl::Status AddStoredPast(const std::string& path, int64_t before_us, RecentPast& past);

}  // namespace reeve
