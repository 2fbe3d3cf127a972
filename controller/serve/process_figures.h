// What this process uses, from the kernel (Linux).
#pragma once

namespace reeve {

struct ProcessFigures {
  double cpu_seconds = 0;     // user and system, since the start
  double resident_bytes = 0;  // in RAM; 0 where the kernel does not tell
  double start_seconds = 0;   // since 1970 UTC; 0 where the kernel does not tell
};

// Any thread.
ProcessFigures ReadProcessFigures();

}  // namespace reeve
