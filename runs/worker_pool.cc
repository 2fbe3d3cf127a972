#include "runs/worker_pool.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace reeve {

absl::Status RunInParallel(size_t count, int threads,
                           const std::function<absl::Status(size_t)>& work,
                           const std::function<bool()>& stop) {
  std::atomic<size_t> next = 0;
  std::atomic<bool> ended = false, stopped = false;
  std::mutex mutex;  // guards what follows
  size_t failed_at = count;
  absl::Status failure;
  const auto run = [&] {
    while (!ended) {
      const size_t i = next++;
      if (i >= count) return;
      if (stop && stop()) {
        stopped = true;
        ended = true;
        return;
      }
      if (absl::Status status = work(i); !status.ok()) {
        ended = true;
        const std::lock_guard lock(mutex);
        if (i < failed_at) {
          failed_at = i;
          failure = std::move(status);
        }
      }
    }
  };
  std::vector<std::thread> helpers;
  const size_t wanted = std::min(count, static_cast<size_t>(std::max(1, threads)));
  for (size_t t = 1; t < wanted; ++t) helpers.emplace_back(run);
  run();
  for (std::thread& helper : helpers) helper.join();
  if (!failure.ok()) return failure;
  return stopped ? absl::CancelledError("interrupted") : absl::OkStatus();
}

}  // namespace reeve
