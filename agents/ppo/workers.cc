#include "agents/ppo/workers.h"

#include "core/check.h"

namespace reeve {

Workers::Workers(int32_t threads) {
  REEVE_CHECK(threads >= 1);
  helpers_.reserve(static_cast<size_t>(threads) - 1);
  for (int32_t thread = 1; thread < threads; ++thread) {
    helpers_.emplace_back([this, thread] { Help(thread); });
  }
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  begin_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void Workers::Run(int32_t parts, const std::function<void(int32_t)>& work) {
  const bool alone = helpers_.empty() || parts < 2;
  if (!alone) {
    {
      const std::lock_guard lock(mutex_);
      work_ = &work;
      parts_ = parts;
      pending_ = static_cast<int32_t>(helpers_.size());
      ++round_;
    }
    begin_.notify_all();
    Work(0, parts, work);
    std::unique_lock lock(mutex_);
    end_.wait(lock, [this] { return pending_ == 0; });
    return;
  }
  for (int32_t part = 0; part < parts; ++part) work(part);
}

void Workers::Work(int32_t thread, int32_t parts, const std::function<void(int32_t)>& work) const {
  for (int32_t part = thread; part < parts; part += threads()) work(part);
}

void Workers::Help(int32_t thread) {
  int64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    begin_.wait(lock, [&] { return stop_ || round_ != seen; });
    if (stop_) return;
    seen = round_;
    const auto* work = work_;
    const int32_t parts = parts_;
    lock.unlock();
    Work(thread, parts, *work);
    lock.lock();
    if (--pending_ == 0) end_.notify_one();
  }
}

}  // namespace reeve
