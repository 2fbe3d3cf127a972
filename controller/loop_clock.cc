#include "controller/loop_clock.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace reeve {

SteadyClock::SteadyClock(double speed)
    : speed_(speed),
      start_(std::chrono::steady_clock::now()),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

SteadyClock::~SteadyClock() {
  if (wake_ >= 0) close(wake_);
}

SimTime SteadyClock::Now() const {
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
  return SimTime::FromSeconds(passed.count() * speed_);
}

int64_t SteadyClock::WallMicros() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Not a condition variable: waiting on one by the monotonic clock is unknown to ThreadSanitizer,
// and poll also ends when a signal comes, so that Ctrl-C need not wait for the next tick.
void SteadyClock::WaitUntil(SimTime time) {
  const double left_ms = (time - Now()).seconds() / speed_ * 1e3;
  if (left_ms <= 0) return;
  pollfd wake{wake_, POLLIN, 0};
  // A signal may go to another thread: whoever waits looks around now and then.
  const double longest_ms = wake_ >= 0 ? 250 : 100;
  poll(&wake, wake_ >= 0 ? 1 : 0, static_cast<int>(std::ceil(std::min(left_ms, longest_ms))));
  uint64_t count = 0;
  if (wake_ >= 0) (void)!read(wake_, &count, sizeof count);
}

void SteadyClock::Interrupt() {
  const uint64_t one = 1;
  if (wake_ >= 0) (void)!write(wake_, &one, sizeof one);
}

void VirtualClock::WaitUntil(SimTime time) {
  if (interrupted_.exchange(false)) return;
  now_us_ = std::max(now_us_.load(), time.micros());
}

}  // namespace reeve
