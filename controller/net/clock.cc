#include "controller/net/clock.h"

#include <chrono>
#include <thread>

namespace reeve {
namespace {

class RealClock : public NetClock {
 public:
  SimTime Now() override { return Since(std::chrono::steady_clock::now()); }
  SimTime WallNow() override { return Since(std::chrono::system_clock::now()); }
  bool WaitFor(SimTime span, const StopSignal& stop) override { return stop.WaitFor(span); }

 private:
  template <class Instant>
  static SimTime Since(Instant instant) {
    return SimTime::Micros(
        std::chrono::duration_cast<std::chrono::microseconds>(instant.time_since_epoch()).count());
  }
};

}  // namespace

void StopSignal::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_.store(true, std::memory_order_release);
  changed_.notify_all();
  for (const auto& [id, wake] : callbacks_) wake();
}

bool StopSignal::WaitFor(SimTime span) const {
  std::unique_lock lock(mutex_);
  // The system clock's arithmetic overflows with spans of centuries; a day at a time does not.
  const SimTime at_most = SimTime::Hours(24);
  if (span <= SimTime()) return stopped();
  if (span > at_most) span = at_most;
  return changed_.wait_for(lock, std::chrono::microseconds(span.micros()),
                           [this] { return stopped(); });
}

StopSignal::Callback::Callback(const StopSignal& signal, std::function<void()> wake)
    : signal_(signal) {
  const std::lock_guard lock(signal_.mutex_);
  if (signal_.stopped()) wake();
  id_ = signal_.next_id_++;
  signal_.callbacks_[id_] = std::move(wake);
}

StopSignal::Callback::~Callback() {
  const std::lock_guard lock(signal_.mutex_);
  signal_.callbacks_.erase(id_);
}

NetClock& NetClock::Real() {
  static RealClock clock;
  return clock;
}

bool ManualClock::WaitFor(SimTime span, const StopSignal& stop) {
  // Lets other threads on, so that a loop which waits on this clock does not starve them.
  std::this_thread::yield();
  if (span > SimTime()) Advance(span);
  return stop.stopped();
}

}  // namespace reeve
