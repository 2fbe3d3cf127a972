#include "controller/fleet/api_workers.h"

#include <algorithm>
#include <utility>

namespace reeve {

ApiWorkers::ApiWorkers(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

ApiWorkers::~ApiWorkers() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ApiWorkers::Post(const std::string& key, std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.insert_or_assign(key, std::move(job)).second) queue_.push_back(key);
  }
  changed_.notify_all();
}

void ApiWorkers::Drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ending_ || (queue_.empty() && running_.empty()); });
}

void ApiWorkers::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    auto next = queue_.end();
    changed_.wait(lock, [&] {
      next = std::find_if(queue_.begin(), queue_.end(),
                          [this](const std::string& key) { return running_.count(key) == 0; });
      return ending_ || next != queue_.end();
    });
    if (ending_) return;
    const std::string key = *next;
    queue_.erase(next);
    const auto found = waiting_.find(key);
    const std::function<void()> job = std::move(found->second);
    waiting_.erase(found);
    running_.insert(key);
    lock.unlock();
    job();
    lock.lock();
    running_.erase(key);
    changed_.notify_all();
  }
}

}  // namespace reeve
