// Independent pieces of work on a few threads.
#pragma once

#include <cstddef>
#include <functional>

#include "absl/status/status.h"

namespace reeve {

// Calls `work(i)` for every i in [0, count), each once, on `threads` threads, by rising i as far as
// threads are free. Once one fails, or `stop` says so (may be empty; asked before each piece), no
// further piece is begun. Returns the error of the smallest i that failed, else Cancelled when it
// was stopped before all were done. `work` and `stop` are called from several threads at once.
absl::Status RunInParallel(size_t count, int threads,
                           const std::function<absl::Status(size_t)>& work,
                           const std::function<bool()>& stop = {});

}  // namespace reeve
