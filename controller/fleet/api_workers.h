// Threads that carry out calls to the API server, so that nobody else waits for it.
//
// Jobs of one key (an object) never run at the same time, and one that waits is replaced by the
// next: what counts is what is wanted now.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace reeve {

class ApiWorkers {
 public:
  explicit ApiWorkers(int threads);
  ~ApiWorkers();  // waits for jobs that run; those that wait are dropped
  ApiWorkers(const ApiWorkers&) = delete;
  ApiWorkers& operator=(const ApiWorkers&) = delete;

  // Thread-safe. `job` must not block for long beyond the time-outs of its calls.
  void Post(const std::string& key, std::function<void()> job);
  // Returns when nothing waits or runs.
  void Drain();

 private:
  void Work();

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<std::string> queue_;  // keys of waiting jobs, in order
  std::map<std::string, std::function<void()>> waiting_;
  std::set<std::string> running_;
  bool ending_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace reeve
