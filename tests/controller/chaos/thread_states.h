// What the kernel says of this process' threads.
#pragma once

#include <map>
#include <string>

namespace reeve {

// Not thread-safe, but any thread may ask after another.
class ThreadStates {
 public:
  ThreadStates() = default;
  ~ThreadStates();
  ThreadStates(const ThreadStates&) = delete;
  ThreadStates& operator=(const ThreadStates&) = delete;

  // Whether all but the one that asks sleep. That each of them has said that it waits is not
  // enough: one may have been woken by bytes that have just come, and on a busy machine it can be
  // long before it runs.
  bool AllSleep();

 private:
  std::map<std::string, int> files_;  // by thread: its state, kept open as this is asked often
};

}  // namespace reeve
