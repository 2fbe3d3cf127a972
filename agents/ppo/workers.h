// A few threads that wait for work: rollouts and shards of an update are handed to them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace reeve {

// Run is to be called by one thread, the owner; parts are numbered, so that who carries one out
// does not matter.
class Workers {
 public:
  explicit Workers(int32_t threads);  // >= 1, the owner's among them
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int32_t threads() const { return static_cast<int32_t>(helpers_.size()) + 1; }

  // Calls work(part) for each part of [0, parts) and returns when all are done. Part p belongs to
  // thread p modulo threads(). What `work` throws is for `work` to catch.
  void Run(int32_t parts, const std::function<void(int32_t)>& work);

 private:
  void Help(int32_t thread);
  void Work(int32_t thread, int32_t parts, const std::function<void(int32_t)>& work) const;

  std::mutex mutex_;
  std::condition_variable begin_, end_;
  // Guarded by mutex_.
  const std::function<void(int32_t)>* work_ = nullptr;
  int32_t parts_ = 0;
  int64_t round_ = 0;    // of work handed out
  int32_t pending_ = 0;  // helpers that have not finished this round
  bool stop_ = false;

  std::vector<std::thread> helpers_;
};

}  // namespace reeve
