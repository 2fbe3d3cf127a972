#include "runs/host.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <ctime>

namespace reeve {

HostClock::HostClock()
    : begin_(std::chrono::steady_clock::now()),
      started_at_(fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))) {}

HostInfo HostClock::Stop(uint64_t invocations, int threads) const {
  HostInfo host;
  host.version = REEVE_VERSION;
  host.started_at = started_at_;
  host.wall_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  host.invocations_per_second =
      host.wall_seconds > 0 ? static_cast<double>(invocations) / host.wall_seconds : 0;
  host.peak_memory_mb = PeakMemoryMb();
  host.threads = static_cast<uint64_t>(threads);
  return host;
}

double PeakMemoryMb() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

}  // namespace reeve
