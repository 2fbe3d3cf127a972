// Time as clients of live platforms need it: a monotonic clock, the wall clock, and waiting that
// can be broken off. An interface, so that tests of back-off, expiry and leases take milliseconds.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

#include "core/units.h"

namespace reeve {

// Says once, to any number of threads, that work is to end. Thread-safe.
class StopSignal {
 public:
  void Stop();
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }
  // Waits until Stop or for `span`; true when stopped.
  bool WaitFor(SimTime span) const;

  // Calls `wake` when stopped (at once if it already is), from the thread that calls Stop, while
  // the object lives: to get a thread out of a system call. `wake` must not block.
  class Callback {
   public:
    Callback(const StopSignal& signal, std::function<void()> wake);
    ~Callback();
    Callback(const Callback&) = delete;
    Callback& operator=(const Callback&) = delete;

   private:
    const StopSignal& signal_;
    uint64_t id_ = 0;
  };

 private:
  std::atomic<bool> stopped_{false};
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable std::map<uint64_t, std::function<void()>> callbacks_;  // guarded by mutex_
  mutable uint64_t next_id_ = 0;                                 // guarded by mutex_
};

class NetClock {
 public:
  virtual ~NetClock() = default;
  virtual SimTime Now() = 0;      // monotonic, from an arbitrary origin
  virtual SimTime WallNow() = 0;  // since 1970-01-01T00:00:00Z
  // Waits for `span`; true when `stop` ended it.
  virtual bool WaitFor(SimTime span, const StopSignal& stop) = 0;

  static NetClock& Real();  // of this machine; thread-safe
};

// A clock that moves only when told or waited on: WaitFor returns at once and moves it.
// Thread-safe.
class ManualClock : public NetClock {
 public:
  SimTime Now() override { return SimTime::Micros(now_us_.load()); }
  SimTime WallNow() override { return SimTime::Micros(now_us_.load() + wall_offset_us_.load()); }
  bool WaitFor(SimTime span, const StopSignal& stop) override;
  void Advance(SimTime span) { now_us_ += span.micros(); }
  void SetWall(SimTime wall) { wall_offset_us_ = wall.micros() - now_us_.load(); }

 private:
  std::atomic<int64_t> now_us_{1'000'000'000};
  std::atomic<int64_t> wall_offset_us_{1'700'000'000'000'000};
};

}  // namespace reeve
