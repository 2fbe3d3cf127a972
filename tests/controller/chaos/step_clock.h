// A clock for whole programs in one process: it stands still until every thread waits, and then
// goes on to the next moment at which somebody has something to do. So minutes take milliseconds,
// and no result depends on how fast the machine is.
//
// One thread drives: the one that made the clock, which is the control loop's. Others wait on it as
// on any NetClock.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "controller/loop_clock.h"
#include "controller/net/clock.h"
#include "tests/controller/chaos/thread_states.h"

namespace reeve {

class StepClock : public NetClock, public LoopClock {
 public:
  // What happens in the world at certain moments. Called by whoever lets time go by, when all other
  // threads wait.
  class Agenda {
   public:
    virtual ~Agenda() = default;
    virtual SimTime Next() = 0;  // Max(): nothing
    virtual void At(SimTime now) = 0;
  };

  // `idle` counts threads that wait, but not for this clock. `wall_us` since 1970 UTC.
  StepClock(int64_t wall_us, std::function<int()> idle)
      : wall_us_(wall_us), idle_(std::move(idle)) {}

  // Time goes on only while so many threads beside the driver's wait, here or by `idle`.
  void Expect(int threads) { expected_ = threads; }
  void SetAgenda(Agenda* agenda) { agenda_ = agenda; }
  // Lets time go by until then; the driver's thread, or another while the driver waits for it.
  void AdvanceTo(SimTime time);
  void SetWallOffset(SimTime offset) { offset_us_ = offset.micros(); }

  // NetClock.
  SimTime Now() override { return SimTime::Micros(now_us_.load()); }
  SimTime WallNow() override { return SimTime::Micros(WallMicros()); }
  bool WaitFor(SimTime span, const StopSignal& stop) override;
  // LoopClock.
  SimTime Now() const override { return SimTime::Micros(now_us_.load()); }
  int64_t WallMicros() const override { return wall_us_ + offset_us_.load() + now_us_.load(); }
  void WaitUntil(SimTime time) override;
  void Interrupt() override { interrupted_ = true; }

 private:
  bool AllWait();
  void Settle();

  const int64_t wall_us_;
  const std::function<int()> idle_;
  ThreadStates threads_;
  const std::thread::id driver_ = std::this_thread::get_id();
  Agenda* agenda_ = nullptr;
  std::atomic<int> expected_ = 0;
  std::atomic<int64_t> now_us_ = 1'000'000'000, offset_us_ = 0;
  std::atomic<bool> interrupted_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multiset<SimTime> waiting_;  // guarded by mutex_: until when
};

}  // namespace reeve
