// Time as the control loop has it: monotonic for every decision, the wall clock for records only.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "core/units.h"

namespace reeve {

// Interrupt may be called from any thread, the rest from the loop's.
class LoopClock {
 public:
  virtual ~LoopClock() = default;
  // Monotonic, from when the clock was made; the wall clock's jumps do not reach it.
  virtual SimTime Now() const = 0;
  // Since 1970 UTC, us. May jump.
  virtual int64_t WallMicros() const = 0;
  // Returns when it is `time`, or earlier: after Interrupt (also one before the call, once) and
  // when a signal comes.
  virtual void WaitUntil(SimTime time) = 0;
  virtual void Interrupt() = 0;
};

// The machine's clock, `speed` times as fast: 1 for what is live.
class SteadyClock : public LoopClock {
 public:
  explicit SteadyClock(double speed = 1);
  ~SteadyClock() override;
  SteadyClock(const SteadyClock&) = delete;
  SteadyClock& operator=(const SteadyClock&) = delete;

  SimTime Now() const override;
  int64_t WallMicros() const override;
  void WaitUntil(SimTime time) override;
  void Interrupt() override;

 private:
  const double speed_;
  const std::chrono::steady_clock::time_point start_;
  int wake_ = -1;  // eventfd; -1 when there is none to be had: waits then last up to 0.1 s longer
};

// A clock that stands still but when it is waited for: tests, and simulations as fast as they go.
class VirtualClock : public LoopClock {
 public:
  explicit VirtualClock(int64_t wall_start_us = 0) : wall_start_us_(wall_start_us) {}

  SimTime Now() const override { return SimTime::Micros(now_us_.load()); }
  int64_t WallMicros() const override { return wall_start_us_.load() + now_us_.load(); }
  void WaitUntil(SimTime time) override;
  void Interrupt() override { interrupted_ = true; }

  void Advance(SimTime by) { now_us_ += by.micros(); }
  void JumpWall(SimTime by) { wall_start_us_ += by.micros(); }

 private:
  std::atomic<int64_t> now_us_ = 0, wall_start_us_;
  std::atomic<bool> interrupted_ = false;
};

}  // namespace reeve
