// Answers that a thread fetches so that they are there, and fresh, when they are wanted: reading
// the figures of ten thousand functions takes longer than a control loop may wait.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "controller/net/clock.h"
#include "core/units.h"

namespace reeve {

// Take is called from one thread; `ask` from that one before Start, and from the thread after it.
template <class Answers>
class AskedAhead {
 public:
  // `ask` fetches at the time it is given, and gives up when `stop` says so. `before`: what Take
  // returns until the first answers are there.
  using Ask = std::function<Answers(SimTime now, const StopSignal& stop)>;
  AskedAhead(Ask ask, Answers before, NetClock& clock)
      : ask_(std::move(ask)),
        clock_(clock),
        latest_(std::make_shared<const Answers>(std::move(before))) {}
  ~AskedAhead() { Stop(); }
  AskedAhead(const AskedAhead&) = delete;
  AskedAhead& operator=(const AskedAhead&) = delete;

  void Start() {
    thread_ = std::thread([this] { Run(); });
  }
  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_.Stop();
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  // The last answers. The next round begins so that it ends just before now + window, when they are
  // to be expected to be taken again. Without Start it asks now.
  std::shared_ptr<const Answers> Take(SimTime now, SimTime window) {
    if (!thread_.joinable()) return std::make_shared<const Answers>(ask_(now, stop_));
    std::shared_ptr<const Answers> latest;
    {
      const std::lock_guard lock(mutex_);
      latest = latest_;
      // Rounds do not take equally long, and one that is late is not there.
      next_ = now + std::max(SimTime(), window - takes_ * 2 - SimTime::Millis(100));
    }
    wake_.notify_all();
    return latest;
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (!stop_.stopped()) {
      const SimTime begin = clock_.Now();
      if (begin < next_) {
        const SimTime most = std::min(next_ - begin, SimTime::Seconds(1));
        wake_.wait_for(lock, std::chrono::microseconds(most.micros()));
        continue;
      }
      next_ = SimTime::Max();  // until the next Take, which may come meanwhile
      lock.unlock();
      auto answers = std::make_shared<const Answers>(ask_(begin, stop_));
      const SimTime end = clock_.Now();
      lock.lock();
      latest_ = std::move(answers);
      takes_ = end - begin;
    }
  }

  const Ask ask_;
  NetClock& clock_;
  StopSignal stop_;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::shared_ptr<const Answers> latest_;
  SimTime next_;   // when the next round begins
  SimTime takes_;  // how long the last one took
};

}  // namespace reeve
