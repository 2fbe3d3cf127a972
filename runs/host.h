// What a run cost this machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "runs/run_data.h"

namespace reeve {

// Measures from its construction.
class HostClock {
 public:
  HostClock();
  HostInfo Stop(uint64_t invocations, int threads) const;

 private:
  std::chrono::steady_clock::time_point begin_;
  std::string started_at_;
};

// Most memory this process ever held, in MB (10^6 bytes).
double PeakMemoryMb();

}  // namespace reeve
