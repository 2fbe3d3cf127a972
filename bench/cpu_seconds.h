// CPU time: what others do on the machine does not count.
#pragma once

#include <ctime>

namespace reeve {

inline double SecondsOf(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

inline double CpuSeconds() {  // of this process
  return SecondsOf(CLOCK_PROCESS_CPUTIME_ID);
}
inline double ThreadCpuSeconds() {
  return SecondsOf(CLOCK_THREAD_CPUTIME_ID);
}

}  // namespace reeve
