#include "tests/controller/chaos/step_clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/check.h"

namespace reeve {

bool StepClock::WaitFor(SimTime span, const StopSignal& stop) {
  const SimTime until = SimTime::Micros(now_us_.load()) + std::max(span, SimTime());
  if (std::this_thread::get_id() == driver_) {
    AdvanceTo(until);
    return stop.stopped();
  }
  const StopSignal::Callback wake(stop, [this] {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  const auto entry = waiting_.insert(until);
  changed_.wait(lock, [&] { return stop.stopped() || now_us_.load() >= until.micros(); });
  waiting_.erase(entry);
  return stop.stopped();
}

void StepClock::WaitUntil(SimTime time) {
  if (!interrupted_.exchange(false)) AdvanceTo(time);
}

bool StepClock::AllWait() {
  const std::lock_guard lock(mutex_);
  // Those whose time has come are about to go on.
  const auto late = waiting_.upper_bound(SimTime::Micros(now_us_.load()));
  if (late != waiting_.begin()) return false;
  return static_cast<int>(waiting_.size()) + idle_() >= expected_;
}

void StepClock::Settle() {
  using std::chrono::steady_clock;
  const steady_clock::time_point give_up = steady_clock::now() + std::chrono::seconds(60);
  // Twice: bytes may be under way to a thread that seems to wait.
  for (int seen = 0; seen < 2;) {
    seen = AllWait() ? seen + 1 : 0;
    if (seen < 2) std::this_thread::sleep_for(std::chrono::microseconds(150));
    REEVE_CHECK(steady_clock::now() < give_up);
  }
}

void StepClock::AdvanceTo(SimTime time) {
  while (true) {
    Settle();
    const int64_t now = now_us_.load();
    if (now >= time.micros()) return;
    int64_t next = time.micros();
    if (agenda_ != nullptr) next = std::min(next, std::max(now, agenda_->Next().micros()));
    {
      const std::lock_guard lock(mutex_);
      if (!waiting_.empty()) next = std::min(next, waiting_.begin()->micros());
      now_us_ = next;
      changed_.notify_all();
    }
    if (agenda_ != nullptr && agenda_->Next().micros() <= next) {
      Settle();
      agenda_->At(SimTime::Micros(next));
    }
  }
}

}  // namespace reeve
