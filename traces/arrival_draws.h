// What the arrival sources share: the draws of a function's invocations, and sorting a batch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/distribution.h"
#include "core/random.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"

namespace reeve {

inline constexpr uint32_t kMinuteUs = 60'000'000;
inline constexpr uint64_t kBatchTarget = 32768;  // arrivals

// At least 1 us. Beyond 10^12 us (11 days) an execution time is a mistake of the source; it must
// not overflow.
inline int64_t WorkFromMillis(double ms) {
  const double us = std::min(ms * 1000.0, 1e12);
  return std::max<int64_t>(1, static_cast<int64_t>(us + 0.5));
}

// Stable sort by (offset, function); offsets are below `range`. No allocation once the vectors have
// grown.
void SortArrivals(std::vector<Arrival>& items, std::vector<Arrival>& scratch, uint32_t range);

// Per-function streams and running numbers. Not thread-safe.
class FunctionDraws {
 public:
  FunctionDraws(const Trace& trace, uint64_t seed);

  // As newly constructed with this seed.
  void Restart(uint64_t seed);

  struct Draw {
    double u;  // uniform in (0, 1), independent of the work
    int64_t work_us;
  };
  // The function's next invocation, from one block of random numbers.
  Draw Next(uint32_t function) {
    const RandomStream stream(seed_, StreamPurpose::kServiceTime, function);
    const auto [u, work] = stream.UniformPair(next_[function]++);
    return {u, WorkFromMillis(duration_ms_[function].Sample(work))};
  }
  // The same at a position in [0, range).
  Arrival At(uint32_t function, uint32_t range) {
    const Draw draw = Next(function);
    return {static_cast<uint32_t>(draw.u * range), function, draw.work_us};
  }

 private:
  uint64_t seed_;
  std::vector<uint64_t> next_;             // [F]
  std::vector<Distribution> duration_ms_;  // [F]
};

}  // namespace reeve
