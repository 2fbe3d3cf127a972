#include "tests/controller/chaos/step_clock.h"

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
  // Before and after: what a thread that ran did may have given work to another.
  while (!(AllWait() && threads_.AllSleep() && AllWait())) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    REEVE_CHECK(steady_clock::now() < give_up);
  }
}

void StepClock::AdvanceTo(SimTime time) {
  Settle();
  while (now_us_.load() < time.micros()) {
    int64_t next = time.micros();
    if (agenda_ != nullptr)
      next = std::min(next, std::max(now_us_.load(), agenda_->Next().micros()));
    bool woken = false;
    {
      const std::lock_guard lock(mutex_);
      if (!waiting_.empty()) next = std::min(next, waiting_.begin()->micros());
      woken = !waiting_.empty() && waiting_.begin()->micros() <= next;
      now_us_ = next;
      if (woken) changed_.notify_all();
    }
    if (woken) Settle();
    if (agenda_ != nullptr && agenda_->Next().micros() <= next) {
      agenda_->At(SimTime::Micros(next));
      Settle();
    }
  }
}

}  // namespace reeve
