// Runs that look like real ones, for tests of folders and pages: skewed rates, a day's wave,
// bursts, cold starts after idle times. No simulation: numbers are made up, consistently.
#pragma once

#include <cstdint>
#include <string>

#include "runs/run_data.h"

namespace reeve {

struct SyntheticRunOptions {
  std::string policy = "kpa";
  int functions = 250;
  int minutes = 480;
  double headroom = 1.5;      // containers held over containers busy
  double keep_alive_min = 2;  // idle minutes until the last container goes
  uint64_t seed = 1;
};

RunData SyntheticRun(const SyntheticRunOptions& options);

// Names that would do harm in a page, a CSV file or a terminal that trusts them.
extern const char* const kHostileNames[6];

}  // namespace reeve
