// Counts requests that have missed their SLO already and are still in the system: harm that is done
// and not yet shown, as violations are counted when requests leave.
//
// Snapshots show no ages, but a bound follows from counts: of the requests in the system, those
// that came within the last SLO are at most the arrivals of that time; all others are overdue.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

// Not thread-safe. No allocation once a number of functions has been seen.
class OverdueMeter {
 public:
  // The next window. Returns how many requests are overdue at least, all functions together.
  // Windows are looked back at whole; an objective longer than the last kWindows of them is left
  // out.
  double Add(const Snapshot& snapshot);

 private:
  static constexpr size_t kWindows = 16;

  double Overdue(const FunctionWindows& windows, size_t function) const;

  std::array<SimTime, kWindows> lengths_{};  // of the last windows; ring
  std::vector<uint32_t> arrivals_;           // [F, kWindows] in them; ring
  size_t newest_ = 0;                        // in the rings
};

}  // namespace reeve
