#include "controller/serve/process_figures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace reeve {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// /proc/stat's "btime SECONDS": when the machine started. proc(5).
double BootSeconds() {
  std::ifstream in("/proc/stat");
  std::string name;
  double value = 0;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    if (words >> name && name == "btime" && words >> value) return value;
  }
  return 0;
}

// Field 22 of /proc/self/stat, in clock ticks since the machine started. The second field, the
// program's name, may hold blanks and brackets: fields are counted from the last bracket. proc(5).
double StartSeconds() {
  std::ifstream in("/proc/self/stat");
  std::string line;
  std::getline(in, line);
  const size_t bracket = line.rfind(')');
  if (bracket == std::string::npos) return 0;
  std::istringstream words(line.substr(bracket + 1));
  std::string word;
  for (int field = 3; field <= 22 && words >> word; ++field) {
  }
  const double boot = BootSeconds();
  if (!words || boot == 0) return 0;
  std::istringstream number(word);
  double ticks = 0;
  number >> ticks;
  return boot + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessFigures ReadProcessFigures() {
  ProcessFigures figures;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    figures.cpu_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  }
  // The second number: pages in RAM.
  std::ifstream in("/proc/self/statm");
  double size = 0, resident = 0;
  if (in >> size >> resident) {
    figures.resident_bytes = resident * static_cast<double>(sysconf(_SC_PAGESIZE));
  }
  static const double start = StartSeconds();
  figures.start_seconds = start;
  return figures;
}

}  // namespace reeve
